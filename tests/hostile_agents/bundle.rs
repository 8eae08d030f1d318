//! Ids and paths of a bundle that would lead out of their places: refused before anything
//! starts, and nothing is made or changed anywhere. A language model may have written them.

use std::os::unix::fs::symlink;

use crate::world::{Sandbox, World, both};

/// A bundle of one node that would be fine, with an agent that says that it ran.
fn world(mode: Sandbox) -> World {
    World::new(mode).node("A", "echo x > @root/tmp/ran; echo ok > A.out", "test -s A.out")
}

/// Puts `to` in the place of `from` in a file of the bundle, commits, and asserts that `run` and
/// `preflight` refuse it with words that hold `says`, having started and changed nothing.
#[track_caller]
fn refused(file: &str, from: &str, to: &str, says: &str) {
    let world = world(Sandbox::Off);
    world.prepare();
    let name = format!("repo/docs/audit/{file}");
    let text = world.read(&name);
    assert!(text.contains(from), "{text}");
    world.write(&name, &text.replace(from, to));
    world.git("commit -qam hostile");
    refuses(&world, says, to);
}

#[track_caller]
fn refuses(world: &World, says: &str, what: &str) {
    let before = world.operators();
    for command in ["run", "preflight", "check"] {
        let run = world.auditrun(command);
        assert_eq!(run.code, 3, "{command}: {what:?}: {}", run.err);
        assert!(run.err.contains(says), "{command}: {what:?}: {}", run.err);
        assert!(!run.err.contains('\u{1b}') && !run.err.contains('\u{202e}'), "{}", run.err);
        world.assert_contained(&before, &run);
        world.assert_nothing_left();
    }
    assert_eq!(world.git("branch --list audit/*"), "", "{what:?}");
}

#[test]
fn an_id_is_never_a_way_to_another_place() {
    for id in [
        "../up",
        "../../../../tmp/up",
        "/etc/passwd",
        "a/b",
        "a\\b",
        ".git",
        ".hidden",
        "-rf",
        "--force",
        "a..b",
        "HEAD.lock",
        "dot.",
        "A@{1}",
        "A^",
        "A~1",
        "A?B",
        "A*",
        "$(touch x)",
        "`touch x`",
        "A;touch",
        "A\u{1b}[2J",
        "A\u{202e}B",
        "A\u{0}B",
        "\u{41}\u{301}",
        "А", // A letter of another script.
        "events.jsonl",
        &"x".repeat(65),
    ] {
        refused("graph.md", "### A: add A", &format!("### {id}: add A"), "docs/audit/");
    }
}

#[test]
fn two_ids_that_one_file_system_takes_for_one_are_refused() {
    let twin = "### a: add a\n- touches: `a.out`\n- estimated_loc: 1\n- closes: D-A\n\n### A: add A";
    refused("graph.md", "### A: add A", twin, "letter case");
}

#[test]
fn a_path_of_the_graph_stays_in_the_repository() {
    for path in [
        "/etc/passwd",
        "../outside/file",
        "src/../../outside/file",
        "./../outside/**",
        "{../outside,src}/file",
        ".git/config",
        ".GIT/config",
        "sub/.git/hooks/pre-commit",
        "{.git,src}/config",
        ".git",
        "docs/audit/state.md",
        "docs/audit/runs/**",
        "docs/audit/prompts/A.md",
        ".worktrees/B/x",
    ] {
        refused("graph.md", "- touches: `A.out`", &format!("- touches: `{path}`"), "touches");
        let hotspot = format!("- touches: `A.out`\n- hotspot_files: `{path}`");
        refused("graph.md", "- touches: `A.out`", &hotspot, "hotspot");
    }
}

#[test]
fn a_question_cites_nothing_outside() {
    for path in ["/etc/passwd", "../outside/file", "src/../../home/.ssh/id", ".git/config"] {
        let question = format!("## Open questions\n- **Q-1**: what?\n  - files: `{path}`\n");
        refused("state.md", "## Open questions\n", &question, "files");
    }
}

#[test]
fn files_of_the_bundle_that_are_links_are_not_followed() {
    for name in ["state.md", "graph.md", "prompts/A.md", "prompts"] {
        let world = world(Sandbox::Off);
        world.prepare();
        let place = world.repo().join("docs/audit").join(name);
        let moved = world.path("outside/moved");
        std::fs::rename(&place, &moved).unwrap();
        symlink(&moved, &place).unwrap();
        world.git("add -A");
        world.git("commit -qm link");
        refuses(&world, "docs/audit", name);
    }
}

#[test]
fn a_bundle_outside_of_the_repository_is_refused() {
    let world = world(Sandbox::Off);
    world.prepare();
    std::fs::rename(world.repo().join("docs/audit"), world.path("outside/audit")).unwrap();
    symlink(world.path("outside/audit"), world.repo().join("docs/audit")).unwrap();
    world.git("add -A");
    world.git("commit -qm link");
    let before = world.operators();
    for words in ["run", "run --bundle ../outside/audit", "run --bundle docs/../../outside/audit"] {
        let run = world.auditrun(words);
        assert!([2, 3].contains(&run.code), "{words}: {}", run.err);
        assert!(run.err.contains("outside"), "{words}: {}", run.err);
        world.assert_contained(&before, &run);
    }
}

#[test]
fn a_pattern_for_everything_leaves_the_harness_s_own_files_out() {
    for own in ["docs/audit/graph.md", "docs/audit/prompts/B.md", "docs/audit/runs/A/verification.json"] {
        for mode in both() {
            let script = format!("mkdir -p $(dirname {own}); echo x >> {own}; echo ok > A.out");
            let world = World::new(mode).node("A", &script, "test -s A.out").with("- hotspots: src/**\n");
            world.prepare();
            let graph = world.read("repo/docs/audit/graph.md");
            world.write("repo/docs/audit/graph.md", &graph.replace("- touches: `A.out`", "- touches: `**`"));
            world.git("commit -qam everything");
            let before = world.operators();
            let run = world.auditrun("run");
            world.assert_contained(&before, &run);
            assert_eq!(run.code, 4, "{own}: {}", run.err);
            let outside = world.verdict("A")["diff_evidence"]["outside_touches"].to_string();
            assert!(outside.contains(own), "{own}: {outside}");
            assert!(world.landed().is_empty());
        }
    }
}
