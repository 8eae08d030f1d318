//! `auditrun report` in a recipe: the reports of a run that goes on, made by the run itself.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use support::World;

fn world(more: &str) -> World {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.kdl = format!(
        "recipe \"node\" {{\n    steps \"\"\"\n        worktree enter\n        agent run\n        capture\n        \
         gate touches\n        gate loc\n        gate signal\n        check done_when\n        check invariants\n        \
         {more}\n        commit\n        land\n        \"\"\"\n}}\n"
    );
    world.build();
    world
}

#[test]
fn a_recipe_makes_the_reports_so_far_and_reads_what_was_made() {
    let world = world("auditrun report --format json > $RUN_DIR/made.json");
    world.run().exits(0);
    let made = world.json("runs/A/made.json");
    assert!(made["files"].as_object().unwrap().contains_key("audit/report.md"), "{made}");
    assert_ne!(made["verdict"]["kind"], "proven", "nothing is proven yet: {made}");
    // What was made on the way is replaced, and changes nothing of how the run is proven.
    assert_eq!(world.status("A"), "verified");
    world.call(&["verify"]).exits(0);
}

#[test]
fn a_recipe_reports_on_no_other_run() {
    let world = world("auditrun report 20200101T000000Z-abcdef");
    world.run().exits(4);
    assert!(world.reason("A").contains("report 20200101T000000Z-abcdef"), "{}", world.reason("A"));
    assert!(world.text("runs/A/steps.log").contains("a recipe reports on its own run"));
}
