//! The dashboard's page in a real browser. Where none is installed the tests say so and pass.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use std::fmt::Write;

use serde_json::{Value, json};

use support::World;
use support::browser::Browser;

fn url(port: u16, rest: &str) -> String {
    format!("http://localhost:{port}/{rest}")
}

/// Three nodes: one right, one right at the second attempt, one never. What its agent says and
/// its check prints tries to be markup.
fn failed() -> World {
    let mut world = World::new();
    world.node("fine").agent("echo 1 > n").touches(&["n"]);
    world
        .node("twice")
        .agent("echo bad > m")
        .attempt(2, "echo good > m")
        .touches(&["m"])
        .checks(&["grep -q good m"]);
    let says = "echo '<img src=x onerror=document.title=1>'; echo wrong > o";
    let check = "echo '</pre><script>document.title=1</script>'; grep -q right o";
    world.node("never").agent(says).touches(&["o"]).checks(&[check]).deps(&["twice"]);
    world.build();
    world.run().exits(4);
    world
}

#[test]
fn a_failed_run_with_remediation_is_told_whole() {
    let Some(mut browser) = Browser::open() else { return };
    let world = failed();
    let page = world.dashboard(&[], &[]);
    browser.shape(1280, 1500, false).go(&url(page.port, ""));
    browser.shows(&["The run halted (self_critique_exhausted)", "2 of 3", "verified 2", "failed 1", "live"]);
    browser.until("document.querySelectorAll('.graph .box').length === 3");
    browser.until("document.querySelectorAll('.graph .edge').length === 1");
    browser.until("document.querySelectorAll('.row').length === 3");
    // fine 1, twice 2, never 3 attempts.
    browser.until("document.querySelectorAll('.row .lane i').length === 6");
    browser.eval("document.querySelector('.row').click()");
    browser.shows(&["never failed", "Attempt 3: failed", "<img src=x onerror=document.title=1>"]);
    browser.shows(&["</pre><script>document.title=1</script>"]);
    assert_eq!(browser.eval("document.querySelectorAll('#log img, .tail script').length"), 0);
    browser.picture("failed-3-light-wide");
    // The first attempt's log, then a reload, which keeps the node.
    browser.eval("(() => { const a = document.getElementById('attempt'); a.value = '1'; a.dispatchEvent(new Event('input')); })()");
    browser.until(
        "shownLog.key.endsWith('attempt=1') && document.getElementById('log').textContent.includes('<img')",
    );
    browser.shape(390, 1500, true).reload();
    browser.shows(&["never failed", "Attempt 1: failed"]).picture("failed-3-dark-narrow");
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= window.innerWidth"), true);
    assert!(browser.eval("document.title").as_str().unwrap().starts_with("2/3 "));
    assert_eq!(browser.complaints, [""; 0]);
}

#[test]
fn the_page_outlives_server_and_run() {
    let Some(mut browser) = Browser::open() else { return };
    let mut world = World::new();
    let go = world.around().join("go");
    let script = format!("echo thinking; until [ -e {} ]; do sleep 0.05; done; echo 1 > n", go.display());
    world.node("A").agent(&script).touches(&["n"]);
    world.node("B").agent("echo 1 > m").touches(&["m"]).deps(&["A"]);
    world.build();
    let page = world.dashboard(&[], &[]);
    browser.shape(1000, 900, false).go(&url(page.port, ""));
    browser.shows(&["No run has begun yet"]);
    let mut run = world.start(&["run"]);
    browser.shows(&["Running 1", "thinking", "Under way: 0 of 2"]).picture("running");
    // The server goes, the run is killed; both come back and nobody reloads.
    let port = page.port.to_string();
    drop(page);
    browser.shows(&["not connected, trying again"]);
    run.kill().unwrap();
    run.wait().unwrap();
    let page = world.dashboard(&["--port", &port], &[]);
    if page.port.to_string() != port {
        eprintln!("skipped: port {port} was taken meanwhile");
        return;
    }
    browser.shows(&["Nobody works on this run any more"]);
    std::fs::write(&go, "").unwrap();
    world.call(&["resume"]).exits(0);
    browser.shows(&["The audit is complete and proven: 2 of 2"]);
    browser.until("document.querySelectorAll('.row').length === 2");
    assert_eq!(browser.complaints, [""; 0]);
}

