//! Whole audits by the command: scripted agents, real runs, the database, the page, and the way
//! from a proposal back to a run.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr};

use support::browser::Browser;
use support::{Outcome, World, wait_until};

const NAMES: [&str; 7] = [
    "coverage",
    "evidence_grounded",
    "causal_accuracy",
    "regression_sensitivity",
    "lesson_effectiveness",
    "actionability",
    "self_consistency",
];

fn evaluation(failing: &[&str]) -> String {
    let one = |name: &&str| match failing.contains(name) {
        true => {
            serde_json::json!({ "evaluation_name": name, "status": false, "what": "thin", "where": "Recommendations",
                                    "why": "no step" })
        }
        false => serde_json::json!({ "evaluation_name": name, "status": true }),
    };
    serde_json::json!({ "evaluations": NAMES.iter().map(one).collect::<Vec<_>>() }).to_string()
}

/// Roles that end at 100 % after one mutation, and propose one change of src/a.txt.
fn roles(world: &World) {
    let (bad, good) = (evaluation(&["actionability"]), evaluation(&[]));
    let evaluator = format!(
        "if grep -q '^- next step' \"$AUDITRUN_PROMPT_FILE\"; then cat <<'X'\n{good}\nX\nelse cat <<'X'\n{bad}\nX\nfi\n"
    );
    let proposal = serde_json::json!({ "title": "name a step", "section": "Recommendations", "change": "add it",
                                       "rationale": "somebody acts", "targets": ["actionability"] });
    let say = |value: serde_json::Value| format!("cat <<'X'\nthinking {{}}\n{value}\nX\n");
    world.role("evaluator", &evaluator);
    world.role("brainstormer", &say(serde_json::json!({ "proposals": [proposal, proposal, proposal] })));
    world.role("critic", &say(serde_json::json!({ "findings": [] })));
    let content = "1. **Investigation** (F-1): read what failed.\n- next step: read it today";
    world.role("mutator", &say(serde_json::json!({ "section": "Recommendations", "content": content })));
    world.role(
        "improver",
        &say(serde_json::json!({ "meta_slices": [{
            "target": "auditor", "target_component": "src/a.txt", "hypothesis": "a mark prevents the failure",
            "proposed_change": "Add the line 'audited' at the end of src/a.txt.", "evidence": ["F-1"],
            "verifier_command": "grep -q audited src/a.txt", "risk_level": "low" }] })),
    );
    world.role(
        "self_auditor",
        &say(serde_json::json!({ "dependencies": ["src/a.txt"], "side_effects": [], "verifier_sufficient": true,
                                 "notes": "fine" })),
    );
}

/// Three runs of one bundle: its node fails the same way twice, then it is done.
fn three_runs() -> World {
    let mut world = World::new();
    world.kdl =
        "remediation 0\nnotify { on \"meta-slice\" { run \"echo $URGENCY $META_SLICE > ../routed.txt\" } }\n"
            .to_owned();
    world.node("A").agent("echo x > n").touches(&["n"]).checks(&["grep -q done n"]);
    world.build();
    roles(&world);
    for _ in 0..2 {
        world.run().exits(4);
    }
    fs::write(world.agents.join("A.sh"), "echo done > n\n").unwrap();
    world.run().exits(0);
    world
}

/// The only working directory.
fn desk(world: &World) -> PathBuf {
    let dirs = fs::read_dir(&world.repo).unwrap().flatten().map(|e| e.path());
    let mut found: Vec<PathBuf> =
        dirs.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("auditor-")).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn audit(world: &World, scope: &[&str], more: &[&str]) -> Outcome {
    world.call(&[&["qa"], scope, &["--yes", "--decision"], more].concat())
}

