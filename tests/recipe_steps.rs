//! Steps that an operator adds to the recipe: what they say is reported, and what they do behind
//! the landing changes no verdict.
#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use support::World;

fn world(before: &str, behind: &str) -> World {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.kdl = format!(
        "recipe \"node\" {{\n    steps \"\"\"\n        worktree enter\n        agent run\n        capture\n        \
         gate touches\n        gate loc\n        gate signal\n        check done_when\n        check invariants\n        \
         {before}\n        commit\n        land\n        {behind}\n        \"\"\"\n}}\n"
    );
    world.build();
    world
}

#[test]
fn a_note_is_a_line_in_the_reports() {
    let world = world("note 'the figures look odd'", "true");
    world.run().exits(0).says(&["the figures look odd"]);
    for report in ["audit-report.md", "runs/A/verification.json"] {
        assert!(world.text(report).contains("the figures look odd"), "{report}");
    }
}

#[test]
fn what_steps_print_is_kept_from_the_first_on() {
    let mut world = world("echo late", "true");
    world.kdl = world.kdl.replace("worktree enter", "echo early; worktree enter");
    world.build();
    world.run().exits(0);
    assert_eq!(world.text("runs/A/steps.log"), "early\nlate\n");
}

#[test]
fn a_step_that_fails_is_named_by_its_place() {
    let world = world("sh -c 'exit 3'", "true");
    world.run().exits(4);
    let reason = world.reason("A");
    assert!(reason.contains("exit code 3") && reason.contains("audit.kdl:"), "{reason}");
}

#[test]
fn what_fails_behind_the_landing_lands_nothing_twice() {
    for step in ["false", "fail 'too late'", "check 'test -f nowhere'"] {
        let world = world("true", step);
        world.run().exits(0).says(&["A had landed when this happened"]);
        assert_eq!(world.log(), ["node(A): add A"], "{step}");
        assert_eq!((world.status("A"), &world.iteration()["iteration"]), ("verified".to_owned(), &1.into()));
        assert!(world.text("audit-report.md").contains("had landed"), "{step}");
        world.call(&["gate", "--base", "main"]).exits(0);
    }
}

#[test]
fn what_a_step_catches_is_no_verdict() {
    for step in ["check 'test -f nowhere' || note 'no such file'", "fail 'a pity' || note 'so what'"] {
        let world = world(step, "true");
        world.run().exits(0);
        assert_eq!(world.log(), ["node(A): add A"], "{step}");
        assert_eq!((world.status("A"), &world.iteration()["iteration"]), ("verified".to_owned(), &1.into()));
        let checks = world.verification("A")["checks"].clone();
        assert!(checks.as_array().unwrap().iter().all(|c| c["exit_code"] == 0), "{checks}");
        world.call(&["verify"]).exits(0);
        world.call(&["gate", "--base", "main"]).exits(0);
    }
    let failed = world("check 'test -f nowhere'", "true");
    failed.run().exits(4);
    assert!(failed.verification("A")["checks"].to_string().contains("nowhere"));
}
