//! Every exit code of a run, reached with the real binary, and what is recorded with it.
//! (6, the dependency deadlock, can't be reached from outside: preflight and the scheduler
//! exclude it. Its rule is tested beside the scheduler.)
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{World, wait_until};

#[test]
fn zero_is_verified_and_proven() {
    let world = World::with_one_node();
    world.run().exits(0);
    assert_eq!(world.status("A"), "verified");
    assert_eq!(world.termination(), "all_done");
    assert_eq!(world.text("audit-report.fingerprint"), format!("{}\n", world.fingerprint()));
}

#[test]
fn one_is_a_failed_proof() {
    let mut world = World::new();
    world.invariant("INV-1", &["test ! -e n"]);
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.build();
    // Nobody cites INV-1, so that only the proof sees it break.
    world.run().exits(1).says(&["INV-1"]);
    assert_eq!(world.status("A"), "verified");
    assert_eq!(world.termination(), "verification_failed");
    assert_eq!(world.iteration()["status"], "halted");
}

#[test]
fn two_is_usage_or_configuration() {
    let world = World::with_one_node();
    world.call(&["run", "--no-such-flag"]).exits(2);
    world.write("audit.kdl", "bundle \"docs/audit\"\nno-such-thing 1\n");
    world.run().exits(2).says(&["no-such-thing", "audit.kdl:2"]);
    assert_eq!(world.branch(), "");
}

#[test]
fn three_is_a_rejection() {
    let world = World::with_one_node();
    world.write("README.md", "changed\n");
    world.run().exits(3).says(&["README.md"]);
    assert_eq!(world.branch(), "");
    assert_eq!(world.termination(), "verification_failed");
}

#[test]
fn four_is_a_split_proposal() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["false"]);
    world.build();
    world.run().exits(4);
    assert_eq!(world.termination(), "self_critique_exhausted");
    assert_eq!(world.iteration()["iteration"], 3);
}

#[test]
fn four_is_an_open_question_too() {
    let mut world = World::new();
    world.question("Q-1", "what does it say?", "README.md").resolver(serde_json::json!({"confidence": 0.5}));
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.build();
    world.run().exits(4).says(&["Q-1", "state.md", "commit"]);
    assert_eq!(world.termination(), "open_question");
    assert!(!world.has("runs/A/verification.json") || world.status("A") != "verified");
}

#[test]
fn five_after_exactly_so_many_dispatches() {
    let mut world = World::new();
    for id in ["A", "B", "C"] {
        world.node(id).agent(&format!("echo 1 > {id}.out")).alone();
    }
    world.build();
    world.call(&["run", "--max-iterations", "2"]).exits(5);
    assert_eq!((world.termination(), world.log().len()), ("max_iterations".to_owned(), 2));
    world.call(&["run", "--max-iterations", "3"]).exits(0);
    assert_eq!(
        (world.termination(), world.iteration()["iteration"].clone()),
        ("all_done".to_owned(), 3.into())
    );
}

#[test]
fn five_when_remediation_uses_up_the_dispatches() {
    let mut world = World::new();
    world.node("A").agent("true").touches(&["a"]).attempt(3, "echo 1 > a");
    world.node("B").agent("echo 1 > B.out").deps(&["A"]);
    world.build();
    world.call(&["run", "--max-iterations", "3"]).exits(5).says(&["3"]);
    assert_eq!(world.termination(), "max_iterations");
    assert_eq!((world.iteration()["iteration"].clone(), world.log().len()), (3.into(), 1));
}

#[test]
fn five_when_the_time_is_up_and_the_agent_is_ended() {
    let mut world = World::new();
    world.kdl = "bounds timeout=\"8s\"".to_owned();
    world.node("A").agent("sleep 86399");
    world.build();
    world.run().exits(5);
    assert_eq!(world.termination(), "timeout");
    assert_eq!(world.status("A"), "cancelled");
    assert_eq!(world.processes("sleep 86399"), [""; 0]);
}

