//! What the page is told, as JSON: the run as a whole, a row for each node, what is under way.

use serde::Serialize;

use super::About;
use super::watch::Held;
use crate::event::NodeStatus;
use crate::journal::{NodeState, Progress, RunState};
use crate::progress::Standing;
use crate::report;

/// The run.
#[derive(Debug, Serialize)]
pub(super) struct RunView {
    run_id: String,
    /// `proven`, `incomplete`, `rejected`, `halted` or `running`.
    kind: report::VerdictKind,
    sentence: String,
    branch: Option<String>,
    command: String,
    /// When it began; its newest record.
    started: String,
    last: String,
    finished: bool,
    /// Milliseconds of earlier processes, and when the newest one began.
    active_before_ms: u64,
    since: i64,
    iteration: u64,
    max_iterations: u64,
    verified: usize,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    report: bool,
    notices: usize,
    trouble: Option<String>,
}

impl RunView {
    pub(super) fn of(held: &Held, about: &About) -> RunView {
        let state = &held.state;
        let start = state.start.as_ref();
        let verdict = report::verdict(state, None);
        let tokens = |of: fn(&crate::event::Metrics) -> Option<u64>| {
            let each = state.calls.iter().filter_map(|c| of(&c.record.as_ref()?.metrics));
            each.reduce(u64::saturating_add)
        };
        RunView {
            run_id: state.run_id().to_owned(),
            kind: verdict.kind,
            sentence: about.shown(&verdict.sentence),
            branch: state.branch.clone(),
            command: start.map(|s| about.shown(&s.command.join(" "))).unwrap_or_default(),
            started: start.map(|s| s.at.clone()).unwrap_or_default(),
            last: state.last_at.clone(),
            finished: state.finished.is_some(),
            active_before_ms: active_before(state),
            since: held.board.since,
            iteration: state.iteration,
            max_iterations: state.max_iterations,
            verified: held.board.count(Standing::Judged(NodeStatus::Verified)),
            input_tokens: tokens(|m| m.input_tokens),
            output_tokens: tokens(|m| m.output_tokens),
            report: state.stage.is_some(),
            notices: state.notices.len() + state.warnings.len(),
            trouble: held.trouble.clone(),
        }
    }
}

fn active_before(state: &RunState) -> u64 {
    let last = state.lifetimes.last().map_or(0, |l| crate::journal::elapsed_ms(&l.from, &l.to));
    state.active_ms().saturating_sub(last)
}

/// A node.
#[derive(Debug, Serialize)]
pub(super) struct NodeView {
    id: String,
    what: String,
    tier: usize,
    status: &'static str,
    reason: String,
    agent: String,
    cost: Option<f64>,
    /// Places of what it waits for.
    after: Vec<usize>,
    tries: Vec<TryView>,
}

/// An attempt: times are milliseconds since 1970.
#[derive(Debug, Serialize)]
struct TryView {
    n: u32,
    from: i64,
    to: Option<i64>,
    status: &'static str,
}

impl NodeView {
    pub(super) fn of(node: &NodeState, state: &RunState, about: &About) -> NodeView {
        let planned = node.planned.as_ref();
        let calls = || node.attempts.iter().flat_map(|a| &a.agents);
        let after = planned.map(|p| p.waits_for.as_slice()).unwrap_or_default();
        NodeView {
            id: node.id.to_string(),
            what: about.shown(node.deliverable()),
            tier: node.tier(),
            status: node.progress.name(),
            reason: about.shown(&node.reason),
            agent: planned.map(|p| p.agent.clone()).unwrap_or_default(),
            cost: calls().filter_map(|a| a.metrics.cost_usd).reduce(|a, b| a + b),
            after: after.iter().filter_map(|id| state.position(id)).collect(),
            tries: tries(node),
        }
    }
}

fn tries(node: &NodeState) -> Vec<TryView> {
    let dispatched: Vec<_> = node.dispatched().collect();
    let newest = dispatched.len();
    let view = |(at, a): (usize, &&crate::journal::Attempt)| TryView {
        n: a.number,
        from: millis(&a.started_at).unwrap_or(0),
        to: a.finished_at.as_deref().and_then(millis),
        // One that was cut short by the harness's end has no verdict and is not running either.
        status: match a.status {
            Some(status) => status.name(),
            None if at + 1 == newest && node.progress == Progress::Running => "running",
            None => NodeStatus::Cancelled.name(),
        },
    };
    dispatched.iter().enumerate().map(view).collect()
}

fn millis(at: &str) -> Option<i64> {
    Some(at.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

/// What is under way.
#[derive(Debug, Serialize)]
pub(super) struct LiveView {
    working: bool,
    cost: Option<f64>,
    paused_until: Option<i64>,
    tasks: Vec<TaskView>,
}

#[derive(Debug, Serialize)]
struct TaskView {
    id: String,
    attempt: u32,
    phase: String,
    agent: Option<String>,
    since: i64,
    phase_since: i64,
    cost: Option<f64>,
    slow: bool,
    usual_ms: Option<u64>,
    message: String,
}

impl LiveView {
    pub(super) fn of(held: &Held, now: i64) -> LiveView {
        let board = &held.board;
        let task = |(id, task): (&crate::base::Id, &crate::progress::Task)| TaskView {
            id: id.to_string(),
            attempt: task.attempt,
            phase: task.phase.clone(),
            agent: task.agent.clone(),
            since: task.since,
            phase_since: task.phase_since,
            cost: task.cost_usd(),
            slow: board.slow_ms(task, now).is_some(),
            usual_ms: board.usual_ms(task),
            message: task.message.clone(),
        };
        LiveView {
            working: held.working,
            cost: board.total_usd(),
            paused_until: board.paused_until.filter(|until| *until > now),
            // A run whose process is gone has nothing under way, whatever its journal says.
            tasks: board.tasks().filter(|_| held.working).map(task).collect(),
        }
    }
}
