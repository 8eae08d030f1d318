//! The JSON artifacts of a run. Each carries a version in `schema`; its JSON Schema is
//! generated from the type.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Id, Oid};
use crate::config::{LocConfidence, Role};

/// A node's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeStatus {
    /// Every check exits 0 and every gate holds.
    Verified,
    /// A gate, a check, an invariant, the agent or the landing failed.
    Failed,
    /// More lines changed than the cap allows.
    Oversized,
    /// A dependency did not verify.
    Blocked,
    /// Ended because of something else (named in the reason).
    Cancelled,
}

impl NodeStatus {
    /// The word in artifacts.
    pub fn name(self) -> &'static str {
        match self {
            NodeStatus::Verified => "verified",
            NodeStatus::Failed => "failed",
            NodeStatus::Oversized => "oversized",
            NodeStatus::Blocked => "blocked",
            NodeStatus::Cancelled => "cancelled",
        }
    }
}

/// Where a figure of an agent comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FigureSource {
    /// The agent said so.
    Reported,
    /// Computed here (from `price`, or timed).
    Estimated,
}

/// What an agent invocation used. A figure that is not known is null, never 0, and each
/// one that is known is named in `sources`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metrics {
    /// USD.
    pub cost_usd: Option<f64>,
    /// Conversation turns.
    pub turns: Option<u64>,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// The agent's own id of the session.
    pub session_id: Option<String>,
    /// The model that did the most of it.
    pub model: Option<String>,
    /// Tokens read.
    pub input_tokens: Option<u64>,
    /// Tokens written.
    pub output_tokens: Option<u64>,
    /// Tokens read from a cache.
    pub cache_read_tokens: Option<u64>,
    /// Tokens written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// For each known figure, by its name: where it comes from.
    pub sources: BTreeMap<String, FigureSource>,
}

impl Metrics {
    /// Adds what a later try of the same invocation used. Figures that one of them does not
    /// know count as the other's; the session and the model are the later one's.
    pub fn and_then(self, later: &Metrics) -> Metrics {
        fn sum<T: Copy>(a: Option<T>, b: Option<T>, plus: fn(T, T) -> T) -> Option<T> {
            a.zip(b).map(|(a, b)| plus(a, b)).or(a).or(b)
        }
        let count = |a, b| sum(a, b, u64::saturating_add);
        let mut sources = self.sources;
        for (figure, source) in &later.sources {
            let of_both = sources.entry(figure.clone()).or_insert(*source);
            if *source == FigureSource::Estimated {
                *of_both = *source;
            }
        }
        Metrics {
            cost_usd: sum(self.cost_usd, later.cost_usd, |a, b| a + b),
            turns: count(self.turns, later.turns),
            duration_ms: count(self.duration_ms, later.duration_ms),
            session_id: later.session_id.clone().or(self.session_id),
            model: later.model.clone().or(self.model),
            input_tokens: count(self.input_tokens, later.input_tokens),
            output_tokens: count(self.output_tokens, later.output_tokens),
            cache_read_tokens: count(self.cache_read_tokens, later.cache_read_tokens),
            cache_write_tokens: count(self.cache_write_tokens, later.cache_write_tokens),
            sources,
        }
    }
}

/// One agent invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AgentRecord {
    /// The agent's name in audit.kdl.
    pub name: String,
    /// Its adapter.
    pub adapter: String,
    /// What it was called for.
    pub role: Role,
    /// Exit code; null if it was ended by a signal.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Which deadline ended it: `timeout`, `first_output` or `stall`.
    pub deadline: Option<String>,
    /// What was wrong with the invocation itself, whatever the exit code said.
    pub fault: Option<String>,
    /// Programs that outlived the agent and were ended by the harness.
    #[serde(default)]
    pub leaked: Vec<String>,
    /// How often it was started again after transient trouble.
    pub retries: u32,
    /// Figures.
    pub metrics: Metrics,
    /// The transcript, relative to out.
    pub log: Option<String>,
}