#[test]
fn three_runs_are_audited_and_a_proposal_becomes_a_run() {
    let world = three_runs();
    let told = audit(&world, &["repo", "last", "5"], &["accept"]);
    told.exits(0).says(&[
        "I'll run a QA audit on repo last 5. Let me gather the execution data and build an audit corpus.",
        "Audit baseline: 86%",
        "Experiment 2: confirmation, 7/7 (100%), patience 10",
        "First audit for this scope -- baseline established.",
        "Audit accepted. Report saved. 1 meta-slices routed (0 low, 0 medium, 1 high).",
    ]);
    let desk = desk(&world);
    for name in [
        "dashboard.html",
        "results.tsv",
        "CHANGELOG.md",
        "audit-report-baseline.md",
        "audit-report-optimized.md",
        "meta-slice-1.json",
        "meta-slice-1.baseline.json",
        "meta-slice-1.self-audit.json",
    ] {
        assert!(desk.join(name).is_file(), "{name} is missing");
    }
    assert_eq!(fs::read_to_string(desk.join("results.tsv")).unwrap().lines().count(), 1 + 3 * 7);
    let report = fs::read_to_string(desk.join("audit-report-optimized.md")).unwrap();
    assert!(report.contains("### Critical (1)") && report.contains("2 slices failed at"), "{report}");
    let routed = fs::read_to_string(world.around().join("routed.txt")).unwrap();
    assert!(routed.starts_with("urgent /") && routed.trim_end().ends_with("/meta-slice-1.json"), "{routed}");
    assert!(!world.git("status --porcelain").contains("auditor-"));

    // A second audit of the same scope knows of the first.
    let other = audit(&world, &["repo", "last", "5"], &["dismiss"]);
    other.exits(0).says(&["Insufficient data: 1 earlier", "Audit dismissed. Nothing is kept."]);
    to_bundle_and_run(&world, &desk);
}

fn to_bundle_and_run(world: &World, desk: &std::path::Path) {
    let slice = desk.join("meta-slice-1.json");
    let id =
        serde_json::from_slice::<serde_json::Value>(&fs::read(&slice).unwrap()).unwrap()["meta_slice_id"]
            .as_str()
            .unwrap()[..8]
            .to_owned();
    let bundle = format!("docs/audit-{id}");
    let slice = slice.to_string_lossy();
    let made = world.call(&["qa", "to-bundle", &slice]);
    assert_eq!(made.exits(0).out.trim(), bundle);
    world.call(&["qa", "to-bundle", &slice]).exits(2).says(&["is there already", "--bundle"]);
    world.commit("carry out a proposal");
    world.call(&["check", "--bundle", &bundle]).exits(0);
    fs::write(world.agents.join(format!("M-{id}.sh")), "echo audited >> src/a.txt\n").unwrap();
    world.call(&["run", "--bundle", &bundle]).exits(0);
    assert!(world.landed("src/a.txt").ends_with("audited"));
    world.call(&["gate", "--bundle", &bundle]).exits(0);
}

#[test]
fn a_decision_needs_somebody_to_make_it() {
    let world = World::with_one_node();
    world.call(&["qa", "standalone", "--yes"]).exits(2).says(&["--decision accept, deeper or dismiss"]);
    audit(&world, &["standalone"], &["perhaps"]).exits(2);
    world.call(&["qa", "to-bundle", "README.md"]).exits(2).says(&["README.md is no meta-slice"]);
    world.call(&["qa", "to-bundle", "none.json"]).exits(2).says(&["can't read"]);
}

#[test]
fn an_agent_that_is_away_ends_the_audit_and_the_same_command_goes_on_with_it() {
    let mut world = World::new();
    world.agent_kdl = "retries 0".to_owned();
    world.node("A");
    world.build();
    roles(&world);
    let mutator = fs::read_to_string(world.agents.join("mutator.sh")).unwrap();
    world.role("mutator", "exit 75");
    let away = audit(&world, &["standalone", "last", "3"], &["accept"]);
    away.exits(5).says(&["agent 'fake' is unavailable", "the same command goes on from there"]);
    let before = fs::read_to_string(desk(&world).join("results.tsv")).unwrap();
    assert_eq!(before.lines().count(), 8);
    world.role("mutator", &mutator);
    let on = audit(&world, &["standalone", "last", "3"], &["accept"]);
    on.exits(0).says(&["going on with the audit in auditor-standalone-", "Experiment 1: keep, 7/7 (100%)"]);
    on.says_nothing_of(&["Audit baseline"]);
    let after = fs::read_to_string(desk(&world).join("results.tsv")).unwrap();
    assert!(after.starts_with(&before) && after.lines().count() == 1 + 3 * 7);
    assert!(world.read(".auditor/lessons.json").contains("\"schema_version\": 1"));
}

