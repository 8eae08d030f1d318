//! `auditrun resume`: what it goes on with, what it refuses, and what it takes in.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod run_world;

use std::process::Child;

use run_world::{Ran, RunWorld, Spec};

const A: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
const B: Spec = Spec("B", "cat A.txt > B.txt", "test -s B.txt", &["A"]);
const NEVER: Spec = Spec("B", "echo no > B.txt", "grep -q yes B.txt", &["A"]);

fn waiting(world: &RunWorld, node: &str) {
    let gate = world.agents().join("gate");
    world.script(
        node,
        &format!(
            "touch {0}.up; until test -e {0}; do sleep 0.02; done; echo {node} > {node}.txt",
            gate.display()
        ),
    );
}

/// A run whose agent of B waits until the world's gate is there.
fn run_until_b_waits(world: &RunWorld) -> Child {
    waiting(world, "B");
    let child = world.start(&["run"]);
    world.wait_until("B runs", || world.agents().join("gate.up").exists());
    child
}

fn open_gate(world: &RunWorld) {
    std::fs::write(world.agents().join("gate"), "").unwrap();
}

fn signal(child: &Child, signal: &str) {
    let done = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

fn wait(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

#[track_caller]
fn assert_proven(world: &RunWorld) {
    world.run(&["verify"]).expect(0);
    world.run(&["gate", "--base", "main"]).expect(0);
    world.assert_clean("afterwards");
}

#[test]
fn there_must_be_something_to_take_up() {
    let world = RunWorld::new(&[A]);
    let ran = world.run(&["resume"]).expect(2);
    assert!(ran.text.contains("nothing to resume"), "{}", ran.text);
    world.run(&["run"]).expect(0);
    let ran = world.run(&["resume"]).expect(2);
    assert!(ran.text.contains("is done"), "{}", ran.text);
}

#[test]
fn an_interrupted_run_goes_on_and_repeats_only_what_was_cut_off() {
    let world = RunWorld::new(&[A, B]);
    let child = run_until_b_waits(&world);
    signal(&child, "-INT");
    wait(child).expect(130);
    assert_eq!(world.json("runs/.iteration-state.json")["termination_reason"], "interrupted");
    world.script("B", B.1);
    world.run(&["resume"]).expect(0);
    let expected = [("A", 1), ("B", 1), ("B", 1)].map(|(n, a)| (n.to_owned(), a));
    assert_eq!(world.dispatches(), expected);
    assert_proven(&world);
}

#[test]
fn what_a_killed_agent_had_done_is_kept_by_a_ref() {
    let world = RunWorld::new(&[A, B]);
    waiting(&world, "B");
    let gate = world.agents().join("gate");
    world.script(
        "B",
        &format!("echo half > B.txt; touch {0}.up; until test -e {0}; do sleep 0.02; done", gate.display()),
    );
    let mut child = world.start(&["run"]);
    world.wait_until("B runs", || world.agents().join("gate.up").exists());
    child.kill().unwrap();
    wait(child);
    world.script("B", B.1);
    world.run(&["resume"]).expect(0);
    let kept =
        world.git(&["for-each-ref", "--format=%(refname)", "refs/auditrun/**/B/attempt-1-iteration-2"]);
    assert_eq!(world.git(&["show", &format!("{kept}:B.txt")]), "half");
    assert_proven(&world);
}

#[test]
fn a_bound_holds_until_a_flag_raises_it() {
    let world = RunWorld::new(&[A, B]);
    world.run(&["run", "--max-iterations", "2", "--timeout-minutes", "90"]).expect(0);
    let world = RunWorld::new(&[A, B, Spec("C", "echo c > C.txt", "true", &["B"])]);
    world.write(
        "audit.kdl",
        &format!(
            "{}bounds max-iterations=3\n",
            std::fs::read_to_string(world.root().join("audit.kdl")).unwrap()
        ),
    );
    world.script("A", "if [ $AUDITRUN_ATTEMPT = 1 ]; then exit 0; fi; echo a > A.txt");
    world.commit("bound");
    world.run(&["run"]).expect(5);
    let journal = world.text("runs/events.jsonl");
    std::fs::remove_file(world.out("audit/report.md")).unwrap();
    let ran = world.run(&["resume"]).expect(5);
    assert!(ran.text.contains("--max-iterations"), "{}", ran.text);
    assert!(world.text("audit/report.md").contains("max"), "the audit stage runs all the same");
    assert_eq!(world.text("runs/events.jsonl"), journal, "nothing was journalled");
    world.run(&["resume", "--max-iterations", "4"]).expect(0);
    assert_eq!(world.json("runs/.iteration-state.json")["iteration"], 4);
    assert_proven(&world);
}

#[test]
fn changed_inputs_are_named_and_refused() {
    let world = RunWorld::new(&[A, B]);
    let child = run_until_b_waits(&world);
    signal(&child, "-INT");
    wait(child).expect(130);
    let journal = world.text("runs/events.jsonl");
    let graph = std::fs::read_to_string(world.out("graph.md")).unwrap();
    std::fs::write(world.out("graph.md"), graph.replace("estimated_loc: 5", "estimated_loc: 6")).unwrap();
    for committed in [false, true] {
        if committed {
            world.commit("changed");
        }
        let ran = world.run(&["resume"]).expect(2);
        assert!(
            ran.text.contains("docs/audit/graph.md") && ran.text.contains("--bundle-from"),
            "{}",
            ran.text
        );
    }
    assert_eq!(world.text("runs/events.jsonl"), journal);
    world.script("B", B.1);
    world.run(&["resume", "--bundle-from", "HEAD"]).expect(0);
    assert_proven(&world);
}

#[test]
fn a_split_waits_for_a_corrected_bundle() {
    let world = RunWorld::new(&[A, NEVER]);
    world.run(&["run"]).expect(4);
    let ran = world.run(&["resume"]).expect(4);
    assert!(ran.text.contains("split.md") && ran.text.contains("--bundle-from"), "{}", ran.text);
    world.run(&["resume", "--bundle-from", "nowhere"]).expect(2);

    // B is cut in two on another branch; the operator stays where they are.
    world.git(&["checkout", "-q", "-b", "corrected"]);
    std::fs::remove_file(world.out("prompts/B.md")).unwrap();
    let parts = [
        A,
        Spec("B1", "echo 1 > B1.txt", "test -s B1.txt", &["A"]),
        Spec("B2", "echo 2 > B2.txt", "test -s B2.txt", &["B1"]),
    ];
    world.bundle(&parts, "");
    world.commit("cut B in two");
    world.git(&["checkout", "-q", "main"]);
    world.run(&["resume", "--bundle-from", "corrected"]).expect(0);
    assert_eq!(
        world.subjects(),
        ["node(A): add A", "rebundle: corrected", "node(B1): add B1", "node(B2): add B2"]
    );
    assert_eq!(world.dispatches().iter().filter(|(n, _)| n == "A").count(), 1, "A stays landed");
    assert!(!world.out("runs/B").exists() && world.out("remediation/B/runs-1").is_dir());
    world.run(&["verify"]).expect(0);
    world.run(&["gate", "--base", "main"]).expect(0);
    world.assert_clean("afterwards");
}

#[test]
fn a_correction_keeps_what_it_does_not_concern() {
    let other = || Spec("X", "echo x > X.txt", "test -f X.txt", &[]);
    let heir = || Spec("H", "cat A.txt > H.txt", "test -s H.txt", &["A"]);
    let world = RunWorld::new(&[A, other(), heir(), NEVER]);
    world.run(&["run"]).expect(4);
    // A's check and B's are corrected: H comes after A, X is nobody's heir.
    let a = Spec("A", "echo aa > A.txt", "grep -q aa A.txt", &[]);
    let b = Spec("B", "echo yes > B.txt", "grep -q yes B.txt", &["A"]);
    world.bundle(&[a, other(), heir(), b], "");
    world.commit("corrected");
    world.run(&["resume", "--bundle-from", "HEAD"]).expect(0);
    let count = |id: &str| world.dispatches().iter().filter(|(n, _)| n == id).count();
    assert_eq!((count("X"), count("A"), count("H"), count("B")), (1, 2, 2, 4));
    world.run(&["verify"]).expect(0);
    world.run(&["gate", "--base", "main"]).expect(0);
}

#[test]
fn landed_work_needs_a_node_that_answers_for_it() {
    let world = RunWorld::new(&[A, NEVER]);
    world.run(&["run"]).expect(4);
    let (branch, journal) = (world.tree(), world.text("runs/events.jsonl"));
    std::fs::remove_file(world.out("prompts/A.md")).unwrap();
    world.bundle(&[Spec("B", "echo yes > B.txt", "grep -q yes B.txt", &[])], "");
    world.commit("without A");
    let ran = world.run(&["resume", "--bundle-from", "HEAD"]).expect(3);
    assert!(ran.text.contains("rebundle::landed-node-removed"), "{}", ran.text);
    assert_eq!((world.tree(), world.text("runs/events.jsonl")), (branch, journal));
}

#[test]
fn landed_work_that_does_not_hold_any_more_is_done_again() {
    let world = RunWorld::new(&[]);
    let flag = world.agents().join("flag").display().to_string();
    let check: &'static str = Box::leak(format!("test -e {flag}").into_boxed_str());
    world.bundle(&[Spec("A", "echo a > A.txt", check, &[]), B], "");
    world.script("A", &format!("echo a > A.txt; touch {flag}"));
    world.commit("bundle");
    let child = run_until_b_waits(&world);
    signal(&child, "-INT");
    wait(child).expect(130);
    std::fs::remove_file(&flag).unwrap();
    world.script("B", B.1);
    let ran = world.run(&["resume"]).expect(0);
    assert!(ran.text.contains("does not hold any more"), "{}", ran.text);
    assert_eq!(world.dispatches().iter().filter(|(n, _)| n == "A").count(), 2);
    // The second landing of A is empty: its work was on the branch already.
    assert_eq!(world.subjects(), ["node(A): add A", "node(A): add A", "node(B): add B"]);
    assert_proven(&world);
}

#[test]
fn a_branch_that_somebody_else_moved_is_left_alone() {
    let world = RunWorld::new(&[A, B]);
    let child = run_until_b_waits(&world);
    signal(&child, "-INT");
    wait(child).expect(130);
    let branch = world.branch().unwrap();
    let sneaky = world.git(&["commit-tree", &format!("{branch}^{{tree}}"), "-p", &branch, "-m", "sneaky"]);
    let honest = world.git(&["rev-parse", &branch]);
    world.git(&["update-ref", &branch, &sneaky]);
    let journal = world.text("runs/events.jsonl");
    std::fs::remove_file(world.out("audit/report.md")).unwrap();
    let ran = world.run(&["resume"]).expect(7);
    assert!(ran.text.contains("moved by somebody else"), "{}", ran.text);
    assert!(world.out("audit/report.md").exists(), "the audit stage runs all the same");
    assert_eq!(world.git(&["rev-parse", &branch]), sneaky);
    assert_eq!(world.text("runs/events.jsonl"), journal);
    world.git(&["update-ref", &branch, &honest]);
    world.script("B", B.1);
    world.run(&["resume"]).expect(0);
}

#[test]
fn what_was_changed_in_the_artifacts_is_named() {
    let world = RunWorld::new(&[A, B]);
    let child = run_until_b_waits(&world);
    signal(&child, "-INT");
    wait(child).expect(130);
    world.script("B", B.1);
    let cases = [
        ("runs/A/verification.json", "\"attempt\": 1", "\"attempt\": 2", 1),
        ("runs/A/diff.patch", "+a", "+b", 1),
        ("runs/events.jsonl", "\"iteration\":1", "\"iteration\":9", 2),
    ];
    for (path, from, to, code) in cases {
        let before = world.text(path);
        assert!(before.contains(from), "{path}: {before}");
        std::fs::write(world.out(path), before.replacen(from, to, 1)).unwrap();
        let ran = world.run(&["resume"]).expect(code);
        assert!(ran.text.contains(path) || ran.text.contains("journal"), "{}", ran.text);
        std::fs::write(world.out(path), before).unwrap();
    }
    world.run(&["resume"]).expect(0);
}

#[test]
fn one_at_a_time() {
    let world = RunWorld::new(&[A, B]);
    let child = run_until_b_waits(&world);
    for command in [&["run"][..], &["resume"], &["clean", "--yes"]] {
        let ran = world.run(command).expect(2);
        assert!(
            ran.text.contains("auditrun run") && ran.text.contains(&child.id().to_string()),
            "{}",
            ran.text
        );
    }
    open_gate(&world);
    wait(child).expect(0);
    assert_proven(&world);
}

#[cfg(debug_assertions)]
#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    for fault in ["journal:20:full", "file:9:full", "git:9:full"] {
        let world = RunWorld::new(&[A, B]);
        let ran = world.run_with_fault(fault, &["run"]).expect(7);
        assert!(ran.text.contains("no storage space"), "{fault}: {}", ran.text);
        world.run(&["resume"]).expect(0);
        assert_proven(&world);
    }
}

