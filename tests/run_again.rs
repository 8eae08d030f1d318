//! A second run, two at once, and the commands that look at what a run left.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{Outcome, World, wait_until};

#[test]
fn a_second_run_archives_the_first_whole() {
    let world = World::with_one_node();
    world.run().exits(0);
    let first = world.branch().replace("audit/run-", "");
    let (report, journal) = (world.text("audit-report.json"), world.text("runs/events.jsonl"));
    world.run().exits(0);
    let second = world.branch().replace("audit/run-", "");
    assert_ne!(first, second);
    assert_eq!(world.text(&format!(".history/{first}/audit-report.json")), report);
    assert_eq!(world.text(&format!(".history/{first}/runs/events.jsonl")), journal);
    for name in
        ["preflight/dispatch_plan.md", "audit/report.md", "runs/A/diff.patch", "audit-report.fingerprint"]
    {
        assert!(world.has(&format!(".history/{first}/{name}")), "{name}");
    }
    assert_eq!(world.git("for-each-ref refs/heads/audit --format=x"), "x\nx");
    world.call(&["verify"]).exits(0);
    assert_eq!(world.git("status --porcelain"), "");
}

#[test]
fn runs_of_the_same_second_have_names_of_their_own() {
    let mut world = World::new();
    world.question("Q-1", "what?", "README.md").resolver(serde_json::json!({"confidence": 0.1}));
    world.node("A");
    world.build();
    (0..4).for_each(|_| _ = world.run().exits(4));
    assert_eq!(world.git("for-each-ref refs/heads/audit --format=x").lines().count(), 4);
    assert_eq!(std::fs::read_dir(world.out().join(".history")).unwrap().count(), 3);
}

#[test]
fn of_two_at_once_the_second_is_told_who_holds_the_lock() {
    let mut world = World::new();
    let go = world.agents.join("go");
    world
        .node("A")
        .agent(&format!("until [ -e {} ]; do sleep 0.1; done; echo 1 > n", go.display()))
        .touches(&["n"]);
    world.build();
    let first = world.start(&["run"]);
    wait_until("the agent runs", || world.has("runs/A/agent.log") || world.has("runs/.next-predicted.json"));
    for command in [vec!["run"], vec!["clean", "--yes"]] {
        world.call(&command).exits(2).says(&[&first.id().to_string(), "run"]);
    }
    world.call(&["status"]).exits(0).says(&["A", "running", &first.id().to_string()]);
    let status = world.call(&["status", "--format", "json"]);
    assert!(status.json().to_string().contains("running"), "{status:?}");
    world.call(&["check"]).exits(0);
    world.call(&["graph"]).exits(0);
    std::fs::write(go, "").unwrap();
    Outcome::of(first.wait_with_output().unwrap()).exits(0);
    world.call(&["status"]).exits(0).says(&["A", "verified", "all_done"]);
}

#[test]
fn a_rejected_run_does_not_hide_the_proof_of_the_one_before() {
    let world = World::with_one_node();
    world.write("dirty", "x");
    world.run().exits(3);
    world.call(&["gate", "--base", "main"]).exits(2).says(&["no finished run"]);
    world.remove("dirty");
    world.run().exits(0);
    let proven = world.branch().replace("audit/run-", "");
    world.write("dirty", "x");
    world.run().exits(3);
    world.call(&["gate", "--base", "main"]).exits(0).says(&[&proven]);
    world.call(&["verify"]).exits(0).says(&[&proven]);
}

#[test]
fn status_without_a_run_says_how_to_start_one() {
    let world = World::with_one_node();
    world.call(&["status"]).exits(2).says(&["auditrun run"]);
}

#[test]
fn clean_shows_first_and_asks() {
    let world = World::with_one_node();
    world.run().exits(0);
    let branch = world.branch();
    world.call(&["clean", "--dry-run"]).exits(0).says(&[&branch]);
    world.call(&["clean"]).exits(2).says(&["--yes"]);
    assert_eq!(world.branch(), branch);
    world.call(&["clean", "--yes"]).exits(0);
    assert_eq!((world.branch(), world.git("for-each-ref refs/auditrun/")), (String::new(), String::new()));
    assert!(!world.git("for-each-ref refs/auditrun-proof/").is_empty(), "the proof is the archive");
    world.call(&["gate", "--base", "main"]).exits(0);
}

#[test]
fn clean_keeps_what_is_neither_merged_nor_archived() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]);
    world.node("B").agent("echo 2 > m").touches(&["m"]).checks(&["false"]).deps(&["A"]);
    world.build();
    world.run().exits(4);
    let branch = world.branch();
    world.call(&["clean", "--yes"]).exits(0).says(&["keep", "--force"]);
    assert_eq!(world.branch(), branch);
    assert!(world.worktrees().iter().any(|w| w.starts_with("audit-1-B-")), "{:?}", world.worktrees());
    world.git(&format!("merge -q {branch}"));
    world.call(&["clean", "--yes"]).exits(0);
    assert_eq!((world.branch(), world.worktrees()), (String::new(), vec![]));
}

#[test]
fn clean_by_force_removes_everything() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["false"]);
    world.build();
    world.run().exits(4);
    world.call(&["clean", "--yes", "--force"]).exits(0);
    assert_eq!((world.branch(), world.worktrees()), (String::new(), vec![]));
    assert_eq!(world.git("for-each-ref refs/auditrun/"), "");
    world.call(&["clean", "--yes"]).exits(0).says(&["nothing"]);
}

