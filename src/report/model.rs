//! audit-report.json: the report as data; the Markdown says the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::Totals;
use super::timeline::Moment;
use crate::base::{Id, Oid};
use crate::event::{GateName, InvariantRecord, NoticeLevel, Termination};
use crate::proof::Proof;

/// audit-report.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditReport {
    /// `auditrun.audit-report/1`.
    pub schema: String,
    /// The verdict, first.
    pub verdict: Verdict,
    /// Which run.
    pub run: RunFacts,
    /// The nodes in graph.md's order.
    pub nodes: Vec<NodeReport>,
    /// Gates of every attempt, in order.
    pub gates: Vec<GateReport>,
    /// Nodes that needed another cycle or a split.
    pub remediation: Vec<RemediationReport>,
    /// Questions in the order in which they were settled.
    pub questions: Vec<QuestionReport>,
    /// Invariants at the operator's HEAD, before the first node.
    pub baseline: Vec<InvariantRecord>,
    /// Warnings of preflight, notices and warnings of the run.
    pub notices: Vec<NoticeReport>,
    /// What the agents used.
    pub cost: Totals,
    /// The turning points, in order.
    pub timeline: Vec<Moment>,
    /// Commands that show the same to anybody.
    pub reproduce: Vec<String>,
    /// The proof; null if the run did not get that far.
    pub proof: Option<Proof>,
}

/// What the run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictKind {
    /// A complete proof.
    Proven,
    /// A proof with gaps.
    Incomplete,
    /// Preflight refused.
    Rejected,
    /// Stopped before a proof.
    Halted,
    /// Not over (or killed).
    Running,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Its kind.
    pub kind: VerdictKind,
    /// In one sentence.
    pub sentence: String,
}

/// Which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct RunFacts {
    pub run_id: String,
    pub auditrun_version: String,
    pub command: Vec<String>,
    pub trigger: String,
    pub github_event: Option<String>,
    pub default_agent: String,
    pub branch: Option<String>,
    pub base: Option<Oid>,
    pub head: Option<Oid>,
    pub started_at: String,
    pub last_at: String,
    /// Milliseconds in which a process worked on it.
    pub active_ms: u64,
    /// Processes that worked on it: 1, and 1 more for each resume.
    pub lifetimes: usize,
    pub iteration: u64,
    pub max_iterations: u64,
    pub termination_reason: Option<Termination>,
    pub exit_code: Option<i32>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct NodeReport {
    pub id: Id,
    pub deliverable: String,
    pub tier: usize,
    /// A verdict, or `pending` or `running`.
    pub status: String,
    pub reason: String,
    pub attempts: usize,
    pub agent: Option<String>,
    pub commit: Option<Oid>,
    /// Changed lines of the newest capture.
    pub loc: Option<u64>,
    pub est_loc: Option<u64>,
    /// Null: no cap, or no capture.
    pub cap: Option<u64>,
    /// Changed files of the newest capture.
    pub files: Vec<String>,
    /// All attempts together, in milliseconds.
    pub duration_ms: u64,
    /// All attempts together; null if no agent said.
    pub cost_usd: Option<f64>,
    /// Ids of the lessons that stood in its prompts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lessons: Vec<String>,
}

/// A gate's word on an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct GateReport {
    pub node: Id,
    pub attempt: u32,
    pub gate: GateName,
    pub passed: bool,
    pub reason: String,
}

/// What was tried beyond the first attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemediationReport {
    /// The node.
    pub node: Id,
    /// The prompts, relative to out.
    pub cycles: Vec<String>,
    /// The split proposal, relative to out.
    pub split: Option<String>,
    /// Its sub-nodes.
    pub parts: Vec<Id>,
}

/// A question's end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct QuestionReport {
    pub id: Id,
    /// Null if it went to a person.
    pub confidence: Option<f64>,
    pub commit: Option<Oid>,
    /// Why it went to a person.
    pub escalated: Option<String>,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct NoticeReport {
    pub node: Option<Id>,
    pub level: NoticeLevel,
    pub message: String,
}
