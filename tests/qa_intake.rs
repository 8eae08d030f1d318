//! Phase 1 of an audit, driven with the real binary: scopes, modes, every source of a corpus,
//! the confirmation, the working directory; and the lessons of runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // A test may.

mod support;

use std::path::PathBuf;

use serde_json::Value;
use support::{Outcome, World};

/// A world with one node that is cured by its first remediation, and one that verifies at once.
fn ran(kdl: &str) -> World {
    let mut world = World::new();
    world.kdl = kdl.to_owned();
    world.node("A").agent("echo 1 > a").touches(&["a"]).checks(&["test -f a"]);
    let b = world.node("B");
    b.attempt(1, "true").attempt(2, "echo 1 > b").touches(&["b"]).checks(&["grep -q 1 b"]);
    world.build();
    world.git("remote add origin https://example.com/team/app.git");
    world.run().exits(0);
    world
}

/// Working directories, by name.
fn dirs(world: &World) -> Vec<PathBuf> {
    let all = std::fs::read_dir(&world.repo).unwrap().map(|e| e.unwrap().path());
    let mut all: Vec<PathBuf> =
        all.filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("auditor-")).collect();
    all.sort();
    all
}

/// The corpus that a call made, held against its schema.
fn corpus(world: &World, args: &[&str]) -> Value {
    let made = world.call(&[&["qa", "--yes", "--format", "json"], args].concat());
    let dir = made.exits(0).json()["directory"].as_str().unwrap().to_owned();
    let corpus: Value = serde_json::from_str(&world.read(&format!("{dir}/audit-corpus.json"))).unwrap();
    let schema = support::example::of_this_repository("schema/audit-corpus.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = validator.iter_errors(&corpus).map(|e| e.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let document = world.read(&format!("{dir}/audit-corpus.md"));
    for heading in
        ["Scope", "Slices", "Failure analysis", "Lessons", "Recurrence", "Timeline", "Missing data"]
    {
        assert!(document.contains(&format!("\n## {heading}\n")), "{heading}: {document}");
    }
    for slice in corpus["slices"].as_array().unwrap() {
        assert!(document.contains(slice["slice_id"].as_str().unwrap()));
    }
    assert_eq!(world.git("status --porcelain"), "", "the working directory shows");
    corpus
}

fn column(list: &Value, key: &str) -> Vec<String> {
    let text = |v: &Value| v[key].as_str().map_or_else(|| v[key].to_string(), str::to_owned);
    list.as_array().unwrap().iter().map(text).collect()
}

fn missing(corpus: &Value) -> String {
    corpus["missing"].to_string()
}

#[test]
fn bad_scopes_end_with_exit_2_and_leave_nothing() {
    let world = World::with_one_node();
    let exact = "Unrecognized standalone scope format. Expected: standalone [last N | since YYYY-MM-DD | plan <path>]";
    for scope in ["standalone last", "standalone since 1.2.2026", "standalone plan", "standalones"] {
        let args: Vec<&str> = ["qa", "--yes"].into_iter().chain(scope.split(' ')).collect();
        world.call(&args).exits(2).says(&[exact]);
    }
    world.call(&["qa", "--yes", "nonsense"]).exits(2).says(&["is not a scope", "effectiveness <repo_id>"]);
    world.call(&["qa", "--yes", "loop-xyz"]).exits(2).says(&["neither the beginning of a loop's id"]);
    world.call(&["qa", "--yes", "loop-abc"]).exits(2).says(&["no loop begins with \"abc\""]);
    world.call(&["qa", "--yes", "other", "last", "3"]).exits(2).says(&["nothing is known of a repository"]);
    world.call(&["qa"]).exits(2);
    world.call(&["qa", "standalone"]).exits(2).says(&["no terminal", "--yes"]);
    world
        .call_with(&[("AUDITRUN_AUDIT_DEPTH", "2")], &["qa", "--yes", "standalone"])
        .exits(2)
        .says(&["depth 3"]);
    assert!(dirs(&world).is_empty());
}

#[test]
fn every_scope_of_the_database() {
    let world = ran("");
    let run = world.branch().strip_prefix("audit/run-").unwrap().to_owned();

    let all = corpus(&world, &["self"]);
    assert_eq!(all["scope"]["scope_type"], "PIPELINE");
    assert_eq!(all["scope"]["scope_ref"], "pipeline");
    assert_eq!(all["scope"]["mode"], "db");
    assert_eq!(all["scope"]["recursion_depth"], 1);
    assert_eq!(all["slices"].as_array().unwrap().len(), 2);
    assert!(all["timeline"].as_array().unwrap().iter().any(|m| m["slice_id"].is_null()));

    let whole = corpus(&world, &[&format!("loop-{run}")]);
    assert_eq!(whole["scope"]["scope_ref"], run.as_str());
    assert_eq!(whole["slices"], all["slices"]);
    let b = whole["slices"].as_array().unwrap().iter().find(|s| s["node_id"] == "B").unwrap().clone();
    assert_eq!(b["problem_keys"].as_array().unwrap().len(), 1);
    assert_eq!(whole["repairs"][0]["outcome"], "repaired");
    assert_eq!(whole["repairs"][0]["slice_id"], b["slice_id"]);

    let id = b["slice_id"].as_str().unwrap();
    for scope in [format!("loop-{id}"), format!("loop-{}", &id[..7])] {
        let one = corpus(&world, &[&scope]);
        assert_eq!(one["scope"]["scope_ref"], id);
        assert_eq!(column(&one["slices"], "node_id"), ["B"]);
        let others = one["timeline"].as_array().unwrap().iter().filter(|m| m["slice_id"] != id).count();
        assert_eq!(others, 0);
    }
    assert!(dirs(&world).iter().any(|d| d.to_string_lossy().contains(&format!("auditor-{}-2", &id[..8]))));

    let newest = corpus(&world, &["app", "last", "1"]);
    assert_eq!(newest["scope"]["scope_type"], "REPO");
    assert_eq!(newest["slices"][0], all["slices"][1]);
    let lessons = corpus(&world, &["effectiveness", "app"]);
    assert_eq!(lessons["scope"]["scope_type"], "EFFECTIVENESS");
    assert_eq!(lessons["lessons"][0]["lesson_type"], "remediation");
    assert!(dirs(&world).iter().any(|d| d.to_string_lossy().contains("auditor-app-eff-2")));

    world
        .call(&["qa", "--yes", "web", "last", "2"])
        .exits(2)
        .says(&["nothing is known of a repository", "app"]);
    let inside = world.call_with(
        &[("AUDITRUN_AUDIT_DEPTH", "1")],
        &["qa", "--yes", "--format", "json", "app", "last", "1"],
    );
    assert_eq!(inside.exits(0).json()["scope"]["recursion_depth"], 2);
}

#[test]
fn an_audit_says_what_it_gathered() {
    let world = ran("");
    let made = world.call(&["qa", "--yes", "app", "last", "5"]);
    made.exits(0).says(&[
        "I'll run a QA audit on app last 5. Let me gather the execution data and build an audit corpus.",
        "Audit corpus built for REPO: app. Time range: 2",
        "2 slices (0 failed, 2 succeeded). 1 lessons (0 promoted). 1 repair attempts. Missing data: ",
        "Should I proceed?",
        "audit-corpus.md",
    ]);
    // The same minute gives another name.
    world.call(&["qa", "--yes", "app", "last", "5"]).exits(0);
    world.call(&["qa", "--yes", "app", "last", "5"]).exits(0);
    assert_eq!(dirs(&world).len(), 3);
}

#[test]
fn without_a_database_the_journals_are_read() {
    let world = ran("");
    let before = corpus(&world, &["self"]);
    std::fs::remove_dir_all(world.repo.join(".auditrun")).unwrap();
    let run = world.branch().strip_prefix("audit/run-").unwrap().to_owned();
    let whole = corpus(&world, &[&format!("loop-{run}")]);
    assert_eq!(whole["scope"]["mode"], "standalone");
    assert_eq!(whole["slices"], before["slices"]);
    assert_eq!(whole["repairs"], before["repairs"]);
    assert!(missing(&whole).contains("control-plane database"), "{whole}");
    // Looking for a database makes none.
    assert!(!world.repo.join(".auditrun").exists());

    // Loops and the operator's commits, by time.
    let newest = corpus(&world, &["app", "last", "20"]);
    assert_eq!(column(&newest["slices"], "status"), ["landed", "verified", "verified"]);
    world.git(&format!("merge -q {}", world.branch()));
    assert_eq!(corpus(&world, &["app", "last", "20"])["slices"], newest["slices"]);
    assert_eq!(corpus(&world, &["app", "last", "1"])["slices"].as_array().unwrap().len(), 1);
    assert_eq!(corpus(&world, &["pipeline"])["scope"]["recursion_depth"], 1);
    world.call(&["qa", "--yes", "other", "last", "3"]).exits(2).says(&["only this repository", "app"]);

    // As standalone slices, the nodes' commits have what their journal says of them.
    let commits = corpus(&world, &["standalone", "last", "2"]);
    assert_eq!(column(&commits["slices"], "verifier_status"), ["passed", "passed"]);
    assert_eq!(column(&commits["slices"], "run_id"), [run.as_str(), run.as_str()]);
    assert_eq!(commits["repairs"].as_array().unwrap().len(), 1);
}

#[test]
fn contracts_without_audits_mean_standalone() {
    let world = ran("");
    world.write("packages/contracts/other.py", "");
    world.commit("contracts");
    let found = corpus(&world, &["self"]);
    assert_eq!(found["scope"]["mode"], "standalone");
    assert!(missing(&found).contains("audit.py"));
    world.write("packages/contracts/audit.py", "");
    world.commit("audits");
    assert_eq!(corpus(&world, &["self"])["scope"]["mode"], "db");
}

/// Four commits a day apart, the second and third linked to slices of a plan.
fn commits() -> World {
    let world = World::new();
    let commit = |day: u32, message: &str| {
        world.write("n", day.to_string());
        world.git("add -A");
        let date = format!("2026-03-{day:02}T12:00:00Z");
        let mut call = world.program("git");
        call.env("GIT_COMMITTER_DATE", &date).env("GIT_AUTHOR_DATE", &date);
        Outcome::of(call.args(["commit", "-q", "-m", message]).output().unwrap()).exits(0);
    };
    commit(1, "Begin");
    commit(2, "[slice:S1] Add the reader\n\nPlan: docs/plans/reader.md\n");
    commit(3, "[slice:S2] Add the writer\n\nPlan: docs/plans/reader.md\n");
    let id = world.git("rev-parse HEAD");
    commit(4, &format!("Revert \"Add the writer\"\n\nThis reverts commit {id}.\n"));
    world
}

#[test]
fn the_log_results_plans_lessons_and_reports_make_a_corpus() {
    let world = commits();
    let junit = |day: u32, body: &str| {
        let text = format!("<testsuite timestamp='2026-03-{day:02}T13:00:00Z'>{body}</testsuite>");
        world.write(&format!("test-results/day-{day}.xml"), text);
    };
    junit(2, "<testcase classname='reader' name='reads'><failure message='line 3 differs'/></testcase>");
    junit(3, "<testcase classname='reader' name='reads'/>");
    world.write("test-results/broken.xml", "<html/>");
    let pytest =
        r#"{"created": 1772712000, "exitcode": 0, "tests": [{"nodeid": "a::b", "outcome": "passed"}]}"#;
    world.write("test-results/py.json", pytest); // 2026-03-05
    world.write("docs/plans/reader.md", "# Plan\n## Slice S1\n## Slice S2\n## Slice S3\n");
    let lesson = r#"{"schema_version":1,"lessons":[{"lesson_id":"L-9","problem_key":"test: reader::reads: line # differs",
        "lesson_type":"remediation","confidence":0.9,"status":"promoted","created_at":"2026-03-01T00:00:00Z",
        "promoted_at":"2026-03-02T00:00:00Z","repo_id":"repo","verifier_type":"pytest","text":"Read whole lines."}]}"#;
    world.write(".auditor/lessons.json", lesson);
    let report = "## Findings\n### Critical (1)\n### Warning (2)\n### Info (0)\n";
    world.write("docs/audits/2026-02-01-standalone.md", report);
    world.write("docs/audits/2026-02-01-other.md", report);
    world.git("add -A");
    let mut call = world.program("git");
    call.env("GIT_COMMITTER_DATE", "2026-03-05T11:00:00Z").args(["commit", "-q", "-m", "Evidence"]);
    Outcome::of(call.output().unwrap()).exits(0);

    let found = corpus(&world, &["standalone"]);
    assert_eq!(found["scope"]["scope_type"], "STANDALONE");
    assert_eq!(found["scope"]["scope_ref"], "HEAD");
    assert_eq!(found["scope"]["earliest"], "2026-03-01T12:00:00.000Z");
    let slices = &found["slices"];
    assert_eq!(column(slices, "plan_slice"), ["null", "S1", "S2", "null", "null"]);
    assert_eq!(column(slices, "status"), ["landed", "landed", "reverted", "landed", "landed"]);
    assert_eq!(column(slices, "verifier_status"), ["unknown", "failed", "passed", "unknown", "passed"]);
    assert_eq!(slices[1]["failure"]["classification"], "test");
    assert_eq!(slices[1]["failure"]["repair_outcome"], "repaired");
    assert_eq!(slices[1]["problem_keys"][0], "test: reader::reads: line # differs");
    assert_eq!(found["earlier"].as_array().unwrap().len(), 1);
    assert_eq!(found["earlier"][0]["critical"], 1);
    assert_eq!(found["recurrences"][0]["recurred_in"], serde_json::json!([slices[1]["slice_id"]]));
    assert_eq!(found["recurrences"][0]["opportunities"].as_array().unwrap().len(), 4);
    let lacking = missing(&found);
    for what in ["test-results/broken.xml", "S3", "verifier outcomes"] {
        assert!(lacking.contains(what), "{what}: {lacking}");
    }

    let since = corpus(&world, &["standalone", "since", "2026-03-03"]);
    assert_eq!(since["slices"].as_array().unwrap().len(), 3);
    let newest = corpus(&world, &["standalone", "last", "2"]);
    assert_eq!(newest["slices"].as_array().unwrap().len(), 2);
    let plan = corpus(&world, &["standalone", "plan", "docs/plans/reader.md"]);
    assert_eq!(column(&plan["slices"], "plan_slice"), ["S1", "S2"]);
    assert_eq!(plan["scope"]["scope_ref"], "docs/plans/reader.md");
    let none = corpus(&world, &["standalone", "plan", "docs/plans/none.md"]);
    assert!(none["slices"].as_array().unwrap().is_empty() && missing(&none).contains("docs/plans/none.md"));
}

