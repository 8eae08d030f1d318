//! What may happen to a repository between a crash and its resume: moved, copied, looked at,
//! its journal or its worktrees replaced by something else.
#![cfg(all(target_os = "linux", debug_assertions))]
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests.

mod run_world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use run_world::{Ran, RunWorld, Spec};

const A: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
const B: Spec = Spec("B", "echo b > B.txt", "test -f B.txt", &["A"]);

fn between() -> RunWorld {
    let world = RunWorld::new(&[A, B]);
    assert!(world.run_with_fault("journal=dispatched:2", &["run"]).killed());
    world
}

/// A command in another directory than the world's repository.
fn in_dir(world: &RunWorld, dir: &Path, args: &[&str]) -> Ran {
    world.auditrun(args).current_dir(dir).output().unwrap().into()
}

fn shell(world: &RunWorld, script: &str) {
    let ran = world.command("sh").args(["-ec", script]).output().unwrap();
    assert!(ran.status.success(), "{script}: {}", String::from_utf8_lossy(&ran.stderr));
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => drop(found.insert(path.clone(), std::fs::read(path).unwrap())),
        }
    }
    found
}

/// The attempt that was cut off is kept by a ref.
#[track_caller]
fn assert_rescued(world: &RunWorld) {
    let kept =
        world.git(&["for-each-ref", "--format=%(refname)", "refs/auditrun/**/X/attempt-1-iteration-*"]);
    assert_eq!(world.git(&["show", &format!("{kept}:X.txt")]), "half");
}

#[test]
fn a_repository_that_was_moved_goes_on_where_it_is_now() {
    let world = RunWorld::half_done();
    let (here, away) = (world.root(), world.path().join("away"));
    std::fs::rename(&here, &away).unwrap();
    let ran = in_dir(&world, &away, &["resume"]).expect(0);
    assert!(ran.text.contains("was registered at another place"), "{}", ran.text);
    std::fs::rename(&away, &here).unwrap();
    assert_rescued(&world);
    world.run(&["verify"]).expect(0);
    world.assert_clean("moved");
}

#[test]
fn a_copy_goes_on_without_touching_what_it_was_copied_from() {
    let whole = "cp -r . ../copy";
    for (args, copy) in [
        (&["resume"][..], whole),
        (&["clean", "--yes", "--force"], whole),
        (&["run"], whole),
        (&["resume"], "cp -r . ../copy; rm -r ../copy/.worktrees"),
    ] {
        let world = RunWorld::half_done();
        let before = (files(&world.root().join(".worktrees")), files(&world.root().join(".git/worktrees")));
        shell(&world, copy);
        in_dir(&world, &world.path().join("copy"), args).expect(0);
        let after = (files(&world.root().join(".worktrees")), files(&world.root().join(".git/worktrees")));
        assert!(before == after, "{args:?} in a copy changed the original");
        world.run(&["resume"]).expect(0);
        assert_rescued(&world);
        world.assert_clean(copy);
    }
}

#[test]
fn repositories_with_one_place_for_worktrees_leave_each_others_alone() {
    for copy in ["cp -r . ../copy; rm -r ../copy/.git/worktrees", "cp -r . ../copy"] {
        let world = RunWorld::new(&[A, B]);
        world.configure("worktree { root \"../trees\"; }");
        assert!(world.run_with_fault("journal=captured:2", &["run"]).killed());
        let trees = world.path().join("trees");
        let before = files(&trees);
        shell(&world, copy);
        let there = world.path().join("copy");
        in_dir(&world, &there, &["resume"]).expect(0);
        in_dir(&world, &there, &["clean", "--yes", "--force"]).expect(0);
        assert!(before == files(&trees) && !before.is_empty(), "{copy}");
        world.run(&["resume"]).expect(0);
        assert!(files(&trees).is_empty(), "{copy}");
        world.assert_clean(copy);
    }
}

#[test]
fn damaged_registrations_leave_nothing_behind() {
    for damage in [
        "for admin in .git/worktrees/*; do echo garbage > $admin/gitdir; done",
        "rm .git/worktrees/*/HEAD",
        "rm -r .git/worktrees",
        "rm -r .worktrees",
        "for tree in .worktrees/*; do rm $tree/.git; done",
        "for tree in .worktrees/*; do echo 'gitdir: /nowhere/at/all' > $tree/.git; done",
    ] {
        let world = between();
        shell(&world, damage);
        world.run(&["resume"]).expect(0);
        world.run(&["verify"]).expect(0);
        world.assert_clean(damage);
    }
}

#[test]
fn a_branch_that_is_checked_out_is_not_moved() {
    let world = between();
    let branch = world.branch().unwrap().replace("refs/heads/", "");
    let head = world.git(&["rev-parse", &branch]);
    world.git(&["checkout", "-q", &branch]);
    let ran = world.run(&["resume"]).expect(3);
    assert!(ran.text.contains("is checked out in") && ran.text.contains("git switch"), "{}", ran.text);
    assert_eq!(
        (world.git(&["rev-parse", "HEAD"]), world.git(&["status", "--porcelain"])),
        (head, String::new())
    );
    world.git(&["checkout", "-q", "--detach", &branch]);
    world.run(&["resume"]).expect(0);
    world.run(&["verify"]).expect(0);
}

