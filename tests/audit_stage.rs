//! The audit stage runs after every end of a run and says why; the diagnostic agent that it asks
//! on a failure only reads, is bounded, and is replaced by what the records say.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of a test fail by panicking.

mod run_world;

use run_world::{Ran, RunWorld, Spec};
use serde_json::Value;

const GOOD: Spec = Spec("A", "echo a > A.txt", "test -f A.txt", &[]);
const BAD: Spec = Spec("A", "echo a > A.txt", "sh -c 'echo error: boom >&2; exit 3'", &[]);

/// What the diagnostic agent does.
fn diagnostic(world: &RunWorld, script: &str) {
    world.script("diagnostic", script);
}

fn configure(world: &RunWorld, more: &str) {
    let text = std::fs::read_to_string(world.root().join("audit.kdl")).unwrap();
    world.write("audit.kdl", &format!("{text}\n{more}\n"));
    world.commit("settings");
}

/// A world whose one node fails at once.
fn failing() -> RunWorld {
    let world = RunWorld::new(&[BAD]);
    configure(&world, "remediation 0");
    world
}

const ANSWER: &str = r#"echo '{"error_summary":"it went boom","root_cause":"the check says so","evidence":["evidence/failures.json"],"remediation_steps":["mend it"],"prevention":["test it"]}'"#;

#[track_caller]
fn stage_ran(world: &RunWorld) -> Value {
    let events = world.events();
    let last = events.last().unwrap().clone();
    assert_eq!(last["type"], "stage_finished", "the stage's own line is the last");
    for file in ["report.md", "report.html", "metrics.json", "junit.xml", "trace.json"] {
        assert!(world.out(&format!("audit/{file}")).is_file(), "{file}");
        assert!(last["files"].get(format!("audit/{file}")).is_some(), "{file}");
    }
    for file in last["files"].as_object().unwrap().keys() {
        assert!(world.out(file).is_file(), "{file} is vouched for and not there");
    }
    last
}

fn diagnosis(world: &RunWorld) -> Value {
    world.json("audit/diagnosis.json")
}

#[test]
fn after_success_there_is_nothing_to_diagnose() {
    let world = RunWorld::new(&[GOOD]);
    diagnostic(&world, &format!("touch {}/asked", world.agents().display()));
    world.run(&["run"]).expect(0);
    stage_ran(&world);
    assert!(world.text("audit/report.md").contains("complete and proven"));
    for file in ["diagnosis.json", "failures.json", "issue.json", "issue.md"] {
        assert!(!world.out(&format!("audit/{file}")).exists(), "{file}");
    }
    assert!(!world.agents().join("asked").exists());
}

#[test]
fn an_agent_s_diagnosis_is_a_hypothesis_beside_what_the_records_say() {
    let world = failing();
    diagnostic(&world, ANSWER);
    world.run(&["run"]).expect(4);
    let last = stage_ran(&world);
    assert!(
        last["files"].get("audit/diagnosis.json").is_some()
            && last["files"].get("audit/diagnostic.log").is_some()
    );
    let told = diagnosis(&world);
    assert_eq!((told["source"].as_str(), told["hypothesis"].as_bool()), (Some("agent"), Some(true)));
    assert_eq!(told["root_cause"], "the check says so");
    assert!(told["deterministic"]["error_summary"].as_str().unwrap().contains("error: boom"), "{told}");
    let markdown = world.text("audit/diagnosis.md");
    assert!(
        markdown.contains("**Hypothesis** of agent `fake`") && markdown.contains("error: boom"),
        "{markdown}"
    );
    assert!(world.text("audit/report.md").contains("**Hypothesis** of agent `fake`"));
    let metrics = world.json("audit/metrics.json");
    assert_eq!(metrics["totals"]["by_role"]["diagnostic"]["invocations"], 1, "its cost is counted");
    assert!(world.text("audit/issue.md").contains("| diagnostic |"), "the issue's report counts it, too");
    let failures = world.json("audit/failures.json");
    assert_eq!(failures["failures"][0]["what"], "check sh -c 'echo error: boom >&2; exit 3'");
    // The stage alone asks nobody again, and the same report made again is no news.
    let journal = world.text("runs/events.jsonl");
    world.run(&["report"]).expect(0);
    assert_eq!(world.text("runs/events.jsonl"), journal);
    assert_eq!(world.json("audit/metrics.json")["totals"]["by_role"]["diagnostic"]["invocations"], 1);
    assert_eq!(diagnosis(&world)["source"], "agent");
}