/// One run of one check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// As written.
    pub command: String,
    /// As it ran.
    pub normalized: String,
    /// Its name, if it was given one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Null if it was ended by a signal.
    pub exit_code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Ended by its time limit.
    pub timed_out: bool,
    /// The last 8 KiB of standard output.
    pub stdout_tail: String,
    /// The last 8 KiB of standard error.
    pub stderr_tail: String,
    /// Milliseconds.
    pub duration_ms: u64,
    /// Tracked files that it changed (each is a failure).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_tracked: Vec<String>,
    /// New files that it left (noted and removed).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_untracked: Vec<String>,
    /// The verdict.
    pub passed: bool,
}

/// One check of one invariant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantRecord {
    /// The invariant.
    pub id: Id,
    /// Exit code at the baseline (null: never ran, or ended by a signal or timeout).
    pub baseline_exit: Option<i32>,
    /// The baseline passed and this run did not.
    pub regression: bool,
    /// The run itself (`command`, `exit_code` and the rest stand beside `id`).
    #[serde(flatten)]
    pub check: CheckRecord,
}

/// What the diff shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DiffEvidence {
    /// At least one path changed.
    pub nonempty: bool,
    /// Every path changed, in byte order.
    pub files: Vec<String>,
    /// Those that the node must not have changed, in byte order: the paths alone.
    pub outside_touches: Vec<String>,
    /// Added + deleted lines that count.
    pub loc: u64,
    /// The estimate.
    pub est_loc: u64,
    /// Null where there is none.
    pub cap: Option<u64>,
    /// Which row of the table.
    pub confidence: LocConfidence,
    /// Binary files: listed, counted as 0.
    #[serde(default)]
    pub binary: Vec<String>,
    /// Ignored files that the agent left: noted, never landed.
    #[serde(default)]
    pub ignored_present: Vec<String>,
    /// The paths of `outside_touches` again, each with the reason in words.
    #[serde(default)]
    pub violations: Vec<String>,
}

/// How a node's work came onto the audit branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LandingRecord {
    /// The branch's head before.
    pub old: Oid,
    /// The branch's head after: the node's commit.
    pub new: Oid,
    /// The head had moved, so the commit was rebased.
    pub rebased: bool,
    /// The checks ran again on the rebased tree.
    pub retested: bool,
    /// The tree that the checks passed on.
    pub tested_tree: Oid,
    /// The tree that landed; equal to `tested_tree`.
    pub landed_tree: Oid,
}

/// runs/<id>/verification.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// `auditrun.verification/1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// The node.
    pub node_id: Id,
    /// 1, 2 or 3; 0 if it was never dispatched.
    pub attempt: u32,
    /// The verdict.
    pub status: NodeStatus,
    /// The commit that the worktree stood on.
    pub base: Option<Oid>,
    /// The landed commit (verified), else the attempt's commit.
    pub commit: Option<Oid>,
    /// That commit's tree.
    pub tree: Option<Oid>,
    /// done_when, in order; after a rebase those of the retest.
    pub checks: Vec<CheckRecord>,
    /// The cited invariants.
    pub invariants: Vec<InvariantRecord>,
    /// The diff's facts; null if there was no capture.
    pub diff_evidence: Option<DiffEvidence>,
    /// The invocation; null if none was made.
    pub agent: Option<AgentRecord>,
    /// Null unless it landed.
    pub landing: Option<LandingRecord>,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub finished_at: String,
    /// Why, in one sentence.
    pub reason: String,
    /// What else is worth knowing: `note` lines of the recipe, notices, warnings.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// How the last step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Verified.
    Pass,
    /// Failed or oversized.
    Fail,
    /// Verified with an empty diff.
    Empty,
    /// Blocked or cancelled.
    Skip,
}