/// An audit in the making, with a page: the named roles wait for a file of that name in `around`.
struct Live {
    world: World,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    /// The page's address.
    url: String,
}

/// Lines of a script that wait for a file of that name in `around`.
fn wait_for(world: &World, name: &str) -> String {
    let go = world.around().join(name);
    format!("i=0; until [ -f {} ]; do i=$((i+1)); test $i -lt 600 || exit 1; sleep 0.1; done\n", go.display())
}

impl Live {
    fn waiting_at(held: &[&str], port: u16) -> Live {
        let mut world = World::new();
        world.kdl = format!("sandbox \"off\"\nforge {{ dashboard port={port} }}\n");
        world.node("A");
        world.build();
        roles(&world);
        for role in held {
            let script = fs::read_to_string(world.agents.join(format!("{role}.sh"))).unwrap();
            let wait = wait_for(&world, role);
            world.role(role, &format!("{wait}{script}"));
        }
        let mut child = world.start(&["qa", "standalone", "--yes", "--decision", "accept"]);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url =
            lines.find_map(|l| Some(l.unwrap().strip_prefix("Dashboard live at ")?.to_owned())).unwrap();
        Live { world, child, lines, url }
    }

    fn go_on(&self, role: &str) {
        fs::write(self.world.around().join(role), "").unwrap();
    }

    fn ends_well(mut self) {
        self.lines.by_ref().for_each(drop);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn the_page_is_there_while_the_audit_goes_on() {
    let live = Live::waiting_at(&["critic"], 17824);
    let (host, page) = live.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let get = |path: &str| {
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    wait_until("the page is there", || get(page).contains("<title>Audit</title>"));
    wait_until("the baseline is logged", || {
        get("results.tsv").contains("0\taudit\tbaseline\tself_consistency")
    });
    wait_until("the changelog has it, too", || {
        get("CHANGELOG.md").contains("## Experiment 0 -- keep (Phase: Forge)")
    });
    assert!(!get(".audit-state.json").starts_with("HTTP/1.1 200"));
    live.go_on("critic");
    live.ends_well();
}

#[test]
fn the_page_follows_the_audit_in_a_browser() {
    let Some(mut browser) = Browser::open() else { return };
    let live = Live::waiting_at(&["critic"], 17864);
    // The evaluator that confirms waits, too: the second that sees the report with its step.
    let evaluator = fs::read_to_string(live.world.agents.join("evaluator.sh")).unwrap();
    let count = live.world.around().join("evaluations");
    let held = wait_for(&live.world, "confirmed");
    let third = format!(
        "if grep -q '^- next step' \"$AUDITRUN_PROMPT_FILE\"; then\necho >> {0}\n\
         if [ $(wc -l < {0}) -ge 2 ]; then\n{held}fi\nfi\n{evaluator}",
        count.display()
    );
    live.world.role("evaluator", &third);
    browser.shape(1000, 1400, false).go(&live.url);
    browser.shows(&["experiment 0: baseline, 6/7", "86 %", "Experiment 0 -- keep (Phase: Forge)"]);
    browser.until("document.querySelectorAll('#chart circle').length === 1");
    browser.until("document.querySelectorAll('#grid td.fail').length === 1");
    live.go_on("critic");
    // Nobody reloads: a mutation is kept.
    browser.shows(&["experiment 1: keep, 7/7", "100 %", "Experiment 1 -- keep (Phase: Forge)"]);
    browser.until("document.querySelectorAll('#chart circle').length === 2");
    browser.until("document.querySelectorAll('#grid td.pass').length === 13");
    browser.picture("qa-light-wide").shape(390, 1400, true).picture("qa-dark-narrow");
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= window.innerWidth"), true);
    assert_eq!(browser.complaints, [""; 0]);
    live.go_on("confirmed");
    live.ends_well();
}
