//! One harness at a time: who comes second is told who is there, and what the dead left in the
//! lock's file keeps nobody out.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod run_world;

use std::fs::File;
use std::io::Write;

use run_world::{RunWorld, Spec};

const A: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);

/// A lock that this process holds, with `text` in its file.
fn held(world: &RunWorld, text: &str) -> File {
    let mut file = File::create(world.root().join(".git/auditrun.lock")).unwrap();
    file.lock().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn info(pid: u32, start: u64, boot: &str, command: &str) -> String {
    serde_json::json!({
        "pid": pid, "start_ticks": start, "boot_id": boot,
        "started_at": "2026-01-02T03:04:05.000Z", "command": ["auditrun", command],
    })
    .to_string()
}

#[test]
fn who_comes_second_is_told_who_holds_it() {
    let world = RunWorld::new(&[A]);
    for holder in ["run", "resume", "clean", "report"] {
        let _held = held(&world, &info(4321, 1, "b", holder));
        for second in [&["run"][..], &["resume"], &["clean", "--yes"], &["report"]] {
            let ran = world.run(second).expect(2);
            for word in [&format!("`auditrun {holder}`"), "process 4321", "2026-01-02T03:04:05"] {
                assert!(ran.text.contains(word), "{second:?}: {}", ran.text);
            }
        }
        let shown = world.run(&["clean", "--dry-run"]).expect(2);
        assert!(shown.text.contains("4321"), "{}", shown.text);
    }
    assert_eq!(world.branch(), None, "nothing was begun");
}

#[test]
fn a_resume_keeps_others_out_as_a_run_does() {
    let world = RunWorld::new(&[A]);
    assert!(cfg!(not(debug_assertions)) || world.run_with_fault("journal=captured:1", &["run"]).killed());
    let (up, go) = (world.agents().join("up"), world.agents().join("go"));
    world.script(
        "A",
        &format!(
            "touch {}; until test -e {}; do sleep 0.02; done; echo a > A.txt",
            up.display(),
            go.display()
        ),
    );
    let first = if world.branch().is_some() { "resume" } else { "run" };
    let child = world.start(&[first]);
    world.wait_until("A runs", || up.exists());
    for second in [&["run"][..], &["resume"], &["clean", "--yes"], &["report"]] {
        let ran = world.run(second).expect(2);
        let words = [format!("`auditrun {first}`"), child.id().to_string()];
        assert!(words.iter().all(|w| ran.text.contains(w)), "{}", ran.text);
    }
    std::fs::write(go, "").unwrap();
    run_world::Ran::from(child.wait_with_output().unwrap()).expect(0);
    world.assert_clean("afterwards");
}

#[test]
fn a_holder_that_can_not_be_read_is_still_a_holder() {
    let world = RunWorld::new(&[A]);
    for text in ["", "not json", "{\"pid\": \"x\"}", "\u{1b}[31mred"] {
        let _held = held(&world, text);
        let ran = world.run(&["run"]).expect(2);
        assert!(ran.text.contains("another auditrun") && !ran.text.contains('\u{1b}'), "{}", ran.text);
    }
}

#[test]
fn what_the_dead_left_keeps_nobody_out_and_harms_nobody() {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    // A program that has the number of the dead harness now, and one of its kind.
    let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    let left = [
        info(child.id(), 1, boot.trim(), "run"),
        info(child.id(), 0, "another-boot", "run"),
        info(4_194_304, 5, boot.trim(), "resume"),
        "garbage".repeat(1000),
        String::new(),
    ];
    for text in left {
        let world = RunWorld::new(&[A]);
        std::fs::write(world.root().join(".git/auditrun.lock"), &text).unwrap();
        let ran = world.run(&["run"]).expect(0);
        assert!(!ran.text.contains("was ended"), "{}", ran.text);
        world.assert_clean(&text);
    }
    assert!(child.try_wait().unwrap().is_none(), "it was let alone");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn clean_keeps_a_run_that_can_be_taken_up_and_shows_it() {
    let world = RunWorld::new(&[A]);
    let up = world.agents().join("up");
    world.script("A", &format!("touch {}; sleep 1000", up.display()));
    let mut child = world.start(&["run"]);
    world.wait_until("A runs", || up.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    let branch = world.branch().unwrap();
    for args in [&["clean", "--dry-run"][..], &["clean", "--yes"]] {
        let ran = world.run(args).expect(0);
        assert!(ran.text.contains("keep (it is not done, and `auditrun resume`"), "{}", ran.text);
    }
    assert_eq!(world.branch(), Some(branch));
    world.script("A", A.1);
    world.run(&["resume"]).expect(0);
    world.assert_clean("afterwards");
    world.run(&["clean", "--yes"]).expect(0);
    assert_eq!((world.branch(), world.git(&["for-each-ref", "refs/auditrun/"])), (None, String::new()));
}

#[test]
fn clean_leaves_a_gate_at_work_alone_and_removes_what_a_dead_one_left() {
    let world = RunWorld::new(&[A]);
    world.run(&["run"]).expect(0);
    let run = world.branch().unwrap().replace("refs/heads/audit/run-", "");
    let add = |pid: u32| {
        let dir = format!(".worktrees/audit-gate-{run}-{pid}");
        let reason = format!("auditrun gate {run} pid {pid}");
        world.git(&["worktree", "add", "-q", "--detach", "--lock", "--reason", &reason, &dir, "main"]);
        world.root().join(dir)
    };
    let (living, dead) = (add(std::process::id()), add(4_194_303));
    world.run(&["clean", "--yes"]).expect(0);
    assert!(living.exists() && !dead.exists());
}