#[test]
fn it_reads_the_files_at_the_head_the_evidence_and_the_logs() {
    let world = failing();
    diagnostic(
        &world,
        &format!(
            "test \"$(cat repository/README.md)\" = hello; test -f evidence/runs/A/agent.log; grep -q boom evidence/failures.json; test -f {}; {ANSWER}",
            world.out("runs/A/verification.json").display()
        ),
    );
    world.run(&["run"]).expect(4);
    assert_eq!(diagnosis(&world)["source"], "agent", "{}", world.text("audit/diagnostic.log"));
}

#[test]
fn it_can_neither_write_nor_read_what_is_not_its_business() {
    let world = failing();
    let (root, agents) = (world.root(), world.agents());
    std::fs::write(world.path().join("private.txt"), "mine").unwrap();
    diagnostic(
        &world,
        &format!(
            "set +e\n(echo x > repository/README.md) 2>/dev/null && echo wrote > {a}/broken\n(echo x > {r}/README.md) 2>/dev/null && echo wrote > {a}/broken\n(echo x > {r}/docs/audit/runs/A/agent.log) 2>/dev/null && echo wrote > {a}/broken\ncat {p} >/dev/null 2>&1 && echo read > {a}/broken\necho tried > {a}/tried\n{ANSWER}",
            a = agents.display(),
            r = root.display(),
            p = world.path().join("private.txt").display(),
        ),
    );
    world.run(&["run"]).expect(4);
    assert!(agents.join("tried").exists(), "{}", world.text("audit/diagnostic.log"));
    if !auditrun::process::sandbox::support().available() {
        return;
    }
    assert!(!agents.join("broken").exists(), "{}", std::fs::read_to_string(agents.join("broken")).unwrap());
    assert_eq!(diagnosis(&world)["source"], "agent");
    assert_eq!(world.git(&["status", "--porcelain"]), "");
}

#[test]
fn one_that_writes_without_a_sandbox_is_found_out() {
    let world = failing();
    let text = std::fs::read_to_string(world.root().join("audit.kdl")).unwrap();
    world.write("audit.kdl", &text.replace("sandbox \"auto\"", "sandbox \"off\""));
    world.commit("off");
    diagnostic(&world, &format!("echo x > repository/README.md\n{ANSWER}"));
    let ran = world.run(&["run"]).expect(4);
    let told = diagnosis(&world);
    assert_eq!(told["source"], "deterministic");
    assert!(told["stand_in"].as_str().unwrap().contains("it may only read, and changed"), "{told}");
    assert!(ran.text.contains("no diagnosis by agent 'fake'"), "{}", ran.text);
}

#[test]
fn a_bad_answer_is_sent_back_once_and_then_the_records_stand_in() {
    let world = failing();
    diagnostic(
        &world,
        &format!("echo call >> {}/calls\necho '{{\"error_summary\": \"half\"}}'", world.agents().display()),
    );
    let ran = world.run(&["run"]).expect(4);
    let calls = std::fs::read_to_string(world.agents().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 2);
    let told = diagnosis(&world);
    assert_eq!(told["source"], "deterministic");
    assert!(told["stand_in"].as_str().unwrap().contains("root_cause"), "{told}");
    assert_eq!(told["error_summary"], told["deterministic"]["error_summary"]);
    assert!(world.text("audit/report.md").contains("gave no diagnosis"));
    assert!(ran.text.contains("no diagnosis by agent 'fake'"), "{}", ran.text);
}

#[test]
fn one_that_is_not_there_is_asked_once() {
    let world = failing();
    let text = std::fs::read_to_string(world.root().join("audit.kdl")).unwrap();
    let absent = "agent \"absent\" adapter=\"exec\" { command \"no-such-program\" }\nroles { diagnostic \"absent\" }\n";
    world.write("audit.kdl", &format!("{text}\n{absent}"));
    world.commit("absent");
    let ran = world.run(&["run"]).expect(4);
    assert_eq!(ran.text.matches("asking agent 'absent'").count(), 1, "{}", ran.text);
    let told = diagnosis(&world);
    assert!(told["stand_in"].as_str().unwrap().contains("not found on PATH"), "{told}");
}

#[test]
fn one_that_fails_or_runs_out_of_time_is_replaced() {
    let world = failing();
    diagnostic(&world, "exit 1");
    world.run(&["run"]).expect(4);
    assert_eq!(diagnosis(&world)["source"], "deterministic");

    let world = failing();
    let text = std::fs::read_to_string(world.root().join("audit.kdl")).unwrap();
    configure(
        &world,
        &format!(
            "agent \"slow\" adapter=\"exec\" {{\n    command \"{}\"\n    timeout \"1s\"\n}}\nroles {{ diagnostic \"slow\" }}",
            world.agents().join("agent.sh").display()
        ),
    );
    assert!(!text.contains("roles"));
    diagnostic(&world, &format!("echo call >> {}/calls\nexec sleep 60", world.agents().display()));
    world.run(&["run"]).expect(4);
    let told = diagnosis(&world);
    assert!(told["stand_in"].as_str().unwrap().contains("timeout"), "{told}");
    assert_eq!(told["agent"], "slow");
    let calls = std::fs::read_to_string(world.agents().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 1, "it would use up its time again");
}

