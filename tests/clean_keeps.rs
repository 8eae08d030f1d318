//! What `clean` leaves alone: a branch that somebody stands on, work that is nowhere else, runs
//! of other bundles and other checkouts.
#![cfg(all(target_os = "linux", debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests.

mod run_world;

use std::path::PathBuf;

use run_world::{RunWorld, Spec};

const A: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
const B: Spec = Spec("B", "echo b > B.txt", "test -f B.txt", &["A"]);

fn short(world: &RunWorld) -> String {
    world.branch().unwrap().replace("refs/heads/", "")
}

#[track_caller]
fn keeps(world: &RunWorld, args: &[&str], why: &str) {
    let before = world.git(&["for-each-ref"]) + &world.git(&["worktree", "list"]);
    let ran = world.run(args).expect(0);
    assert!(ran.text.contains("keep (") && ran.text.contains(why), "{why}: {}", ran.text);
    assert_eq!(world.git(&["for-each-ref"]) + &world.git(&["worktree", "list"]), before, "{why}");
}

#[test]
fn a_branch_that_somebody_stands_on_stays_even_by_force() {
    for proven in [true, false] {
        let world = RunWorld::new(&[A, B]);
        match proven {
            true => drop(world.run(&["run"]).expect(0)),
            false => assert!(world.run_with_fault("journal=dispatched:2", &["run"]).killed()),
        }
        let branch = short(&world);
        world.git(&["checkout", "-q", &branch]);
        keeps(&world, &["clean", "--yes"], "it is checked out in");
        keeps(&world, &["clean", "--yes", "--force"], "it is checked out in");
        world.git(&["checkout", "-q", "main"]);
        let linked = world.path().join("linked").display().to_string();
        world.git(&["worktree", "add", "-q", &linked, &branch]);
        keeps(&world, &["clean", "--yes", "--force"], &linked);
        world.git(&["worktree", "remove", &linked]);
        world.run(&["clean", "--yes", "--force"]).expect(0);
        world.assert_clean("afterwards");
        assert_eq!(world.branch(), None);
    }
}

#[test]
fn a_detached_head_keeps_nothing_and_merges_nothing() {
    let world = RunWorld::new(&[A, B]);
    assert!(world.run_with_fault("journal=dispatched:2", &["run"]).killed());
    world.git(&["checkout", "-q", "--detach", &short(&world)]);
    keeps(&world, &["clean", "--yes"], "neither merged into HEAD");
    // Another branch that holds it is enough.
    world.git(&["branch", "kept"]);
    world.run(&["clean", "--yes"]).expect(0);
    assert_eq!(world.branch(), None);
}

#[test]
fn work_that_no_attempt_has_stays() {
    let world = RunWorld::new(&[A, Spec("B", "echo no > B.txt", "grep -q yes B.txt", &["A"])]);
    world.configure("remediation 0");
    world.run(&["run"]).expect(4);
    world.git(&["merge", "-q", &short(&world)]);
    let shown = world.run(&["clean", "--dry-run"]).expect(0);
    assert!(shown.text.contains(": remove"), "the attempt has it all: {}", shown.text);
    let kept = worktree(&world, "audit-1-B-");
    std::fs::write(kept.join("B.txt"), "yes, by hand\n").unwrap();
    keeps(&world, &["clean", "--yes"], "holds work that is nowhere else");
    assert_eq!(std::fs::read_to_string(kept.join("B.txt")).unwrap(), "yes, by hand\n");
    world.run(&["clean", "--yes", "--force"]).expect(0);
    world.assert_clean("by force");
}

fn worktree(world: &RunWorld, name: &str) -> PathBuf {
    let mut entries = std::fs::read_dir(world.root().join(".worktrees")).unwrap().flatten();
    entries.find(|e| e.file_name().to_string_lossy().starts_with(name)).unwrap().path()
}

#[test]
fn what_a_killed_agent_had_done_stays_when_a_new_run_took_its_place() {
    let world = RunWorld::new(&[A]);
    let up = world.agents().join("up");
    world.script("A", &format!("echo half > A.txt; touch {}; sleep 1000", up.display()));
    let mut child = world.start(&["run"]);
    world.wait_until("A runs", || up.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    world.script("A", A.1);
    world.run(&["run"]).expect(0);
    let ran = world.run(&["clean", "--yes"]).expect(0);
    assert!(ran.text.contains("holds work that is nowhere else"), "{}", ran.text);
    let half = worktree(&world, "audit-0-A-").join("A.txt");
    assert_eq!(std::fs::read_to_string(half).unwrap(), "half\n");
    world.run(&["clean", "--yes", "--force"]).expect(0);
    world.assert_clean("by force");
}

#[test]
fn a_run_of_another_bundle_or_checkout_can_still_be_taken_up() {
    let world = RunWorld::new(&[A]);
    let copied = world.command("cp").args(["-r", "docs/audit", "docs/other"]).output().unwrap();
    assert!(copied.status.success(), "{copied:?}");
    world.commit("another bundle");
    let other = ["run", "--bundle", "docs/other"];
    assert!(world.run_with_fault("journal=captured:1", &other).killed());
    keeps(&world, &["clean", "--yes"], "its artifacts are not in docs/audit");
    world.run(&["resume", "--bundle", "docs/other"]).expect(0);

    let linked = world.path().join("linked");
    world.git(&["worktree", "add", "-q", "-b", "feature", &linked.display().to_string()]);
    let killed =
        world.auditrun(&["run"]).current_dir(&linked).env("AUDITRUN_FAULT", "journal=captured:1").output();
    assert_eq!(killed.unwrap().status.code(), None);
    let ran = world.run(&["clean", "--yes"]).expect(0);
    assert!(ran.text.contains("it may be another bundle's or checkout's"), "{}", ran.text);
    let resumed = world.auditrun(&["resume"]).current_dir(&linked).output().unwrap();
    assert_eq!(resumed.status.code(), Some(0), "{resumed:?}");
}
