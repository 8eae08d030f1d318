//! Everything about one node: what is shown when somebody looks at it.

use serde_json::{Value, json};

use super::About;
use crate::event::CheckRecord;
use crate::journal::{Attempt, NodeState};

/// Changed files that are named.
const NAMED: usize = 200;

/// The node with its attempts, newest last.
pub(super) fn of(node: &NodeState, about: &About) -> Value {
    json!({
        "id": node.id.as_str(),
        "what": about.shown(node.deliverable()),
        "status": node.progress.name(),
        "reason": about.shown(&node.reason),
        "landed": node.landing.as_ref().map(|l| l.new.as_str()),
        "remediation": node.remediation.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(),
        "split": node.split.as_ref().map(|(path, _)| path.as_str()),
        "attempts": node.attempts.iter().map(|a| attempt(a, about)).collect::<Vec<_>>(),
    })
}

fn attempt(attempt: &Attempt, about: &About) -> Value {
    let gates = attempt
        .gates
        .iter()
        .map(|g| json!({ "gate": g.gate, "passed": g.passed, "reason": about.shown(&g.reason) }));
    let invariants = attempt.invariants.iter().map(|(_, r)| (Some(r.id.as_str()), &r.check));
    let checks = attempt.checks.iter().map(|(_, r)| (None, r)).chain(invariants);
    let agents = attempt.agents.iter().map(|a| {
        json!({
            "name": a.name, "model": a.metrics.model, "fault": a.fault.as_ref().map(|f| about.shown(f)),
            "cost": a.metrics.cost_usd, "turns": a.metrics.turns, "ms": a.metrics.duration_ms,
            "input": a.metrics.input_tokens, "output": a.metrics.output_tokens, "retries": a.retries,
        })
    });
    let diff = attempt.captured.as_ref().map(|c| {
        let files: Vec<String> = c.diff.files.iter().take(NAMED).map(|f| about.shown(f)).collect();
        json!({ "loc": c.diff.loc, "cap": c.diff.cap, "files": files, "of": c.diff.files.len() })
    });
    json!({
        "n": attempt.number,
        "status": attempt.status.map(|s| s.name()),
        "reason": about.shown(&attempt.reason),
        "ms": attempt.duration_ms,
        "worktree": attempt.worktree.as_ref().map(|w| about.shown(w)),
        "agents": agents.collect::<Vec<_>>(),
        "diff": diff,
        "gates": gates.collect::<Vec<_>>(),
        "checks": checks.map(|(id, c)| check(id, c, about)).collect::<Vec<_>>(),
    })
}

/// What a check printed matters only if it failed.
fn check(invariant: Option<&str>, check: &CheckRecord, about: &About) -> Value {
    let tail = |text: &str| if check.passed { None } else { Some(about.shown(text)) };
    json!({
        "invariant": invariant,
        "command": about.shown(&check.command),
        "passed": check.passed,
        "exit": check.exit_code,
        "timed_out": check.timed_out,
        "ms": check.duration_ms,
        "stdout": tail(&check.stdout_tail),
        "stderr": tail(&check.stderr_tail),
    })
}
