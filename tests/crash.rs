//! The harness is killed at every step of a small run that it takes towards disk or git, and
//! taken up again: the end is always the same tree, proven, with nothing left behind.
#![cfg(all(target_os = "linux", debug_assertions))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod run_world;

use run_world::{Ran, RunWorld, Spec};

/// B needs a second attempt; C waits for both.
const NODES: [Spec; 3] = [
    Spec("A", "echo a > A.txt", "test -f A.txt", &[]),
    Spec(
        "B",
        "if [ $AUDITRUN_ATTEMPT = 1 ]; then echo no > B.txt; else echo yes > B.txt; fi",
        "grep -q yes B.txt",
        &[],
    ),
    Spec("C", "cat A.txt B.txt > C.txt", "test -s C.txt", &["A", "B"]),
];

fn world() -> RunWorld {
    RunWorld::new(&NODES)
}

fn expected_tree() -> String {
    let world = world();
    world.run(&["run"]).expect(0);
    world.tree()
}

/// Takes the run up, or begins one where it had not come to a branch.
#[track_caller]
fn go_on(world: &RunWorld, what: &str) -> Ran {
    let had_branch = world.branch().is_some();
    let ran = world.run(&["resume"]);
    if ran.code() == Some(2) && !had_branch {
        return world.run(&["run"]);
    }
    assert_eq!(ran.code(), Some(0), "{what}: {}", ran.text);
    ran
}

#[track_caller]
fn assert_ended_well(world: &RunWorld, tree: &str, what: &str) {
    assert_eq!(world.tree(), tree, "{what}");
    let mut subjects = world.subjects();
    assert_eq!(subjects.pop().as_deref(), Some("node(C): add C"), "{what}");
    subjects.sort();
    assert_eq!(subjects, ["node(A): add A", "node(B): add B"], "{what}");
    for (node, attempt) in [("A", 1), ("B", 2), ("C", 1)] {
        let record = world.json(&format!("runs/{node}/verification.json"));
        assert_eq!(
            (record["status"].as_str(), record["attempt"].as_u64()),
            (Some("verified"), Some(attempt)),
            "{what}: {node}"
        );
    }
    assert_eq!(world.text("runs/.dag-patterns.jsonl").lines().count(), 3, "{what}");
    let dispatched = world.dispatches();
    let iteration = world.json("runs/.iteration-state.json");
    assert_eq!(iteration["iteration"].as_u64(), Some(dispatched.len() as u64), "{what}");
    assert_eq!(iteration["termination_reason"], "all_done", "{what}");
    assert!(dispatched.iter().all(|(_, attempt)| (1..=3).contains(attempt)), "{what}: {dispatched:?}");
    let verified = world.run(&["verify"]);
    assert_eq!(verified.code(), Some(0), "{what}: {}", verified.text);
    world.assert_clean(what);
}

/// Kills at the first, second … step of a kind until a run has no such step any more. Every
/// step takes minutes: without AUDITRUN_TEST_EVERY_CRASH=1 only every `stride`-th is met.
fn at_every_step(kind: &str, how: &str, stride: usize) {
    let tree = expected_tree();
    let stride = if std::env::var_os("AUDITRUN_TEST_EVERY_CRASH").is_some() { 1 } else { stride };
    let mut killed = 0;
    for n in (1..).step_by(stride) {
        let world = world();
        let what = format!("{kind}:{n}:{how}");
        let ran = world.run_with_fault(&what, &["run"]);
        if !ran.killed() {
            ran.expect(0);
            break;
        }
        killed += 1;
        go_on(&world, &what).expect(0);
        assert_ended_well(&world, &tree, &what);
    }
    assert!(killed > 3, "only {killed} steps were met");
}

#[test]
fn killed_before_any_line_of_the_journal() {
    at_every_step("journal", "kill", 11);
}

#[test]
fn killed_within_a_line_of_the_journal() {
    at_every_step("journal", "torn", 17);
}

#[test]
fn killed_before_any_change_of_the_repository() {
    at_every_step("git", "kill", 7);
}

#[test]
fn killed_before_any_artifact_is_in_place() {
    at_every_step("file", "kill", 9);
}

#[test]
fn killed_again_and_again_while_taking_up() {
    let tree = expected_tree();
    let world = world();
    assert!(world.run_with_fault("git:14", &["run"]).killed());
    // Each life is a little longer than the one before, until one comes through.
    for n in (1..).step_by(4) {
        for kind in ["journal", "git", "file"] {
            let ran = world.run_with_fault(&format!("{kind}:{n}"), &["resume"]);
            if !ran.killed() {
                ran.expect(0);
                assert_ended_well(&world, &tree, "many lives");
                return;
            }
        }
    }
}

#[test]
fn the_gate_accepts_a_run_that_was_taken_up() {
    let world = world();
    assert!(world.run_with_fault("git:20", &["run"]).killed());
    go_on(&world, "gate").expect(0);
    world.run(&["gate", "--base", "main"]).expect(0);
}
