//! `auditrun learn` over real runs: figures from out and its history, and suggestions that
//! audit.kdl takes.
#![allow(clippy::unwrap_used)]

mod support;

use support::{World, write};

/// Ten nodes that write ten lines each where one was estimated, all behind one hotspot.
fn ten_low_estimates() -> World {
    let mut world = World::new();
    for n in 0..10 {
        let id = format!("N{n}");
        let node = world.node(&id).agent(&format!("seq 30 > {id}.out")).est(1);
        node.with("hotspot_files", "shared.lock");
    }
    world.build();
    world
}

#[test]
fn nothing_to_learn_from_is_said() {
    let world = World::with_one_node();
    world.call(&["learn"]).exits(2).says(&["nothing to learn from", "auditrun run"]);
}

#[test]
fn figures_over_a_run_and_its_history() {
    let world = ten_low_estimates();
    world.run();
    let first = world.events()[0]["run_id"].as_str().unwrap().to_owned();
    world.run();
    let learned = world.call(&["learn", "--format", "json"]).exits(0).json();
    assert_eq!(learned["schema"], "auditrun.learned/1");
    assert_eq!(learned["runs"].as_array().unwrap().len(), 2);
    assert_eq!(learned["runs"][0], first.as_str());
    let bucket = &learned["buckets"][0];
    assert_eq!(bucket["loc_confidence"], "tight");
    // Thirty lines are more than one and twenty: every attempt was oversized.
    assert_eq!((bucket["nodes"].as_u64(), bucket["within_cap"].as_f64()), (Some(0), Some(0.0)));
    assert!(bucket["oversized"].as_u64().unwrap() > 0);
}

#[test]
fn suggestions_fit_into_audit_kdl() {
    let mut world = World::new();
    for n in 0..10 {
        let id = format!("N{n}");
        world.node(&id).agent(&format!("seq 100 > {id}.out")).est(99).with("hotspot_files", "shared.lock");
    }
    world.build();
    world.run().exits(0);
    let shown = world.call(&["learn"]).exits(0).all();
    assert!(shown.contains("calibrated") && shown.contains("shared.lock"), "{shown}");
    let (_, suggestions) = shown.split_once("Suggestions for audit.kdl\n").unwrap();
    assert!(suggestions.contains("tight factor=0.1 floor=20"), "{suggestions}");
    write(&world.repo, "pasted.kdl", suggestions);
    world.call(&["-f", "pasted.kdl", "config"]).exits(0).says(&["pasted.kdl"]);
}

#[test]
fn a_torn_line_is_left_out() {
    let world = World::with_one_node();
    world.run().exits(0);
    let path = world.out().join("runs/.dag-patterns.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("{\"node_id\": \"B\", \"ti");
    std::fs::write(&path, text).unwrap();
    let outcome = world.call(&["learn"]);
    outcome.exits(0).says(&["1 node verified", ".dag-patterns.jsonl:2: left out"]);
    world.call(&["learn", "--format", "svg"]).exits(2).says(&["use text or json"]);
}
