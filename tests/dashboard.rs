//! `auditrun dashboard` as a plain HTTP client sees it, beside runs of another process.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;

use support::World;

/// A node whose agent says something and waits for a file outside of the repository.
fn waiting() -> (World, std::path::PathBuf) {
    let mut world = World::new();
    let go = world.around().join("go");
    let script = format!(
        "echo reading the 'file <i>'; until [ -e {} ]; do sleep 0.05; done; echo 1 > n",
        go.display()
    );
    world.node("A").agent(&script).touches(&["n"]).checks(&["test -f n"]);
    world.node("B").agent("echo 1 > m").touches(&["m"]).checks(&["test -f m"]).deps(&["A"]);
    world.build();
    (world, go)
}

#[test]
fn a_run_is_seen_from_before_its_beginning_to_its_end() {
    let (world, go) = waiting();
    let page = world.dashboard(&[], &[]);
    let mut events = page.stream("/events", None);
    assert_eq!(events.next().0, "whole");
    assert!(events.seen.run["run_id"] == "" && events.seen.nodes.is_empty(), "{:?}", events.seen);
    let mut run = world.start(&["run"]);
    let seen = events.until("A's agent says something", |s| {
        s.live["tasks"][0]["message"] == "reading the file <i>" && s.is("A", "running")
    });
    assert_eq!(seen.nodes["B"]["after"], serde_json::json!([0]));
    let task = &seen.live["tasks"][0];
    assert!(seen.live["working"] == true && task["id"] == "A" && task["cost"].is_null(), "{task}");
    let before = events.last_id.clone();
    // Its log, while it is being written.
    let mut log = page.stream("/log/A?view=raw", None);
    let lines = log.next_that(|l| !l["lines"].as_array().unwrap().is_empty());
    assert_eq!(
        (lines["anew"].as_bool(), lines["lines"][0].as_str()),
        (Some(true), Some("reading the file <i>"))
    );
    std::fs::write(&go, "").unwrap();
    let seen = events.until("it is over", |s| s.run["report"] == true && s.live["working"] == false);
    assert!(seen.is("A", "verified") && seen.is("B", "verified") && seen.run["kind"] == "proven", "{seen:?}");
    assert_eq!((seen.wholes, seen.live["tasks"].as_array().map(Vec::len)), (2, Some(0)));
    assert!(run.wait().unwrap().success());
    // Who lost the connection gets what came after it; who has everything, nothing of the nodes.
    let last = events.last_id.clone();
    let mut again = page.stream("/events", Some(&before));
    assert_eq!(again.next().0, "changed");
    assert!(again.seen.is("A", "verified") && again.seen.is("B", "verified"), "{:?}", again.seen);
    assert_eq!(page.stream("/events", Some(&last)).next().0, "live");
    // And who comes with something else gets everything.
    for strange in ["x", "other.1.5", "a.b.c", &format!("{last}9999")] {
        assert_eq!(page.stream("/events", Some(strange)).next().0, "whole", "{strange}");
    }
}

#[test]
fn a_resumed_and_then_a_new_run_are_followed_without_a_reload() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.node("B").agent("echo 1 > m").touches(&["m"]).deps(&["A"]);
    world.build();
    let page = world.dashboard(&[], &[]);
    let mut events = page.stream("/events", None);
    world.call(&["run", "--max-iterations", "1"]).exits(5);
    let seen = events.until("it has halted", |s| s.run["kind"] == "halted" && s.run["finished"] == true);
    assert!(seen.is("A", "verified") && !seen.is("B", "verified"), "{seen:?}");
    world.call(&["resume", "--max-iterations", "9"]).exits(0);
    events.until("it is proven", |s| s.run["kind"] == "proven" && s.is("B", "verified"));
    let first = world.events()[0]["run_id"].as_str().unwrap().to_owned();
    let certain = world.dashboard(&[&first], &[]);
    certain.stream("/events", None).until("it is the first run", |s| s.run["run_id"] == first.as_str());
    world.run().exits(0);
    events
        .until("the next run is proven", |s| s.run["run_id"] != first.as_str() && s.run["kind"] == "proven");
    // The page of the first run stays with it, though its artifacts have moved.
    let mut still = certain.stream("/events", None);
    still.next();
    assert!(still.seen.run["run_id"] == first.as_str() && still.seen.is("B", "verified"), "{:?}", still.seen);
    assert_eq!(certain.get("/file/B/diff.patch").status, 200);
}

/// A finished run whose node failed twice before it was right.
fn remediated() -> World {
    let mut world = World::new();
    world
        .node("A")
        .agent("echo attempt $AUDITRUN_ATTEMPT; echo $AUDITRUN_ATTEMPT > n")
        .touches(&["n"])
        .checks(&["grep -q 3 n"]);
    world.build();
    world.run().exits(0);
    world
}

