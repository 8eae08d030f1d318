//! Tests of the isolation of roles, and of how strictly their answers are read.

use serde_json::{Value, json};

use super::*;
use crate::config::Role;
use crate::qa::evaluate::{Evaluation, Failing, Fault};
use crate::qa::forge::{Mutation, Source};
use crate::qa::meta::Risk;
use crate::qa::testing::{critique as critic_says, evaluation, proposals as brainstormer_says};

/// Marks that stand in for what a role may or may not see.
const REPORT: &str = "REPORT-MARK";

fn failing() -> Vec<Failing> {
    let fault = Fault { what: "WHAT-MARK".into(), place: "WHERE-MARK".into(), why: "WHY-MARK".into() };
    vec![Failing { evaluation: Evaluation::Actionability, fault }]
}

#[test]
fn a_prompt_holds_what_its_role_may_see() {
    let failing = failing();
    let mutation = Mutation {
        source: Source::Critic,
        title: "TITLE-MARK".into(),
        section: "SECTION-MARK".into(),
        change: "CHANGE-MARK".into(),
        rationale: "RATIONALE-MARK".into(),
        targets: Vec::new(),
    };
    let has = |prompt: Prompt, marks: &[&str]| {
        marks.iter().for_each(|m| assert!(prompt.text().contains(m), "{m}: {}", prompt.text()));
        prompt.role()
    };
    assert_eq!(has(EvaluatorView { report: REPORT }.into(), &[REPORT, "no issues found"]), Role::Evaluator);
    let view = BrainstormerView { report: REPORT, failing: &failing, changelog: "LOG-MARK", stuck: None };
    let marks = [REPORT, "LOG-MARK", "what=WHAT-MARK where=WHERE-MARK why=WHY-MARK"];
    assert_eq!(has(view.into(), &marks), Role::Brainstormer);
    assert_eq!(has(CriticView { report: REPORT }.into(), &[REPORT]), Role::Critic);
    let marks = [REPORT, "TITLE-MARK", "SECTION-MARK", "CHANGE-MARK", "RATIONALE-MARK"];
    assert_eq!(has(MutatorView { report: REPORT, mutation: &mutation }.into(), &marks), Role::Mutator);
}

#[test]
fn the_critic_is_told_nothing_of_the_criteria() {
    let prompt = Prompt::from(CriticView { report: REPORT });
    for evaluation in Evaluation::ALL {
        assert!(!prompt.text().contains(evaluation.name()));
        assert!(!prompt.text().contains(evaluation.criterion().question));
    }
}

fn with(mut value: Value, change: impl Fn(&mut Value)) -> Value {
    change(&mut value);
    value
}

#[test]
fn an_evaluator_answers_all_seven() {
    let good = || evaluation(&["coverage"]);
    let card = scorecard(&good()).unwrap();
    assert_eq!(card.score(), 6);
    assert!(scorecard(&with(good(), |v| v["evaluations"][1]["what"] = Value::Null)).is_ok());
    for (bad, why) in [
        (
            with(good(), |v| drop(v["evaluations"].as_array_mut().unwrap().pop())),
            "'self_consistency' is missing",
        ),
        (
            with(good(), |v| v["evaluations"][1]["evaluation_name"] = json!("Coverage")),
            "there is no evaluation 'Coverage'",
        ),
        (
            with(good(), |v| v["evaluations"][1] = v["evaluations"][0].clone()),
            "'coverage' stands there twice",
        ),
        (
            with(good(), |v| v["evaluations"][0]["why"] = Value::Null),
            "'coverage' fails, so it needs what, where and why",
        ),
        (with(good(), |v| v["evaluations"][0]["why"] = json!(" ")), "'why' of 'coverage' is empty"),
        (
            with(good(), |v| v["evaluations"][1]["why"] = json!("x")),
            "'evidence_grounded' passes, so it has no what, where and why",
        ),
        (
            with(good(), |v| v["evaluations"][1]["status"] = json!("true")),
            "invalid type: string \"true\", expected a boolean",
        ),
        (with(good(), |v| v["evaluations"][1]["fix"] = json!("x")), "unknown field `fix`"),
        (json!({}), "missing field `evaluations`"),
        (json!([]), "invalid length 0"),
    ] {
        let said = scorecard(&bad).unwrap_err();
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn a_brainstormer_has_three_whole_proposals() {
    let good = || brainstormer_says("coverage");
    assert_eq!(proposals(&good()).unwrap().proposals.len(), 3);
    for (bad, why) in [
        (
            with(good(), |v| drop(v["proposals"].as_array_mut().unwrap().pop())),
            "there are 2 proposals, not 3",
        ),
        (with(good(), |v| v["proposals"][0]["targets"] = json!(["beauty"])), "unknown variant `beauty`"),
        (with(good(), |v| v["proposals"][0]["section"] = json!("")), "a section is empty"),
        (
            with(good(), |v| drop(v["proposals"][0].as_object_mut().unwrap().remove("rationale"))),
            "missing field `rationale`",
        ),
    ] {
        let said = proposals(&bad).unwrap_err();
        assert!(said.starts_with(why), "{said}");
    }
}

#[test]
fn the_other_roles_are_read_as_strictly() {
    assert_eq!(critique(&critic_says("warning", "a", "b")).unwrap().findings.len(), 1);
    assert!(critique(&critic_says("fatal", "a", "b")).unwrap_err().starts_with("unknown variant `fatal`"));
    assert!(
        critique(&critic_says("info", "", "b")).unwrap_err().starts_with("'where' of a finding is empty")
    );
    assert!(rewrite(&json!({ "section": "a", "content": "b" })).is_ok());
    assert!(rewrite(&json!({ "section": "a", "content": 1 })).is_err());
    assert!(rewrite(&json!({ "section": "a", "content": "b", "also": "c" })).is_err());
    let slice = || {
        json!({ "meta_slices": [{ "target": "auditor", "target_component": "a", "hypothesis": "b",
                "proposed_change": "c", "evidence": ["F-1"], "verifier_command": "true", "risk_level": "low" }] })
    };
    assert_eq!(improvements(&slice()).unwrap().meta_slices[0].risk_level, Risk::Low);
    assert!(improvements(&json!({ "meta_slices": [] })).unwrap().meta_slices.is_empty());
    assert!(improvements(&with(slice(), |v| v["meta_slices"][0]["meta_slice_id"] = json!("x"))).is_err());
    assert!(improvements(&with(slice(), |v| v["meta_slices"][0]["evidence"] = json!([]))).is_err());
    assert!(improvements(&with(slice(), |v| v["meta_slices"][0]["risk_level"] = json!("none"))).is_err());
    let audit =
        json!({ "dependencies": "one", "side_effects": [], "verifier_sufficient": true, "notes": "" });
    let read = self_audit(&audit).unwrap();
    assert_eq!((read.dependencies, read.side_effects), (vec!["one".to_owned()], Vec::new()));
    assert!(self_audit(&json!({ "dependencies": [], "side_effects": [], "notes": "" })).is_err());
}
