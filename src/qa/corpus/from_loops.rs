//! Loops as slices, wherever their rows come from: the database, or journals replayed here.

use std::collections::BTreeSet;

use crate::control::{LoopRow, RepairRow};
use crate::qa::corpus::gathered::Seen;
use crate::qa::corpus::model::{Failure, Repair, Slice};

/// A loop that was judged.
pub fn judged(row: &LoopRow) -> bool {
    !matches!(row.status.as_str(), "pending" | "running") && row.finished_at.is_some()
}

/// A judged loop as a slice.
pub fn slice(row: &LoopRow) -> Slice {
    let failure = row.failure.as_ref().map(|f| Failure {
        blocker_reason: f.blocker_reason.clone(),
        error_summary: f.error_summary.clone(),
        classification: f.classification.clone(),
        repair_outcome: f.repair_outcome.clone(),
    });
    Slice {
        slice_id: row.loop_id.clone(),
        run_id: Some(row.run_id.clone()),
        node_id: Some(row.node_id.clone()),
        commit: row.commit_id.clone(),
        title: row.title.clone(),
        plan_slice: None,
        at: row.finished_at.clone().unwrap_or_default(),
        status: row.status.clone(),
        verifier_status: row.verifier_status.clone(),
        verifier_type: row.verifier_type.clone(),
        cleanup_status: row.cleanup_status.clone(),
        problem_keys: row.problem_keys.clone(),
        failure,
        excerpts: row.excerpts.clone(),
    }
}

/// The same for lessons.
pub fn seen(row: &LoopRow) -> Seen {
    Seen {
        slice_id: row.loop_id.clone(),
        at: row.finished_at.clone().unwrap_or_default(),
        repo_id: row.repo_id.clone(),
        verifier_type: row.verifier_type.clone(),
        problem_keys: row.problem_keys.clone(),
    }
}

/// A remediation cycle of a slice.
pub fn repair(slice_id: &str, row: &RepairRow) -> Repair {
    Repair {
        slice_id: slice_id.to_owned(),
        cycle: row.cycle,
        problem_key: row.problem_key.clone(),
        reason: row.reason.clone(),
        outcome: row.outcome.clone(),
        at: row.at.clone(),
    }
}

/// The loops whose ids begin so: one at most is meant.
///
/// # Errors
/// None, or several: a sentence.
pub fn only(prefix: &str, rows: Vec<LoopRow>) -> Result<LoopRow, String> {
    let ids: BTreeSet<&str> = rows.iter().map(|r| r.loop_id.as_str()).collect();
    match ids.len() {
        1 => rows.into_iter().next().ok_or_else(|| format!("no loop begins with {prefix:?}")),
        0 => Err(format!("no loop begins with {prefix:?}")),
        _ => {
            let all: Vec<&str> = ids.into_iter().take(10).collect();
            Err(format!("{prefix:?} is the beginning of several loops: {}", all.join(", ")))
        }
    }
}