#[test]
fn without_results_the_plans_command_is_run_in_the_sandbox() {
    let world = commits();
    let outside = world.agents.join("outside");
    world.write(
        "docs/plans/reader.md",
        format!("verifier_command: `echo x > {} ; echo left > left; grep -q 4 n && echo fatal: no reader >&2; false`\n", outside.display()),
    );
    world.commit("Plan");
    let found = corpus(&world, &["standalone", "last", "1"]);
    let slice = &found["slices"][0];
    assert_eq!((&slice["verifier_status"], &slice["verifier_type"]), (&"failed".into(), &"command".into()));
    assert!(slice["failure"]["error_summary"].as_str().unwrap().contains("fatal: no reader"), "{slice}");
    assert!(missing(&found).contains("was run at"));
    assert!(!world.repo.join("left").exists() && world.worktrees().is_empty());
    if found.to_string().contains("Permission denied") {
        assert!(!outside.exists());
    }

    world.write("docs/plans/reader.md", "nothing\n");
    world.commit("No command");
    assert!(missing(&corpus(&world, &["standalone"])).contains("no plan has a verifier_command"));
}

#[test]
fn lessons_are_promoted_offered_and_named() {
    let world = ran("forge { offer-lessons #true }");
    // Nothing was in force yet.
    assert!(!world.text("audit-report.md").contains("Lessons given"));
    let listed = world.call(&["qa", "lessons", "list", "--format", "json"]).exits(0).json();
    let id = listed[0]["lesson_id"].as_str().unwrap().to_owned();
    assert_eq!(listed[0]["status"], "candidate");
    world.call(&["qa", "lessons", "promote", "L-nothing"]).exits(2).says(&["no lesson"]);
    world.call(&["qa", "lessons", "promote", &id[..8]]).exits(0).says(&["promoted"]);
    let script = std::fs::read_to_string(world.agents.join("agent.sh")).unwrap();
    let keep = format!("cat > {}/$AUDITRUN_NODE_ID.seen", world.agents.display());
    support::program(&world.agents, "agent.sh", script.replace("cat >/dev/null", &keep));
    world.run().exits(0);
    let seen = std::fs::read_to_string(world.agents.join("A.seen")).unwrap();
    assert!(seen.contains(&format!("- {id} (")) && seen.contains("background and no instructions"), "{seen}");
    for report in ["audit-report.md", "audit/report.md"] {
        let text = world.text(report);
        assert!(text.contains("## Lessons given") && text.contains(&id), "{report}: {text}");
    }
    assert!(world.events().iter().any(|e| e["type"] == "lessons_offered" && e["lessons"][0] == id.as_str()));
    world.call(&["verify"]).exits(0);

    world.call(&["qa", "lessons", "retire", &id]).exits(0).says(&["retired"]);
    world.run().exits(0);
    let seen = std::fs::read_to_string(world.agents.join("A.seen")).unwrap();
    assert!(!seen.contains(&id), "{seen}");
}

