//! Nothing that a target has started survives a failure, an interrupt, a timeout or the
//! death of the program itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use support::{Outcome, World, wait_until};

/// Starts two programs that would run for long, one in a session of its own, and says so.
const SLOW: &str = "sh -c 'setsid sleep MARK & sleep MARK & touch begun; wait'";

fn world(mark: &str, more: &str) -> World {
    let world = World::new();
    let slow = SLOW.replace("MARK", mark);
    world.write(
        "audit.kdl",
        format!(
            "grace \"1s\"\ntarget \"slow\" {{ {more}; steps {slow:?} }}\n\
        target \"bad\" {{ steps \"sh -c 'until test -e begun; do sleep 0.05; done; exit 3'\" }}\n"
        ),
    );
    world
}

/// Living programs that were called with `mark`.
fn left(mark: &str) -> usize {
    let dirs = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = dirs.filter_map(|d| std::fs::read(d.path().join("cmdline")).ok());
    lines.filter(|l| String::from_utf8_lossy(l).contains(&format!("sleep\0{mark}\0"))).count()
}

fn signalled(mark: &str, signal: Signal) -> (Outcome, usize) {
    let world = world(mark, "description \"d\"");
    let child: Child = world.start(&["slow"]);
    wait_until("both run", || world.repo.join("begun").exists() && left(mark) == 2);
    kill_process(Pid::from_child(&child), signal).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    if signal == Signal::KILL {
        wait_until("nothing is left", || left(mark) == 0);
    }
    (outcome, left(mark))
}

#[test]
fn an_interrupt_exits_130_and_ends_everything() {
    let (outcome, left) = signalled("98761", Signal::INT);
    outcome.exits(130).says(&["interrupted"]);
    assert_eq!(left, 0);
}

#[test]
fn a_termination_does_the_same() {
    let (outcome, left) = signalled("98762", Signal::TERM);
    outcome.exits(130);
    assert_eq!(left, 0);
}

#[test]
fn a_killed_program_leaves_nothing_behind() {
    let (_, left) = signalled("98763", Signal::KILL);
    assert_eq!(left, 0);
}

#[test]
fn a_failure_elsewhere_ends_everything() {
    let world = world("98764", "description \"d\"");
    world.call(&["-j2", "slow", "bad"]).exits(1).says(&["slow: cancelled: because of 'bad'"]);
    assert_eq!(left("98764"), 0);
}

#[test]
fn a_timeout_ends_everything() {
    let world = world("98765", "timeout \"1s\"");
    world.call(&["slow"]).exits(1).says(&["timed out after 1s"]);
    assert_eq!(left("98765"), 0);
}

/// Three that run for long, one that fails in their middle, and one that needs the failed one.
fn crowd(marks: [&str; 3]) -> World {
    let world = World::new();
    let mut kdl = "grace \"1s\"\n".to_owned();
    for (i, mark) in marks.iter().enumerate() {
        let slow = SLOW.replace("MARK", mark).replace("begun", &format!("begun{i}"));
        kdl += &format!("target \"slow{i}\" {{ steps {slow:?} }}\n");
    }
    let all = "sh -c 'until test -e begun0 -a -e begun1 -a -e begun2; do sleep 0.05; done; exit 3'";
    kdl += &format!(
        "target \"bad\" {{ steps {all:?} }}\ntarget \"after\" {{ needs \"bad\"; steps \"touch never\" }}\n"
    );
    world.write("audit.kdl", kdl);
    world
}

#[test]
fn a_failure_in_the_middle_of_many_is_said_last_and_leaves_nothing() {
    let marks = ["98771", "98772", "98773"];
    let world = crowd(marks);
    let outcome = world.call(&["-j4", "slow0", "slow1", "after", "slow2"]);
    outcome.exits(1).says(&["after: skipped: it needs 'bad', which failed"]);
    for slow in ["slow0", "slow1", "slow2"] {
        outcome.says(&[&format!("{slow}: cancelled: because of 'bad'")]);
    }
    assert!(outcome.err.trim_end().ends_with("target 'bad' failed: exit code 3"), "{outcome:?}");
    assert!(marks.iter().all(|mark| left(mark) == 0) && !world.repo.join("never").exists());
}

#[test]
fn an_interrupt_in_the_middle_of_many_leaves_nothing() {
    let marks = ["98781", "98782", "98783"];
    let world = crowd(marks);
    let child = world.start(&["-j3", "slow0", "slow1", "slow2", "after"]);
    wait_until("all run", || marks.iter().all(|mark| left(mark) == 2));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    outcome.exits(130).says_nothing_of(&["failed"]);
    assert!(outcome.err.trim_end().ends_with("interrupted"), "{outcome:?}");
    assert!(marks.iter().all(|mark| left(mark) == 0) && !world.repo.join("never").exists());
}

#[test]
fn an_interrupt_reaches_what_a_step_calls_inside() {
    let world = world("98791", "description \"d\"");
    world.write("more.kdl", "include \"audit.kdl\"\ntarget \"outer\" { steps \"auditrun slow\" }\n");
    let child = world.start(&["-f", "more.kdl", "outer"]);
    wait_until("both run", || left("98791") == 2);
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    Outcome::of(child.wait_with_output().unwrap()).exits(130);
    assert_eq!(left("98791"), 0);
}
