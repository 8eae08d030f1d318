//! What a harness leaves that was killed at a bad moment, and what the next start makes of it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod run_world;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;

use run_world::{Ran, RunWorld, Spec};

const A: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
const B: Spec = Spec("B", "cat A.txt > B.txt", "test -s B.txt", &["A"]);

/// A run that was killed while the agent of B worked; the agent's process is gone, too.
fn killed_in_b() -> RunWorld {
    let world = RunWorld::new(&[A, B]);
    let up = world.agents().join("up");
    world.script("B", &format!("touch {}; exec sleep 1000", up.display()));
    let mut child = world.start(&["run"]);
    world.wait_until("B runs", || up.exists());
    kill(&mut child);
    world.wait_until("its programs are gone", || world.processes().is_empty());
    world.script("B", B.1);
    world
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[track_caller]
fn assert_goes_on(world: &RunWorld) -> Ran {
    let ran = world.run(&["resume"]).expect(0);
    world.run(&["verify"]).expect(0);
    world.assert_clean("afterwards");
    ran
}

#[test]
fn locks_of_its_own_refs_are_removed_and_told() {
    let world = killed_in_b();
    let branch = world.branch().unwrap();
    let attempt = world.git(&["for-each-ref", "--format=%(refname)", "refs/auditrun/"]);
    for name in [branch.as_str(), attempt.lines().next().unwrap()] {
        world.write(&format!(".git/{name}.lock"), "");
    }
    let ran = assert_goes_on(&world);
    assert_eq!(ran.text.matches("a lock that a killed process left was removed").count(), 2, "{}", ran.text);
}

#[test]
fn somebody_elses_lock_stays_and_is_named() {
    let world = killed_in_b();
    let lock = world.root().join(".git/packed-refs.lock");
    world.git(&["pack-refs", "--all"]);
    std::fs::write(&lock, "").unwrap();
    let (tree, ran) = (world.tree(), world.run(&["resume"]));
    if ran.code() != Some(0) {
        assert!(ran.text.contains("packed-refs.lock"), "{}", ran.text);
    }
    assert!(lock.exists() && world.tree().contains(tree.lines().next().unwrap()));
    std::fs::remove_file(&lock).unwrap();
    if ran.code() != Some(0) {
        world.run(&["resume"]).expect(0);
    }
    world.assert_clean("afterwards");
}

#[test]
fn a_worktree_that_git_had_begun_to_register_is_removed() {
    // What stands there when git is killed between two of its writes.
    let run = |world: &RunWorld| world.branch().unwrap().replace("refs/heads/audit/run-", "");
    let cases: [&[(&str, &str)]; 4] = [
        &[],
        &[("locked", "")],
        &[("locked", "auditrun RUN node C pid 1"), ("gitdir", "")],
        &[("locked", "auditrun RUN node C pid 1"), ("gitdir", "DIR/.git\n"), ("commondir", "")],
    ];
    for files in cases {
        let world = killed_in_b();
        let dir = world.root().join(".worktrees/audit-0-C-20260101T000000Z");
        let name = ".git/worktrees/audit-0-C-20260101T000000Z";
        std::fs::create_dir_all(world.root().join(name)).unwrap();
        for (file, text) in files {
            let text = text.replace("RUN", &run(&world)).replace("DIR", &dir.display().to_string());
            world.write(&format!("{name}/{file}"), &text);
        }
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(".git"), format!("gitdir: {}\n", world.root().join(name).display())).unwrap();
        assert_goes_on(&world);
    }
}

#[test]
fn a_worktree_that_was_being_moved_is_removed() {
    let world = killed_in_b();
    let worktrees = world.root().join(".worktrees");
    let node = std::fs::read_dir(&worktrees).unwrap().map(|e| e.unwrap().path());
    let node = node.into_iter().find(|p| p.to_string_lossy().contains("-B-")).unwrap();
    std::fs::rename(&node, worktrees.join("audit-idle-4194304-0")).unwrap();
    // What is nobody's, or somebody else's, stays.
    std::fs::create_dir_all(worktrees.join("mine/src")).unwrap();
    std::fs::create_dir_all(worktrees.join("audit-notes")).unwrap();
    std::fs::write(worktrees.join("audit-notes/x"), "").unwrap();
    world.run(&["resume"]).expect(0);
    assert!(worktrees.join("mine/src").exists() && worktrees.join("audit-notes/x").exists());
    for name in ["mine", "audit-notes"] {
        std::fs::remove_dir_all(worktrees.join(name)).unwrap();
    }
    world.assert_clean("afterwards");
}

/// A git that takes its time before it changes something, as it does under heavy load.
fn slow_git(world: &RunWorld, word: &str) -> PathBuf {
    let dir = world.path().join("bin");
    std::fs::create_dir_all(&dir).unwrap();
    let real = String::from_utf8(world.command("sh").args(["-c", "command -v git"]).output().unwrap().stdout);
    let mark = dir.join("begun");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *\" {word} \"*) touch {}; sleep 1.5;; esac\nexec {} \"$@\"\n",
        mark.display(),
        real.unwrap().trim()
    );
    std::fs::write(dir.join("git"), script).unwrap();
    std::fs::set_permissions(dir.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    mark
}