#[test]
fn the_graph_is_drawn_in_every_form() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > A.out").with("hotspot_files", "src/a.txt");
    world.node("B").agent("echo 1 > B.out").deps(&["A"]);
    world.node("C").agent("echo 1 > C.out").with("hotspot_files", "src/a.txt");
    world.build();
    world.call(&["graph"]).exits(0).says(&["A", "B", "C", "src/a.txt"]);
    world.run().exits(0);
    for (form, words) in [
        ("text", &["A", "verified"][..]),
        ("dot", &["digraph", "->"]),
        ("mermaid", &["A", "-->"]),
        ("svg", &["<svg", "</svg>", "A"]),
    ] {
        world.call(&["graph", "--format", form]).exits(0).says(words);
    }
    let json = world.call(&["graph", "--format", "json"]).exits(0).json();
    assert!(json["tiers"].is_array() && json["edges"].is_array(), "{json}");
    assert!(json.to_string().contains("verified"), "{json}");
}

#[test]
fn explain_says_where_each_value_comes_from() {
    let mut world = World::new();
    world.kdl = "loc-confidence \"rough\"\nnode \"A\" timeout=\"7m\"".to_owned();
    world.node("A").agent("echo 1 > n").touches(&["n"]).with("timeout", "5m").with("retries", "1");
    world.build();
    world.call(&["explain", "A"]).exits(0).says(&[
        "7m",
        "audit.kdl:",
        "docs/audit/graph.md:",
        "rough",
        "estimated_loc",
    ]);
    let explained = world.call(&["explain", "A", "--format", "json"]).exits(0).out.clone();
    let rows: Vec<serde_json::Value> = explained.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for (setting, value, file) in [
        ("deliverable", "add A", "docs/audit/graph.md:"),
        ("touches", "n", "docs/audit/graph.md:"),
        ("delta_to_done", "D-A", "docs/audit/graph.md:"),
        ("done_when", "true", "docs/audit/prompts/A.md:"),
    ] {
        let row = rows.iter().find(|r| r["setting"] == setting && r["value"] == value);
        let source = row.unwrap_or_else(|| panic!("{setting} in {explained}"))["source"].as_str().unwrap();
        assert!(source.starts_with(file), "{setting}: {source}");
    }
    world.call(&["explain", "AA"]).exits(2).says(&["AA", "A"]);
    world.call(&["config", "--explain"]).exits(0).says(&["audit.kdl:", "loc-confidence"]);
    world.call(&["config", "--defaults"]).exits(0).says(&["concurrency 4", "//"]);
    world
        .call_with(&[("AUDIT_MAX_PARALLEL", "3")], &["config", "--explain"])
        .exits(0)
        .says(&["AUDIT_MAX_PARALLEL"]);
}

#[test]
fn events_come_as_json_lines_on_request() {
    let world = World::with_one_node();
    let outcome = world.call(&["run", "--format", "json"]);
    outcome.exits(0);
    let shown: Vec<serde_json::Value> =
        outcome.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kept = world.events();
    for event in &kept {
        // The file's lines hold a checksum more.
        let same = |s: &serde_json::Value| s.as_object().unwrap().iter().all(|(k, v)| event[k] == *v);
        assert!(shown.iter().any(same), "{event} is not shown\n{outcome:?}");
    }
    let numbers: Vec<u64> = kept.iter().map(|e| e["seq"].as_u64().unwrap()).collect();
    assert!(numbers.windows(2).all(|w| w[1] == w[0] + 1), "{numbers:?}");
    assert!(kept.iter().all(|e| e["v"].is_u64() && e["at"].is_string() && e["type"].is_string()));
}

#[test]
fn every_json_artifact_is_what_its_schema_says() {
    let mut world = World::new();
    world.question("Q-1", "what?", "README.md").resolver(serde_json::json!({}));
    world.invariant("INV-1", &["test -f README.md"]);
    world
        .node("A")
        .agent("echo 1 > n; echo '{\"cost_usd\": 0.5, \"turns\": 2}'")
        .attempt(1, "echo 1 > bad")
        .touches(&["n"])
        .cites(&["INV-1"]);
    world.node("B").agent("echo 1 > n; echo more > m").touches(&["m", "n"]).checks(&["false"]).deps(&["A"]);
    world.node("C").deps(&["B"]);
    world.build();
    world.run().exits(4);
    validate(&world);
    let done = World::with_one_node();
    done.run().exits(0);
    validate(&done);
}

#[track_caller]
fn validate(world: &World) {
    let found = world.sh("cd docs/audit; find . -name '*.json' -o -name '*.jsonl' | grep -v .history");
    let mut seen = 0;
    for path in found.lines().map(|p| p.trim_start_matches("./")) {
        let Some(name) = auditrun::report::schema::schema_of(path) else { continue };
        let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
        let schema: serde_json::Value = serde_json::from_slice(&std::fs::read(at).unwrap()).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let text = world.text(path);
        let values: Vec<&str> = if path.ends_with('l') { text.lines().collect() } else { vec![&text] };
        for value in values {
            let value = serde_json::from_str(value).unwrap();
            let problems: Vec<String> =
                schema.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(problems.is_empty(), "{path}: {problems:?}");
        }
        seen += 1;
    }
    assert!(seen >= 5, "{found}");
}
