//! The events of runs/events.jsonl: the single source that reports, status and resume
//! are made from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AgentRecord, CheckRecord, DiffEvidence, InvariantRecord, LandingRecord, Metrics, NextPredicted,
    NodeStatus, Outcome, Termination,
};
use crate::base::{Id, Oid};
use crate::config::Role;

/// Version of the journal's format.
pub const JOURNAL_VERSION: u32 = 1;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The format's version.
    pub v: u32,
    /// 0, 1, 2 … without a gap.
    pub seq: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a check was run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckPhase {
    /// An invariant at HEAD, before the first node.
    Baseline,
    /// A node's candidate in its worktree.
    Verify,
    /// A node's candidate after a rebase.
    Retest,
    /// At the audit branch's head, for the proof.
    Proof,
}

/// Which gate spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum GateName {
    Touches,
    Loc,
    Signal,
}

impl GateName {
    /// The word in artifacts.
    pub fn name(self) -> &'static str {
        match self {
            GateName::Touches => "touches",
            GateName::Loc => "loc",
            GateName::Signal => "signal",
        }
    }
}

/// A fact of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The command began; the first line of every journal.
    RunStarted {
        /// The run.
        run_id: String,
        /// auditrun's version.
        version: String,
        /// As typed.
        command: Vec<String>,
        /// What set it off: the subcommand or target.
        trigger: String,
        /// GITHUB_EVENT_NAME, where CI sets it.
        github_event: Option<String>,
        /// The operator's HEAD; null before the first commit.
        head: Option<Oid>,
        /// The agent used where nothing else is bound.
        default_agent: String,
        /// Iterations allowed.
        max_iterations: u64,
        /// Active milliseconds allowed.
        timeout_ms: u64,
        /// SHA-256 of every input by its root-relative path.
        inputs: BTreeMap<String, String>,
        /// Process id, start time and boot id of the harness.
        process: ProcessStamp,
    },
    /// `resume` took the run up again.
    RunResumed {
        /// As typed.
        command: Vec<String>,
        /// Iterations allowed now.
        max_iterations: u64,
        /// Active milliseconds allowed now.
        timeout_ms: u64,
        /// The harness's new process.
        process: ProcessStamp,
    },
    /// The input was read and the plan made.
    Planned {
        /// Nodes in graph.md's order with their tiers, what they wait for and deliverables.
        nodes: Vec<PlannedSummary>,
        /// Warnings of preflight, as text.
        warnings: Vec<String>,
    },
    /// Preflight found errors: nothing was dispatched.
    PreflightRejected {
        /// The problems, as text.
        problems: Vec<String>,
    },
    /// The audit branch was made.
    BranchCreated {
        /// Short name.
        branch: String,
        /// Where it begins.
        base: Oid,
    },
    /// A baseline check ran.
    Baseline {
        /// The invariant and its run.
        record: InvariantRecord,
    },
    /// Preflight is over.
    PreflightPassed,
    /// A question was answered and accepted; state.md's patch was committed.
    QuestionResolved {
        /// The question.
        question: Id,
        /// 0 to 1.
        confidence: f64,
        /// The commit on the audit branch.
        commit: Oid,
    },
    /// A question goes to a person.
    QuestionEscalated {
        /// The question.
        question: Id,
        /// Why.
        reason: String,
    },
    /// A corrected bundle was committed on the audit branch; a new `planned` follows.
    Rebundled {
        /// The revision it came from, as typed.
        rev: String,
        /// The commit on the audit branch.
        commit: Oid,
        /// SHA-256 of every input by its root-relative path, as they are now.
        inputs: BTreeMap<String, String>,
    },
    /// A node that was judged (or landed) counts as pending again.
    NodeReset {
        /// The node.
        node: Id,
        /// Why, in one sentence.
        reason: String,
    },
    /// Which node should be dispatched next; runs/.next-predicted.json holds the same.
    Predicted {
        /// The prediction.
        next: NextPredicted,
    },
    /// A node begins an attempt. Journalled before anything is started.
    Dispatched {
        /// The node.
        node: Id,
        /// 1, 2 or 3.
        attempt: u32,
        /// Its tier.
        tier: usize,
        /// The counter after the bump.
        iteration: u64,
    },
    /// The worktree stands.
    WorktreeReady {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// Root-relative (or absolute, outside the root).
        path: String,
        /// The recorded base.
        base: Oid,
        /// First of the ten ports that are the node's meanwhile.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port_base: Option<u16>,
    },
    /// A statement of the recipe ended.
    Step {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// As written.
        text: String,
        /// Its words after expansion, secrets masked.
        words: Vec<String>,
        /// Exit code.
        exit_code: i32,
        /// Milliseconds.
        duration_ms: u64,
    },
    /// Lessons in force stand in the prompt of an attempt.
    LessonsOffered {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// Their ids.
        lessons: Vec<String>,
    },
    /// An agent was started.
    AgentStarted {
        /// What for.
        role: Role,
        /// The node or question.
        subject: Option<Id>,
        /// The attempt (0 where there is none).
        attempt: u32,
        /// Its name.
        agent: String,
    },
    /// An agent ended.
    AgentFinished {
        /// The node or question.
        subject: Option<Id>,
        /// The attempt (0 where there is none).
        attempt: u32,
        /// The invocation.
        record: AgentRecord,
    },
    /// An agent met a rate limit or an overload: the whole fleet waits.
    RateLimited {
        /// Its name.
        agent: String,
        /// Milliseconds until the next probe.
        pause_ms: u64,
        /// What it said.
        reason: String,
    },
    /// The diff was captured and kept.
    Captured {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// The captured tree.
        tree: Oid,
        /// The attempt's commit.
        commit: Oid,
        /// The ref that keeps it.
        reference: String,
        /// Its facts.
        diff: DiffEvidence,
    },
    /// A gate spoke.
    Gate {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// Which.
        gate: GateName,
        /// Its verdict.
        passed: bool,
        /// Why, in one sentence.
        reason: String,
    },
    /// A done_when check ran.
    Check {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// What for.
        phase: CheckPhase,
        /// The run.
        record: CheckRecord,
    },
    /// An invariant's check ran for a node (or, without one, for the proof).
    Invariant {
        /// The node.
        node: Option<Id>,
        /// The attempt.
        attempt: u32,
        /// What for.
        phase: CheckPhase,
        /// The run.
        record: InvariantRecord,
    },
    /// The branch is about to move. Journalled before the swap.
    Landing {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// The head that was tested against.
        old: Oid,
        /// The commit that lands.
        new: Oid,
    },
    /// The branch has moved.
    Landed {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// How.
        landing: LandingRecord,
    },
    /// An attempt is judged; verification.json is written.
    NodeFinished {
        /// The node.
        node: Id,
        /// The attempt.
        attempt: u32,
        /// The verdict.
        status: NodeStatus,
        /// For the iteration state.
        outcome: Outcome,
        /// Why.
        reason: String,
        /// Milliseconds since its dispatch.
        duration_ms: u64,
    },
    /// A remediation prompt was written.
    Remediation {
        /// The node.
        node: Id,
        /// 1 or 2.
        cycle: u32,
        /// Relative to out.
        prompt: String,
    },
    /// A split is proposed.
    SplitProposed {
        /// The node.
        node: Id,
        /// Relative to out.
        path: String,
        /// Ids of the proposed sub-nodes.
        parts: Vec<Id>,
    },
    /// Something the operator should know.
    Notice {
        /// The node it concerns.
        node: Option<Id>,
        /// `notice` or `warning`.
        level: NoticeLevel,
        /// In one sentence.
        message: String,
    },
    /// No new dispatch from here on.
    Halting {
        /// Why.
        reason: Termination,
        /// In one sentence.
        message: String,
    },
    /// The completeness proof was made.
    Proof {
        /// Its verdict.
        complete: bool,
        /// What is missing.
        gaps: Vec<String>,
        /// The fingerprint, if the proof is complete.
        fingerprint: Option<String>,
        /// The audit branch's head.
        head: Oid,
    },
    /// The run ended by itself; only lines of the audit stage follow.
    RunFinished {
        /// Why.
        reason: Termination,
        /// The process's exit code.
        exit_code: i32,
        /// In one sentence.
        message: String,
        /// Active milliseconds.
        active_ms: u64,
    },
    /// The audit stage wrote its files.
    StageFinished {
        /// SHA-256 of every file below audit/ by its path relative to out.
        files: BTreeMap<String, String>,
        /// What went wrong inside the stage; never changes the run's outcome.
        problems: Vec<String>,
    },
}

