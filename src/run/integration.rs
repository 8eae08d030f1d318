//! The integration worktree: where invariants run at HEAD before the first node, and where
//! everything runs once more at the end.

use crate::base::{Id, Oid};
use crate::event::{CheckPhase, CheckRecord, InvariantRecord, NoticeLevel};
use crate::gate::checks::failure;
use crate::lane::{Workspace, WorkspaceSpec};
use crate::run::checks::{self, Judged};
use crate::run::context::{Context, Fault};
use crate::run::prepare;

/// What ran at the audit branch's head for the proof.
#[derive(Debug, Clone, Default)]
pub struct AtHead {
    /// Every invariant with a check.
    pub invariants: Vec<InvariantRecord>,
    /// Every done_when, by node in graph.md's order.
    pub checks: Vec<(Id, Vec<CheckRecord>)>,
}

/// The worktree itself.
pub struct Integration<'a> {
    cx: &'a Context,
    workspace: Box<dyn Workspace>,
    at: Oid,
}

impl<'a> Integration<'a> {
    /// A worktree at the audit branch's head.
    ///
    /// # Errors
    /// The lane failed, or worktree preparation did.
    pub fn open(cx: &'a Context) -> Result<Integration<'a>, Fault> {
        let at = cx.lock_head().clone();
        let spec = WorkspaceSpec {
            name: format!("audit-integration-{}", cx.run_id),
            lock_reason: format!("auditrun {} integration pid {}", cx.run_id, std::process::id()),
            commit: at.clone(),
        };
        let workspace = cx.lane.prepare(&spec)?;
        let mut integration = Integration { cx, workspace, at: at.clone() };
        integration.lay_out(&at)?;
        Ok(integration)
    }

    fn lay_out(&mut self, commit: &Oid) -> Result<(), Fault> {
        self.workspace.reset(commit)?;
        let judged = self.judged(CheckPhase::Baseline)?;
        let prepared = prepare::prepare(self.cx.bench(), self.workspace.as_mut(), &judged);
        prepared.map_err(|e| match e {
            prepare::Trouble::Setup(why) => Fault::Other(why),
            prepare::Trouble::Fault(fault) => fault,
        })?;
        self.workspace.seal()?;
        let tree = self.cx.repo.tree_of(commit)?;
        self.workspace.checkout_tree(commit, &tree)?;
        self.at = commit.clone();
        Ok(())
    }

    fn judged(&self, phase: CheckPhase) -> Result<Judged<'a>, Fault> {
        let mut env = self.cx.environment(None).map_err(Fault::Other)?;
        env.set_path("AUDITRUN_WORKTREE", self.workspace.dir());
        Ok(Judged { node: None, attempt: 0, phase, env, cancel: &self.cx.cancel })
    }

    /// Runs every invariant once: what fails now is no node's regression.
    ///
    /// # Errors
    /// The lane or the journal failed.
    pub fn baseline(&mut self) -> Result<(), Fault> {
        let records = self.invariants(CheckPhase::Baseline)?;
        for record in records.iter().filter(|r| !r.check.passed) {
            let message = format!(
                "invariant {} fails already before the first node (`{}`: {})",
                record.id,
                record.check.command,
                failure(&record.check)
            );
            self.cx.notice(None, NoticeLevel::Warning, message)?;
        }
        Ok(())
    }

    fn invariants(&mut self, phase: CheckPhase) -> Result<Vec<InvariantRecord>, Fault> {
        let judged = self.judged(phase)?;
        let (cx, at) = (self.cx, self.at.clone());
        let restore = move |w: &mut dyn Workspace| Ok(w.checkout_tree(&at, &cx.repo.tree_of(&at)?)?);
        checks::run_invariants(cx, self.workspace.as_mut(), &judged, &cx.plan.invariants, &restore)
    }

    /// Runs every invariant and every done_when at the audit branch's head.
    ///
    /// # Errors
    /// The lane or the journal failed.
    pub fn at_head(&mut self) -> Result<AtHead, Fault> {
        let head = self.cx.lock_head().clone();
        if head != self.at {
            self.lay_out(&head)?;
        }
        let invariants = self.invariants(CheckPhase::Proof)?;
        let mut all = Vec::new();
        for planned in &self.cx.plan.nodes {
            let id = &planned.node.id.value;
            let mut judged = self.judged(CheckPhase::Proof)?;
            judged.env = self.cx.environment(Some(&planned.settings.env)).map_err(Fault::Other)?;
            judged.env.set_path("AUDITRUN_WORKTREE", self.workspace.dir());
            judged.env.set("AUDITRUN_NODE_ID", id.as_str());
            let judged = Judged { node: Some(id), ..judged };
            let (cx, at) = (self.cx, head.clone());
            let restore = move |w: &mut dyn Workspace| Ok(w.checkout_tree(&at, &cx.repo.tree_of(&at)?)?);
            let records =
                checks::run_checks(cx, self.workspace.as_mut(), &judged, &planned.checks, &restore)?;
            all.push((id.clone(), records));
        }
        Ok(AtHead { invariants, checks: all })
    }

    /// Asserts that nothing but the harness wrote here: before a dispatch the worktree is as
    /// it was laid out.
    ///
    /// # Errors
    /// The lane failed, or something changed.
    pub fn assert_clean(&mut self) -> Result<(), Fault> {
        let drift = self.workspace.drift()?;
        let paths: Vec<String> =
            drift.changed.iter().chain(&drift.untracked).take(5).map(ToString::to_string).collect();
        if paths.is_empty() {
            return Ok(());
        }
        let dir = self.cx.shown(self.workspace.dir());
        Err(Fault::Other(format!(
            "the integration worktree {dir} was changed by somebody else: {}",
            paths.join(", ")
        )))
    }

    /// Gives the worktree back.
    ///
    /// # Errors
    /// It could not be removed.
    pub fn close(self) -> Result<(), Fault> {
        prepare::put_back_kept(self.cx.bench(), self.workspace.dir())?;
        Ok(self.workspace.release(false)?)
    }
}