impl Outcome {
    /// The outcome of a verdict; `nonempty` is the diff's own word (a missing diff counts as empty).
    pub fn of(status: NodeStatus, nonempty: bool) -> Outcome {
        match status {
            NodeStatus::Verified if nonempty => Outcome::Pass,
            NodeStatus::Verified => Outcome::Empty,
            NodeStatus::Failed | NodeStatus::Oversized => Outcome::Fail,
            NodeStatus::Blocked | NodeStatus::Cancelled => Outcome::Skip,
        }
    }
}

/// `value` as the bytes of a JSON artifact: indented, with a newline at the end. Every artifact
/// is written through this, so that a reader can recompute a file byte by byte.
///
/// # Errors
/// A map whose keys are not text.
pub fn json_artifact<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The run's own state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Under way (or killed).
    Running,
    /// Stopped before the end.
    Halted,
    /// Proven.
    Done,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names are the contract's; `explain` says each in words.
pub enum Termination {
    AllDone,
    MaxIterations,
    Timeout,
    VerificationFailed,
    SelfCritiqueExhausted,
    DependencyDeadlock,
    OpenQuestion,
    BudgetExceeded,
    AgentUnavailable,
    Interrupted,
    /// Not one of the contract's: the harness itself failed (exit 7).
    InternalError,
}

impl Termination {
    /// The word in artifacts.
    pub fn name(self) -> &'static str {
        match self {
            Termination::AllDone => "all_done",
            Termination::MaxIterations => "max_iterations",
            Termination::Timeout => "timeout",
            Termination::VerificationFailed => "verification_failed",
            Termination::SelfCritiqueExhausted => "self_critique_exhausted",
            Termination::DependencyDeadlock => "dependency_deadlock",
            Termination::OpenQuestion => "open_question",
            Termination::BudgetExceeded => "budget_exceeded",
            Termination::AgentUnavailable => "agent_unavailable",
            Termination::Interrupted => "interrupted",
            Termination::InternalError => "internal_error",
        }
    }
}

/// runs/.iteration-state.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IterationState {
    /// Dispatches so far, remediation cycles included.
    pub iteration: u64,
    /// The bound on them.
    pub max_iterations: u64,
    /// The bound on active wall time, in minutes.
    pub timeout_minutes: u64,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// RFC 3339, UTC.
    pub last_step_at: String,
    /// Null before the first step ended.
    pub last_outcome: Option<Outcome>,
    /// The run's state.
    pub status: RunStatus,
    /// Null while it runs.
    pub termination_reason: Option<Termination>,
}

/// runs/.next-predicted.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextPredicted {
    /// The node that should be dispatched next.
    pub node_id: Id,
    /// Its tier.
    pub tier: usize,
    /// One sentence.
    pub rationale: String,
}

/// A line of runs/.dag-patterns.jsonl.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)] // The names are the contract's.
pub struct DagPattern {
    pub node_id: Id,
    pub tier: usize,
    /// The deliverable's verb.
    pub deliverable_kind: String,
    pub parallel_safe: bool,
    pub loc_confidence: LocConfidence,
    pub actual_loc: u64,
    pub est_loc: u64,
    /// actual ÷ est; null where est is 0.
    pub ratio: Option<f64>,
    pub hotspot_files: Vec<String>,
    pub depends_on_count: usize,
    pub remediation_cycles_used: u32,
    pub verification_durations_ms: Vec<u64>,
    pub iteration: u64,
}

/// resolutions/<qid>: the accepted or rejected answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResolverAnswer {
    /// The question.
    pub question_id: String,
    /// Files that support the answer.
    pub evidence_paths: Vec<String>,
    /// The answer.
    pub proposed_answer: String,
    /// 0 to 1.
    pub confidence: f64,
    /// Ids of invariants and resolved questions that it contradicts.
    pub contradicts: Vec<String>,
}

/// What the second reader of an answer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArbiterAnswer {
    /// Ids of invariants and resolved questions that the answer contradicts.
    pub contradicts: Vec<String>,
    /// Why.
    #[serde(default)]
    pub why: String,
}