/// How urgent a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum NoticeLevel {
    Notice,
    Warning,
}

/// Who is (or was) running: enough to tell a process from a later one with its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessStamp {
    /// Process id.
    pub pid: u32,
    /// Its start time in clock ticks since boot (field 22 of /proc/pid/stat); 0 where unknown.
    pub start_ticks: u64,
    /// The boot's id; empty where unknown.
    pub boot_id: String,
}

/// A node as the plan has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct PlannedSummary {
    pub id: Id,
    pub deliverable: String,
    pub tier: usize,
    pub waits_for: Vec<Id>,
    pub agent: String,
    pub est_loc: u64,
    /// SHA-256 over the node's definition and prompt: what resume and rebundle compare.
    pub digest: String,
}

/// Where events go: the journal, the screen.
pub trait Sink: Send + Sync {
    /// Takes one recorded event. Never fails: a sink keeps its own trouble to report.
    fn record(&self, record: &Record);

    /// Takes what an agent says while it runs; not part of the journal.
    fn live(&self, _subject: Option<&Id>, _text: &str) {}

    /// Takes what an agent has used while it runs, as far as it says; not part of the journal.
    fn spending(&self, _subject: Option<&Id>, _figures: &Metrics) {}

    /// Takes a record of an earlier process, before the first of this one: nothing to show,
    /// but to know.
    fn past(&self, _record: &Record) {}

    /// Waits, not for long, until everything that was recorded is where the sink takes it. What
    /// is not there then is said once, in one sentence.
    fn settle(&self) -> Option<String> {
        None
    }
}
