//! Places that can't be written to: a clear error with a remedy, nothing lost, and the run goes
//! on when they can be.
#![cfg(all(target_os = "linux", debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // Helpers of tests fail as tests do.

#[path = "support/mounts.rs"]
mod mounts;
mod run_world;

use std::path::{Path, PathBuf};
use std::process::Command;

use run_world::{Ran, RunWorld, Spec};

fn world() -> RunWorld {
    RunWorld::new(&[
        Spec("A", "echo a > A.txt", "test -f A.txt", &[]),
        Spec("B", "echo b > B.txt", "test -f B.txt", &["A"]),
    ])
}

/// The command where nothing below `dir` can be written; `None`: nobody can have that here.
fn tried(mut command: Command, dir: &Path) -> Option<Ran> {
    mounts::read_only(&mut command, dir);
    mounts::possible().then(|| command.output().unwrap().into())
}

#[track_caller]
fn refuses(ran: &Ran, what: &str) {
    assert_eq!(ran.code(), Some(7), "{what}: {}", ran.text);
    assert!(ran.text.contains("help: make that place writable"), "{what}: {}", ran.text);
    assert!(!ran.text.contains("panicked"), "{what}: {}", ran.text);
}

/// Everything that git shows and every artifact, by name and content.
fn everything(world: &RunWorld) -> (String, Vec<(PathBuf, Vec<u8>)>) {
    let refs = world.git(&["for-each-ref"]) + &world.git(&["status", "--porcelain", "--ignored"]);
    let mut files = Vec::new();
    let mut dirs = vec![world.out("")];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => dirs.push(path),
                path => files.push((path.clone(), std::fs::read(path).unwrap())),
            }
        }
    }
    files.sort();
    (refs, files)
}

#[test]
fn a_run_that_may_not_write_says_so_and_changes_nothing() {
    let world = world();
    for place in [world.root().join(".git"), world.out(""), world.root(), world.tmp()] {
        let before = everything(&world);
        let Some(ran) = tried(world.auditrun(&["run"]), &place) else { return };
        refuses(&ran, &place.display().to_string());
        world.wait_until("no process is left", || world.processes().is_empty());
        assert_eq!(everything(&world), before, "{}", place.display());
    }
    world.run(&["run"]).expect(0);
    world.run(&["verify"]).expect(0);
    world.assert_clean("after all of them");
}

#[test]
fn a_run_that_finds_out_half_way_is_taken_up() {
    for name in ["objects", "refs/heads", "worktrees"] {
        let world = world();
        let place = world.root().join(".git").join(name);
        std::fs::create_dir_all(&place).unwrap();
        let Some(ran) = tried(world.auditrun(&["run"]), &place) else { return };
        if name == "refs/heads" {
            // git does not say why it could not make a directory there.
            assert_eq!(ran.code(), Some(7), "{}", ran.text);
        } else {
            refuses(&ran, name);
        }
        world.wait_until("no process is left", || world.processes().is_empty());
        match world.branch() {
            Some(_) => world.run(&["resume"]).expect(0),
            None => world.run(&["run"]).expect(0),
        };
        world.run(&["verify"]).expect(0);
        world.assert_clean(name);
    }
}

#[test]
fn a_resume_that_may_not_write_loses_nothing_and_goes_on_later() {
    for fault in ["journal=landed:1", "git=moving a ref:1", "file=verification.json:1"] {
        let world = world();
        assert!(world.run_with_fault(fault, &["run"]).killed());
        world.wait_until("its programs are gone", || world.processes().is_empty());
        for place in [world.root().join(".git"), world.out(""), world.tmp()] {
            let Some(ran) = tried(world.auditrun(&["resume"]), &place) else { return };
            refuses(&ran, &format!("{fault}: {}", place.display()));
        }
        world.run(&["resume"]).expect(0);
        world.run(&["verify"]).expect(0);
        world.assert_clean(fault);
    }
}

#[test]
fn what_only_reads_works_where_nothing_can_be_written() {
    let world = world();
    world.run(&["run"]).expect(0);
    for words in [&["status"][..], &["verify"], &["check"], &["run", "--dry-run"], &["graph"]] {
        let Some(ran) = tried(world.auditrun(words), &world.root()) else { return };
        assert_eq!(ran.code(), Some(0), "{words:?}: {}", ran.text);
    }
    // The gate lays the branch out in a worktree, preflight writes its reports.
    let writers =
        [&["gate", "--base", "main"][..], &["preflight"], &["clean", "--yes", "--force"], &["report"]];
    for words in writers {
        let Some(ran) = tried(world.auditrun(words), &world.root()) else { return };
        refuses(&ran, words[0]);
    }
    world.run(&["verify"]).expect(0);
}