#[test]
fn a_git_of_the_dead_that_still_works_is_waited_for() {
    let mut met = 0;
    for word in ["worktree add", "read-tree", "update-ref"] {
        let world = RunWorld::new(&[A, B]);
        let mark = slow_git(&world, word);
        let path = format!("{}:{}", mark.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut child = world.auditrun(&["run"]).env("PATH", &path).spawn().unwrap();
        let mut ended = false;
        world.wait_until("git has begun", || {
            ended = child.try_wait().unwrap().is_some();
            mark.exists() || ended
        });
        if ended {
            // This git is not called where libgit2 can do its work.
            child.wait().unwrap();
            continue;
        }
        kill(&mut child);
        assert_goes_on(&world);
        met += 1;
    }
    assert!(met > 0, "none of them was called");
}

/// The supervisor and everything above it are killed at the same moment: nobody is left who
/// could end what the agent has started.
#[test]
fn a_program_that_lost_its_supervisor_is_ended_by_the_next_start() {
    for next in ["resume", "run", "clean"] {
        let world = RunWorld::new(&[A, B]);
        let up = world.agents().join("up");
        world.script("B", &format!("sleep 86011 & echo $! > {0}.new; mv {0}.new {0}; wait", up.display()));
        let mut child = world.start(&["run"]);
        world.wait_until("B runs", || up.exists());
        let sleeper: u32 = std::fs::read_to_string(&up).unwrap().trim().parse().unwrap();
        let above = ancestors_until(sleeper, child.id());
        assert!(above.len() >= 2, "{above:?}");
        // Stopped first, so that none sees another die.
        for signal in ["-STOP", "-KILL"] {
            let pids = above.iter().map(u32::to_string);
            let done = std::process::Command::new("kill").arg(signal).args(pids).status().unwrap();
            assert!(done.success());
        }
        child.wait().unwrap();
        assert!(Path::new(&format!("/proc/{sleeper}")).exists(), "it survived");
        world.script("B", B.1);
        let args: &[&str] = if next == "clean" { &["clean", "--yes"] } else { &[next] };
        let ran = world.run(args).expect(0);
        assert!(ran.text.contains(&format!("process {sleeper} of the earlier run")), "{next}: {}", ran.text);
        assert!(ran.text.contains("sleep 86011"), "{next}: {}", ran.text);
        assert_eq!(world.processes(), [""; 0], "{next}");
        if next == "clean" {
            world.run(&["resume"]).expect(0);
        }
        if next != "run" {
            world.assert_clean(next);
        }
    }
}

/// From a process's parent up to `last`, which is among them.
fn ancestors_until(pid: u32, last: u32) -> Vec<u32> {
    let mut line = Vec::new();
    let mut next = parent(pid);
    while next > 1 && line.last() != Some(&last) {
        line.push(next);
        next = parent(next);
    }
    line
}

fn parent(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn scratch_directories_of_the_dead_go_and_those_of_the_living_stay() {
    let world = killed_in_b();
    let of_dead = || std::fs::read_dir(world.tmp()).unwrap().count();
    assert!(of_dead() > 0, "a killed run leaves its scratch directory");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let mine = std::fs::read_to_string("/proc/self/stat").unwrap();
    let start = mine.rsplit_once(')').unwrap().1.split_ascii_whitespace().nth(19).unwrap().to_owned();
    let living = world.tmp().join(format!("auditrun-tmp-{}-{}-{start}-x", &boot[..8], std::process::id()));
    std::fs::create_dir(&living).unwrap();
    world.run(&["clean", "--dry-run"]).expect(0);
    assert!(of_dead() > 1, "a dry run removes nothing");
    world.run(&["resume"]).expect(0);
    assert_eq!(of_dead(), 1);
    std::fs::remove_dir(&living).unwrap();
    world.assert_clean("afterwards");
}

#[test]
fn a_run_that_was_rejected_does_not_hide_the_one_before() {
    let world = killed_in_b();
    let run = world.branch().unwrap().replace("refs/heads/audit/run-", "");
    let dispatched = world.dispatches().len();
    world.write("untidy", "x");
    for _ in 0..2 {
        let ran = world.run(&["run"]).expect(3);
        assert!(ran.text.contains(&run) && ran.text.contains("auditrun resume"), "{}", ran.text);
    }
    let ran = world.run(&["status"]).expect(0);
    assert!(ran.text.contains(&run) && ran.text.contains("resume"), "{}", ran.text);
    std::fs::remove_file(world.root().join("untidy")).unwrap();
    let ran = assert_goes_on(&world);
    assert!(ran.text.contains(&format!("going on with run {run}")), "{}", ran.text);
    assert_eq!(world.dispatches().len(), dispatched + 1);
    let archived = std::fs::read_dir(world.out(".history")).unwrap().count();
    assert_eq!(archived, 2, "the rejected runs");
    let ran = world.run(&["resume"]).expect(2);
    assert!(ran.text.contains("is done"), "{}", ran.text);
}

#[test]
fn a_done_run_is_not_passed_over_for_an_older_one() {
    let world = killed_in_b();
    world.run(&["run"]).expect(0);
    let ran = world.run(&["resume"]).expect(2);
    assert!(ran.text.contains("is done"), "{}", ran.text);
    world.write("untidy", "x");
    world.run(&["run"]).expect(3);
    let ran = world.run(&["resume"]).expect(2);
    assert!(ran.text.contains("has no branch"), "{}", ran.text);
}

#[cfg(debug_assertions)]
#[test]
fn moving_runs_in_and_out_of_the_archive_survives_a_kill() {
    for n in 1..9 {
        let world = killed_in_b();
        world.write("untidy", "x");
        let fault = format!("file:{n}");
        world.run_with_fault(&fault, &["run"]);
        world.run(&["run"]).expect(3);
        std::fs::remove_file(world.root().join("untidy")).unwrap();
        world.run_with_fault(&fault, &["resume"]);
        if world.run(&["resume"]).code() == Some(2) {
            assert!(world.run(&["verify"]).code() == Some(0), "{fault}");
        }
        world.run(&["verify"]).expect(0);
        world.assert_clean(&fault);
        assert!(!world.out(".history/unknown").exists(), "{fault}");
    }
}