#[test]
fn diagnose_false_asks_nobody() {
    let world = failing();
    configure(&world, "audit { diagnose #false }");
    diagnostic(&world, &format!("touch {}/asked\n{ANSWER}", world.agents().display()));
    world.run(&["run"]).expect(4);
    stage_ran(&world);
    assert!(!world.agents().join("asked").exists());
    let told = diagnosis(&world);
    assert_eq!((told["source"].as_str(), told["agent"].as_str()), (Some("deterministic"), None));
}

#[test]
fn after_a_split_the_stage_names_the_gate() {
    let world = RunWorld::new(&[Spec("A", "seq 1 5000 > A.txt", "test -f A.txt", &[])]);
    configure(&world, "audit { diagnose #false }");
    world.run(&["run"]).expect(4);
    stage_ran(&world);
    assert_eq!(world.json("audit/failures.json")["failures"][0]["what"], "gate loc");
    let told = diagnosis(&world);
    assert!(told["remediation_steps"][0].as_str().unwrap().contains("split"), "{told}");
}

#[test]
fn after_a_preflight_rejection_the_stage_names_the_problem() {
    let world = RunWorld::new(&[GOOD]);
    diagnostic(&world, ANSWER);
    std::fs::remove_file(world.out("prompts/A.md")).unwrap();
    world.commit("no prompt");
    world.run(&["run"]).expect(3);
    stage_ran(&world);
    assert_eq!(world.json("audit/failures.json")["failures"][0]["subject"], "preflight");
    assert_eq!(diagnosis(&world)["source"], "agent");
}

#[test]
fn after_a_bound_the_stage_names_the_bound() {
    let world = RunWorld::new(&[GOOD, Spec("B", "echo b > B.txt", "test -f B.txt", &["A"])]);
    configure(&world, "audit { diagnose #false }");
    let ran: Ran = world.auditrun(&["run", "--max-iterations", "1"]).output().unwrap().into();
    assert_ne!(ran.code(), Some(0), "{}", ran.text);
    stage_ran(&world);
    assert_eq!(world.json("audit/failures.json")["failures"][0]["what"], "bound max_iterations");
}

#[test]
fn after_an_interrupt_nobody_is_asked_and_nothing_is_sent() {
    let world = RunWorld::new(&[GOOD]);
    world.script("A", &format!("touch {}/started; exec sleep 60", world.agents().display()));
    diagnostic(&world, &format!("touch {}/asked\n{ANSWER}", world.agents().display()));
    let child = world.start(&["run"]);
    world.wait_until("the agent runs", || world.agents().join("started").exists());
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code(), Some(130), "{}", ran.text);
    stage_ran(&world);
    assert!(!world.agents().join("asked").exists());
    let told = diagnosis(&world);
    assert!(told["stand_in"].as_str().unwrap().contains("interrupt"), "{told}");
    assert!(told["error_summary"].as_str().unwrap().contains("interrupted"), "{told}");
    assert!(!world.out("audit/issue.json").exists());
}

#[test]
fn after_an_internal_error_the_stage_still_runs() {
    let world = RunWorld::new(&[GOOD]);
    configure(&world, "audit { diagnose #false }");
    let ran = world.run_with_fault("git:3:full", &["run"]).expect(7);
    stage_ran(&world);
    let failure = &world.json("audit/failures.json")["failures"][0];
    assert_eq!(failure["what"], "internal_error", "{}", ran.text);
    assert!(world.text("audit/report.md").contains("internal_error"));
}

#[test]
fn a_green_resume_takes_the_diagnosis_away() {
    let world = failing();
    diagnostic(&world, ANSWER);
    world.run(&["run"]).expect(4);
    assert!(world.out("audit/diagnosis.json").exists());
    world.bundle(&[GOOD], "");
    world.commit("mended");
    world.run(&["resume", "--bundle-from", "HEAD"]).expect(0);
    stage_ran(&world);
    for file in
        ["diagnosis.json", "diagnosis.md", "diagnostic.log", "failures.json", "issue.json", "issue.md"]
    {
        assert!(!world.out(&format!("audit/{file}")).exists(), "{file}");
    }
    world.run(&["verify"]).expect(0);
}
