//! Scopes: what an audit is about, as typed. Pure: what a name stands for is found out later.

use crate::base::RunId;
use crate::qa::corpus::ScopeType;

/// The most slices of a repository's scope, and of a number of commits.
const MOST_SLICES: usize = 20;
const MOST_COMMITS: usize = 50;
/// Commits of `standalone` alone.
const COMMITS: usize = 20;
/// The deepest audit of audits.
pub const DEEPEST: u32 = 2;
/// Set for whatever an audit starts: its depth.
pub const DEPTH_VARIABLE: &str = "AUDITRUN_AUDIT_DEPTH";

/// What is said of a standalone scope that is none.
pub const UNRECOGNIZED: &str =
    "Unrecognized standalone scope format. Expected: standalone [last N | since YYYY-MM-DD | plan <path>]";

/// What an audit is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A loop by the beginning of its id.
    Loop(String),
    /// Every loop of a run.
    Run(RunId),
    /// A repository's newest slices.
    Repo(String, usize),
    /// Everything, by the word that was typed: `self` or `pipeline`.
    Pipeline(String),
    /// The lessons of a repository.
    Effectiveness(String),
    /// The newest commits.
    Commits(usize),
    /// Commits from a day on, `YYYY-MM-DD`.
    Since(String),
    /// Commits of a plan.
    Plan(String),
}

/// What was typed is no scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadScope {
    /// What is wrong.
    pub message: String,
    /// What to write instead, unless the message says it.
    pub help: Option<String>,
}

impl Scope {
    /// Reads what was typed.
    ///
    /// # Errors
    /// It is no scope.
    pub fn parse(words: &[String]) -> Result<Scope, BadScope> {
        let text = words.join(" ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default();
        if first.starts_with("standalone") {
            return standalone(&text, &words)
                .ok_or_else(|| BadScope { message: UNRECOGNIZED.to_owned(), help: None });
        }
        match words.as_slice() {
            [] => Err(bad("no scope was given".to_owned())),
            [id] if id.starts_with("loop-") => a_loop(id.trim_start_matches("loop-")),
            [word @ ("self" | "pipeline")] => Ok(Scope::Pipeline((*word).to_owned())),
            ["effectiveness", repo] => Ok(Scope::Effectiveness((*repo).to_owned())),
            [repo, "last", n] => match number(n) {
                Some(n) if n > 0 => Ok(Scope::Repo((*repo).to_owned(), n.min(MOST_SLICES))),
                _ => Err(bad(format!("{n:?} is not a number of slices"))),
            },
            _ => Err(bad(format!("{:?} is not a scope", text.trim()))),
        }
    }

    /// The scope's kind.
    pub fn kind(&self) -> ScopeType {
        match self {
            Scope::Loop(_) | Scope::Run(_) => ScopeType::Loop,
            Scope::Repo(..) => ScopeType::Repo,
            Scope::Pipeline(_) => ScopeType::Pipeline,
            Scope::Effectiveness(_) => ScopeType::Effectiveness,
            Scope::Commits(_) | Scope::Since(_) | Scope::Plan(_) => ScopeType::Standalone,
        }
    }

    /// True if the database has no part in it, whether there is one or not.
    pub fn is_standalone(&self) -> bool {
        self.kind() == ScopeType::Standalone
    }

    /// How deep the audit is, started inside of one of depth `around`, if any.
    ///
    /// # Errors
    /// It would be deeper than allowed.
    pub fn depth(&self, around: Option<u32>, allowed: u32) -> Result<u32, BadScope> {
        let own = u32::from(self.kind() == ScopeType::Pipeline);
        let depth = around.map_or(own, |around| around.saturating_add(1).max(own));
        if depth <= allowed.min(DEEPEST) {
            return Ok(depth);
        }
        Err(BadScope {
            message: format!("this audit would have depth {depth}, and {allowed} is allowed"),
            help: Some(format!(
                "audit another scope, or raise forge {{ recursion-depth }} (at most {DEEPEST})"
            )),
        })
    }
}

/// What is said when an audit of a scope, as typed, begins.
pub fn announcement(typed: &str) -> String {
    format!("I'll run a QA audit on {typed}. Let me gather the execution data and build an audit corpus.")
}

/// The scope's part of names of files and directories, of a kind and the reference that it
/// came to.
pub fn short(kind: ScopeType, reference: &str, repo_id: &str) -> String {
    match kind {
        ScopeType::Loop => safe(reference).chars().take(8).collect(),
        ScopeType::Repo => safe(reference),
        ScopeType::Pipeline => "pipeline".to_owned(),
        ScopeType::Effectiveness => format!("{}-eff", safe(repo_id)),
        ScopeType::Standalone => "standalone".to_owned(),
    }
}

/// A repository's name may hold anything that an address can.
fn safe(name: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let text: String = name.chars().map(keep).collect();
    let text = text.trim_start_matches(['.', '-']);
    if text.is_empty() { "repository".to_owned() } else { text.to_owned() }
}

fn standalone(text: &str, words: &[&str]) -> Option<Scope> {
    match words {
        ["standalone"] => Some(Scope::Commits(COMMITS)),
        ["standalone", "last", n] => match number(n)? {
            0 => None,
            n => Some(Scope::Commits(n.min(MOST_COMMITS))),
        },
        ["standalone", "since", day] => {
            let shape = day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            let real = day.parse::<jiff::civil::Date>().is_ok();
            (shape && real).then(|| Scope::Since((*day).to_owned()))
        }
        ["standalone", "plan", _, ..] => {
            // A path may hold spaces, which words do not keep.
            let path = text.split_once("plan").map_or("", |(_, path)| path).trim();
            Some(Scope::Plan(path.trim_start_matches("./").to_owned()))
        }
        _ => None,
    }
}

/// All digits; one that is too large for a number is as good as the largest.
fn number(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}

fn a_loop(id: &str) -> Result<Scope, BadScope> {
    if let Some(run) = RunId::parse(id) {
        return Ok(Scope::Run(run));
    }
    if !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return Ok(Scope::Loop(id.to_owned()));
    }
    Err(BadScope {
        message: format!("{id:?} is neither the beginning of a loop's id nor the id of a run"),
        help: Some(
            "a loop's id is 12 hex digits, and a run's is its audit branch's name after 'run-'".to_owned(),
        ),
    })
}