/// The journal of a run of `n` nodes of which one failed for good, with the tenth part still
/// to do.
fn journal(n: usize) -> String {
    let mut text = String::new();
    let mut seq = 0_u64;
    let mut put = |second: usize, event: Value| {
        let at =
            format!("2026-01-01T{:02}:{:02}:{:02}.000Z", 6 + second / 3600, second / 60 % 60, second % 60);
        let mut line = json!({ "v": 1, "seq": seq, "at": at });
        line.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        line["sum"] = json!("0");
        writeln!(text, "{line}").unwrap();
        seq += 1;
    };
    let id = |i: usize| format!("node-{i:05}");
    put(
        0,
        json!({ "type": "run_started", "run_id": "20260101T060000Z", "version": "0", "command": ["auditrun", "run"],
        "trigger": "run", "github_event": null, "head": null, "default_agent": "exec", "max_iterations": 99999,
        "timeout_ms": 1, "inputs": {}, "process": { "pid": 1, "start_ticks": 1, "boot_id": "" } }),
    );
    let planned = |i: usize| {
        let before: Vec<String> = (0..i).rev().skip(39).take(2).map(id).collect();
        json!({ "id": id(i), "deliverable": format!("add part {i}"), "tier": i / 40, "waits_for": before,
            "agent": "exec", "est_loc": 9, "digest": "" })
    };
    put(0, json!({ "type": "planned", "nodes": (0..n).map(planned).collect::<Vec<_>>(), "warnings": [] }));
    let done = n * 9 / 10;
    for i in 0..=done {
        put(
            i,
            json!({ "type": "dispatched", "node": id(i), "attempt": 1, "tier": i / 40, "iteration": i + 1 }),
        );
        let status = if i == done { "failed" } else { "verified" };
        put(
            i + 5,
            json!({ "type": "node_finished", "node": id(i), "attempt": 1, "status": status, "outcome": "pass",
            "reason": "as it is", "duration_ms": 5000 }),
        );
    }
    text
}

/// A page that shows a made-up journal of that many nodes.
fn many(browser: &mut Browser, n: usize, name: &str) {
    let world = World::with_one_node();
    support::write(&world.out(), "runs/events.jsonl", journal(n));
    let page = world.dashboard(&[], &[]);
    browser.shape(1280, 1100, false).go(&url(page.port, ""));
    browser.until(&format!("known.nodes.length === {n} && graph.cells"));
    browser.until("document.querySelector('.row .name b').textContent === known.nodes.find(n => n.status === 'failed').id");
    browser.picture(&format!("{name}-light-wide"));
    // However many nodes there are, the page holds those in sight.
    assert!(browser.eval("document.querySelectorAll('*').length").as_u64().unwrap() < 1000);
    browser.eval("document.getElementById('rows').scrollTop = 1e9");
    browser.until(&format!(
        "[...document.querySelectorAll('.row .name b')].some(b => b.textContent === 'node-{:05}')",
        n - 1
    ));
    browser.eval("(() => { const f = document.getElementById('find'); f.value = 'node-00007'; f.dispatchEvent(new Event('input', { bubbles: true })); })()");
    browser.until(&format!("document.querySelectorAll('.row').length === 1 && document.getElementById('shown').textContent.startsWith('1 of {}')", n / 1000));
    browser.eval("document.querySelector('.row').click()");
    browser.shows(&["node-00007 verified", "add part 7"]);
    browser.shape(390, 1100, true).until("graph.key.includes('/')").picture(&format!("{name}-dark-narrow"));
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= window.innerWidth"), true);
    assert_eq!(browser.complaints, [""; 0]);
}

#[test]
fn a_thousand_nodes_are_usable() {
    let Some(mut browser) = Browser::open() else { return };
    many(&mut browser, 1_000, "many-1000");
}

#[test]
fn ten_thousand_nodes_are_usable() {
    let Some(mut browser) = Browser::open() else { return };
    many(&mut browser, 10_000, "many-10000");
}
