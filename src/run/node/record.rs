//! What an attempt leaves behind: verification.json, its copy beside the attempt, the line
//! for calibration, the event.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::{Id, names, text::verb};
use crate::event::{DagPattern, Event, NodeStatus, NoticeLevel, Outcome, Verification};
use crate::lane::Workspace;
use crate::plan::PlannedNode;
use crate::run::context::{At, Context, Fault};
use crate::run::node::{End, NodeRun, Stop};
use crate::run::prepare;
use crate::run::scheduler::Verdict;

/// Version of verification.json.
pub(crate) const VERIFICATION_SCHEMA: &str = "auditrun.verification/1";

impl NodeRun<'_> {
    /// Judges the attempt by how its recipe ended, writes everything down, and gives the
    /// worktree back or keeps it.
    pub(crate) fn conclude(mut self, stopped: Option<Stop>) -> End {
        let stopped = self.rescue(stopped);
        let stopped = self.past_landing(stopped);
        let (verdict, status, reason, fault) = self.verdict(stopped);
        self.settle_doubts(status);
        let written = self.write_down(status, &reason);
        // What nobody wrote down is no verdict, or the run would end as done without it.
        let verdict = if written.is_ok() { verdict } else { Verdict::Cancelled };
        let fault = fault.or(written.err());
        let workspace = self.order.workspace.take();
        let (workspace, fault) = match (workspace, status) {
            (Some(workspace), NodeStatus::Verified) => (None, fault.or(self.give_back(workspace).err())),
            (workspace, _) => (workspace, fault),
        };
        End {
            node: self.order.node,
            attempt: self.order.attempt,
            slot: self.order.slot,
            verdict,
            reason,
            facts: self.facts,
            workspace,
            base: self.base,
            unavailable: self.unavailable,
            fault,
        }
    }

    /// An attempt that ended between the agent and `capture` is captured all the same: what
    /// it did is evidence, and nothing that an agent was paid for is lost.
    fn rescue(&mut self, stopped: Option<Stop>) -> Option<Stop> {
        let ran = self.facts.agent.is_some() && self.capture.is_none();
        if ran
            && !matches!(stopped, Some(Stop::Fault(_)))
            && let Err(Stop::Fault(fault)) = self.capture()
        {
            let why = format!("the attempt could not be captured: {fault}");
            self.facts.notes.push(why);
        }
        stopped
    }

    /// What has landed was tested and stays: a step behind `land` can fail, but not take it
    /// back, and another attempt would land it a second time.
    fn past_landing(&mut self, stopped: Option<Stop>) -> Option<Stop> {
        let landed = self.facts.landing.is_some();
        let reason = match &stopped {
            Some(Stop::Judged { reason, .. } | Stop::Cancelled(reason)) if landed => reason.clone(),
            _ => return stopped,
        };
        self.note(NoticeLevel::Warning, format!("{} had landed when this happened: {reason}", self.id()))
            .err()
    }

    /// A failed check of the recipe's own is evidence against an attempt that failed, and a
    /// remark about one that is verified all the same.
    fn settle_doubts(&mut self, status: NodeStatus) {
        let doubted = std::mem::take(&mut self.doubted);
        if status != NodeStatus::Verified {
            self.facts.checks.extend(doubted);
            return;
        }
        let said = doubted.iter().map(|c| format!("a step of the recipe let the check `{}` fail", c.command));
        self.facts.notes.extend(said);
    }

    /// A line in the reports and in verification.json.
    pub(super) fn note(&mut self, level: NoticeLevel, message: String) -> Result<(), Stop> {
        let message = self.cx.containment.masker().text(&message).into_owned();
        self.cx.notice(Some(self.id()), level, message.clone())?;
        self.facts.notes.push(message);
        Ok(())
    }

    fn verdict(&self, stopped: Option<Stop>) -> (Verdict, NodeStatus, String, Option<Fault>) {
        match stopped {
            None if self.facts.landing.is_some() => {
                let reason = verified_because(self.facts.checks.len());
                (Verdict::Verified, NodeStatus::Verified, reason, None)
            }
            None => {
                (Verdict::Failed, NodeStatus::Failed, "the recipe ended without landing".to_owned(), None)
            }
            Some(Stop::Judged { status, reason, extreme }) => {
                let verdict = match (status, extreme) {
                    (NodeStatus::Oversized, true) => Verdict::Extreme,
                    (NodeStatus::Oversized, false) => Verdict::Oversized,
                    _ => Verdict::Failed,
                };
                (verdict, status, reason, None)
            }
            Some(Stop::Cancelled(reason)) => (Verdict::Cancelled, NodeStatus::Cancelled, reason, None),
            Some(Stop::Fault(fault)) => (
                Verdict::Cancelled,
                NodeStatus::Cancelled,
                format!("the harness failed: {fault}"),
                Some(fault),
            ),
        }
    }

    fn write_down(&mut self, status: NodeStatus, reason: &str) -> Result<(), Fault> {
        let facts = &self.facts;
        let verification = Verification {
            schema: VERIFICATION_SCHEMA.to_owned(),
            run_id: self.cx.run_id.to_string(),
            node_id: self.id().clone(),
            attempt: self.order.attempt,
            status,
            base: self.base.clone(),
            commit: facts.commit.clone(),
            tree: facts.tree.clone(),
            checks: facts.checks.clone(),
            invariants: facts.invariants.clone(),
            diff_evidence: facts.diff.clone(),
            agent: facts.agent.clone(),
            landing: facts.landing.clone(),
            started_at: self.started_at.clone(),
            finished_at: self.cx.now(),
            reason: reason.to_owned(),
            notes: facts.notes.clone(),
        };
        let dir = Context::node_dir(self.id());
        let name = "verification.json";
        self.cx.write_json(&format!("{dir}/{name}"), &verification)?;
        let kept = format!("{dir}/attempt-{}/{name}", self.order.attempt);
        self.cx.recorder.link(&format!("{dir}/{name}"), &kept)?;
        if status == NodeStatus::Verified {
            calibrate(self.cx, self.planned, &verification, self.order.iteration)?;
        }
        let nonempty = facts.diff.as_ref().is_some_and(|d| d.nonempty);
        let outcome = Outcome::of(status, nonempty);
        self.cx.announce(Event::NodeFinished {
            node: self.id().clone(),
            attempt: self.order.attempt,
            status,
            outcome,
            reason: reason.to_owned(),
            duration_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn give_back(&self, workspace: Box<dyn Workspace>) -> Result<(), Fault> {
        match prepare::give_back(self.cx.bench(), workspace) {
            Ok(()) => Ok(()),
            Err(error) => self.cx.left_behind(Some(self.id()), &error),
        }
    }
}

/// Why a node is verified, in one sentence.
pub(crate) fn verified_because(checks: usize) -> String {
    match checks {
        1 => "the check passed and every gate held".to_owned(),
        n => format!("all {n} checks passed and every gate held"),
    }
}

/// Appends the line of runs/.dag-patterns.jsonl that a verified node leaves for calibration:
/// once, at its first verified status.
///
/// # Errors
/// The file can't be read or written.
pub(crate) fn calibrate(
    cx: &Context,
    planned: &PlannedNode,
    record: &Verification,
    iteration: u64,
) -> Result<(), Fault> {
    let path = cx.artifact(names::PATTERNS);
    // Within one process a node is verified once; only a resumed run may have written it already.
    if cx.recorder.resumed() && is_known(&path, &record.node_id)? {
        return Ok(());
    }
    let pattern = pattern(planned, record, iteration);
    let mut line = serde_json::to_vec(&pattern).map_err(|e| Fault::Other(e.to_string()))?;
    line.push(b'\n');
    // Statistics that no run reads: whole lines, but no sync of their own.
    // A FIFO in its place is an error, not something to wait at for a reader.
    let file = OpenOptions::new().create(true).append(true).custom_flags(libc::O_NONBLOCK).open(&path);
    file.and_then(|mut file| file.write_all(&line)).at(|| format!("can't write {}", path.display()))
}

fn is_known(path: &Path, node: &Id) -> Result<bool, Fault> {
    let written = match std::fs::read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        read => read.at(|| format!("can't read {}", path.display()))?,
    };
    let mut lines =
        written.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice::<DagPattern>(l).ok());
    Ok(lines.any(|line| line.node_id == *node))
}

fn pattern(planned: &PlannedNode, record: &Verification, iteration: u64) -> DagPattern {
    let (node, settings) = (&planned.node, &planned.settings);
    let (actual, est) = (record.diff_evidence.as_ref().map_or(0, |d| d.loc), settings.estimated_loc.value);
    let durations = record.checks.iter().chain(record.invariants.iter().map(|i| &i.check));
    #[allow(clippy::cast_precision_loss)] // A ratio for statistics.
    let ratio = (est > 0).then(|| actual as f64 / est as f64);
    DagPattern {
        node_id: record.node_id.clone(),
        tier: planned.tier,
        deliverable_kind: verb(&node.deliverable).to_owned(),
        parallel_safe: settings.parallel_safe.value,
        loc_confidence: settings.loc_confidence.value,
        actual_loc: actual,
        est_loc: est,
        ratio,
        hotspot_files: node.hotspot_files.iter().map(|h| h.raw().to_owned()).collect(),
        depends_on_count: node.depends_on.len(),
        remediation_cycles_used: record.attempt.saturating_sub(1),
        verification_durations_ms: durations.map(|c| c.duration_ms).collect(),
        iteration,
    }
}
