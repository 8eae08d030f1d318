//! The ends that come from outside: signals to the harness, a kill, and the bound of time.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use std::process::Child;

use support::{World, after, wait_until};

/// A run whose agent sleeps for a number of seconds that marks it.
fn sleeping(script: &str, mark: &str) -> (World, Child) {
    let mut world = World::new();
    world.node("A").agent(script);
    world.build();
    let run = world.start(&["run"]);
    wait_until("the agent runs", || !world.processes(mark).is_empty());
    (world, run)
}

#[test]
fn a_termination_is_an_interrupt() {
    let (world, run) = sleeping("sleep 86001", "sleep 86001");
    world.sh(&format!("kill -TERM {}", run.id()));
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(world.processes("sleep 86001"), [""; 0]);
    assert_eq!(world.termination(), "interrupted");
}

#[test]
fn a_second_interrupt_ends_at_once_even_the_deaf() {
    let (world, run) = sleeping("trap '' TERM INT; while :; do sleep 86002; done", "sleep 86002");
    let id = run.id();
    world.sh(&format!("kill -INT {id}"));
    wait_until("the first one was heard", || world.text("runs/events.jsonl").contains("agent_started"));
    world.sh(&format!("sleep 0.5; kill -INT {id}"));
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(130));
    wait_until("its tree is gone", || world.processes("sleep 86002").is_empty());
}

#[test]
fn nothing_outlives_a_harness_that_is_killed() {
    let (world, mut run) = sleeping("(setsid sleep 86004 &); sleep 86003", "sleep 86003");
    run.kill().unwrap();
    run.wait().unwrap();
    wait_until("its tree is gone", || {
        world.processes("sleep 86003").is_empty() && world.processes("sleep 86004").is_empty()
    });
    // The lock went with it.
    world.call(&["clean", "--dry-run"]).exits(0);
}

#[test]
fn the_bound_of_time_ends_a_retest_and_never_a_landing() {
    let mut world = World::new();
    world.kdl = "bounds timeout=\"15s\"".to_owned();
    world.node("A").agent("echo 1 > x").touches(&["x"]);
    world
        .node("B")
        .agent(&format!("{}; echo 1 > y", after("A")))
        .touches(&["y"])
        .checks(&["if test -e x; then sleep 86005; fi"]);
    world.build();
    world.run().exits(5);
    assert_eq!((world.status("B"), world.termination()), ("cancelled".to_owned(), "timeout".to_owned()));
    assert_eq!(world.log(), ["node(A): add A"]);
    assert_eq!(world.processes("sleep 86005"), [""; 0]);
}
