//! The harness is killed at every step that it takes towards disk or git, and taken up again:
//! the end is always that of a run which nobody disturbed, with nothing left behind. What
//! follows upon which step is the table of docs/resume.md.
#![cfg(all(target_os = "linux", debug_assertions))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod crash_cases;
mod run_world;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crash_cases::{ALL, cases, full, interrupted};

/// Held while a part of the table is read and written.
static TABLE: Mutex<()> = Mutex::new(());

/// Every step takes ten minutes: without AUDITRUN_TEST_EVERY_CRASH=1 one step of
/// each name is met. The table must say what came of it (UPDATE_CRASH_TABLE=1 writes it anew).
fn killed_at_every(kind: &str, scenario: usize) {
    let scenario = &ALL[scenario];
    let rows = cases(scenario, kind);
    assert!(rows.len() >= 2, "only {rows:?} was met");
    let lines: Vec<String> =
        rows.iter().map(|[kind, what, then]| format!("| {kind} | {what} | {then} |")).collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/crash-points.md");
    let _one_at_a_time = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let begin = format!("<!-- {} {kind} -->\n", scenario.name);
    let end = "<!-- end -->\n";
    let (before, rest) =
        text.split_once(&begin).unwrap_or_else(|| panic!("no part {begin:?} in {}", file.display()));
    let (there, after) = rest.split_once(end).unwrap();
    let table = format!("| killed before | of | then |\n|---|---|---|\n{}\n", lines.join("\n"));
    if std::env::var_os("UPDATE_CRASH_TABLE").is_some() {
        std::fs::write(&file, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        for [kind, what, then] in &rows {
            let line = there.lines().find(|l| l.starts_with(&format!("| {kind} | {what} |")));
            let line = line.unwrap_or_else(|| panic!("{} has no line for {kind} {what}", file.display()));
            for outcome in then.split("; or: ") {
                assert!(line.contains(outcome), "{}: {line}: it was: {outcome}", file.display());
            }
        }
    }
}

#[test]
fn a_run_before_any_line_of_the_journal() {
    killed_at_every("journal", 0);
}

#[test]
fn a_run_before_any_change_of_the_repository() {
    killed_at_every("git", 0);
}

#[test]
fn a_run_before_any_artifact_is_in_place() {
    killed_at_every("file", 0);
}

#[test]
fn a_split_before_any_line_of_the_journal() {
    killed_at_every("journal", 1);
}

#[test]
fn a_split_before_any_change_of_the_repository() {
    killed_at_every("git", 1);
}

#[test]
fn a_split_before_any_artifact() {
    killed_at_every("file", 1);
}

#[test]
fn a_correction_before_any_line_of_the_journal() {
    killed_at_every("journal", 2);
}

#[test]
fn a_correction_before_any_change_of_the_repository() {
    killed_at_every("git", 2);
}

#[test]
fn a_correction_before_any_artifact() {
    killed_at_every("file", 2);
}

#[test]
fn a_resume_before_any_line_of_the_journal() {
    killed_at_every("journal", 3);
}

#[test]
fn a_resume_before_any_change_of_the_repository() {
    killed_at_every("git", 3);
}

#[test]
fn a_resume_before_any_artifact() {
    killed_at_every("file", 3);
}

#[test]
fn killed_again_and_again_while_taking_up() {
    let scenario = &ALL[0];
    let expected = {
        let world = (scenario.prepare)();
        world.run(&["run"]).expect(0);
        world.tree()
    };
    let world = (scenario.prepare)();
    assert!(world.run_with_fault("git:14", &["run"]).killed());
    // Each life is a little longer than the one before, until one comes through.
    for n in (1..).step_by(5) {
        for kind in ["journal", "git", "file"] {
            let ran = world.run_with_fault(&format!("{kind}:{n}"), &["resume"]);
            if !ran.killed() {
                ran.expect(0);
                (scenario.check)(&world, &expected);
                return;
            }
        }
    }
}

#[test]
fn the_gate_accepts_a_run_that_was_taken_up() {
    let world = (ALL[0].prepare)();
    assert!(world.run_with_fault("git:20", &["run"]).killed());
    world.run(&["resume"]).expect(0);
    world.run(&["gate", "--base", "main"]).expect(0);
}

#[test]
fn a_gate_that_was_killed_leaves_nothing_that_clean_does_not_remove() {
    for n in 1.. {
        let world = (ALL[3].prepare)();
        world.run(&["resume"]).expect(0);
        let fault = format!("git:{n}");
        let ran = world.run_with_fault(&fault, &["gate", "--base", "main"]);
        if !ran.killed() {
            ran.expect(0);
            assert!(n > 2);
            return;
        }
        world.run(&["gate", "--base", "main"]).expect(0);
        world.run(&["clean", "--yes"]).expect(0);
        world.assert_clean(&fault);
    }
}

#[test]
fn a_request_to_end_at_any_point_leaves_what_resume_takes_up() {
    let points = [
        "run_started",
        "baseline",
        "agent_started",
        "question_resolved",
        "dispatched",
        "captured",
        "check",
        "remediation",
        "landing",
        "landed",
        "proof",
        "run_finished",
        "stage_finished",
    ];
    interrupted(&ALL[0], &["int", "term", "hup"], &points);
}

#[test]
fn a_second_interrupt_ends_at_once_and_is_taken_up_as_a_kill_is() {
    let points = ["baseline", "agent_started", "question_resolved", "check", "landing", "landed", "proof"];
    interrupted(&ALL[0], &["twice"], &points);
}

#[test]
fn a_disk_that_is_full_for_the_journal() {
    full(&ALL[0], "journal", "full");
}

#[test]
fn a_disk_that_is_full_for_artifacts() {
    full(&ALL[0], "file", "full");
}

#[test]
fn a_disk_that_is_full_for_git() {
    full(&ALL[0], "git", "full");
}

#[test]
fn a_disk_that_is_full_for_one_line_of_the_journal() {
    full(&ALL[0], "journal", "once");
}

#[test]
fn worktrees_that_cannot_be_removed_are_a_warning_and_no_verdict() {
    for step in ["removing a worktree", "forgetting a worktree", "moving a worktree"] {
        let world = (ALL[0].prepare)();
        let ran = world.run_with_fault(&format!("git={step}:1:full"), &["run"]).expect(0);
        let events = world.events();
        assert!(events.iter().all(|e| e["type"] != "halting"), "{step}: {}", ran.text);
        if step != "moving a worktree" {
            assert!(ran.text.contains("could not be removed"), "{}", ran.text);
            assert!(ran.text.contains("`auditrun clean` removes it"), "{}", ran.text);
        }
        world.run(&["verify"]).expect(0);
        world.run(&["clean", "--yes"]).expect(0);
        world.assert_clean(step);
    }
}

#[test]
fn a_node_whose_record_could_not_be_written_has_no_verdict() {
    let world = (ALL[0].prepare)();
    // The last one's: nothing is left to do after it.
    let ran = world.run_with_fault("file=verification.json:4:full", &["run"]);
    let text = ran.expect(7).text;
    assert!(text.contains("verification.json: no storage space"), "{text}");
    world.run(&["resume"]).expect(0);
    world.run(&["verify"]).expect(0);
}
