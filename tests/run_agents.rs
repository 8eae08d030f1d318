//! Agents that misbehave: what they say, how they end, what they do to git and to processes.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use serde_json::json;
use support::{World, program, write};

fn once(script: &str, touches: &[&str]) -> World {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.node("A").agent(script).touches(touches);
    world
}

/// The node lands although its agent did something odd; exactly `n` comes of it.
#[track_caller]
fn lands(script: &str) -> World {
    let mut world = once(script, &["n"]);
    world.build();
    let before = world.operators_own();
    world.run().exits(0);
    assert_eq!(world.log(), ["node(A): add A"]);
    assert_eq!(world.git(&format!("diff --name-only {} {}", world.base, world.branch())), "n");
    // Where no sandbox is, a ref that the agent made is reported and stays.
    let no_refs = |own: std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        own.into_iter().filter(|(k, _)| !k.contains("for-each-ref") && !k.contains("stash")).collect()
    };
    assert_eq!(no_refs(world.operators_own()), no_refs(before));
    world
}

#[test]
fn a_halt_fails_the_node_whatever_its_diff() {
    let mut world = once("echo 1 > n; echo 'HALT: the goal is unclear'", &["n"]);
    world.build();
    world.run().exits(4).says(&["HALT"]);
    assert_eq!(world.status("A"), "failed");
    assert!(world.reason("A").contains("the goal is unclear"), "{}", world.reason("A"));
}

