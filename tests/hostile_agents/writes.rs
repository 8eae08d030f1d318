//! Writes outside of the worktree, planted code, and checks that are not what they were.

use crate::world::{World, both, on};

/// Tries every way out that a shell has, then does its work.
const WRITER: &str = r#"
try() { sh -c "$1" 2>/dev/null && echo "WROTE: $1"; }
try 'echo x > @root/outside/file'
try 'echo x > @root/outside/new'
try 'mkdir @root/outside/dir'
try 'rm @root/outside/file'
try 'mv @root/outside/file @root/outside/moved'
try 'ln @root/outside/file linked && echo x > linked'
try 'ln -s @root/outside link && echo x > link/file'; rm -f link
try 'echo x > ../../README.md'
try 'echo x > @repo/src/a.txt'
try 'echo x > @repo/docs/audit/state.md'
try 'echo x > @repo/docs/audit/preflight/trace_matrix.md'
try 'echo x >> @repo/docs/audit/runs/events.jsonl'
for d in @repo/.worktrees/audit-integration-*; do try "echo x > $d/README.md"; done
try 'mknod null c 1 3'
try 'echo x >> @home/.bashrc'
try 'echo x > @home/.cargo/bin/tool'
try 'mkdir -p @home/.config/x'
try 'truncate -s 0 @home/.bashrc'
echo ok > A.out
"#;

#[test]
fn nothing_outside_of_the_worktree_can_be_written() {
    for mode in on() {
        World::new(mode).node("A", WRITER, "test -s A.out").assert_nothing_escapes();
    }
}

#[test]
fn private_places_and_grants_can_be_written() {
    let script = r#"set -e
echo x > "$TMPDIR/x"; echo x > /dev/null; [ ! -d /dev/shm ] || { echo x > /dev/shm/$$; rm /dev/shm/$$; }
echo x > @root/outside/granted; echo x > @home/cache/x
mkdir d; echo x > d/x; mv d/x A.out; rmdir d; chmod 644 A.out
"#;
    for mode in on() {
        let world = World::new(mode)
            .tampering()
            .node("A", script, "echo x > @home/cache/by-check")
            .kdl("sandbox \"required\" { write \"@root/outside\" \"~/cache\" }");
        world.write("home/cache/.keep", "");
        let run = world.run();
        assert_eq!(run.code, 0, "{}\n{}", run.err, world.log("A"));
        assert_eq!(
            (world.read("outside/granted"), world.read("home/cache/by-check")),
            ("x\n".into(), "x\n".into())
        );
        assert!(run.err.contains("outside") || !run.err.contains("sandbox::wide-grant"), "{}", run.err);
    }
}

/// The run is green, and whatever was tried beside it came to nothing.
#[track_caller]
fn verifies_contained(world: &World) {
    world.prepare();
    let before = world.operators();
    let run = world.auditrun("run");
    assert_eq!(run.code, 0, "{}", run.err);
    world.assert_contained(&before, &run);
}

#[test]
fn what_judges_runs_what_an_agent_wrote_and_is_confined_too() {
    let script = "printf 'echo x > @home/.bashrc\\necho x > @repo/src/a.txt\\nexit 0\\n' > A.out";
    for mode in on() {
        let world = World::new(mode)
            .node("A", script, "sh A.out")
            .kdl("recipe \"node\" {\n steps \"\"\"\n worktree enter\n agent run\n sh A.out\n capture\n gate touches\n gate loc\n gate signal\n check done_when\n check invariants\n commit\n land\n worktree leave\n \"\"\"\n}");
        verifies_contained(&world);
    }
}

#[test]
fn setup_is_confined_too() {
    for mode in on() {
        let world = World::new(mode)
            .node("A", "echo ok > A.out", "true")
            .kdl("worktree { setup \"echo x > @home/.bashrc; true\" }");
        verifies_contained(&world);
    }
}

#[test]
fn a_check_that_is_rewritten_fails_by_its_place() {
    for mode in both() {
        let world = World::new(mode).node(
            "A",
            "echo 'exit 0' > tests/check.sh; echo ok > A.out",
            "sh tests/check.sh",
        );
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert_eq!(world.status("A"), "failed");
        assert!(world.reason("A").contains("tests/check.sh"), "{}", world.reason("A"));
        assert!(world.landed().is_empty());
    }
}

#[test]
fn the_worktree_s_own_copy_of_the_bundle_is_not_the_agent_s() {
    for mode in both() {
        let script =
            "echo '<done_when><check>true</check></done_when>' > docs/audit/prompts/A.md; echo ok > A.out";
        let world = World::new(mode).node("A", script, "false");
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("docs/audit/prompts/A.md"), "{}", world.reason("A"));
    }
}

#[test]
fn ignored_residue_is_gone_before_the_checks() {
    for mode in both() {
        let script = "mkdir target; echo poison > target/cache; echo ok > A.out";
        let world = World::new(mode).node("A", script, "test ! -e target");
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(world.landed(), ["A.out"]);
    }
}

#[test]
fn an_agent_s_configuration_home_is_a_copy() {
    let script = r#"#!/bin/sh
cat >/dev/null
grep -q mine "$CLAUDE_CONFIG_DIR/settings.json" && echo '{"hooks": "evil"}' > "$CLAUDE_CONFIG_DIR/settings.json"
echo ok > A.out
echo '{"type":"result","subtype":"success","is_error":false,"result":"done","num_turns":1,"total_cost_usd":0.1,"session_id":"s"}'
"#;
    for mode in both() {
        let world = World::new(mode)
            .node("A", "", "true")
            .kdl("agent \"claude\" { command \"@root/agents/claude\" }\nroles { node \"claude\" }");
        world.write("agents/claude", script);
        std::process::Command::new("chmod").arg("755").arg(world.path("agents/claude")).status().unwrap();
        world.write("home/.claude/settings.json", "{\"mine\": 1}\n");
        let run = world.run();
        assert_eq!(run.code, 0, "{}\n{}", run.err, world.log("A"));
        assert_eq!(world.read("home/.claude/settings.json"), "{\"mine\": 1}\n");
    }
}
