//! Tests of what is systemic, of risk, and of the fit review.

use std::path::Path;

use super::*;
use crate::qa::corpus::ScopeType;
use crate::qa::roles::{Improvement, Improvements};
use crate::qa::{baseline, reading, testing};

fn improvement(change: &str, evidence: &str, risk: Risk) -> Improvement {
    Improvement {
        target: "auditor".to_owned(),
        target_component: "src/lib.rs".to_owned(),
        hypothesis: "fewer failures".to_owned(),
        proposed_change: change.to_owned(),
        evidence: vec![evidence.to_owned()],
        verifier_command: "cargo test".to_owned(),
        risk_level: risk,
    }
}

fn proposed(one: Improvement) -> Proposed {
    let answer = Improvements { meta_slices: vec![one] };
    from_answer(answer, &testing::corpus(), "audit", &|| "id".to_owned()).remove(0)
}

/// Reviewed in this repository: risk, why invalid, notes.
fn reviewed(one: Improvement) -> (Risk, Option<String>, String) {
    let corpus = testing::corpus();
    reviewed_in(one, &corpus)
}

fn reviewed_in(one: Improvement, corpus: &crate::qa::corpus::AuditCorpus) -> (Risk, Option<String>, String) {
    let findings = reading::findings(&baseline::report(corpus));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts = ["billing".to_owned()];
    let fit = Fitness { corpus, findings: &findings, root, parts: &parts };
    let mut proposed = proposed(one);
    review(&fit, &mut proposed);
    (proposed.slice.risk_level, proposed.invalid, proposed.slice.ecosystem_fit_notes)
}

#[test]
fn systemic_is_what_concerns_several_slices() {
    let corpus = testing::corpus();
    let found = reading::findings(&baseline::report(&corpus));
    let numbers: Vec<u32> = systemic(&found, &corpus).iter().map(|f| f.number).collect();
    // F-3 and F-4 are merely worth knowing.
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_risk_is_never_less_than_what_the_change_is_about() {
    // F-3 is info, F-1 critical.
    for (change, evidence, claimed, want) in [
        ("raise the timeout to 60 s", "F-3", Risk::Low, Risk::Low),
        ("add a contract field", "F-3", Risk::Low, Risk::Medium),
        ("change what the verifier accepts", "F-3", Risk::Low, Risk::High),
        ("move the state machine", "F-3", Risk::Medium, Risk::High),
        ("rename it", "F-3", Risk::Low, Risk::Low),
        ("rename it", "F-3", Risk::High, Risk::High),
        ("raise the timeout", "F-1", Risk::Low, Risk::High),
    ] {
        assert_eq!(reviewed(improvement(change, evidence, claimed)).0, want, "{change}");
    }
}

#[test]
fn what_does_not_exist_is_invalid() {
    let with = |change: fn(&mut Improvement)| {
        let mut one = improvement("rename it", "F-3", Risk::Low);
        change(&mut one);
        reviewed(one).1
    };
    assert_eq!(with(|_| {}), None);
    assert_eq!(with(|i| i.target = "billing".to_owned()), None);
    assert_eq!(with(|i| i.target = "other".to_owned()).unwrap(), "there is no target 'other'");
    for place in ["src/none.rs", "../h", "/etc/passwd", "", ".git/config", "."] {
        let mut one = improvement("rename it", "F-3", Risk::Low);
        one.target_component = place.to_owned();
        let why = reviewed(one).1.unwrap();
        assert_eq!(why, format!("target component '{place}' was not found"));
    }
    assert_eq!(
        with(|i| i.evidence = vec!["F-99".to_owned()]).unwrap(),
        "its evidence F-99 is no finding of the report"
    );
}

#[test]
fn evidence_without_a_number_is_noted_and_a_lone_critical_finding_is_systemic() {
    let mut one = improvement("rename it", "F-3", Risk::Low);
    one.evidence = vec!["`aaaa1111bbbb` failed".to_owned()];
    let (_, invalid, notes) = reviewed(one);
    assert_eq!(invalid, None);
    assert!(notes.contains("its evidence names no finding of the report by number"), "{notes}");
    let report = "## Findings\n\n### Critical (1)\n\n#### F-1: one\n\n### Warning (1)\n\n#### F-2: other\n";
    let found = systemic(&reading::findings(report), &testing::corpus());
    assert_eq!(found.iter().map(|f| f.number).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_operators_decision_is_flagged_and_raises_the_risk() {
    let mut corpus = testing::corpus();
    let mut decision = testing::lesson("L-7", "check:clippy", 1);
    decision.lesson_type = "operator_override".to_owned();
    corpus.lessons.push(decision);
    let (risk, invalid, notes) = reviewed_in(improvement("rename it", "F-3", Risk::Low), &corpus);
    assert_eq!((risk, invalid), (Risk::Medium, None));
    assert_eq!(
        notes,
        "target exists: src/lib.rs; conflicts with operator override L-7 (check:clippy); risk raised from low to medium"
    );
}

#[test]
fn high_risks_of_the_pipeline_itself_are_flagged() {
    let mut corpus = testing::corpus();
    corpus.scope.scope_type = ScopeType::Pipeline;
    let flagged = |corpus: &crate::qa::corpus::AuditCorpus, risk| {
        let answer = Improvements { meta_slices: vec![improvement("x", "F-1", risk)] };
        from_answer(answer, corpus, "audit", &|| "id".to_owned())[0].flagged
    };
    corpus.scope.recursion_depth = 1;
    assert!(flagged(&corpus, Risk::High) && !flagged(&corpus, Risk::Low));
    corpus.scope.recursion_depth = 2;
    assert!(!flagged(&corpus, Risk::High));
}