#[test]
fn lessons_of_the_file() {
    let world = World::with_one_node();
    world.call(&["qa", "lessons", "list"]).exits(0).says(&["no lesson in .auditor/lessons.json"]);
    let lesson = r#"{"schema_version":1,"lessons":[{"lesson_id":"L-9","problem_key":"check: x","lesson_type":"split",
        "confidence":0.5,"status":"candidate","created_at":"2026-03-01T00:00:00Z","promoted_at":null,
        "repo_id":"app","verifier_type":null,"text":"Cut it."}]}"#;
    world.write(".auditor/lessons.json", lesson);
    world.call(&["qa", "lessons", "promote", "L-9"]).exits(0).says(&["promoted in .auditor/lessons.json"]);
    let file: Value = serde_json::from_str(&world.read(".auditor/lessons.json")).unwrap();
    assert_eq!(file["lessons"][0]["status"], "promoted");
    assert!(file["lessons"][0]["promoted_at"].as_str().unwrap().starts_with("20"));
    world.call(&["db", "sync"]).exits(0);
    world.call(&["qa", "lessons", "list"]).exits(0).says(&["no lesson in .auditrun/control.db"]);
    world.call(&["qa", "lessons", "--standalone", "list"]).exits(0).says(&["L-9", "promoted"]);
    world.write(".auditor/lessons.json", "{\"schema_version\": 2, \"lessons\": []}");
    world.call(&["qa", "lessons", "--standalone", "list"]).exits(2).says(&["schema_version 2"]);
    assert!(missing(&corpus_of_dirty(&world)).contains("schema_version 2"));
}