#[test]
fn artifacts_that_can_not_be_written_stop_the_run_with_their_place() {
    use std::os::unix::fs::PermissionsExt;
    let world = RunWorld::new(&[A, B]);
    let child = run_until_b_waits(&world);
    signal(&child, "-INT");
    wait(child).expect(130);
    world.script("B", B.1);
    let (branch, runs) = (world.tree(), world.out("runs"));
    let mode = |mode| std::fs::set_permissions(&runs, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let obeyed = std::fs::write(runs.join("probe"), "").is_err();
    if obeyed {
        let ran = world.run(&["resume"]).expect(7);
        assert!(ran.text.contains("docs/audit/runs"), "{}", ran.text);
    } else {
        // Root may write everywhere: a file in a directory's place stops even them.
        std::fs::remove_file(runs.join("probe")).unwrap();
        std::fs::rename(runs.join("A"), runs.join("A.aside")).unwrap();
        std::fs::write(runs.join("A"), "").unwrap();
        assert_ne!(world.run(&["resume"]).code(), Some(0));
        std::fs::remove_file(runs.join("A")).unwrap();
        std::fs::rename(runs.join("A.aside"), runs.join("A")).unwrap();
    }
    mode(0o755);
    assert_eq!(world.tree(), branch);
    world.run(&["resume"]).expect(0);
    assert_proven(&world);
}

#[test]
fn an_open_question_waits_for_its_answer() {
    let world = RunWorld::new(&[A]);
    world.bundle(&[A], "- **Q-1**: what is it?\n  - files: README.md\n");
    world.commit("a question");
    world.run(&["run"]).expect(4);
    let ran = world.run(&["resume"]).expect(4);
    assert!(ran.text.contains("Q-1"), "{}", ran.text);
    world.bundle(&[A], "");
    world.commit("answered");
    world.run(&["resume", "--bundle-from", "HEAD"]).expect(0);
    assert_proven(&world);
}
