//! Where each node stands by the journal, as the scheduler counts. Pure.

use crate::event::NodeStatus;
use crate::gate::loc;
use crate::journal::{NodeState, Progress, RunState};
use crate::plan::{Plan, PlannedNode};
use crate::run::scheduler::State;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Done, or pending.
    pub state: State,
    /// Attempts that count: a killed or cancelled one does not.
    pub attempts: u32,
    /// Nothing is left to try: the last verdict's reason.
    pub exhausted: Option<String>,
}

/// Where every node of the plan stands, in the plan's order. The state is that after
/// `run_resumed`, so nothing is running in it.
pub fn standing(state: &RunState, plan: &Plan, remediations: u32) -> Vec<Standing> {
    plan.nodes.iter().map(|n| of(state.node(&n.node.id.value), n, remediations)).collect()
}

fn of(node: Option<&NodeState>, planned: &PlannedNode, remediations: u32) -> Standing {
    let Some(node) = node else {
        return Standing { state: State::Pending, attempts: 0, exhausted: None };
    };
    let attempts = node.last_used().map_or(0, |a| a.number);
    let open = Standing { state: State::Pending, attempts, exhausted: None };
    match node.progress {
        Progress::Judged(NodeStatus::Verified) if node.landing.is_some() => {
            Standing { state: State::Done(NodeStatus::Verified), ..open }
        }
        Progress::Judged(status @ (NodeStatus::Failed | NodeStatus::Oversized))
            if attempts > remediations || past_remedy(node, planned, status) =>
        {
            Standing { state: State::Done(status), attempts, exhausted: Some(node.reason.clone()) }
        }
        _ => open,
    }
}

/// A split was proposed already, or the last attempt was so large that one was due at once.
fn past_remedy(node: &NodeState, planned: &PlannedNode, status: NodeStatus) -> bool {
    let lines = node.last_used().and_then(|a| a.captured.as_ref()).map_or(0, |c| c.diff.loc);
    let extreme = loc::judge(lines, planned.settings.loc_limits()) == loc::Verdict::Extreme;
    node.split.is_some() || (status == NodeStatus::Oversized && extreme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::journal::Attempt;
    use crate::plan::testing::{node, plan};

    fn attempt(number: u32, status: Option<NodeStatus>) -> Attempt {
        Attempt { number, iteration: u64::from(number), status, ..Attempt::default() }
    }

    fn stands(progress: Progress, attempts: &[(u32, Option<NodeStatus>)]) -> (State, u32, bool) {
        let mut state = NodeState::new(Id::parse("A").unwrap());
        state.progress = progress;
        state.attempts = attempts.iter().map(|(n, s)| attempt(*n, *s)).collect();
        let standing = of(Some(&state), &plan(&[node("A")]).nodes[0], 2);
        (standing.state, standing.attempts, standing.exhausted.is_some())
    }

    const FAILED: Option<NodeStatus> = Some(NodeStatus::Failed);
    const CANCELLED: Option<NodeStatus> = Some(NodeStatus::Cancelled);

    #[test]
    fn a_killed_or_cancelled_attempt_uses_nothing_up() {
        assert_eq!(stands(Progress::Pending, &[(1, None)]), (State::Pending, 0, false));
        assert_eq!(stands(Progress::Pending, &[(1, FAILED), (2, None)]), (State::Pending, 1, false));
        assert_eq!(
            stands(Progress::Pending, &[(1, FAILED), (2, CANCELLED), (2, None)]),
            (State::Pending, 1, false)
        );
    }

    #[test]
    fn a_failed_attempt_is_followed_by_the_next_until_none_is_left() {
        let failed = Progress::Judged(NodeStatus::Failed);
        assert_eq!(stands(failed, &[(1, FAILED)]), (State::Pending, 1, false));
        let used = [(1, FAILED), (2, FAILED), (3, FAILED)];
        assert_eq!(stands(failed, &used), (State::Done(NodeStatus::Failed), 3, true));
    }

    #[test]
    fn a_reset_starts_the_count_again() {
        let mut state = NodeState::new(Id::parse("A").unwrap());
        state.attempts = vec![attempt(1, FAILED), attempt(2, FAILED)];
        state.before_reset = 2;
        let standing = of(Some(&state), &plan(&[node("A")]).nodes[0], 2);
        assert_eq!((standing.state, standing.attempts), (State::Pending, 0));
    }
}
