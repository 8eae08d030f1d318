//! The turning points of a run in order of time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Id;
use crate::journal::{Attempt, NodeState, RunState};

/// One turning point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// RFC 3339, UTC.
    pub at: String,
    /// The node it concerns.
    pub node: Option<Id>,
    /// In one phrase.
    pub what: String,
}

/// Starts, resumes, dispatches, landings, verdicts, pauses and the end. Moments of one time
/// keep the order of this list.
pub(super) fn timeline(state: &RunState) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut add = |at: &str, node: Option<&Id>, what: String| {
        moments.push(Moment { at: at.to_owned(), node: node.cloned(), what });
    };
    for (nth, lifetime) in state.lifetimes.iter().enumerate() {
        let what = if nth == 0 { "run started" } else { "run resumed" };
        add(&lifetime.from, None, what.to_owned());
    }
    for node in &state.nodes {
        for attempt in &node.attempts {
            attempt_moments(node, attempt, &mut add);
        }
    }
    for landed in &state.landings {
        let how = if landed.landing.rebased { "landed after a rebase" } else { "landed" };
        add(&landed.at, Some(&landed.node), format!("{how} as {}", landed.landing.new.short()));
    }
    for limit in &state.rate_limits {
        let seconds = limit.pause_ms / 1000;
        add(&limit.at, None, format!("{} is rate limited: all wait {seconds} s", limit.agent));
    }
    if let Some(halt) = &state.halting {
        add(&halt.at, None, format!("halting, {}: {}", halt.reason.name(), halt.message));
    }
    if let Some(proof) = &state.proof {
        let word = if proof.complete { "complete" } else { "incomplete" };
        add(&proof.at, None, format!("proof made: {word}"));
    }
    if let Some(end) = &state.finished {
        add(&end.at, None, format!("run ended: {}", end.reason.name()));
    }
    moments.sort_by(|a, b| a.at.cmp(&b.at));
    moments
}

fn attempt_moments(node: &NodeState, attempt: &Attempt, add: &mut impl FnMut(&str, Option<&Id>, String)) {
    if attempt.iteration > 0 {
        let what = format!("attempt {} dispatched (iteration {})", attempt.number, attempt.iteration);
        add(&attempt.started_at, Some(&node.id), what);
    }
    if let (Some(at), Some(status)) = (&attempt.finished_at, attempt.status) {
        add(at, Some(&node.id), format!("{}: {}", status.name(), attempt.reason));
    }
}
