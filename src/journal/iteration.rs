//! runs/.iteration-state.json, computed from the journal alone, so that a reader can compute
//! it again.

use super::state::RunState;
use crate::event::{IterationState, RunStatus, Termination};

/// The loop guard's view of a run. Times are those of the journal; `last_step_at` moves with a
/// dispatch or a verdict and is `started_at` before the first.
pub fn iteration_state(state: &RunState) -> IterationState {
    let started_at = state.start.as_ref().map(|s| s.at.clone()).unwrap_or_default();
    IterationState {
        iteration: state.iteration,
        max_iterations: state.max_iterations,
        timeout_minutes: state.timeout_ms.div_ceil(60_000),
        last_step_at: state.last_step_at.clone().unwrap_or_else(|| started_at.clone()),
        started_at,
        last_outcome: state.last_outcome,
        status: match &state.finished {
            None => RunStatus::Running,
            Some(end) if end.reason == Termination::AllDone => RunStatus::Done,
            Some(_) => RunStatus::Halted,
        },
        termination_reason: state.finished.as_ref().map(|end| end.reason),
    }
}
