//! When a target is up to date and when not, with the reason that `--why` gives.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use std::os::unix::fs::{PermissionsExt, symlink};

use support::World;

const KDL: &str = r#"
target "gen" {
    param "mode" default="x"
    inputs "src/*.txt"
    outputs "out.txt"
    env { LEVEL "$LEVEL_FROM_OUTSIDE" }
    steps "cp src/a.txt out.txt; echo R''AN $mode"
}
target "after" {
    needs "gen"
    inputs "out.txt"
    steps "echo A''FTER"
}
"#;

fn world() -> World {
    let world = World::new();
    world.write("audit.kdl", KDL);
    world
}

/// Runs `gen`; true if its steps ran.
fn ran(world: &World, args: &[&str]) -> (bool, String) {
    ran_at(world, "1", args)
}

fn ran_at(world: &World, level: &str, args: &[&str]) -> (bool, String) {
    let all = [&["gen", "--why"], args].concat();
    let outcome = world.call_with(&[("LEVEL_FROM_OUTSIDE", level)], &all);
    outcome.exits(0);
    (outcome.out.contains("RAN"), outcome.err)
}

#[track_caller]
fn runs(world: &World, why: &str) {
    let (did, said) = ran(world, &[]);
    assert!(did && said.contains(why), "{why}: {said}");
    assert!(!ran(world, &[]).0, "and is up to date afterwards");
}

#[test]
fn every_kind_of_change_is_seen_and_named() {
    let world = world();
    runs(&world, "there is no earlier success");
    world.write("src/a.txt", "changed\n");
    runs(&world, "input src/a.txt changed");
    world.write("src/c.txt", "new\n");
    runs(&world, "input src/c.txt was added");
    world.remove("src/c.txt");
    runs(&world, "input src/c.txt was removed");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(world.repo.join("src/b.txt"), mode).unwrap();
    runs(&world, "input src/b.txt: mode");
    symlink("a.txt", world.repo.join("src/l.txt")).unwrap();
    runs(&world, "input src/l.txt was added");
    world.remove("out.txt");
    runs(&world, "output out.txt is missing");
    world.write("audit.kdl", KDL.replace("echo R''AN", "echo R''AN again"));
    runs(&world, "steps changed");
}

#[test]
fn params_variables_and_force_count() {
    let world = world();
    ran(&world, &[]);
    assert!(ran(&world, &["mode=y"]).1.contains("param mode: 'x' became 'y'"));
    assert!(ran(&world, &[]).0);
    assert!(ran_at(&world, "2", &[]).1.contains("variable LEVEL changed"));
    assert!(ran_at(&world, "2", &["--force"]).1.contains("forced"));
    assert!(!ran_at(&world, "2", &[]).0);
}

#[test]
fn a_write_of_the_same_size_and_time_is_seen() {
    let world = world();
    world.write("src/a.txt", "one\n");
    let path = world.repo.join("src/a.txt");
    let time = std::fs::metadata(&path).unwrap().modified().unwrap();
    ran(&world, &[]);
    world.write("src/a.txt", "two\n");
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert!(ran(&world, &[]).0);
}

#[test]
fn a_touch_without_a_change_is_none() {
    let world = world();
    ran(&world, &[]);
    world.write("src/a.txt", "a\n");
    assert!(!ran(&world, &[]).0);
}

#[test]
fn a_failure_drops_the_record() {
    let world = world();
    ran(&world, &[]);
    let failing = KDL.replace("echo R''AN $mode", "! test -e stop; echo R''AN $mode");
    world.write("audit.kdl", &failing);
    ran(&world, &[]);
    world.write("stop", "");
    world.write("src/a.txt", "other\n");
    world.call_with(&[("LEVEL_FROM_OUTSIDE", "1")], &["gen"]).exits(1);
    world.write("src/a.txt", "a\n");
    world.remove("stop");
    assert!(ran(&world, &[]).1.contains("there is no earlier success"));
}

#[test]
fn a_target_follows_what_it_needs() {
    let world = world();
    let after = || world.call_with(&[("LEVEL_FROM_OUTSIDE", "1")], &["after", "--why"]);
    after().exits(0).says(&["AFTER", "RAN"]);
    after().exits(0).says_nothing_of(&["AFTER", "RAN"]);
    world.write("src/b.txt", "b2\n");
    after().exits(0).says(&["AFTER", "need 'gen' changed"]);
}

#[test]
fn an_output_that_is_not_made_is_warned_about() {
    let world = World::new();
    world
        .write("audit.kdl", "target \"a\" { inputs \"src/a.txt\"; outputs \"never\"; steps \"echo R''AN\" }");
    world.call(&["a"]).exits(0).says(&["did not make its output never"]);
    world.call(&["a"]).exits(0).says(&["RAN"]);
}

#[test]
fn records_are_invisible_to_git() {
    let world = world();
    ran(&world, &[]);
    assert!(world.repo.join(".auditrun/targets.jsonl").exists());
    assert!(!world.git("status --porcelain --untracked-files=all").contains(".auditrun"));
}
