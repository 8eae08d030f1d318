//! `auditrun report`: the audit stage alone, over the last run and over archived ones; what it
//! tells GitHub Actions; what it packs.

#![allow(clippy::unwrap_used)] // Helpers of a test fail by panicking.

mod support;

use std::fs;

use support::World;

/// A world whose only node fails its check in every attempt.
fn failing() -> World {
    let mut world = World::new();
    world.kdl = "remediation 1\n".to_owned();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n", "echo seen; exit 3"]);
    world.build();
    world
}

fn run_id(world: &World) -> String {
    world.events()[0]["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn the_report_of_a_finished_run_is_the_same_again_and_changes_nothing() {
    let world = World::with_one_node();
    world.run().exits(0);
    let (journal, proof) = (world.text("runs/events.jsonl"), world.git("for-each-ref refs/auditrun-proof"));
    let names = ["report.md", "report.html", "metrics.json", "junit.xml", "trace.json"];
    let before: Vec<String> = names.iter().map(|n| world.text(&format!("audit/{n}"))).collect();
    world.remove("docs/audit/audit/report.html");
    let outcome = world.call(&["report"]);
    outcome.exits(0);
    for name in names {
        assert!(outcome.out.contains(&format!("docs/audit/audit/{name}\n")), "{}", outcome.out);
    }
    assert!(outcome.out.contains("complete and proven"), "{}", outcome.out);
    let after: Vec<String> = names.iter().map(|n| world.text(&format!("audit/{n}"))).collect();
    assert!(before == after, "a report made again is the same");
    assert_eq!(world.text("runs/events.jsonl"), journal);
    assert_eq!(world.git("for-each-ref refs/auditrun-proof"), proof);
    world.call(&["verify"]).exits(0);
    world.call(&["resume"]).exits(2);
}

#[test]
fn what_is_gone_since_is_listed_and_a_proof_says_what_lies_here() {
    let world = World::with_one_node();
    world.run().exits(0);
    let proof = world.git("for-each-ref refs/auditrun-proof");
    world.remove("docs/audit/runs/A/agent.log");
    let outcome = world.call(&["report", "--format", "json"]);
    outcome.exits(0);
    let made: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(made["missing"], serde_json::json!(["runs/A/agent.log"]));
    assert_eq!((&made["out"], &made["verdict"]["kind"]), (&"docs/audit".into(), &"proven".into()));
    assert!(world.text("audit/report.md").contains("- `runs/A/agent.log`"));
    assert_ne!(world.git("for-each-ref refs/auditrun-proof"), proof);
    assert_eq!(world.events().last().unwrap()["type"], "stage_finished");
}

#[test]
fn an_archived_run_is_found_by_its_id() {
    let world = failing();
    world.run().exits(4);
    let first = run_id(&world);
    world.run().exits(4);
    assert_ne!(run_id(&world), first);
    let at = format!("docs/audit/.history/{first}");
    world.remove(&format!("{at}/audit"));
    for name in [first.clone(), format!("audit/run-{first}")] {
        let outcome = world.call(&["report", &name]);
        outcome.exits(0);
        assert!(outcome.out.contains(&format!("{at}/audit/report.html")), "{}", outcome.out);
    }
    let page = world.read(&format!("{at}/audit/report.html"));
    assert!(page.contains(&first) && page.contains("What failed") && page.contains("seen"));
    let unknown = world.call(&["report", "20200101T000000Z"]);
    unknown.exits(2);
    assert!(unknown.err.contains(&first), "{}", unknown.err);
}

#[test]
fn an_archive_holds_the_report_at_its_root_and_is_the_same_each_time() {
    let world = failing();
    world.run().exits(4);
    for name in ["one.tar.gz", "two.tar.gz"] {
        world.call(&["report", "--archive", &format!("/{}/{name}", world.home.display())]).exits(0);
    }
    let (one, two) = (world.home.join("one.tar.gz"), world.home.join("two.tar.gz"));
    assert!(fs::read(&one).unwrap() == fs::read(two).unwrap());
    let listed = world.sh(&format!("tar tzf {}", one.display()));
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["junit.xml", "metrics.json", "report.html", "report.md", "trace.json"]);
}

#[test]
fn github_actions_gets_a_summary_outputs_and_annotations_once() {
    let world = failing();
    let file = |name: &str| world.home.join(name).display().to_string();
    let (summary, output) = (file("summary"), file("output"));
    let env = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_STEP_SUMMARY", summary.as_str()),
        ("GITHUB_OUTPUT", output.as_str()),
    ];
    fs::write(&summary, "before\n").unwrap();
    let outcome = world.call_with(&env, &["run"]);
    outcome.exits(4);
    let errors: Vec<&str> = outcome.out.lines().filter(|l| l.starts_with("::error")).collect();
    assert_eq!(errors.len(), 1, "{}", outcome.out);
    assert!(errors[0].starts_with("::error title=node A failed::"), "{}", errors[0]);
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("before\n# Audit of run") && text.contains("`pull_request`"), "{text}");
    let outputs = fs::read_to_string(&output).unwrap();
    assert!(outputs.contains("verdict=halted\n") && outputs.contains("exit-code=4\n"), "{outputs}");
    let quiet = world.call(&["report"]);
    assert!(!quiet.out.contains("::error"), "only GitHub Actions is told: {}", quiet.out);
    let events = world.call_with(&env, &["report", "--format", "json"]);
    let _: serde_json::Value = serde_json::from_str(&events.out).unwrap();
    assert!(events.err.contains("::error"), "{}", events.err);
}

#[test]
fn a_stage_that_can_not_write_changes_no_exit_code_and_says_so() {
    let world = World::with_one_node();
    let env = [("GITHUB_ACTIONS", "true"), ("GITHUB_OUTPUT", "/nowhere/at/all")];
    let outcome = world.call_with(&env, &["run"]);
    outcome.exits(0);
    assert!(outcome.err.contains("audit stage: can't write /nowhere/at/all"), "{}", outcome.err);
    world.call_with(&env, &["report"]).exits(1);
    world.call(&["report"]).exits(0);
}

#[test]
fn there_must_be_a_run_and_nobody_else_at_work() {
    let world = World::with_one_node();
    let outcome = world.call(&["report"]);
    outcome.exits(2);
    assert!(outcome.err.contains("no run in docs/audit/runs"), "{}", outcome.err);
    world.run().exits(0);
    let listing = world.call(&["report", "--dry-run"]);
    listing.exits(0);
    assert!(listing.out.contains("would write docs/audit/audit/report.html"), "{}", listing.out);
}

#[test]
fn a_target_that_calls_run_is_the_trigger() {
    let mut world = World::new();
    world.kdl = "target \"ci\" { steps \"auditrun run\" }\n".to_owned();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]);
    world.build();
    world.call(&["ci"]).exits(0);
    assert_eq!(world.events()[0]["trigger"], "ci");
    assert!(world.text("audit/report.md").contains("| trigger | `ci` |"));
    world.run().exits(0);
    assert_eq!(world.events()[0]["trigger"], "run");
}
