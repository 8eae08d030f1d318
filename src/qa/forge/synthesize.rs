//! Picks the one mutation of an experiment. Deterministic: the same proposals and findings give
//! the same pick.

use super::mutation::{Mutation, Source};
use super::stem::stems;
use crate::qa::evaluate::Failing;
use crate::qa::roles::{CriticFinding, Critique, Proposal, Proposals};
use crate::qa::sections;

/// Proposals that target a failing evaluation and share a section or a word stem with a
/// critic's finding first, then those that target a failing evaluation, then the critic's most
/// severe finding; among equals the first.
pub fn pick(
    report: &str,
    failing: &[Failing],
    proposals: &Proposals,
    critique: &Critique,
) -> Option<Mutation> {
    let aims = |p: &Proposal| p.targets.iter().any(|t| failing.iter().any(|f| f.evaluation == *t));
    let mut aimed = (1_u32..).zip(&proposals.proposals).filter(|(_, p)| aims(p));
    let both = aimed.clone().find(|(_, p)| critique.findings.iter().any(|f| shared(p, f)));
    both.map(|(n, p)| proposed(Source::Both(n), p))
        .or_else(|| aimed.next().map(|(n, p)| proposed(Source::Proposal(n), p)))
        .or_else(|| critique.findings.iter().min_by_key(|f| f.severity).map(|f| criticised(report, f)))
}

fn shared(proposal: &Proposal, finding: &CriticFinding) -> bool {
    let section = proposal.section.trim_start_matches('#').trim().to_lowercase();
    if !section.is_empty() && finding.place.to_lowercase().contains(&section) {
        return true;
    }
    let proposed = stems(&format!("{} {} {}", proposal.title, proposal.section, proposal.change));
    let found = stems(&format!("{} {} {}", finding.place, finding.what, finding.why));
    !proposed.is_disjoint(&found)
}

fn proposed(source: Source, proposal: &Proposal) -> Mutation {
    Mutation {
        source,
        title: proposal.title.clone(),
        section: proposal.section.trim_start_matches('#').trim().to_owned(),
        change: proposal.change.clone(),
        rationale: proposal.rationale.clone(),
        targets: proposal.targets.clone(),
    }
}

fn criticised(report: &str, finding: &CriticFinding) -> Mutation {
    let place = finding.place.to_lowercase();
    let named = sections::sections(report).into_iter().map(|s| s.heading);
    let section = named.filter(|h| place.contains(&h.to_lowercase())).max_by_key(|h| h.len());
    Mutation {
        source: Source::Critic,
        title: finding.what.clone(),
        section: section.unwrap_or_default().to_owned(),
        change: format!("remove this flaw ({}): {}", finding.place, finding.what),
        rationale: finding.why.clone(),
        targets: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qa::evaluate::{Evaluation, Fault};
    use crate::qa::findings::Severity;

    fn proposal(title: &str, section: &str, target: Evaluation) -> Proposal {
        Proposal {
            title: title.to_owned(),
            section: section.to_owned(),
            change: String::new(),
            rationale: "r".to_owned(),
            targets: vec![target],
        }
    }

    fn finding(severity: Severity, place: &str, what: &str) -> CriticFinding {
        CriticFinding { severity, place: place.to_owned(), what: what.to_owned(), why: "w".to_owned() }
    }

    fn picked(proposals: &[Proposal], findings: &[CriticFinding]) -> Option<(Source, String, String)> {
        let failing = [Failing {
            evaluation: Evaluation::Actionability,
            fault: Fault { what: "x".into(), place: "y".into(), why: "z".into() },
        }];
        let report = "## Findings\n\na\n\n## Lesson Effectiveness\n\nb\n";
        let (proposals, critique) =
            (Proposals { proposals: proposals.to_vec() }, Critique { findings: findings.to_vec() });
        pick(report, &failing, &proposals, &critique).map(|m| (m.source, m.title, m.section))
    }

    #[test]
    fn one_that_answers_both_comes_first_then_one_that_aims_then_the_critic() {
        let aims = Evaluation::Actionability;
        let (a, b) = (proposal("name owners", "Slices", aims), proposal("date every step", "Findings", aims));
        let off = proposal("polish", "Findings", Evaluation::Coverage);
        let by_section = finding(Severity::Info, "the Findings section", "bad");
        let by_stem = finding(Severity::Info, "elsewhere", "no owner is named");
        let none = finding(Severity::Warning, "Lesson Effectiveness, row 2", "wrong");
        let all = [off.clone(), a.clone(), b.clone()];
        let source = |findings: &[CriticFinding]| picked(&all, findings).unwrap().0;
        assert_eq!(source(&[none.clone(), by_section]), Source::Both(3));
        assert_eq!(source(&[by_stem]), Source::Both(2));
        assert_eq!(source(std::slice::from_ref(&none)), Source::Proposal(2));
        assert_eq!(source(&[]), Source::Proposal(2));
        let three = [off.clone(), off.clone(), off];
        let worst = finding(Severity::Critical, "nowhere", "worst");
        assert_eq!(
            picked(&three, std::slice::from_ref(&none)).unwrap(),
            (Source::Critic, "wrong".into(), "Lesson Effectiveness".into())
        );
        assert_eq!(picked(&three, &[none, worst]).unwrap(), (Source::Critic, "worst".into(), String::new()));
        assert_eq!(picked(&three, &[]), None);
    }
}