#[test]
fn a_halt_counts_in_the_result_of_a_report_too() {
    let mut world = once(r#"echo 1 > n; echo '{"result": "HALT: no way", "turns": 1}'"#, &["n"]);
    world.build();
    world.run().exits(4);
    assert!(world.reason("A").contains("no way"), "{}", world.reason("A"));
}

#[test]
fn a_halt_in_the_middle_is_talk() {
    lands("echo 1 > n; echo looking; echo 'HALT: is what I would say'; echo 'but I did it'");
}

#[test]
fn an_exit_code_alone_is_not_trusted() {
    lands("echo 1 > n; exit 1");
    let mut world = once("exit 0", &["n"]);
    world.build();
    world.run().exits(4);
}

#[test]
fn the_time_limit_fails_the_node_and_is_named() {
    let mut world = once("echo 1 > n; sleep 86397", &["n"]);
    world.agent_kdl = "timeout \"1s\"".to_owned();
    world.build();
    world.run().exits(4);
    assert_eq!(world.status("A"), "failed");
    assert!(world.reason("A").contains("timeout"), "{}", world.reason("A"));
    assert_eq!(world.processes("sleep 86397"), [""; 0]);
}

#[test]
fn a_commit_of_its_own_changes_nothing() {
    lands("echo 1 > n; git add -A || true; git commit -qm mine || true");
}

#[test]
fn an_amend_changes_nothing() {
    lands("echo 1 > n; git add -A || true; git commit -q --amend -m mine || true");
}

#[test]
fn a_stash_leaves_what_is_in_the_files() {
    lands("echo 0 > n; git stash -u -q || true; echo 1 > n");
}

#[test]
fn another_branch_and_a_reset_change_nothing() {
    lands(
        "git checkout -q -b mine || true; echo 1 > n; git add n || true; git commit -qm x || true; git reset -q --soft HEAD~1 || true; git branch -D mine || true",
    );
}

#[test]
fn an_agent_that_removes_its_git_link_lands_all_the_same() {
    lands("rm -f .git; git init -q . 2>/dev/null || true; rm -rf .git; echo 1 > n");
}

#[test]
fn an_input_that_is_closed_early_is_no_error() {
    let mut world = World::new();
    world.node("A").touches(&["n"]).prompt(&"a long prompt\n".repeat(100_000));
    world.write_bundle();
    program(&world.agents, "agent.sh", "#!/bin/sh\nexec <&-\necho 1 > n\n");
    world.commit("base");
    world.base = world.git("rev-parse HEAD");
    world.run().exits(0);
}

#[test]
fn a_daemon_does_not_outlive_the_node() {
    let world = lands(
        "setsid sh -c 'sleep 86396' >/dev/null 2>&1 & (setsid sleep 86395 &) ; trap '' TERM; echo 1 > n",
    );
    assert_eq!((world.processes("sleep 86396"), world.processes("sleep 86395")), (vec![], vec![]));
}

#[test]
fn output_that_is_no_text_is_kept() {
    let world = lands("printf '\\000\\377\\033[31mred\\n'; echo 1 > n");
    assert!(world.text("runs/A/agent.log").contains("red"));
    assert!(!world.text("audit/report.md").contains('\u{1b}'));
}

#[test]
fn a_transcript_is_there_with_what_was_said_on_both_streams() {
    let world = lands("echo to-out; echo to-err >&2; echo 1 > n");
    let log = world.text("runs/A/agent.log");
    assert!(log.contains("to-out") && log.contains("to-err"), "{log}");
}

#[test]
fn the_prompt_is_the_preamble_and_the_file_as_it_is() {
    let mut world = World::new();
    world.node("A").touches(&["n", "src/**"]).prompt("odd \u{fffd} bytes & <tags>\r\nto the end");
    world.nodes[0].est(100);
    world.write_bundle();
    program(&world.agents, "agent.sh", "#!/bin/sh\ncat > n\n");
    world.commit("base");
    world.base = world.git("rev-parse HEAD");
    world.run().exits(0);
    let (got, file) = (world.landed("n"), world.read("docs/audit/prompts/A.md"));
    assert!(got.contains("read-only"), "{got}");
    let preamble = got.strip_suffix(file.trim_end()).expect("it ends with the file, unchanged");
    let order = [
        "A is there.",
        "Anything else changes.",
        "Before editing, restate (a) the success criterion and (b) the failure mode you must avoid in one sentence each. If you cannot, halt.",
        "do not commit",
        "src/**",
    ];
    let places: Vec<usize> =
        order.iter().map(|w| preamble.find(w).unwrap_or_else(|| panic!("{w}: {preamble}"))).collect();
    assert!(places.is_sorted(), "{places:?} {preamble}");
}

#[test]
fn the_environment_is_an_allow_list() {
    let mut world = World::new();
    world.kdl = "env { pass \"ASKED_FOR\"; CARGO_TERM_COLOR \"never\" }".to_owned();
    world.node("A").agent("env | sort > n").touches(&["n"]).est(1000).with("env", "NODE_OWN=yes");
    world.build();
    let env = [
        ("SECRET_TOKEN", "sesame-open-up"),
        ("SSH_AUTH_SOCK", "/run/agent"),
        ("DBUS_SESSION_BUS_ADDRESS", "x"),
        ("XDG_RUNTIME_DIR", "/run/u"),
        ("DOCKER_HOST", "d"),
        ("GIT_AUTHOR_NAME", "Mallory"),
        ("ASKED_FOR", "here"),
        ("LC_ALL", "C"),
        ("TZ", "Europe/Berlin"),
        ("GIT_DIR", "/nowhere"),
    ];
    let dir = world.repo.join(".git");
    let env: Vec<(&str, &str)> =
        env.iter().map(|(k, v)| (*k, if *k == "GIT_DIR" { dir.to_str().unwrap() } else { v })).collect();
    world.call_with(&env, &["run"]).exits(0);
    let seen = world.landed("n");
    for name in [
        "SECRET_TOKEN",
        "SSH_AUTH_SOCK",
        "DBUS_",
        "XDG_RUNTIME_DIR",
        "DOCKER_HOST",
        "GIT_AUTHOR_NAME",
        "GIT_DIR",
    ] {
        assert!(!seen.lines().any(|l| l.starts_with(name)), "{name} is passed on:\n{seen}");
    }
    for line in [
        "ASKED_FOR=here",
        "CARGO_TERM_COLOR=never",
        "NODE_OWN=yes",
        "LC_ALL=C",
        "TZ=Europe/Berlin",
        "AUDITRUN_ROLE=node",
        "AUDITRUN_NODE_ID=A",
        "AUDITRUN_ATTEMPT=1",
    ] {
        assert!(seen.lines().any(|l| l == line), "{line} is not there:\n{seen}");
    }
    for name in [
        "AUDITRUN_RUN_ID=",
        "AUDITRUN_WORKTREE=/",
        "AUDITRUN_PROMPT_FILE=/",
        "AUDITRUN_BUNDLE=/",
        "AUDITRUN_PORT_BASE=",
        "GIT_CEILING_DIRECTORIES=",
        "TMPDIR=/",
        "TMP=/",
        "TEMP=/",
        "HOME=",
        "PATH=",
    ] {
        assert!(seen.lines().any(|l| l.starts_with(name)), "{name} is not there:\n{seen}");
    }
}

#[test]
fn a_prompt_may_come_as_a_file_or_as_an_argument() {
    for (via, body) in [
        ("file", "cp $AUDITRUN_PROMPT_FILE n"),
        ("arg", "for a; do last=$a; done; printf '%s' \"$last\" > n"),
    ] {
        let mut world = World::new();
        world.agent_kdl = format!("prompt via=\"{via}\"");
        world.node("A").touches(&["n"]).est(100);
        world.write_bundle();
        program(&world.agents, "agent.sh", format!("#!/bin/sh\n{body}\n"));
        world.commit("base");
        world.run().exits(0);
        assert!(world.landed("n").contains("A is there."), "{via}");
    }
}

#[test]
fn an_argument_past_128_kib_is_refused() {
    let mut world = once("true", &["n"]);
    world.agent_kdl = "prompt via=\"arg\"".to_owned();
    world.nodes[0].prompt(&"x".repeat(200_000));
    world.build();
    let outcome = world.run();
    assert!([3, 4, 5].contains(&outcome.code), "{outcome:?}");
    outcome.says(&["128"]);
}

/// A world whose agent is a `claude` that prints a transcript.
fn claude(script: &str, deadlines: &str) -> World {
    let mut world = World::new();
    program(&world.agents, "claude", format!("#!/bin/sh\ncat > /dev/null\n{script}\n"));
    write(&world.agents, "ok.jsonl", include_str!("fixtures/transcripts/claude-success.jsonl"));
    write(
        &world.agents,
        "denied.jsonl",
        include_str!("fixtures/transcripts/claude-permission-denied-rc0.jsonl"),
    );
    world.kdl = format!(
        "remediation 0\nagent \"claude\" adapter=\"claude\" {{ command \"{}/claude\"; {deadlines} }}\nroles {{ node \"claude\" }}",
        world.agents.display()
    );
    world.node("A").touches(&["n"]);
    world.build();
    world
}

#[test]
fn a_streaming_agent_is_measured_by_its_result() {
    let world = claude("echo 1 > n; cat ${0%/*}/ok.jsonl", "");
    world.run().exits(0);
    let agent = world.verification("A")["agent"].clone();
    assert!(agent.to_string().contains("session"), "{agent}");
    let text = world.text("audit/metrics.json");
    assert!(text.contains("\"cost_usd\""), "{text}");
}

#[test]
fn silence_past_the_first_output_s_deadline_is_its_own_verdict() {
    let world = claude("echo 1 > n; sleep 86394", "first-output \"1s\"");
    world.run().exits(4);
    assert_eq!(world.status("A"), "failed");
    assert_eq!(world.reason("A"), "the agent was ended at its deadline 'first_output'");
    assert_eq!(world.processes("sleep 86394"), [""; 0]);
}

#[test]
fn a_stall_is_its_own_verdict() {
    let world = claude("echo 1 > n; head -n 1 ${0%/*}/ok.jsonl; sleep 86393", "stall \"1s\"");
    world.run().exits(4);
    assert!(world.reason("A").contains("stall"), "{}", world.reason("A"));
}

#[test]
fn a_permission_denied_with_nothing_done_fails_for_all_its_exit_0() {
    let world = claude("cat ${0%/*}/denied.jsonl", "");
    world.run().exits(4);
    assert_eq!(world.status("A"), "failed");
}

#[test]
fn an_agent_that_is_not_there_is_told_before_any_branch() {
    let mut world = once("true", &["n"]);
    world.kdl +=
        "\nagent \"ghost\" adapter=\"exec\" { command \"no-such-program-7\" }\nroles { node \"ghost\" }";
    world.build();
    world.run().exits(3).says(&["no-such-program-7", "ghost"]);
    assert_eq!(world.branch(), "");
}

/// A limit that resets at once, as a service would say it; what the refused try used is on the bill.
#[test]
fn a_try_that_met_a_rate_limit_is_made_again_and_counts() {
    let mut world = World::new();
    let mark = world.agents.join("tried");
    let script = format!(
        "if test -e {0}; then echo 1 > n; echo '{{\"input_tokens\": 20, \"cost_usd\": 0.5}}'; else touch {0}; \
         echo '{{\"input_tokens\": 90, \"cost_usd\": 0.25}}'; echo 'rate limit: try again in 0s' >&2; exit 75; fi",
        mark.display()
    );
    world.node("A").agent(&script).touches(&["n"]);
    // The script leaves its mark outside of the worktree.
    world.kdl += "\nsandbox \"off\"";
    world.build();
    world.run().exits(0);
    let agent = world.verification("A")["agent"].clone();
    assert_eq!((&agent["retries"], &agent["exit_code"]), (&json!(1), &json!(0)), "{agent}");
    assert_eq!(agent["metrics"]["input_tokens"], 110, "{agent}");
    assert_eq!(agent["metrics"]["cost_usd"], 0.75, "{agent}");
    assert_eq!(world.iteration()["iteration"], 1, "no further dispatch");
}
