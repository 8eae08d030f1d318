//! `auditrun demo` as somebody runs it who has just built it: no identity, no configuration.

mod example_world;

use example_world::{Program, World};

/// The program outside of any repository, in a home with nothing in it.
fn demo(world: &World) -> Program {
    let bare = world.top().join("bare-home");
    Program::new(env!("CARGO_BIN_EXE_auditrun"), &bare).in_dir(world.top()).args(["demo"])
}

#[test]
fn a_demo_needs_nothing_and_says_where_everything_is() {
    let world = World::new();
    let ended = demo(&world).args(["demo-here"]).run().must_exit(0);
    let place = world.top().join("demo-here");
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
        Program::new(env!("CARGO_BIN_EXE_auditrun"), world.top())
            .in_dir(&place)
            .args(args)
            .run()
            .must_exit(0);
    }
}

#[test]
fn a_demo_without_a_place_takes_a_temporary_one() {
    let world = World::new();
    let ended = demo(&world).run().must_exit(0);
    let line = ended.out.lines().find(|l| l.trim_start().starts_with("repository")).unwrap();
    let place = std::path::Path::new(line.split_whitespace().last().unwrap());
    assert!(place.starts_with(world.top().join("bare-home/tmp")), "{}", place.display());
    assert!(place.join("docs/audit/audit-report.json").is_file());
}

#[test]
fn the_environment_of_a_hook_does_not_lead_astray() {
    let world = World::new();
    world.write("file", "x");
    world.commit("base");
    let before = world.standing();
    let git = world.root().join(".git");
    demo(&world)
        .args(["demo-here"])
        .in_dir(world.root().parent().unwrap())
        .env("GIT_DIR", &git)
        .env("GIT_INDEX_FILE", git.join("index"))
        .env("GIT_WORK_TREE", world.root())
        .run()
        .must_exit(0);
    assert_eq!(world.standing(), before);
    assert_eq!(world.git(&["for-each-ref", "refs/heads/audit"]), "");
}

#[test]
fn hostile_configuration_changes_nothing() {
    let world = World::new();
    let home = world.top().join("bare-home");
    std::fs::create_dir_all(home.join("hooks")).unwrap();
    let config = format!(
        "[core]\n\tautocrlf = true\n\thooksPath = {0}\n\texcludesFile = {0}/ignore\n\tfileMode = false\n\
         [commit]\n\tgpgSign = true\n[user]\n\tuseConfigOnly = true\n[init]\n\ttemplateDir = {0}\n\tdefaultBranch = trunk\n",
        home.join("hooks").display()
    );
    std::fs::write(home.join(".gitconfig"), config).unwrap();
    std::fs::write(home.join("hooks/ignore"), "*.md\ntools/\n").unwrap();
    demo(&world).args(["demo-here"]).run().must_exit(0);
}

#[test]
fn a_place_that_is_taken_is_refused() {
    let world = World::new();
    world.write("file", "mine");
    demo(&world).args(["repository"]).run().must_exit(2).must_say("is not empty").must_say("help:");
    demo(&world).args(["repository/file"]).run().must_exit(2).must_say("repository/file");
    demo(&world).args(["--bundle", "x"]).run().must_exit(2).must_say("a repository of its own");
    assert_eq!(std::fs::read(world.root().join("file")).unwrap(), b"mine");
}

#[test]
fn json_is_events_and_nothing_else() {
    let world = World::new();
    let ended = demo(&world).args(["demo-here", "--format", "json"]).run().must_exit(0);
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
