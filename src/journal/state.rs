//! The state of a run as its journal tells it: plain data that status, reports and resume
//! read. Built only by replay; nothing in it comes from memory.

use std::collections::BTreeMap;

use super::node::NodeState;
use crate::base::{Id, Oid};
use crate::config::Role;
use crate::event::{
    AgentRecord, CheckRecord, InvariantRecord, LandingRecord, NextPredicted, NoticeLevel, Outcome,
    ProcessStamp, Termination,
};

/// Everything that a journal says about a run. The default is the state before the first line.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunState {
    /// What the first line says; `None` only for an empty journal.
    pub start: Option<Start>,
    /// Iterations allowed now.
    pub max_iterations: u64,
    /// Active milliseconds allowed now.
    pub timeout_ms: u64,
    /// SHA-256 of every input by its root-relative path, as last taken in.
    pub inputs: BTreeMap<String, String>,
    /// One entry for each process that worked on the run, in order.
    pub lifetimes: Vec<Lifetime>,
    /// How preflight ended.
    pub preflight: Preflight,
    /// Warnings of preflight.
    pub warnings: Vec<String>,
    /// The audit branch, short name.
    pub branch: Option<String>,
    /// The commit that the audit branch began at.
    pub base: Option<Oid>,
    /// Every baseline check, in order.
    pub baseline: Vec<InvariantRecord>,
    /// The newest exit code of each (invariant, command as written) that a later run is compared
    /// with: the baseline's, then that of the newest landed node which ran it.
    pub reference_exits: BTreeMap<(Id, String), Option<i32>>,
    /// Questions in the order in which they were settled.
    pub questions: Vec<QuestionState>,
    /// Nodes in graph.md's order.
    pub nodes: Vec<NodeState>,
    /// Every agent invocation of every role, in the order of their starts.
    pub calls: Vec<AgentCall>,
    /// Every landing, in order.
    pub landings: Vec<Landed>,
    /// A landing that was announced and not confirmed: the branch may have moved or not.
    pub pending_landing: Option<PendingLanding>,
    /// The newest commit on the branch that the journal knows of, beyond the base.
    pub(super) moved_head: Option<Oid>,
    /// Bundles that were taken in later, in order.
    pub rebundles: Vec<Rebundle>,
    /// A corrected bundle is on the branch, and its plan is not taken in yet.
    pub replan_due: bool,
    /// Dispatches so far.
    pub iteration: u64,
    /// The newest prediction.
    pub predicted: Option<NextPredicted>,
    /// The outcome of the newest step.
    pub last_outcome: Option<Outcome>,
    /// That outcome belongs to a step that was dispatched.
    pub outcome_was_dispatched: bool,
    /// When the newest dispatch or verdict was.
    pub last_step_at: Option<String>,
    /// Rate limits met, in order.
    pub rate_limits: Vec<RateLimit>,
    /// Notices and warnings, in order.
    pub notices: Vec<Notice>,
    /// Why nothing more is dispatched.
    pub halting: Option<Halt>,
    /// done_when checks that ran again at the head, by their nodes.
    pub head_checks: Vec<(Id, CheckRecord)>,
    /// Invariants that ran at the head.
    pub head_invariants: Vec<InvariantRecord>,
    /// The proof's verdict.
    pub proof: Option<ProofVerdict>,
    /// How the run ended by itself.
    pub finished: Option<Finished>,
    /// The newest audit stage.
    pub stage: Option<Stage>,
    /// When the newest record was made.
    pub last_at: String,
    /// Records applied.
    pub records: u64,
    /// Where each node stands in `nodes`.
    pub(super) index: BTreeMap<Id, usize>,
}

/// The run's first line.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The fields of `run_started`.
pub struct Start {
    pub run_id: String,
    pub version: String,
    pub command: Vec<String>,
    pub trigger: String,
    pub github_event: Option<String>,
    pub head: Option<Oid>,
    pub default_agent: String,
    pub at: String,
}

/// One process's part of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Lifetime {
    /// As typed.
    pub command: Vec<String>,
    /// Who.
    pub process: ProcessStamp,
    /// RFC 3339, UTC.
    pub from: String,
    /// Its newest record.
    pub to: String,
}

