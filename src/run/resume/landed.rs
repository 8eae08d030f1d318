//! Nodes that landed just before the harness died: what they were still owed is written from
//! the journal and the branch.

use crate::config::Role;
use crate::event::{
    CheckPhase, CheckRecord, DiffEvidence, Event, InvariantRecord, LandingRecord, NodeStatus, Outcome,
    Verification,
};
use crate::gate::{loc, touches};
use crate::journal::{Attempt, elapsed_ms};
use crate::plan::PlannedNode;
use crate::run::context::{Context, Fault};
use crate::run::node::{VERIFICATION_SCHEMA, calibrate, verified_because};

/// Writes diff.patch, verification.json, the line for calibration and the verdict of each
/// node that has landed and has none.
///
/// # Errors
/// Git, the disk or the journal failed.
pub fn complete(cx: &Context) -> Result<(), Fault> {
    let state = cx.recorder.state();
    for planned in &cx.plan.nodes {
        let Some(node) = state.node(&planned.node.id.value) else { continue };
        let landed = node.attempts.iter().rev().find(|a| a.landing.is_some() && a.status.is_none());
        if let (Some(landing), Some(attempt)) = (&node.landing, landed)
            && attempt.landing.as_ref() == Some(landing)
            && node.status().is_none()
        {
            write(cx, planned, attempt, landing)?;
        }
    }
    Ok(())
}

fn write(
    cx: &Context,
    planned: &PlannedNode,
    attempt: &Attempt,
    landing: &LandingRecord,
) -> Result<(), Fault> {
    let id = &planned.node.id.value;
    let diff = cx.repo.diff(&cx.repo.tree_of(&landing.old)?, &landing.landed_tree)?;
    let evidence = attempt.captured.as_ref().map(|captured| DiffEvidence {
        files: touches::paths(&diff.changes).iter().map(ToString::to_string).collect(),
        loc: loc::count(&diff.changes, &cx.loc_exclude).loc,
        ..captured.diff.clone()
    });
    let dir = Context::node_dir(id);
    cx.write(&format!("{dir}/diff.patch"), &diff.patch)?;
    let record = verification(cx, planned, attempt, landing, evidence);
    for place in
        [format!("{dir}/verification.json"), format!("{dir}/attempt-{}/verification.json", attempt.number)]
    {
        cx.write_json(&place, &record)?;
    }
    calibrate(cx, planned, &record, attempt.iteration)?;
    let nonempty = record.diff_evidence.as_ref().is_some_and(|d| d.nonempty);
    cx.announce(Event::NodeFinished {
        node: id.clone(),
        attempt: attempt.number,
        status: NodeStatus::Verified,
        outcome: Outcome::of(NodeStatus::Verified, nonempty),
        reason: record.reason,
        duration_ms: elapsed_ms(&record.started_at, &record.finished_at),
    })
}

fn verification(
    cx: &Context,
    planned: &PlannedNode,
    attempt: &Attempt,
    landing: &LandingRecord,
    evidence: Option<DiffEvidence>,
) -> Verification {
    let (checks, invariants) = last_runs(attempt);
    Verification {
        schema: VERIFICATION_SCHEMA.to_owned(),
        run_id: cx.run_id.to_string(),
        node_id: planned.node.id.value.clone(),
        attempt: attempt.number,
        status: NodeStatus::Verified,
        base: attempt.base.clone(),
        commit: Some(landing.new.clone()),
        tree: Some(landing.landed_tree.clone()),
        reason: verified_because(checks.len()),
        checks,
        invariants,
        diff_evidence: evidence,
        agent: attempt.agents.iter().rfind(|a| a.role == Role::Node).cloned(),
        landing: Some(landing.clone()),
        started_at: attempt.started_at.clone(),
        finished_at: cx.now(),
        notes: vec![
            "the harness ended right after the landing; written by resume from the journal".to_owned(),
        ],
    }
}

/// The checks and invariants that decided: those on the rebased tree, where there was one.
pub(super) fn last_runs(attempt: &Attempt) -> (Vec<CheckRecord>, Vec<InvariantRecord>) {
    let phase = match attempt.checks.iter().any(|(phase, _)| *phase == CheckPhase::Retest) {
        true => CheckPhase::Retest,
        false => CheckPhase::Verify,
    };
    let checks = attempt.checks.iter().filter(|(p, _)| *p == phase).map(|(_, r)| r.clone());
    let invariants = attempt.invariants.iter().filter(|(p, _)| *p == phase).map(|(_, r)| r.clone());
    (checks.collect(), invariants.collect())
}
