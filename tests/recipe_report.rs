//! What a recipe says in the reports: `note`, and `auditrun report`, which makes those of the run so far.

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

#[test]
fn a_note_stands_in_the_reports_and_in_the_verdict() {
    let world = world("note seen $NODE_ID in tier $TIER");
    world.run().exits(0);
    assert_eq!(world.verification("A")["notes"], serde_json::json!(["seen A in tier 0"]));
    for report in ["audit-report.md", "audit/report.md", "audit/report.html"] {
        assert!(world.text(report).contains("seen A in tier 0"), "{report}");
    }
}