fn spender(bounds: &str, report: &str) -> World {
    let mut world = World::new();
    world.kdl = format!("bounds {bounds}");
    world.node("A").agent(&format!("echo 1 > A.out; echo '{report}'"));
    world.node("B").agent("echo 1 > B.out").deps(&["A"]);
    world.build();
    world
}

#[test]
fn five_when_the_money_is_spent() {
    let mut world = spender("cost-usd=0.5", r#"{"cost_usd": 0.75}"#);
    world.agent_kdl = "price { input 1.0; output 1.0 }".to_owned();
    world.build();
    world.run().exits(5);
    assert_eq!(world.termination(), "budget_exceeded");
    assert_eq!(world.log(), ["node(A): add A"], "what was running lands, nothing else starts");
}

#[test]
fn five_when_the_tokens_are_spent() {
    let world = spender("tokens=100", r#"{"input_tokens": 90, "output_tokens": 20}"#);
    world.run().exits(5).says(&["token"]);
    assert_eq!(world.termination(), "budget_exceeded");
}

#[test]
fn three_for_a_budget_that_nobody_can_measure() {
    let mut world = spender("cost-usd=0.5", "{}");
    support::program(&world.agents, "codex", "#!/bin/sh\n");
    world.kdl += &format!(
        "\nagent \"unpriced\" adapter=\"codex\" {{ command \"{}/codex\" }}\n",
        world.agents.display()
    );
    world.kdl += "roles { node \"unpriced\" }";
    world.build();
    world.run().exits(3).says(&["cost", "price", "unpriced"]);
}

#[test]
fn five_when_the_agent_cannot_be_had() {
    let mut world = World::new();
    world.agent_kdl = "retries 0".to_owned();
    world.node("A").agent("exit 75");
    world.node("B").deps(&["A"]);
    world.build();
    world.run().exits(5);
    assert_eq!(world.termination(), "agent_unavailable");
    assert_eq!((world.status("A"), world.status("B")), ("cancelled".into(), "blocked".into()));
    assert!(world.reason("B").contains('A'), "{}", world.reason("B"));
    assert_eq!(world.iteration()["last_outcome"], "skip");
}

#[test]
fn seven_when_somebody_else_moves_the_audit_branch() {
    let mut world = World::new();
    let git = format!("git -C {}", world.repo.display());
    let meddle = format!(
        "cd /; b=$({git} for-each-ref --format='%(refname)' refs/heads/audit/); \
         c=$({git} commit-tree $b^{{tree}} -p $b -m sneaky); {git} update-ref $b $c; echo 1 > $AUDITRUN_WORKTREE/n"
    );
    world.node("A").agent(&meddle).touches(&["n"]);
    // Inside the sandbox no agent could: this stands for anybody else on the machine.
    world.kdl += "\nsandbox \"off\"";
    world.build();
    world.run().exits(7).says(&["audit/run-"]);
    assert!(world.log() == ["sneaky"], "nothing is overwritten: {:?}", world.log());
}

#[test]
fn interrupted_ends_the_agent_and_can_be_resumed() {
    let mut world = World::new();
    world.node("A").agent("echo started > started; sleep 86398 & wait").touches(&["started"]);
    world.node("B").deps(&["A"]);
    world.build();
    let run = world.start(&["run"]);
    wait_until("the agent runs", || !world.processes("sleep 86398").is_empty());
    world.sh(&format!("kill -INT {}", run.id()));
    let outcome = support::Outcome::of(run.wait_with_output().unwrap());
    outcome.exits(130);
    assert_eq!(world.processes("sleep 86398"), [""; 0]);
    let state = world.iteration();
    assert_eq!(
        (state["status"].as_str(), state["termination_reason"].as_str()),
        (Some("halted"), Some("interrupted"))
    );
    assert_eq!(world.status("A"), "cancelled");
    assert!(world.has("audit/report.md"), "the audit stage ran");
    // The lock is free again.
    world.call(&["clean"]).says_nothing_of(&["held by"]);
}
