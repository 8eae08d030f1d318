//! audit/trace.json: the run as Chrome trace events, which Perfetto and chrome://tracing open.
//! Times are microseconds since the run's first record.

use serde_json::{Value, json};

use crate::event::CheckRecord;
use crate::journal::{Attempt, NodeState, RunState, elapsed_ms};

/// The file as JSON. One row for each node that was tried; agents, checks and statements lie
/// inside their attempt.
pub(super) fn trace(state: &RunState) -> Value {
    let mut events = vec![named("process_name", 0, "auditrun"), named("thread_name", 0, "run")];
    let Some(start) = &state.start else { return wrap(events) };
    let clock = Clock { start: &start.at, end: &state.last_at };
    for lifetime in &state.lifetimes {
        events.push(clock.span("run", "process", 0, &lifetime.from, &lifetime.to));
    }
    for (row, node) in state.nodes.iter().filter(|n| !n.attempts.is_empty()).enumerate() {
        let row = row as u64 + 1;
        events.push(named("thread_name", row, node.id.as_str()));
        for attempt in node.dispatched() {
            attempt_events(&clock, row, node, attempt, &mut events);
        }
    }
    calls(&clock, state, &mut events);
    wrap(events)
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
    fn span(&self, name: &str, category: &str, row: u64, from: &str, to: &str) -> Value {
        json!({
            "ph": "X", "pid": 1, "tid": row, "name": name, "cat": category,
            "ts": micros(elapsed_ms(self.start, from)), "dur": micros(elapsed_ms(from, to)),
        })
    }
}

fn attempt_events(clock: &Clock<'_>, row: u64, node: &NodeState, attempt: &Attempt, events: &mut Vec<Value>) {
    let to = attempt.finished_at.as_deref().unwrap_or(clock.end);
    let name = format!("{} attempt {}", node.id, attempt.number);
    let mut span = clock.span(&name, "attempt", row, &attempt.started_at, to);
    span["args"] = json!({
        "status": attempt.status.map(crate::event::NodeStatus::name), "reason": attempt.reason,
    });
    events.push(span);
    for step in &attempt.steps {
        let ts = micros(elapsed_ms(clock.start, &step.at).saturating_sub(step.duration_ms));
        events.push(json!({
            "ph": "X", "pid": 1, "tid": row, "name": step.text, "cat": "step",
            "ts": ts, "dur": micros(step.duration_ms), "args": { "exit_code": step.exit_code },
        }));
    }
    for (_, check) in &attempt.checks {
        events.push(instant(clock, row, "check", check, to));
    }
    for (_, invariant) in &attempt.invariants {
        events.push(instant(clock, row, "invariant", &invariant.check, to));
    }
}

/// The journal dates the statement that ran a list of checks, not each of them: they show as marks.
fn instant(clock: &Clock<'_>, row: u64, category: &str, check: &CheckRecord, at: &str) -> Value {
    json!({
        "ph": "i", "s": "t", "pid": 1, "tid": row, "name": check.command, "cat": category,
        "ts": micros(elapsed_ms(clock.start, at)),
        "args": { "exit_code": check.exit_code, "passed": check.passed, "duration_ms": check.duration_ms },
    })
}

/// Agents as asynchronous spans: those of read-only roles belong to no node's row.
fn calls(clock: &Clock<'_>, state: &RunState, events: &mut Vec<Value>) {
    for (id, call) in state.calls.iter().enumerate() {
        let name = format!("{} ({})", call.agent, call.role.name());
        let to = call.finished_at.as_deref().unwrap_or(clock.end);
        let subject = call.subject.as_ref().map(|s| s.as_str());
        let model = call.record.as_ref().and_then(|r| r.metrics.model.as_deref());
        for (phase, at) in [("b", call.started_at.as_str()), ("e", to)] {
            events.push(json!({
                "ph": phase, "pid": 1, "tid": 0, "id": id, "name": name, "cat": "agent",
                "ts": micros(elapsed_ms(clock.start, at)),
                "args": { "subject": subject, "attempt": call.attempt, "model": model },
            }));
        }
    }
}
