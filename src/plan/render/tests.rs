//! Each artifact of one plan that has a bit of everything.

use super::super::testing::{Spec, bundle_with, config, id, node, plan, planned};
use super::super::{DispatchPlan, Plan};
use super::{
    GraphFormat, Statuses, check_normalization, dispatch_document, dispatch_json, dispatch_plan, graph,
    trace_matrix,
};
use crate::config::{ExpectedSignal, LocConfidence};
use crate::event::NodeStatus;

fn specs() -> Vec<Spec> {
    vec![
        node("A").touches(&["a/**", "b.txt"]).est(7).hot(&["b.txt"]).checks(&["test -f a/x", "! rg 'a|b' ."]),
        node("B").deps(&["A"]).confidence(LocConfidence::Rough).alone().touches(&["c"]).cites(&["INV-1"]),
        node("C")
            .deliverable("assert | `x` <b>\"y\"</b> & **z** with a very long text behind it")
            .signal(ExpectedSignal::AllowEmpty)
            .confidence(LocConfidence::Unbounded)
            .hot(&["b.txt"])
            .touches(&["b.txt"])
            .agent("codex")
            .env("API_TOKEN", "abc")
            .env("MODE", "$MODE-x")
            .checks(&["cd a && grep -r x .", "grep -rn `cat p` ."]),
    ]
}

fn sample() -> Plan {
    let invariants: &[(&str, &[&str])] = &[("INV-1", &["grep -rq a src"]), ("ADV-2", &[])];
    planned(bundle_with(&specs(), invariants), &config()).0
}

fn statuses() -> Statuses {
    Statuses::from([(id("A"), NodeStatus::Verified), (id("C"), NodeStatus::Failed)])
}

#[test]
fn the_trace_matrix() {
    insta::assert_snapshot!(trace_matrix(&sample()));
}

#[test]
fn the_dispatch_plan() {
    insta::assert_snapshot!(dispatch_plan(&sample(), "20260102T030405Z"));
}

#[test]
fn the_dispatch_plan_for_programs() {
    let text = dispatch_json(&sample(), "20260102T030405Z");
    insta::assert_snapshot!(text);
    let back: DispatchPlan = serde_json::from_str(&text).unwrap();
    assert_eq!(back, dispatch_document(&sample(), "20260102T030405Z"));
    assert!(!text.contains("abc"), "a value that looks like a secret is shown");
}

#[test]
fn the_normalized_checks() {
    insta::assert_snapshot!(check_normalization(&sample()));
}

#[test]
fn the_graph_in_every_format() {
    for (name, format) in [
        ("text", GraphFormat::Text),
        ("dot", GraphFormat::Dot),
        ("mermaid", GraphFormat::Mermaid),
        ("svg", GraphFormat::Svg),
        ("json", GraphFormat::Json),
    ] {
        insta::assert_snapshot!(format!("graph_{name}"), graph(&sample(), format, &statuses()));
        assert_eq!(graph(&sample(), format, &statuses()), graph(&sample(), format, &statuses()));
        assert!(graph(&plan(&[]), format, &Statuses::new()).ends_with('\n'));
    }
}

#[test]
fn documents_fit_their_schemas() {
    let documents = [
        (
            schemars::schema_for!(DispatchPlan),
            serde_json::to_value(dispatch_document(&sample(), "r")).unwrap(),
        ),
        (
            schemars::schema_for!(super::super::GraphDocument),
            serde_json::to_value(super::graph_document(&sample(), &statuses())).unwrap(),
        ),
    ];
    for (schema, document) in documents {
        let validator = jsonschema::validator_for(&schema.to_value()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn values_do_not_depend_on_where_they_were_written() {
    let mut turned = specs();
    turned.iter_mut().for_each(|s| s.touches.insert(0, "zzz".to_owned()));
    let values = |specs: &[Spec]| {
        let plan = planned(bundle_with(specs, &[]), &config()).0;
        let nodes = dispatch_document(&plan, "r").nodes;
        nodes
            .into_values()
            .map(|n| n.settings.into_values().map(|s| s.value).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&specs()), values(&turned));
}