/// How preflight ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Preflight {
    /// Not yet.
    #[default]
    Pending,
    /// Dispatch may begin.
    Passed,
    /// Nothing is dispatched: the problems, as text.
    Rejected(Vec<String>),
}

/// A question and its end.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionState {
    /// The question.
    pub id: Id,
    /// What came of it.
    pub end: QuestionEnd,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq)]
pub enum QuestionEnd {
    /// Accepted.
    Resolved {
        /// 0 to 1.
        confidence: f64,
        /// The commit that moved it.
        commit: Oid,
    },
    /// A person must decide.
    Escalated {
        /// Why.
        reason: String,
    },
}

/// One agent invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentCall {
    /// What for.
    pub role: Role,
    /// The node or question.
    pub subject: Option<Id>,
    /// 0 where there is none.
    pub attempt: u32,
    /// Its name.
    pub agent: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// `None` while it runs, or if its end was never recorded.
    pub finished_at: Option<String>,
    /// What it came to.
    pub record: Option<AgentRecord>,
}

/// A landing that happened.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Landed {
    pub node: Id,
    pub attempt: u32,
    pub landing: LandingRecord,
    pub at: String,
}

/// A landing that was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PendingLanding {
    pub node: Id,
    pub attempt: u32,
    pub old: Oid,
    pub new: Oid,
}

/// A bundle that was taken in later.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rebundle {
    pub rev: String,
    pub commit: Oid,
}

/// A pause of the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RateLimit {
    pub agent: String,
    pub pause_ms: u64,
    pub reason: String,
    pub at: String,
}

/// Something worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Notice {
    pub node: Option<Id>,
    pub level: NoticeLevel,
    pub message: String,
    pub at: String,
}

/// Why nothing more is dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Halt {
    pub reason: Termination,
    pub message: String,
    pub at: String,
}

/// The proof's verdict, as journalled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ProofVerdict {
    pub complete: bool,
    pub gaps: Vec<String>,
    pub fingerprint: Option<String>,
    pub head: Oid,
    pub at: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Finished {
    pub reason: Termination,
    pub exit_code: i32,
    pub message: String,
    pub active_ms: u64,
    pub at: String,
}

/// What the audit stage wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Stage {
    pub files: BTreeMap<String, String>,
    pub problems: Vec<String>,
    pub at: String,
}

impl RunState {
    /// The run's id; empty for an empty journal.
    pub fn run_id(&self) -> &str {
        self.start.as_ref().map_or("", |s| s.run_id.as_str())
    }

    /// A node by its id.
    pub fn node(&self, id: &Id) -> Option<&NodeState> {
        self.nodes.get(*self.index.get(id)?)
    }

    /// Where a node stands in `nodes`.
    pub fn position(&self, id: &Id) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The audit branch's head as the journal knows it: the newest commit of a landing, a
    /// resolved question or a rebundle, else the base.
    pub fn head(&self) -> Option<&Oid> {
        self.moved_head.as_ref().or(self.base.as_ref())
    }

    /// When the run was last worked on: the newest record of its newest process. A stage that
    /// runs alone, later, is no work on it.
    pub fn worked_until(&self) -> &str {
        self.lifetimes.last().map_or(&self.last_at, |l| &l.to)
    }

    /// Milliseconds in which some process worked on the run: each lifetime from its first to
    /// its newest record.
    pub fn active_ms(&self) -> u64 {
        self.lifetimes.iter().map(|l| elapsed_ms(&l.from, &l.to)).sum()
    }
}

/// Milliseconds between two times of a journal; 0 if one is unreadable or they run backwards.
pub fn elapsed_ms(from: &str, to: &str) -> u64 {
    let read = |text: &str| text.parse::<jiff::Timestamp>().ok().map(|t| t.as_millisecond());
    match (read(from), read(to)) {
        (Some(from), Some(to)) => u64::try_from(to.saturating_sub(from)).unwrap_or(0),
        _ => 0,
    }
}
