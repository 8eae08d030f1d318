//! The integration worktree: where invariants run at HEAD before the first node, and where
//! everything runs once more at the end.

use std::time::Duration;

use crate::base::{Id, Oid};
use crate::event::{CheckPhase, CheckRecord, InvariantRecord, LandingRecord, NoticeLevel};
use crate::gate;
use crate::gate::checks::failure;
use crate::lane::{Workspace, WorkspaceSpec};
use crate::plan::{PlannedCheck, PlannedNode};
use crate::run::checks::{self, Judged};
use crate::run::context::{Context, Fault};
use crate::run::{node, prepare};

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
        prepare::afresh(self.workspace.as_mut(), commit)?;
        let judged = self.judged(CheckPhase::Baseline)?;
        let prepared = prepare::prepare(self.cx.bench(), self.workspace.as_mut(), &judged);
        prepared.map_err(|e| match e {
            prepare::Trouble::Setup(why) => Fault::Preparation(why),
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

    /// For a node's checks: with its own additions to the environment.
    fn judged_for<'j>(&self, planned: &'j PlannedNode, phase: CheckPhase) -> Result<Judged<'j>, Fault>
    where
        'a: 'j,
    {
        let id = &planned.node.id.value;
        let mut env = self.cx.environment(Some(&planned.settings.env)).map_err(Fault::Other)?;
        env.set_path("AUDITRUN_WORKTREE", self.workspace.dir());
        env.set("AUDITRUN_NODE_ID", id.as_str());
        Ok(Judged { node: Some(id), attempt: 0, phase, env, cancel: &self.cx.cancel })
    }

    /// Lays out the commit that the worktree stands at, whatever a check has made of it.
    fn restore(&self) -> Result<impl Fn(&mut dyn Workspace) -> Result<(), Fault> + use<>, Fault> {
        let (at, tree) = (self.at.clone(), self.cx.repo.tree_of(&self.at)?);
        Ok(move |workspace: &mut dyn Workspace| Ok(workspace.checkout_tree(&at, &tree)?))
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
        let (cx, restore) = (self.cx, self.restore()?);
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
        let (cx, restore) = (self.cx, self.restore()?);
        let mut all = Vec::new();
        for planned in &cx.plan.nodes {
            let judged = self.judged_for(planned, CheckPhase::Proof)?;
            let records =
                checks::run_checks(cx, self.workspace.as_mut(), &judged, &planned.checks, &restore)?;
            all.push((planned.node.id.value.clone(), records));
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

    /// Runs the checks and cited invariants of a landed node again, on exactly what landed and
    /// with HEAD where it landed, as they ran before the landing. Nothing of it is journalled;
    /// the inner error says what does not hold any more.
    ///
    /// # Errors
    /// The lane failed.
    pub fn recheck(
        &mut self,
        planned: &PlannedNode,
        landing: &LandingRecord,
    ) -> Result<Result<(), String>, Fault> {
        self.lay_out(&landing.old)?;
        self.workspace.checkout_tree(&landing.old, &landing.landed_tree)?;
        let judged = self.judged_for(planned, CheckPhase::Verify)?;
        let mut checks = Vec::new();
        for check in &planned.checks {
            checks.push(self.quietly(&judged, check, landing, None)?);
        }
        let mut invariants = Vec::new();
        let cited = &planned.node.invariants;
        for invariant in self.cx.plan.invariants.iter().filter(|i| cited.iter().any(|c| c.value == i.id)) {
            self.workspace.checkout_tree(&landing.old, &landing.landed_tree)?;
            for check in &invariant.checks {
                let ran = self.quietly(&judged, check, landing, invariant.timeout)?;
                let known = self.cx.baseline(&invariant.id, &ran.command);
                invariants.push(gate::invariants::record(&invariant.id, known, ran));
            }
        }
        if self.cx.cancel.requested() {
            return Ok(Ok(()));
        }
        Ok(node::done_when_verdict(&checks).and_then(|()| node::invariants_verdict(&invariants)))
    }

    fn quietly(
        &mut self,
        judged: &Judged<'_>,
        check: &PlannedCheck,
        landing: &LandingRecord,
        timeout: Option<Duration>,
    ) -> Result<CheckRecord, Fault> {
        let own = check.check.timeout.as_ref().map(|t| t.value).or(timeout);
        let timeout = own.unwrap_or(self.cx.config.check_timeout.value);
        let record =
            checks::run_check(self.cx.bench(), self.workspace.as_mut(), judged, check, timeout, false)?;
        if !record.changed_tracked.is_empty() {
            self.workspace.checkout_tree(&landing.old, &landing.landed_tree)?;
        }
        Ok(record)
    }

    /// Lays the audit branch's head out again.
    ///
    /// # Errors
    /// The lane failed, or worktree preparation did.
    pub fn back_to_head(&mut self) -> Result<(), Fault> {
        let head = self.cx.lock_head().clone();
        self.lay_out(&head)
    }

    /// Gives the worktree back.
    ///
    /// # Errors
    /// It could not be removed.
    pub fn close(self) -> Result<(), Fault> {
        prepare::give_back(self.cx.bench(), self.workspace)
    }
}
