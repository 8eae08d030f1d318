//! audit/trace.json: the run as Chrome trace events, which Perfetto and chrome://tracing open.
//! Times are microseconds since the run's first record.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::base::Id;
use crate::config::Role;
use crate::event::{CheckPhase, CheckRecord};
use crate::journal::{AgentCall, Attempt, NodeState, RunState, StepRun, elapsed_ms};

/// The file as JSON. One row for each node that was tried: attempts, in them the statements of
/// the recipe, in those agents and checks.
pub(super) fn trace(state: &RunState) -> Value {
    let mut events = vec![named("process_name", 0, "auditrun"), named("thread_name", 0, "run")];
    let Some(start) = &state.start else { return wrap(events) };
    let clock = Clock { start: &start.at, end: state.worked_until() };
    for lifetime in &state.lifetimes {
        events.push(clock.span("run", "process", 0, &lifetime.from, &lifetime.to));
    }
    let agents = of_nodes(state);
    for (row, node) in state.nodes.iter().filter(|n| !n.attempts.is_empty()).enumerate() {
        node_events(&clock, row as u64 + 1, node, &agents, &mut events);
    }
    calls(&clock, state, &mut events);
    for limit in &state.rate_limits {
        events.push(json!({
            "ph": "i", "s": "g", "pid": 1, "tid": 0, "cat": "rate limit",
            "name": format!("{} is rate limited", limit.agent), "ts": micros(clock.ms(&limit.at)),
            "args": { "pause_ms": limit.pause_ms, "reason": limit.reason },
        }));
    }
    wrap(events)
}

/// The agents of each attempt's number.
type Agents<'a> = HashMap<(&'a Id, u32), Vec<&'a AgentCall>>;

fn of_nodes(state: &RunState) -> Agents<'_> {
    let mut agents = Agents::new();
    for call in state.calls.iter().filter(|c| c.role == Role::Node) {
        if let Some(id) = &call.subject {
            agents.entry((id, call.attempt)).or_default().push(call);
        }
    }
    agents
}

fn node_events(clock: &Clock<'_>, row: u64, node: &NodeState, agents: &Agents<'_>, events: &mut Vec<Value>) {
    events.push(named("thread_name", row, node.id.as_str()));
    let mut after = 0;
    for (attempt, end) in node.spans(clock.end) {
        // An attempt that was killed is made again under its number.
        let its =
            |call: &&&AgentCall| call.started_at >= attempt.started_at && call.started_at.as_str() <= end;
        let called = agents.get(&(&node.id, attempt.number)).map_or(&[][..], Vec::as_slice);
        let called: Vec<&AgentCall> = called.iter().filter(its).copied().collect();
        let times = (clock.ms(&attempt.started_at).max(after), clock.ms(end));
        after = attempt_events(clock, row, times, (node, attempt), &called, events);
    }
}

fn wrap(events: Vec<Value>) -> Value {
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

fn named(what: &str, row: u64, name: &str) -> Value {
    json!({ "ph": "M", "pid": 1, "tid": row, "name": what, "args": { "name": name } })
}

fn micros(ms: u64) -> u64 {
    ms.saturating_mul(1000)
}

struct Clock<'a> {
    start: &'a str,
    end: &'a str,
}

impl Clock<'_> {
    /// Milliseconds since the run's first record.
    fn ms(&self, at: &str) -> u64 {
        elapsed_ms(self.start, at)
    }

    fn span(&self, name: &str, category: &str, row: u64, from: &str, to: &str) -> Value {
        span(name, category, row, self.ms(from), self.ms(to))
    }
}

/// A span in milliseconds; one that would end before it begins has no length.
fn span(name: &str, category: &str, row: u64, from: u64, to: u64) -> Value {
    json!({
        "ph": "X", "pid": 1, "tid": row, "name": name, "cat": category,
        "ts": micros(from), "dur": micros(to.saturating_sub(from)),
    })
}

