//! Which issues a failed run is worth: one for each fingerprint, one for all where there are
//! many, none for trouble that passes by itself until it has come again and again. Pure.

use std::collections::BTreeSet;

use crate::base::text::head;
use crate::config::Config;
use crate::event::{Failure, FailureClass};

/// More fingerprints than this in one run become one issue.
const MANY: usize = 5;
/// Runs in which passing trouble has to come.
pub const REPEATED: usize = 3;
/// Characters of a label that GitHub takes.
const LABEL: usize = 50;

/// One issue that is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is about.
    pub failures: Vec<Failure>,
    /// Its labels.
    pub labels: Vec<String>,
    /// In how many runs it came, this one included, where that is too few for an issue.
    pub too_few: Option<usize>,
}

/// What to do about these failures. `earlier`: the fingerprints of each earlier run, newest
/// first. Failures whose agent wants no issues are left out.
pub fn wanted(config: &Config, failures: &[Failure], earlier: &[BTreeSet<String>]) -> Vec<Wanted> {
    let mut seen = BTreeSet::new();
    let counted = failures.iter().filter(|f| creates(config, &f.agent) && seen.insert(f.fingerprint.clone()));
    let (waiting, due): (Vec<&Failure>, Vec<&Failure>) = counted.partition(|f| too_few(f, earlier).is_some());
    let mut all: Vec<Wanted> = if due.len() > MANY {
        vec![of(config, due)]
    } else {
        due.into_iter().map(|failure| of(config, vec![failure])).collect()
    };
    all.extend(
        waiting
            .into_iter()
            .map(|failure| Wanted { too_few: too_few(failure, earlier), ..of(config, vec![failure]) }),
    );
    all
}

/// In how many runs passing trouble came, if that is too few.
fn too_few(failure: &Failure, earlier: &[BTreeSet<String>]) -> Option<usize> {
    if failure.class == FailureClass::Lasting {
        return None;
    }
    let runs = 1 + earlier.iter().filter(|run| run.contains(&failure.fingerprint)).count();
    (runs < REPEATED).then_some(runs)
}

fn of(config: &Config, failures: Vec<&Failure>) -> Wanted {
    let mut labels = vec!["agent-failure".to_owned()];
    for failure in &failures {
        labels.push(format!("agent:{}", failure.agent));
        let own = config.agents.get(&failure.agent).map(|agent| &agent.audit.issue_labels);
        let more = own.filter(|own| !own.is_empty()).unwrap_or(&config.audit.issue_labels);
        labels.extend(more.iter().map(|label| label.value.clone()));
    }
    let mut known = BTreeSet::new();
    let labels = labels.iter().map(|label| head(label.trim(), LABEL).to_owned());
    let labels = labels.filter(|label| !label.is_empty() && known.insert(label.to_lowercase())).collect();
    Wanted { failures: failures.into_iter().cloned().collect(), labels, too_few: None }
}

/// The agent's own `create-issues`, else the global one.
fn creates(config: &Config, agent: &str) -> bool {
    let own = config.agents.get(agent).and_then(|agent| agent.audit.create_issues.as_ref());
    own.or(config.audit.create_issues.as_ref()).is_none_or(|create| create.value)
}

/// `owner/name`, if that is what it is.
pub fn repository(text: &str) -> Option<&str> {
    let (owner, name) = text.split_once('/')?;
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    (plain(owner) && plain(name)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, LoadInput, load};

    fn config(kdl: &str) -> Config {
        let read = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let input = LoadInput {
            file: Some(("audit.kdl".to_owned(), kdl.as_bytes().to_vec())),
            read: &read,
            env: &Default::default(),
            flags: &Flags::default(),
        };
        load(&input).unwrap().0
    }

    fn failure(n: u8, agent: &str, class: FailureClass) -> Failure {
        Failure {
            fingerprint: format!("{n:02x}").repeat(32),
            subject: format!("node N{n}"),
            node: None,
            what: "agent".to_owned(),
            error: "e".to_owned(),
            normalized: "e".to_owned(),
            class,
            agent: agent.to_owned(),
            output: String::new(),
            changed: Vec::new(),
            evidence: Vec::new(),
        }
    }

    fn lasting(n: u8) -> Failure {
        failure(n, "codex", FailureClass::Lasting)
    }

    #[test]
    fn each_failure_is_an_issue_and_many_are_one() {
        let config = config("");
        let few: Vec<Failure> = (0..5).map(lasting).collect();
        assert_eq!(wanted(&config, &few, &[]).len(), 5);
        let many: Vec<Failure> = (0..6).map(lasting).collect();
        let one = wanted(&config, &many, &[]);
        assert_eq!((one.len(), one[0].failures.len()), (1, 6));
        let twins = [lasting(1), lasting(1)];
        assert_eq!(wanted(&config, &twins, &[]).len(), 1);
    }

    #[test]
    fn passing_trouble_waits_for_its_third_run() {
        let config = config("");
        let limit = failure(1, "codex", FailureClass::RateLimit);
        let run = BTreeSet::from([limit.fingerprint.clone()]);
        let too_few =
            |earlier: &[BTreeSet<String>]| wanted(&config, std::slice::from_ref(&limit), earlier)[0].too_few;
        assert_eq!(too_few(&[]), Some(1));
        assert_eq!(too_few(&[run.clone(), BTreeSet::new()]), Some(2));
        assert_eq!(too_few(&[run.clone(), BTreeSet::new(), run]), None);
    }

    #[test]
    fn an_agent_may_have_its_own_word() {
        let config = config(
            "audit { create-issues #false; issue-labels \"team\" }\n\
             agent \"codex\" { audit { create-issues #true; issue-labels \"Own\" \"own\" } }\n\
             agent \"claude\" { audit { issue-labels \"x\" } }",
        );
        let both = [lasting(1), failure(2, "claude", FailureClass::Lasting)];
        let issues = wanted(&config, &both, &[]);
        assert_eq!(issues.len(), 1);
        assert_eq!(issues[0].labels, ["agent-failure", "agent:codex", "Own"]);
    }

    #[test]
    fn only_owner_and_name_make_a_repository() {
        assert_eq!(repository("owner/na.me-1"), Some("owner/na.me-1"));
        for bad in ["owner", "a/b/c", "/b", "a/", "a/..", "a b/c", "a/b?x=1", "../x"] {
            assert_eq!(repository(bad), None, "{bad}");
        }
    }
}
