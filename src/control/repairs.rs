//! Remediation cycles: the rows of `repair_attempts`, from the attempts of a node. Pure.

use std::collections::BTreeMap;

use crate::control::failure::key_of;
use crate::event::NodeStatus;
use crate::journal::{Attempt, NodeState};

/// A row of `repair_attempts`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct RepairRow {
    /// 1 or 2.
    pub cycle: u32,
    /// Of the failure that it was to repair.
    pub problem_key: String,
    /// That failure's verdict.
    pub reason: String,
    /// repaired or failed.
    pub outcome: String,
    /// When it was judged.
    pub at: String,
}

/// The judged cycles of a node. Where a node was reset and tried anew, the newest of each
/// number counts.
pub fn repairs(node: &NodeState) -> Vec<RepairRow> {
    let mut by_cycle = BTreeMap::new();
    let mut before: Option<&Attempt> = None;
    for attempt in node.dispatched() {
        let judged = attempt.status.zip(attempt.finished_at.as_ref());
        if let (Some((status, at)), Some(failed), true) = (judged, before, attempt.number > 1)
            && let Some(outcome) = outcome(status)
            && let Some(problem_key) = key_of(failed)
        {
            let cycle = attempt.number - 1;
            let reason = crate::base::text::neutral(&failed.reason);
            let row = RepairRow { cycle, problem_key, reason, outcome: outcome.to_owned(), at: at.clone() };
            by_cycle.insert(cycle, row);
        }
        if matches!(attempt.status, Some(NodeStatus::Failed | NodeStatus::Oversized)) {
            before = Some(attempt);
        }
    }
    by_cycle.into_values().collect()
}

/// One that was cancelled is made again and says nothing yet.
fn outcome(status: NodeStatus) -> Option<&'static str> {
    match status {
        NodeStatus::Verified => Some("repaired"),
        NodeStatus::Failed | NodeStatus::Oversized => Some("failed"),
        NodeStatus::Blocked | NodeStatus::Cancelled => None,
    }
}
