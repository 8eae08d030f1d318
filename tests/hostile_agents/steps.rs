//! Programs of the recipe, and the shell in a kept worktree: what an agent wrote runs there
//! too.

use std::os::unix::fs::PermissionsExt;

use crate::world::{Sandbox, World, alive, both, on};

/// A recipe with one more statement after the agent.
fn recipe(step: &str) -> String {
    format!(
        "recipe \"node\" {{\n steps \"\"\"\n worktree enter\n agent run\n {step}\n capture\n gate touches\n gate loc\n gate signal\n check done_when\n check invariants\n commit\n land\n \"\"\"\n}}"
    )
}

#[test]
fn what_a_step_leaves_behind_is_ended_and_named() {
    for (mode, mark) in both().into_iter().zip(["71050", "71051"]) {
        let script = format!("echo '(setsid sleep {mark} </dev/null >/dev/null 2>&1 &)' > A.out");
        let world = World::new(mode).node("A", &script, "true").kdl(&recipe("sh A.out"));
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        assert!(world.verdict("A")["notes"].to_string().contains(mark), "{}", world.verdict("A")["notes"]);
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

#[test]
fn a_step_is_bounded_like_a_check() {
    for (mode, mark) in both().into_iter().zip(["71052", "71053"]) {
        let endless = format!("echo 'while :; do setsid sleep {mark} & sleep 0.01; done' > A.out");
        let kdl = format!("process-limit 20\n{}", recipe("sh A.out | cat"));
        let world = World::new(mode).node("A", &endless, "true").kdl(&kdl);
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("process-limit"), "{}", world.reason("A"));
        assert_eq!(alive(mark), Vec::<String>::new());
    }
    for mode in both() {
        let kdl = format!("check-timeout \"500ms\"\ngrace \"200ms\"\n{}", recipe("sh A.out"));
        let world = World::new(mode)
            .node("A", "echo 'trap \"\" TERM; while :; do sleep 9; done' > A.out", "true")
            .kdl(&kdl);
        let run = world.run();
        assert_eq!(run.code, 4, "{}", run.err);
        assert!(world.reason("A").contains("check-timeout"), "{}", world.reason("A"));
        let kdl = format!("disk-limit \"4MiB\"\n{}", recipe("sh A.out"));
        let flood = "echo 'while :; do head -c 500000 /dev/zero >> big; sleep 0.01; done' > A.out";
        let world = World::new(mode).node("A", flood, "true").kdl(&kdl);
        assert_eq!(world.run().code, 4);
        assert!(world.reason("A").contains("disk-limit"), "{}", world.reason("A"));
    }
}

#[test]
fn steps_are_connected_as_before() {
    for mode in both() {
        let step = "sh A.out | sort -r > $RUN_DIR/sorted\n test \"$(sh A.out | wc -l)\" = 2\n yes | head -n 1\n sh none || note it failed";
        let world = World::new(mode).node("A", "echo 'seq 2' > A.out", "true").kdl(&recipe(step));
        let run = world.run();
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(world.artifact("runs/A/sorted"), "2\n1\n");
        assert!(world.verdict("A")["notes"].to_string().contains("it failed"));
    }
}

#[test]
fn a_shell_in_a_kept_worktree_has_the_node_s_environment_and_its_sandbox() {
    let script = "env | sort > A.out; exit 0";
    for mode in both() {
        let world =
            World::new(mode).env("OPERATORS_OWN", "x").env("SSH_AUTH_SOCK", "/x").node("A", script, "false");
        assert_eq!(world.run().code, 4);
        let kept = world.git("worktree list --porcelain");
        let kept = kept
            .lines()
            .find_map(|l| l.strip_prefix("worktree ").filter(|l| l.contains("audit-0-A")))
            .unwrap()
            .to_owned();
        let shell = world.path("agents/shell.sh");
        world.write(
            "agents/shell.sh",
            "#!/bin/sh\nenv | sort > shown\ncat \"$AUDITRUN_PROMPT_FILE\" > prompt\necho x > \"$TMPDIR/x\" && echo PRIVATE\necho x > \"$HOME/.bashrc\" 2>/dev/null && echo WROTE\ncat \"$HOME/.ssh/id\" 2>/dev/null\npwd\n",
        );
        std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut call = world.call("shell A");
        call.env("SHELL", &shell);
        let ended = world.end(call);
        assert_eq!(ended.code, 0, "{}", ended.err);
        assert!(ended.out.contains("PRIVATE") && ended.out.contains(&kept), "{}", ended.out);
        assert_eq!(ended.out.contains("WROTE"), mode == Sandbox::Off, "{}", ended.out);
        assert_eq!(ended.out.contains("PRIVATE-KEY"), mode == Sandbox::Off, "{}", ended.out);
        assert!(
            ended.err.contains(if mode == Sandbox::On { "in the sandbox" } else { "without a sandbox" }),
            "{}",
            ended.err
        );
        let own = |name: &str| std::fs::read_to_string(format!("{kept}/{name}")).unwrap();
        let (agent, mine) = (own("A.out"), own("shown"));
        let names = |text: &str| {
            text.lines()
                .filter_map(|l| Some(l.split_once('=')?.0.to_owned()))
                .filter(|n| {
                    !["PWD", "OLDPWD", "SHLVL", "_"].contains(&n.as_str())
                        && !n.starts_with("AUDITRUN_TOKEN")
                        && n != "SHELL"
                })
                .collect::<Vec<_>>()
        };
        let (given, shown) = (names(&agent), names(&mine));
        assert!(
            given.iter().all(|name| shown.contains(name) || name.contains("SUPERVIS")),
            "{given:?}\n{shown:?}"
        );
        assert!(!mine.contains("OPERATORS_OWN") && !mine.contains("SSH_AUTH_SOCK"), "{mine}");
        let same = |name: &str| {
            let line =
                |text: &str| text.lines().find(|l| l.starts_with(&format!("{name}="))).map(str::to_owned);
            assert_eq!(line(&agent), line(&mine), "{name}");
        };
        for name in [
            "AUDITRUN_ROLE",
            "AUDITRUN_RUN_ID",
            "AUDITRUN_NODE_ID",
            "AUDITRUN_ATTEMPT",
            "AUDITRUN_WORKTREE",
            "AUDITRUN_BUNDLE",
            "AUDITRUN_PORT_BASE",
            "GIT_CEILING_DIRECTORIES",
        ] {
            same(name);
        }
        assert!(
            own("prompt").contains("Success: A is there.") && own("prompt").contains("<done_when>"),
            "{}",
            own("prompt")
        );
    }
}

#[test]
fn setup_is_under_a_supervisor_too() {
    for mode in on() {
        let mark = "71054";
        let world = World::new(mode)
            .node("A", "echo ok > A.out", "true")
            .kdl(&format!("worktree {{ setup \"setsid sleep {mark} & true\" }}"));
        assert_eq!(world.run().code, 0);
        assert_eq!(alive(mark), Vec::<String>::new());
    }
}

/// Redirections and file commands of a recipe are the harness's own, and in no sandbox.
#[test]
fn a_link_that_an_agent_left_leads_no_redirection_out() {
    let script = "ln -s @home/.bashrc out; ln -s @home door; ln -s @home/.ssh/id in; ln -s @root/outside/new new; echo ok > A.out";
    for mode in both() {
        for step in [
            "echo x > out",
            "echo x >> new",
            "echo x > door/.bashrc",
            "cp A.out door/copy",
            "rm -r door/notes",
            "cat < in",
            "cd door",
        ] {
            let world = World::new(mode).node("A", script, "true").kdl(&recipe(step));
            let run = world.run();
            assert_eq!(run.code, 4, "{step}: {}", run.err);
            let why = world.artifact("runs/A/steps.log");
            assert!(why.contains("leads out of the worktree"), "{step}: {why}");
        }
    }
}
