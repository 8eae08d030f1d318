//! Figures and suggestions from made-up runs.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::base::Id;
use crate::config::LocConfidence;
use crate::event::DagPattern;

fn id(name: &str) -> Id {
    Id::parse(name).unwrap()
}

fn pattern(name: &str, kind: &str, actual: u64, est: u64, cycles: u32) -> DagPattern {
    #[allow(clippy::cast_precision_loss)]
    let ratio = (est > 0).then(|| actual as f64 / est as f64);
    DagPattern {
        node_id: id(name),
        tier: 0,
        deliverable_kind: kind.to_owned(),
        parallel_safe: true,
        loc_confidence: LocConfidence::Tight,
        actual_loc: actual,
        est_loc: est,
        ratio,
        hotspot_files: Vec::new(),
        depends_on_count: 0,
        remediation_cycles_used: cycles,
        verification_durations_ms: vec![5],
        iteration: 1,
    }
}

fn edge(from: &str, to: &str, hotspot: Option<&str>) -> PastEdge {
    PastEdge { from: id(from), to: id(to), hotspot: hotspot.map(str::to_owned) }
}

fn took(ms: u64) -> PastNode {
    PastNode { duration_ms: ms, attempts: 1, verified: true, oversized: Vec::new() }
}

/// Three nodes of 10, 20 and 30 s, chained by a hotspot, beside one of 15 s.
fn chained() -> PastRun {
    PastRun {
        run_id: "R".to_owned(),
        patterns: Vec::new(),
        edges: vec![edge("A", "B", Some("lock")), edge("B", "C", Some("lock")), edge("A", "C", None)],
        nodes: [("A", 10_000), ("B", 20_000), ("C", 30_000), ("D", 15_000)]
            .into_iter()
            .map(|(n, ms)| (id(n), took(ms)))
            .collect(),
    }
}

fn learned(runs: &[PastRun]) -> Learned {
    learn(runs, &crate::plan::testing::config())
}

#[test]
fn a_hotspot_costs_what_the_critical_path_would_lose() {
    let found = learned(&[chained(), chained()]);
    let cost = &found.hotspots[0];
    // 60 s with the chain, 40 s (A, then C) without it.
    assert_eq!((cost.lost_ms, cost.runs, cost.edges), (40_000, 2, 4));
    assert!((cost.share - 1.0 / 3.0).abs() < 1e-9);
    assert!((found.parallelism.unwrap().median - 1.25).abs() < 1e-9);
    assert!(found.suggestions.iter().any(|s| s.kdl.contains("\"lock\"")), "{:?}", found.suggestions);
}

#[test]
fn a_circle_in_a_plan_written_by_hand_is_no_trap() {
    let mut run = chained();
    run.edges.push(edge("C", "A", Some("lock")));
    assert_eq!(learned(&[run]).hotspots[0].lost_ms, 0);
}

#[test]
fn few_nodes_give_figures_and_no_suggestion() {
    let run = PastRun { patterns: vec![pattern("A", "add", 400, 100, 0)], ..PastRun::default() };
    let found = learned(&[run]);
    assert_eq!(found.buckets[0].ratio.unwrap().p50, 4.0);
    assert_eq!(found.buckets[0].calibrated, None);
    assert!(found.suggestions.is_empty(), "{:?}", found.suggestions);
}

#[test]
fn estimates_that_run_low_ask_for_another_factor() {
    // Eight nodes on the spot, two that were ended as oversized at 2.4 times the estimate.
    let patterns = (0..8).map(|n| pattern(&format!("N{n}"), "add", 110, 100, 0)).collect();
    let mut run = PastRun { patterns, ..PastRun::default() };
    let oversized = vec![(LocConfidence::Tight, 2.4); 2];
    run.nodes.insert(id("X"), PastNode { oversized, ..PastNode::default() });
    let found = learned(&[run]);
    let bucket = &found.buckets[0];
    assert_eq!((bucket.nodes, bucket.oversized, bucket.within_cap), (8, 2, Some(0.8)));
    assert_eq!((bucket.factor_for_90, bucket.calibrated), (Some(1.4), Some(false)));
    assert_eq!(found.suggestions[0].kdl, "loc-confidence \"tight\" {\n    tight factor=1.4 floor=20\n}");
}

#[test]
fn the_floor_keeps_small_nodes_from_counting() {
    let patterns = (0..10).map(|n| pattern(&format!("N{n}"), "add", 20, 1, 0)).collect();
    let found = learned(&[PastRun { patterns, ..PastRun::default() }]);
    // Twenty times the estimate and yet within est + 20: admitted, but no good estimate.
    assert_eq!((found.buckets[0].within_cap, found.buckets[0].calibrated), (Some(1.0), Some(false)));
}

#[test]
fn verbs_by_their_rate() {
    let mut patterns: Vec<_> = (0..4).map(|n| pattern(&format!("A{n}"), "add", 1, 1, 0)).collect();
    patterns.extend((0..5).map(|n| pattern(&format!("R{n}"), "replace", 1, 1, u32::from(n < 2) * 2)));
    let found = learned(&[PastRun { patterns, ..PastRun::default() }]);
    let verbs: Vec<_> =
        found.verbs.iter().map(|v| (v.verb.as_str(), v.nodes, v.remediated, v.cycles)).collect();
    assert_eq!(verbs, [("replace", 5, 2, 4), ("add", 4, 0, 0)]);
    assert!(found.suggestions.iter().any(|s| s.because == "2 of 5 nodes needed remediation"));
}

#[test]
fn a_second_cycle_that_never_helps_is_one_too_many() {
    let lost = PastNode { attempts: 3, ..PastNode::default() };
    let nodes = (0..10).map(|n| (id(&format!("N{n}")), lost.clone())).collect();
    let mut run = PastRun { nodes, ..PastRun::default() };
    assert!(learned(std::slice::from_ref(&run)).suggestions.iter().any(|s| s.kdl == "remediation 1"));
    run.nodes.insert(id("W"), PastNode { attempts: 3, verified: true, ..PastNode::default() });
    assert!(!learned(&[run]).suggestions.iter().any(|s| s.kdl == "remediation 1"));
}

#[test]
fn for_people() {
    let mut run = chained();
    run.patterns = (0..8).map(|n| pattern(&format!("N{n}"), "add", 110, 100, 0)).collect();
    run.patterns.extend((0..5).map(|n| pattern(&format!("R{n}"), "replace", 90, 100, u32::from(n < 2))));
    insta::assert_snapshot!(text(&learned(&[run])));
}