#[test]
fn details_files_and_logs_of_every_attempt_are_shown() {
    let world = remediated();
    let page = world.dashboard(&[], &[]);
    let details: Value = serde_json::from_str(&page.get("/node/A").body).unwrap();
    let attempts = details["attempts"].as_array().unwrap();
    let passed: Vec<_> = attempts.iter().map(|a| a["checks"][0]["passed"].as_bool().unwrap()).collect();
    assert_eq!(passed, [false, false, true]);
    assert_eq!(details["remediation"].as_array().unwrap().len(), 2);
    for attempt in 1..=3 {
        let mut log = page.stream(&format!("/log/A?attempt={attempt}"), None);
        let told = log.next_that(|l| !l["lines"].as_array().unwrap().is_empty());
        assert_eq!(told["lines"][0], format!("attempt {attempt}"));
    }
    let patch = page.get("/file/A/diff.patch");
    assert!(
        patch.status == 200 && patch.head.contains("content-type: text/plain") && patch.body.contains("+3")
    );
    let report = page.get("/report.html");
    assert!(report.status == 200 && report.head.contains("script-src 'unsafe-inline'"), "{}", report.head);
    for path in ["/", "/page.css", "/page.js"] {
        let answer = page.get(path);
        assert!(
            answer.status == 200 && !answer.body.replace("http://www.w3.org/2000/svg", "").contains("http"),
            "{path}: {}",
            answer.head
        );
        assert!(!answer.head.contains("unsafe-inline"), "{path}: {}", answer.head);
    }
    assert!(!page.get("/page.js").body.contains("innerHTML"));
}

#[test]
fn secrets_and_escapes_are_not_shown_and_logs_are_bounded() {
    let world = remediated();
    let log = world.out().join("runs/A/agent.log");
    let page = world.dashboard(&[], &[("MY_TOKEN", "hunter2-and-more")]);
    let mut text = "x".repeat(100).into_bytes();
    text.push(b'\n');
    let mut many = text.repeat(3000);
    many.extend_from_slice(b"\x1b[2J red hunter2-and-more \xff end\n");
    std::fs::write(&log, many).unwrap();
    let mut events = page.stream("/log/A?view=raw", None);
    let told = events.next_that(|l| l["lines"].to_string().contains("end"));
    assert!(told["skipped"].as_u64().unwrap() > 200_000, "{}", told["skipped"]);
    let last = told["lines"].as_array().unwrap().last().unwrap().as_str().unwrap();
    assert!(last.contains("\u{241b}[2J red") && !last.contains("hunter2"), "{last}");
    let file = page.get("/file/A/agent.log");
    assert!(file.body.contains(" end") && !file.body.contains("hunter2"));
    // A new attempt's log replaces it.
    std::fs::remove_file(&log).unwrap();
    std::fs::write(&log, "fresh\n").unwrap();
    let fresh = events.next_that(|l| l["anew"] == true);
    assert_eq!(fresh["lines"], serde_json::json!(["fresh"]));
}

#[test]
fn nothing_else_of_the_machine_is_reached_and_nothing_changed() {
    let world = remediated();
    std::fs::write(world.out().join("runs/secret"), "s").unwrap();
    let page = world.dashboard(&[], &[]);
    let before = world.text("runs/events.jsonl");
    for path in [
        "/file/A/../../../../README.md",
        "/file/A/%2e%2e/events.jsonl",
        "/file/..%2f..%2fstate.md/x",
        "/log/..%2f..",
        "/node/%00",
        "//etc/passwd",
    ] {
        assert_eq!(page.get(path).status, 400, "{path}");
    }
    for path in [
        "/file/A/events.jsonl",
        "/file/B/diff.patch",
        "/file/secret/diff.patch",
        "/runs/events.jsonl",
        "/log/B",
        "/log/A?attempt=x",
        "/node/A/x",
        "/audit.kdl",
    ] {
        assert_eq!(page.get(path).status, 404, "{path}");
    }
    for (line, host, status) in [
        ("POST /node/A", "localhost", 405),
        ("DELETE /file/A/diff.patch", "localhost", 405),
        ("GET /node/A", "evil.example", 421),
        ("HEAD /node/A", "127.0.0.1", 200),
    ] {
        assert_eq!(page.ask(line, &format!("{host}:{}", page.port)).status, status, "{line} {host}");
    }
    assert_eq!(world.text("runs/events.jsonl"), before);
}

#[test]
fn it_ends_by_ctrl_c_and_says_what_it_can_not_do() {
    let world = remediated();
    let mut page = world.dashboard(&[], &[]);
    let _open = page.stream("/events", None);
    // The next port for a second one.
    let second = world.dashboard(&["--port", &page.port.to_string()], &[]);
    assert!(second.port > page.port);
    assert_eq!(page.interrupt(), Some(0));
    let unknown = world.call(&["dashboard", "20200101T000000Z"]);
    let run = world.events()[0]["run_id"].as_str().unwrap().to_owned();
    unknown.exits(2).says(&["there is no run '20200101T000000Z'", &format!("name one of: {run}")]);
    world.call(&["dashboard", "../.."]).exits(2);
}

#[test]
fn a_damaged_journal_is_told_and_what_came_before_it_shown() {
    let world = remediated();
    let journal = world.out().join("runs/events.jsonl");
    let text = world.text("runs/events.jsonl");
    std::fs::write(&journal, format!("{text}damage\nmore\n")).unwrap();
    let page = world.dashboard(&[], &[]);
    let mut events = page.stream("/events", None);
    events.next();
    assert!(events.seen.is("A", "verified"), "{:?}", events.seen);
    assert!(events.seen.run["trouble"].as_str().unwrap().contains("is not a record"), "{:?}", events.seen);
}
