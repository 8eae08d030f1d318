//! `auditrun demo` as somebody runs it who has just built it: no identity, no configuration.
#![allow(clippy::unwrap_used)] // Helpers of tests fail as they do.

mod support;

use std::process::Command;

use support::{Outcome, World};

/// The program outside of any repository, in a home with nothing in it.
fn demo(world: &World, args: &[&str]) -> Command {
    let home = world.around().join("bare-home");
    let tmp = home.join("tmp");
    std::fs::create_dir_all(&tmp).unwrap();
    let mut call = world.command(&["demo"]);
    call.args(args).current_dir(world.around()).env("HOME", home).env("TMPDIR", tmp);
    call
}

fn end(call: &mut Command) -> Outcome {
    Outcome::of(call.output().unwrap())
}

#[test]
fn a_demo_needs_nothing_and_says_where_everything_is() {
    let world = World::empty();
    let ended = end(&mut demo(&world, &["demo-here"]));
    ended.exits(0);
    let place = world.around().join("demo-here");
    let fingerprint = std::fs::read_to_string(place.join("docs/audit/audit-report.fingerprint")).unwrap();
    for what in [place.to_str().unwrap(), fingerprint.trim(), "audit/run-", "audit-report.md", "report.html"]
    {
        assert!(ended.out.contains(what), "{what} is not in\n{}", ended.out);
    }
    for next in ["cd ", "auditrun status", "auditrun verify", "auditrun graph"] {
        assert!(ended.out.contains(next), "{next} is not in\n{}", ended.out);
    }
    // Progress is on standard error, and one attempt is seen to be refused.
    assert!(ended.err.contains("README.md (not covered by touches)"), "{}", ended.err);
    for args in [&["verify"][..], &["gate", "--base", "main"], &["status"], &["graph"]] {
        world.call_in(&place, args).exits(0);
    }
}

#[test]
fn a_demo_without_a_place_takes_a_temporary_one() {
    let world = World::empty();
    let ended = end(&mut demo(&world, &[]));
    ended.exits(0);
    let line = ended.out.lines().find(|l| l.trim_start().starts_with("repository")).unwrap();
    let place = std::path::Path::new(line.split_whitespace().last().unwrap());
    assert!(place.starts_with(world.around().join("bare-home/tmp")), "{}", place.display());
    assert!(place.join("docs/audit/audit-report.json").is_file());
}

#[test]
fn the_environment_of_a_hook_does_not_lead_astray() {
    let world = World::empty();
    world.write("file", "x");
    world.commit("base");
    let before = world.operators_own();
    let git = world.repo.join(".git");
    let mut call = demo(&world, &["demo-here"]);
    call.env("GIT_DIR", &git).env("GIT_INDEX_FILE", git.join("index")).env("GIT_WORK_TREE", &world.repo);
    end(&mut call).exits(0);
    assert_eq!(world.operators_own(), before);
    assert_eq!(world.git("for-each-ref refs/heads/audit"), "");
}

#[test]
fn hostile_configuration_changes_nothing() {
    let world = World::empty();
    let home = world.around().join("bare-home");
    std::fs::create_dir_all(home.join("hooks")).unwrap();
    let config = format!(
        "[core]\n\tautocrlf = true\n\thooksPath = {0}\n\texcludesFile = {0}/ignore\n\tfileMode = false\n\
         [commit]\n\tgpgSign = true\n[user]\n\tuseConfigOnly = true\n[init]\n\ttemplateDir = {0}\n\tdefaultBranch = trunk\n",
        home.join("hooks").display()
    );
    std::fs::write(home.join(".gitconfig"), config).unwrap();
    std::fs::write(home.join("hooks/ignore"), "*.md\ntools/\n").unwrap();
    end(&mut demo(&world, &["demo-here"])).exits(0);
}

#[test]
fn a_place_that_is_taken_is_refused() {
    let world = World::empty();
    world.write("file", "mine");
    end(&mut demo(&world, &["repo"])).exits(2).says(&["is not empty"]).says(&["help:"]);
    end(&mut demo(&world, &["repo/file"])).exits(2).says(&["repo/file"]);
    end(&mut demo(&world, &["--bundle", "x"])).exits(2).says(&["a repository of its own"]);
    assert_eq!(std::fs::read(world.repo.join("file")).unwrap(), b"mine");
}

#[test]
fn json_is_events_and_nothing_else() {
    let world = World::empty();
    let ended = end(&mut demo(&world, &["demo-here", "--format", "json"]));
    ended.exits(0);
    let types: Vec<String> = ended
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types.first().map(String::as_str), Some("run_started"));
    assert!(types.iter().any(|t| t == "proof"), "{types:?}");
}