/// Spans of one row have to lie one in another or apart: each is kept inside of the one around
/// it and behind the one before it. Returns where the attempt ends.
fn attempt_events(
    clock: &Clock<'_>,
    row: u64,
    (from, to): (u64, u64),
    (node, attempt): (&NodeState, &Attempt),
    agents: &[&AgentCall],
    events: &mut Vec<Value>,
) -> u64 {
    let to = to.max(from);
    let mut whole = span(&format!("{} attempt {}", node.id, attempt.number), "attempt", row, from, to);
    whole["args"] = json!({
        "status": attempt.status.map(crate::event::NodeStatus::name), "reason": attempt.reason,
    });
    events.push(whole);
    let mut done = from;
    let mut places = Vec::new();
    for step in &attempt.steps {
        let end = clock.ms(&step.at).clamp(done, to);
        let begin = end.saturating_sub(step.duration_ms).max(done);
        let mut whole = span(&step.text, "step", row, begin, end);
        whole["args"] = json!({ "exit_code": step.exit_code });
        events.push(whole);
        inside(row, begin, end, parts(attempt, step), events);
        places.push((begin, end));
        done = end;
    }
    places.push((done, to));
    events.extend(agents.iter().map(|call| agent(clock, row, call, &places)));
    to
}

/// A check that ran inside of a statement: its command, milliseconds, more.
type Part = (String, u64, Value);

fn parts(attempt: &Attempt, step: &StepRun) -> Vec<Part> {
    let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
    let checks =
        |phase: CheckPhase| attempt.checks.iter().filter(move |(p, _)| *p == phase).map(|(_, c)| check(c));
    let invariants = |phase: CheckPhase| {
        attempt.invariants.iter().filter(move |(p, _)| *p == phase).map(|(_, i)| check(&i.check))
    };
    match words.as_slice() {
        ["check", "done_when", ..] => checks(CheckPhase::Verify).collect(),
        ["check", "invariants", ..] => invariants(CheckPhase::Verify).collect(),
        ["land", ..] => checks(CheckPhase::Retest).chain(invariants(CheckPhase::Retest)).collect(),
        _ => Vec::new(),
    }
}

/// An agent lies in the statement that called it, or behind the last one that ended.
fn agent(clock: &Clock<'_>, row: u64, call: &AgentCall, places: &[(u64, u64)]) -> Value {
    let from = clock.ms(&call.started_at);
    let to = clock.ms(call.finished_at.as_deref().unwrap_or(clock.end));
    let shared = |(begin, end): &&(u64, u64)| to.min(*end).saturating_sub(from.max(*begin));
    let (begin, end) = places.iter().max_by_key(shared).copied().unwrap_or((from, to));
    let mut whole = span(&call.agent, "agent", row, from.clamp(begin, end), to.clamp(begin, end));
    whole["args"] = arguments(call);
    whole
}

fn arguments(call: &AgentCall) -> Value {
    let metrics = call.record.as_ref().map(|r| r.metrics.clone()).unwrap_or_default();
    json!({
        "role": call.role.name(), "subject": call.subject.as_ref().map(|s| s.as_str()), "attempt": call.attempt,
        "model": metrics.model, "cost_usd": metrics.cost_usd, "turns": metrics.turns,
        "input_tokens": metrics.input_tokens, "output_tokens": metrics.output_tokens,
        "fault": call.record.as_ref().and_then(|r| r.fault.as_deref()),
    })
}

fn check(check: &CheckRecord) -> Part {
    let args = json!({ "exit_code": check.exit_code, "passed": check.passed });
    (check.command.clone(), check.duration_ms, args)
}

/// The journal dates the statement, and of its parts how long each took: they stand one after
/// another up to the statement's end.
fn inside(row: u64, from: u64, to: u64, parts: Vec<Part>, events: &mut Vec<Value>) {
    let sum = parts.iter().fold(0_u64, |sum, p| sum.saturating_add(p.1));
    let mut at = to.saturating_sub(sum).max(from);
    for (name, ms, args) in parts {
        let end = at.saturating_add(ms).min(to);
        let mut part = span(&name, "check", row, at, end);
        part["args"] = args;
        events.push(part);
        at = end;
    }
}

/// Agents of the other roles as asynchronous spans: they belong to no node's row.
fn calls(clock: &Clock<'_>, state: &RunState, events: &mut Vec<Value>) {
    for (id, call) in state.calls.iter().enumerate().filter(|(_, c)| c.role != Role::Node) {
        let name = format!("{} ({})", call.agent, call.role.name());
        let to = call.finished_at.as_deref().unwrap_or(clock.end);
        for (phase, at) in [("b", call.started_at.as_str()), ("e", to)] {
            events.push(json!({
                "ph": phase, "pid": 1, "tid": 0, "id": id, "name": name, "cat": "agent",
                "ts": micros(clock.ms(at)),
                "args": arguments(call),
            }));
        }
    }
}
