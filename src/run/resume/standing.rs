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
