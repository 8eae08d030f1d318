//! One attempt at one node: the verbs of the recipe, in the order that the recipe calls
//! them. Each verb is a method; what an attempt came to is an [`End`].

mod judge;
mod land;
mod record;
mod steps;
mod verbs;
mod work;

use std::time::Instant;

use crate::base::{Id, Oid};
use crate::config::Agent;
use crate::event::{
    AgentRecord, CheckPhase, CheckRecord, DiffEvidence, InvariantRecord, LandingRecord, NodeStatus,
};
use crate::git::Capture;
use crate::lane::Workspace;
use crate::plan::{NodeIx, PlannedNode};
use crate::process::Cancel;
use crate::run::checks::Judged;
use crate::run::context::{Context, Fault};
use crate::run::scheduler::Verdict;
use crate::run::split::Measured;
use crate::run::watch::Watch;

pub(crate) use judge::{done_when_verdict, invariants_verdict};
pub(crate) use record::{VERIFICATION_SCHEMA, calibrate, verified_because};
pub use verbs::run;

/// Why an attempt ends before the recipe's last statement.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It is judged.
    Judged {
        /// Failed or oversized.
        status: NodeStatus,
        /// In one sentence.
        reason: String,
        /// Another attempt is pointless.
        extreme: bool,
    },
    /// It was ended because of something else.
    Cancelled(String),
    /// The harness failed.
    Fault(Fault),
}

impl Stop {
    fn failed(reason: impl Into<String>) -> Stop {
        Stop::Judged { status: NodeStatus::Failed, reason: reason.into(), extreme: false }
    }
}

impl<E: Into<Fault>> From<E> for Stop {
    fn from(e: E) -> Stop {
        Stop::Fault(e.into())
    }
}

/// What an attempt is given.
pub struct Order {
    /// Which node.
    pub node: NodeIx,
    /// 1, 2 or 3.
    pub attempt: u32,
    /// The counter at its dispatch.
    pub iteration: u64,
    /// Which of the parallel places it has: decides its ports.
    pub slot: usize,
    /// prompts/<id>.md, or the remediation prompt.
    pub task: Vec<u8>,
    /// The workspace of the attempt before.
    pub workspace: Option<Box<dyn Workspace>>,
    /// The base of the attempt before, where the workspace is to be kept as it is.
    pub keep_base: Option<Oid>,
    /// What it left, where its workspace is gone and a new one is to be filled with it.
    pub keep_tree: Option<Oid>,
}

/// What an attempt came to.
pub struct End {
    /// Which node.
    pub node: NodeIx,
    /// 1, 2 or 3.
    pub attempt: u32,
    /// Which place is free again.
    pub slot: usize,
    /// For the scheduler.
    pub verdict: Verdict,
    /// For people.
    pub reason: String,
    /// The facts, for remediation and splitting.
    pub facts: Facts,
    /// Kept for the next attempt or for inspection.
    pub workspace: Option<Box<dyn Workspace>>,
    /// The base that the workspace stands on.
    pub base: Option<Oid>,
    /// The agent can't be had any more.
    pub unavailable: Option<String>,
    /// The harness failed.
    pub fault: Option<Fault>,
}

/// Everything that was found out during an attempt.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The diff's facts.
    pub diff: Option<DiffEvidence>,
    /// The diff's bytes.
    pub patch: Vec<u8>,
    /// Files with their line counts.
    pub measured: Vec<Measured>,
    /// done_when.
    pub checks: Vec<CheckRecord>,
    /// Cited invariants.
    pub invariants: Vec<InvariantRecord>,
    /// The invocation.
    pub agent: Option<AgentRecord>,
    /// How it landed.
    pub landing: Option<LandingRecord>,
    /// The attempt's commit, then the landed one.
    pub commit: Option<Oid>,
    /// Its tree.
    pub tree: Option<Oid>,
    /// `note` lines, notices, warnings.
    pub notes: Vec<String>,
}

/// An attempt under way.
pub(crate) struct NodeRun<'a> {
    cx: &'a Context,
    planned: &'a PlannedNode,
    agent: &'a Agent,
    order: Order,
    cancel: &'a Cancel,
    started: Instant,
    started_at: String,
    base: Option<Oid>,
    capture: Option<Capture>,
    watch: Option<Watch>,
    foreign: Vec<String>,
    commit: Option<Oid>,
    unavailable: Option<String>,
    facts: Facts,
    /// Checks of the recipe's own that failed: whether that counts, its next step says.
    doubted: Vec<CheckRecord>,
    only_verbs: bool,
}

impl<'a> NodeRun<'a> {
    fn id(&self) -> &'a Id {
        &self.planned.node.id.value
    }

    fn base(&self) -> Result<Oid, Stop> {
        self.base.clone().ok_or_else(|| Stop::Fault(Fault::Other("no worktree was entered".to_owned())))
    }

    fn workspace(&mut self) -> Result<&mut Box<dyn Workspace>, Stop> {
        let missing = || Stop::Fault(Fault::Other("no worktree was entered".to_owned()));
        self.order.workspace.as_mut().ok_or_else(missing)
    }

    /// The workspace, for a look at its files. What the verb before saw still holds unless a
    /// program ran since.
    fn workspace_at_rest(&mut self) -> Result<&mut Box<dyn Workspace>, Stop> {
        let at_rest = self.only_verbs;
        let workspace = self.workspace()?;
        if at_rest {
            workspace.vouch();
        }
        Ok(workspace)
    }

    fn captured(&self) -> Result<&Capture, Stop> {
        self.capture.as_ref().ok_or_else(|| Stop::Fault(Fault::Other("nothing was captured".to_owned())))
    }

    fn judged(&self, phase: CheckPhase) -> Result<Judged<'a>, Stop> {
        let mut env = self.cx.environment(Some(&self.planned.settings.env)).map_err(Stop::failed)?;
        env.set("AUDITRUN_NODE_ID", self.id().as_str());
        env.set("AUDITRUN_ATTEMPT", self.order.attempt.to_string());
        env.set("AUDITRUN_PORT_BASE", self.cx.port_base(self.order.slot).to_string());
        if let Some(workspace) = &self.order.workspace {
            env.set_path("AUDITRUN_WORKTREE", workspace.dir());
        }
        Ok(Judged { node: Some(self.id()), attempt: self.order.attempt, phase, env, cancel: self.cancel })
    }

    fn interrupted(&self) -> Result<(), Stop> {
        if self.cancel.requested() { Err(Stop::Cancelled(self.cx.why_cancelled())) } else { Ok(()) }
    }
}
