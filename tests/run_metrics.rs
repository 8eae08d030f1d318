//! Figures of metrics.json against the transcripts that they come from: each adapter's agent
//! prints its fixture in a real run, and this file works the figures out by itself.

#![allow(clippy::unwrap_used)] // Helpers of a test fail by panicking.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{World, program};

/// Node and agent, adapter, transcript.
const AGENTS: [(&str, &str, &str); 11] = [
    ("claude", "claude", "claude-success.jsonl"),
    ("denied", "claude", "claude-permission-denied-rc0.jsonl"),
    ("nested", "claude", "claude-sub-agents.jsonl"),
    ("codex", "codex", "codex-success.jsonl"),
    ("idle", "codex", "codex-no-work-rc0.jsonl"),
    ("gemini", "gemini", "gemini-success.jsonl"),
    ("opencode", "opencode", "opencode-success.jsonl"),
    ("goose", "goose", "goose-success.jsonl"),
    ("cursor", "cursor", "cursor-success.jsonl"),
    ("aider", "aider", "aider-success.txt"),
    ("plain", "exec", "exec-success.txt"),
];

/// Every figure that a report knows, in its order.
const FIGURES: [&str; 9] = [
    "cost_usd",
    "turns",
    "duration_ms",
    "session_id",
    "model",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/transcripts").join(name)
}

fn events(name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(fixture(name)).unwrap();
    text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect()
}

fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|e| e["type"] == kind).collect()
}

fn sum<'a>(values: impl IntoIterator<Item = &'a Value>) -> u64 {
    values.into_iter().map(|v| v.as_u64().unwrap()).sum()
}

/// What the transcript says, figure by figure; null for what it does not.
fn said(adapter: &str, name: &str) -> [Value; 9] {
    let events = events(name);
    let null = || Value::Null;
    match adapter {
        "claude" => {
            let result = of_type(&events, "result")[0];
            let models: BTreeMap<&String, &Value> =
                result["modelUsage"].as_object().unwrap().iter().collect();
            let all = |key: &str| json!(sum(models.values().map(|m| &m[key])));
            let cost = |m: &&Value| m["costUSD"].as_f64().unwrap();
            let most = models.iter().max_by(|a, b| cost(a.1).total_cmp(&cost(b.1))).unwrap();
            [
                result["total_cost_usd"].clone(),
                result["num_turns"].clone(),
                result["duration_ms"].clone(),
                result["session_id"].clone(),
                json!(most.0),
                all("inputTokens"),
                all("outputTokens"),
                all("cacheReadInputTokens"),
                all("cacheCreationInputTokens"),
            ]
        }
        "codex" => {
            let turns = of_type(&events, "turn.completed");
            let all = |key: &str| json!(sum(turns.iter().map(|t| &t["usage"][key])));
            let thread = of_type(&events, "thread.started")[0]["thread_id"].clone();
            [
                null(),
                json!(turns.len()),
                null(),
                thread,
                null(),
                all("input_tokens"),
                all("output_tokens"),
                all("cached_input_tokens"),
                all("cache_write_input_tokens"),
            ]
        }
        "gemini" => {
            let (init, stats) = (of_type(&events, "init")[0], &of_type(&events, "result")[0]["stats"]);
            let of = |key: &str| stats[key].clone();
            let (session, model) = (init["session_id"].clone(), init["model"].clone());
            let (input, output) = (of("input_tokens"), of("output_tokens"));
            [null(), null(), of("duration_ms"), session, model, input, output, of("cached"), null()]
        }
        "opencode" => {
            let steps = of_type(&events, "step_finish");
            let all = |path: &str| json!(sum(steps.iter().map(|s| s.pointer(path).unwrap())));
            let cost: f64 = steps.iter().map(|s| s["part"]["cost"].as_f64().unwrap()).sum();
            [
                json!(cost),
                json!(steps.len()),
                null(),
                events[0]["sessionID"].clone(),
                null(),
                all("/part/tokens/input"),
                all("/part/tokens/output"),
                all("/part/tokens/cache/read"),
                all("/part/tokens/cache/write"),
            ]
        }
        "goose" => {
            let end = of_type(&events, "complete")[0];
            let of = |key: &str| end[key].clone();
            let (input, output) = (of("input_tokens"), of("output_tokens"));
            [of("cost_usd"), null(), null(), null(), null(), input, output, null(), null()]
        }
        "cursor" => {
            let (init, end) = (of_type(&events, "system")[0], of_type(&events, "result")[0]);
            let (took, session) = (end["duration_ms"].clone(), init["session_id"].clone());
            [null(), null(), took, session, init["model"].clone(), null(), null(), null(), null()]
        }
        "aider" => {
            let text = std::fs::read_to_string(fixture(name)).unwrap();
            let line = |start: &str| text.lines().find_map(|l| l.strip_prefix(start)).unwrap();
            let word = |text: &str, nth: usize| text.split(' ').nth(nth).unwrap().to_owned();
            let tokens = line("Tokens: ");
            let count = |nth: usize| json!(word(tokens, nth).parse::<u64>().unwrap());
            let model = json!(word(line("Model: "), 0));
            [null(), json!(1), null(), null(), model, count(0), count(2), null(), null()]
        }
        _ => {
            let end = events.last().unwrap().as_object().unwrap();
            FIGURES.map(|f| end.get(f).cloned().unwrap_or_default())
        }
    }
}