/// As [`corpus`], with files of the operator's that are not committed.
fn corpus_of_dirty(world: &World) -> Value {
    let made = world.call(&["qa", "--yes", "--format", "json", "standalone"]);
    let dir = made.exits(0).json()["directory"].as_str().unwrap().to_owned();
    serde_json::from_str(&world.read(&format!("{dir}/audit-corpus.json"))).unwrap()
}

/// What a call says and how it ends on a terminal on which these lines are typed.
fn on_a_terminal(world: &World, args: &str, typed: &str) -> Option<Outcome> {
    if !PathBuf::from("/usr/bin/script").exists() {
        eprintln!("skipped: there is no /usr/bin/script to make a terminal with");
        return None;
    }
    let binary = env!("CARGO_BIN_EXE_auditrun");
    let mut call = world.program("sh");
    // Typed slowly enough that each line is read by whoever asks for it; the end comes last.
    let feed = format!("printf '{typed}'; sleep 5");
    call.args(["-c", &format!("{{ {feed}; }} | script -qec '{binary} {args}' /dev/null")]);
    Some(Outcome::of(call.output().unwrap()))
}

#[test]
fn on_a_terminal_the_scope_is_confirmed_narrowed_and_expanded() {
    let world = commits();
    let Some(ran) = on_a_terminal(
        &world,
        "qa standalone",
        "what\\n2\\nstandalone last\\nstandalone last 1\\n3\\nstandalone last 3\\n1\\n",
    ) else {
        return;
    };
    ran.exits(0).says(&[
        "4 slices",
        "1) Proceed",
        "2) Narrow scope",
        "3) Expand scope",
        "Please answer 1, 2 or 3.",
        "Unrecognized standalone scope format.",
        "1 slices",
        "3 slices",
    ]);
    let dirs = dirs(&world);
    assert_eq!(dirs.len(), 1);
    let corpus = std::fs::read_to_string(dirs[0].join("audit-corpus.json")).unwrap();
    let corpus: Value = serde_json::from_str(&corpus).unwrap();
    assert_eq!(corpus["slices"].as_array().unwrap().len(), 3);
}