#[test]
fn what_stands_in_the_journals_place_is_named_and_nothing_hangs() {
    let journal = "docs/audit/runs/events.jsonl";
    let cases = [
        (format!("rm {journal}; mkfifo {journal}"), "a pipe or a device"),
        (format!("rm {journal}; mkdir {journal}"), "a directory"),
        (format!("mv {journal} ../away; ln -s \"$PWD/../away\" {journal}"), "a symbolic link"),
        (format!("rm {journal}; ln -s /dev/zero {journal}"), "a symbolic link"),
        (format!("sed -i 's/$/\\r/' {journal}"), "and 2"),
    ];
    for (damage, said) in cases {
        let world = between();
        shell(&world, &damage);
        let ran = world.run(&["resume"]).expect(2);
        // However the message is wrapped.
        let text = ran.text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(said) && text.contains("help:"), "{damage}: {text}");
        if !damage.starts_with("sed") {
            world.run(&["status"]).expect(2);
        }
        world.run(&["clean", "--yes"]).expect(0);
        assert!(world.branch().is_some(), "clean kept what is nowhere else");
        // What can't be read is archived as it is.
        world.run(&["run"]).expect(0);
        world.run(&["verify"]).expect(0);
    }
}

#[test]
fn nothing_is_written_through_links_and_no_pipe_is_waited_for() {
    for damage in [
        "mkdir ../away; ln -s \"$PWD/../away\" docs/audit/runs/B",
        "mkdir ../away; ln -s \"$PWD/../away\" docs/audit/runs/A/attempt-2",
        "mkdir ../away; ln -s \"$PWD/../away\" docs/audit/audit",
        "mkdir ../away; rm -f docs/audit/runs/.dag-patterns.jsonl; mkfifo docs/audit/runs/.dag-patterns.jsonl",
    ] {
        let world = between();
        shell(&world, damage);
        for words in [&["resume"][..], &["report"]] {
            let ran = world.run(words).expect(2);
            assert!(ran.text.contains("neither a file nor a directory"), "{damage}: {}", ran.text);
        }
        assert_eq!(std::fs::read_dir(world.path().join("away")).unwrap().count(), 0, "{damage}");
        // A new run moves it aside with the rest.
        world.run(&["run"]).expect(0);
        world.run(&["verify"]).expect(0);
        assert_eq!(std::fs::read_dir(world.path().join("away")).unwrap().count(), 0, "{damage}");
    }
}

#[test]
fn an_empty_journal_is_no_run() {
    let world = between();
    std::fs::write(world.out("runs/events.jsonl"), "").unwrap();
    for words in [&["status"][..], &["resume"]] {
        let ran = world.run(words).expect(2);
        assert!(ran.text.contains("the last run ended before it had begun"), "{}", ran.text);
    }
}

#[test]
fn a_pruning_gc_takes_nothing_that_a_resume_needs() {
    let prune = "git reflog expire --expire=now --all; git gc -q --prune=now; git pack-refs --all";
    // The answer is journalled, the branch does not hold it yet.
    let world = RunWorld::new(&[A, B]);
    world.bundle(&[A, B], "- **Q-1**: what is it?\n  - files: README.md\n");
    let answer = serde_json::json!({
        "question_id": "Q-1", "evidence_paths": ["README.md"], "proposed_answer": "a test",
        "confidence": 0.9, "contradicts": [],
    });
    world.script("resolver", &format!("echo '{answer}'"));
    world.script("arbiter", "echo '{\"contradicts\": [], \"why\": \"none\"}'");
    world.commit("a question");
    assert!(world.run_with_fault("git=moving a ref:1", &["run"]).killed());
    shell(&world, prune);
    world.run(&["resume"]).expect(0);
    assert_eq!(world.subjects().len(), 3, "{:?}", world.subjects());
    // A correction is.
    let world = RunWorld::new(&[A, Spec("B", "echo no > B.txt", "grep -q yes B.txt", &["A"])]);
    world.configure("remediation 0");
    world.run(&["run"]).expect(4);
    world.bundle(&[A, Spec("B", "echo yes > B.txt", "grep -q yes B.txt", &["A"])], "");
    world.commit("corrected");
    assert!(world.run_with_fault("git=moving a ref:1", &["resume", "--bundle-from", "HEAD"]).killed());
    shell(&world, prune);
    world.run(&["resume"]).expect(0);
    // A landing is announced, and its attempt failed once.
    let script = "test $AUDITRUN_ATTEMPT = 1 || echo yes > A.txt; echo a >> A.txt";
    for fault in ["git=moving a ref:1", "journal=remediation:1", "journal=captured:2"] {
        let world = RunWorld::new(&[Spec("A", script, "grep -q yes A.txt", &[])]);
        assert!(world.run_with_fault(fault, &["run"]).killed());
        shell(&world, prune);
        world.run(&["resume"]).expect(0);
        world.run(&["verify"]).expect(0);
        world.assert_clean(fault);
    }
}

#[test]
fn what_a_killed_auditor_had_is_removed() {
    let world = RunWorld::new(&[A]);
    let mut living = Command::new("sleep").arg("1000").spawn().unwrap();
    let add = |pid: u32| {
        let (dir, reason) = (format!(".worktrees/audit-qa-{pid}"), format!("auditrun qa pid {pid}"));
        world.git(&["worktree", "add", "-q", "--detach", "--lock", "--reason", &reason, &dir, "main"]);
        world.root().join(dir)
    };
    let (used, left) = (add(living.id()), add(4_194_303));
    let ran = world.run(&["clean", "--yes"]).expect(0);
    assert!(ran.text.contains("audit-qa-4194303"), "{}", ran.text);
    assert!(used.exists() && !left.exists());
    living.kill().unwrap();
    living.wait().unwrap();
    world.run(&["clean", "--yes"]).expect(0);
    assert!(!used.exists());
}