fn world() -> World {
    let mut world = World::new();
    world.kdl = "remediation 0\n".to_owned();
    for (node, adapter, transcript) in AGENTS {
        let body = format!(
            "#!/bin/sh\ncat > /dev/null\necho \"$AUDITRUN_NODE_ID\" > \"$AUDITRUN_NODE_ID.out\"\ncat {}\n",
            fixture(transcript).display()
        );
        program(&world.agents, node, body);
        let command = world.agents.join(node);
        world.kdl +=
            &format!("agent \"{node}\" adapter=\"{adapter}\" {{ command \"{}\" }}\n", command.display());
        world.node(node).with("agent", node);
    }
    world.build();
    world
}

#[test]
fn every_adapters_figures_are_those_of_its_transcript() {
    let world = world();
    world.run().exits(0);
    let report = world.json("audit/metrics.json");
    let calls = report["invocations"].as_array().unwrap();
    assert_eq!(calls.len(), AGENTS.len());
    for (node, adapter, transcript) in AGENTS {
        let call = calls.iter().find(|c| c["subject"] == node).unwrap();
        assert_eq!((&call["agent"], &call["adapter"]), (&json!(node), &json!(adapter)));
        for (figure, expected) in FIGURES.into_iter().zip(said(adapter, transcript)) {
            let (value, source) = (&call[figure], &call["sources"][figure]);
            if figure == "duration_ms" && expected.is_null() {
                assert!(value.is_u64() && source == "estimated", "{node}: timed here: {value} {source}");
                continue;
            }
            assert_eq!(value, &expected, "{node}: {figure}");
            let wanted = if expected.is_null() { Value::Null } else { json!("reported") };
            assert_eq!(source, &wanted, "{node}: source of {figure}");
        }
    }
    sums(&report, calls);
}

/// Every sum is that of the known figures, and says how many it does not cover.
fn sums(report: &Value, calls: &[Value]) {
    let totals = &report["totals"];
    let groups: [(&str, fn(&Value) -> String); 5] = [
        ("by_node", |c| c["subject"].as_str().unwrap().to_owned()),
        ("by_attempt", |c| format!("{}/{}", c["subject"].as_str().unwrap(), c["attempt"])),
        ("by_role", |c| c["role"].as_str().unwrap().to_owned()),
        ("by_agent", |c| c["agent"].as_str().unwrap().to_owned()),
        ("by_model", |c| c["model"].as_str().unwrap_or("unknown").to_owned()),
    ];
    add_up(&totals["overall"], &calls.iter().collect::<Vec<_>>(), "overall");
    for (group, key) in groups {
        let mut members: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        calls.iter().for_each(|c| members.entry(key(c)).or_default().push(c));
        assert_eq!(totals[group].as_object().unwrap().len(), members.len(), "{group}");
        for (name, members) in members {
            add_up(&totals[group][&name], &members, &format!("{group} {name}"));
        }
    }
}

fn add_up(total: &Value, calls: &[&Value], what: &str) {
    assert_eq!(total["invocations"], json!(calls.len()), "{what}");
    for figure in FIGURES.into_iter().filter(|f| !matches!(*f, "session_id" | "model")) {
        let known: Vec<f64> = calls.iter().filter_map(|c| c[figure].as_f64()).collect();
        let unknown = total["unknown"][figure].as_u64().unwrap_or(0);
        assert_eq!(unknown as usize, calls.len() - known.len(), "{what}: {figure}");
        match total[figure].as_f64() {
            None => assert!(known.is_empty(), "{what}: {figure} is null"),
            Some(sum) => assert!((sum - known.iter().sum::<f64>()).abs() < 1e-9, "{what}: {figure} {sum}"),
        }
    }
}

#[test]
fn the_sub_agents_of_claude_are_on_the_bill() {
    let [cost, _, _, _, model, input, output, ..] = said("claude", "claude-sub-agents.jsonl");
    let result = events("claude-sub-agents.jsonl").pop().unwrap();
    assert!(input.as_u64() > result["usage"]["input_tokens"].as_u64(), "usage leaves them out");
    assert!(output.as_u64() > result["usage"]["output_tokens"].as_u64());
    assert_eq!((cost, model), (json!(0.04735), json!("claude-opus-4-8[1m]")));
}
