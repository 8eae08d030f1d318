//! A node and its attempts, as the journal tells them.

use crate::base::{Id, Oid};
use crate::event::{
    AgentRecord, CheckPhase, CheckRecord, DiffEvidence, GateName, InvariantRecord, LandingRecord, NodeStatus,
    PlannedSummary,
};

/// Where a node stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Progress {
    /// Not begun, or to be done again.
    #[default]
    Pending,
    /// An attempt is under way.
    Running,
    /// The newest attempt is judged.
    Judged(NodeStatus),
}

impl Progress {
    /// The word that status and reports show.
    pub fn name(self) -> &'static str {
        match self {
            Progress::Pending => "pending",
            Progress::Running => "running",
            Progress::Judged(status) => status.name(),
        }
    }
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeState {
    /// The node.
    pub id: Id,
    /// Its plan; `None` if it was never planned (a damaged journal).
    pub planned: Option<PlannedSummary>,
    /// Where it stands.
    pub progress: Progress,
    /// Why, in one sentence.
    pub reason: String,
    /// Every attempt of this run, in order, those before a reset included.
    pub attempts: Vec<Attempt>,
    /// How many of them lie before the newest reset.
    pub before_reset: usize,
    /// Remediation prompts since the last reset: (cycle, path relative to out).
    pub remediation: Vec<(u32, String)>,
    /// The split that was proposed: path relative to out and the parts' ids.
    pub split: Option<(String, Vec<Id>)>,
    /// How its work came onto the branch; `None` once it is reset.
    pub landing: Option<LandingRecord>,
}

impl NodeState {
    /// A node of which nothing is known yet.
    pub fn new(id: Id) -> NodeState {
        NodeState {
            id,
            planned: None,
            progress: Progress::Pending,
            reason: String::new(),
            attempts: Vec::new(),
            before_reset: 0,
            remediation: Vec::new(),
            split: None,
            landing: None,
        }
    }

    /// The verdict, if there is one.
    pub fn status(&self) -> Option<NodeStatus> {
        match self.progress {
            Progress::Judged(status) => Some(status),
            Progress::Pending | Progress::Running => None,
        }
    }

    /// The attempts that were really begun: a blocked node's verdict is none.
    pub fn dispatched(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|a| a.iteration > 0)
    }

    /// The same, each with the time of its end: its verdict, or where there is none, because the
    /// harness was killed or it still runs, the next one's beginning, else `now`.
    pub fn spans<'a>(&'a self, now: &'a str) -> impl Iterator<Item = (&'a Attempt, &'a str)> {
        let next = self.dispatched().skip(1).map(|a| Some(a.started_at.as_str())).chain([None]);
        self.dispatched()
            .zip(next)
            .map(move |(a, next)| (a, a.finished_at.as_deref().or(next).unwrap_or(now)))
    }

    /// The newest attempt.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The newest attempt that used up one of those allowed: judged failed or oversized since
    /// the last reset. One that was cancelled or killed is made again under its number.
    pub fn last_used(&self) -> Option<&Attempt> {
        let used = |a: &&Attempt| matches!(a.status, Some(NodeStatus::Failed | NodeStatus::Oversized));
        self.attempts.get(self.before_reset..)?.iter().rev().find(used)
    }

    /// What it is to deliver; empty if it was never planned.
    pub fn deliverable(&self) -> &str {
        self.planned.as_ref().map_or("", |p| p.deliverable.as_str())
    }

    /// Its tier; 0 if it was never planned.
    pub fn tier(&self) -> usize {
        self.planned.as_ref().map_or(0, |p| p.tier)
    }
}

/// One attempt of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attempt {
    /// 1, 2 or 3.
    pub number: u32,
    /// The run's iteration; 0 if it was never dispatched.
    pub iteration: u64,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// When it was judged; `None` while it runs, and for good if the harness was killed.
    pub finished_at: Option<String>,
    /// Milliseconds from dispatch to verdict.
    pub duration_ms: Option<u64>,
    /// Where it ran.
    pub worktree: Option<String>,
    /// The commit that its worktree stood on.
    pub base: Option<Oid>,
    /// First of its ten ports.
    pub port_base: Option<u16>,
    /// Ids of the lessons that stood in its prompt.
    pub lessons: Vec<String>,
    /// The invocations that ended, in order.
    pub agents: Vec<AgentRecord>,
    /// Statements of the recipe.
    pub steps: Vec<StepRun>,
    /// The work, as kept.
    pub captured: Option<Captured>,
    /// Gates, in order.
    pub gates: Vec<GateRun>,
    /// done_when, in order.
    pub checks: Vec<(CheckPhase, CheckRecord)>,
    /// Invariants, in order.
    pub invariants: Vec<(CheckPhase, InvariantRecord)>,
    /// How it landed.
    pub landing: Option<LandingRecord>,
    /// The verdict.
    pub status: Option<NodeStatus>,
    /// Why.
    pub reason: String,
}

/// A statement of the recipe.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The fields of `step`.
pub struct StepRun {
    pub text: String,
    pub words: Vec<String>,
    pub exit_code: i32,
    pub duration_ms: u64,
    pub at: String,
}

/// Work that was kept.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // The fields of `captured`.
pub struct Captured {
    pub tree: Oid,
    pub commit: Oid,
    pub reference: String,
    pub diff: DiffEvidence,
}

/// A gate's word.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // The fields of `gate`.
pub struct GateRun {
    pub gate: GateName,
    pub passed: bool,
    pub reason: String,
}