fn bad(message: String) -> BadScope {
    let help = "write loop-<id>, '<repo_id> last N', self, pipeline, 'effectiveness <repo_id>', or \
                standalone [last N | since YYYY-MM-DD | plan <path>]";
    BadScope { message, help: Some(help.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        match Scope::parse(&words) {
            Ok(scope) => format!("{:?}", scope),
            Err(bad) => bad.message,
        }
    }

    #[test]
    fn every_row_of_the_table_is_read() {
        for (typed, scope) in [
            ("loop-0f3a", "Loop(\"0f3a\")"),
            ("loop-20260101T000000Z", "Run(RunId(\"20260101T000000Z\"))"),
            ("app last 5", "Repo(\"app\", 5)"),
            ("app last 21", "Repo(\"app\", 20)"),
            ("self", "Pipeline(\"self\")"),
            ("pipeline", "Pipeline(\"pipeline\")"),
            ("effectiveness app", "Effectiveness(\"app\")"),
            ("standalone", "Commits(20)"),
            ("standalone last 7", "Commits(7)"),
            ("standalone last 51", "Commits(50)"),
            ("standalone last 99999999999999999999999", "Commits(50)"),
            ("standalone since 2026-01-31", "Since(\"2026-01-31\")"),
            ("standalone plan docs/plans/a.md", "Plan(\"docs/plans/a.md\")"),
            ("standalone plan ./docs/my plan.md", "Plan(\"docs/my plan.md\")"),
        ] {
            assert_eq!(read(typed), scope, "{typed}");
        }
    }

    #[test]
    fn a_bad_standalone_scope_has_one_answer() {
        for typed in [
            "standalone last",
            "standalone last 0",
            "standalone last -1",
            "standalone last 1.5",
            "standalone last 5 more",
            "standalone since yesterday",
            "standalone since 2026-02-30",
            "standalone since 20260101",
            "standalone plan",
            "standalone head",
            "standalonefoo",
        ] {
            assert_eq!(read(typed), UNRECOGNIZED, "{typed}");
        }
    }

    #[test]
    fn other_bad_scopes_say_what_there_is() {
        for (typed, message) in [
            ("", "no scope was given"),
            ("app", "\"app\" is not a scope"),
            ("app last 0", "\"0\" is not a number of slices"),
            ("app last many", "\"many\" is not a number of slices"),
            ("effectiveness", "\"effectiveness\" is not a scope"),
            ("self last 3 4", "\"self last 3 4\" is not a scope"),
            ("loop-", "\"\" is neither the beginning of a loop's id nor the id of a run"),
            ("loop-XYZ", "\"XYZ\" is neither the beginning of a loop's id nor the id of a run"),
        ] {
            assert_eq!(read(typed), message, "{typed}");
        }
    }

    #[test]
    fn depth_grows_by_one_and_is_bounded() {
        let (repo, own) = (Scope::Repo("app".into(), 1), Scope::Pipeline("self".into()));
        assert_eq!(repo.depth(None, 2), Ok(0));
        assert_eq!(own.depth(None, 2), Ok(1));
        assert_eq!(repo.depth(Some(0), 2), Ok(1));
        assert_eq!(own.depth(Some(1), 2), Ok(2));
        assert_eq!(repo.depth(Some(1), 2), Ok(2));
        assert!(repo.depth(Some(2), 2).is_err());
        assert!(own.depth(None, 0).is_err());
        assert!(repo.depth(Some(u32::MAX), 2).is_err());
    }

    #[test]
    fn names_are_short_and_safe() {
        for (kind, reference, name) in [
            (ScopeType::Loop, "0f3a99c1d2e4", "0f3a99c1"),
            (ScopeType::Loop, "20260101T000000Z", "20260101"),
            (ScopeType::Repo, "my repo/x", "my-repo-x"),
            (ScopeType::Repo, "..", "repository"),
            (ScopeType::Pipeline, "pipeline", "pipeline"),
            (ScopeType::Effectiveness, "app", "app-eff"),
            (ScopeType::Standalone, "HEAD", "standalone"),
        ] {
            assert_eq!(short(kind, reference, "app"), name);
        }
    }

    #[test]
    fn an_audit_says_what_it_begins() {
        assert_eq!(
            announcement("standalone last 20"),
            "I'll run a QA audit on standalone last 20. Let me gather the execution data and build an audit corpus."
        );
    }
}
