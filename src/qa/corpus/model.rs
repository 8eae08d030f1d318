//! The audit corpus as data. Its JSON twin is this type; its Markdown is made from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::qa::lesson::Lesson;

/// What later phases see, in both modes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AuditCorpus {
    /// `auditrun.audit-corpus/1`.
    pub schema: String,
    /// What is audited.
    pub scope: ScopeFacts,
    /// Units of landed work, oldest first.
    pub slices: Vec<Slice>,
    /// Every lesson in scope, by id.
    pub lessons: Vec<Lesson>,
    /// For each lesson: later slices with its problem key.
    pub recurrences: Vec<Recurrence>,
    /// Remediation cycles, oldest first.
    pub repairs: Vec<Repair>,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
    /// Accepted audits of the same scope, oldest first, 10 at most.
    pub earlier: Vec<EarlierAudit>,
    /// What a source should have said and did not: each becomes an assumption of the report.
    pub missing: Vec<Missing>,
}

/// What is audited, and from where it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct ScopeFacts {
    pub scope_type: ScopeType,
    /// The loop, repository, ref or plan.
    pub scope_ref: String,
    pub mode: Mode,
    pub repo_id: String,
    /// 0 to 2.
    pub recursion_depth: u32,
    /// RFC 3339, UTC; null if there is no slice.
    pub earliest: Option<String>,
    pub latest: Option<String>,
    pub queried_at: String,
}

/// Kinds of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs)]
pub enum ScopeType {
    Loop,
    Repo,
    Pipeline,
    Effectiveness,
    Standalone,
}

/// Where the corpus was read from. Decided once, at intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The control-plane database.
    Db,
    /// git log, test results, plans, journals.
    Standalone,
}

/// One unit of landed work: a node of a run, or a commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// The loop id of a node; the commit's full id in standalone mode.
    pub slice_id: String,
    /// The run and node of a loop.
    pub run_id: Option<String>,
    /// See `run_id`.
    pub node_id: Option<String>,
    /// The commit that landed it.
    pub commit: Option<String>,
    /// The deliverable, or the commit's subject.
    pub title: String,
    /// `X` of `[slice:X]` in the subject: the plan's slice.
    pub plan_slice: Option<String>,
    /// RFC 3339, UTC: when it was finished.
    pub at: String,
    /// verified, failed, oversized, blocked, cancelled; landed or reverted for a commit.
    pub status: String,
    /// passed, failed or unknown.
    pub verifier_status: String,
    /// What verified it: the verb's kind of check, `pytest`, `junit`, `command`; null: not known.
    pub verifier_type: Option<String>,
    /// clean, kept (a worktree stayed for inspection) or unknown.
    pub cleanup_status: String,
    /// Of its failure, normalised; also of a failure that remediation cured.
    pub problem_keys: Vec<String>,
    /// Why it failed, if it did at the end.
    pub failure: Option<Failure>,
    /// Excerpts of outputs that show how it went.
    pub excerpts: Vec<String>,
}

impl Slice {
    /// It did not verify.
    pub fn failed(&self) -> bool {
        self.failure.is_some()
    }
}

/// Why a slice failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Failure {
    pub blocker_reason: String,
    /// First lines of the decisive output.
    pub error_summary: String,
    /// The gate, `check`, `invariant`, `deadline`, `agent`, `test`, …
    pub classification: String,
    /// none, repaired, exhausted.
    pub repair_outcome: String,
}

/// Later slices in which a lesson's problem came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Recurrence {
    pub lesson_id: String,
    /// Work after its promotion with the same problem key, of the whole repository: it may lie
    /// outside of the scope.
    pub recurred_in: Vec<String>,
    /// Slices after its promotion in which it could have: same repository and verifier type.
    pub opportunities: Vec<String>,
}

/// One remediation cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Repair {
    pub slice_id: String,
    pub cycle: u32,
    pub problem_key: String,
    /// What it was to repair.
    pub reason: String,
    /// repaired or failed.
    pub outcome: String,
    pub at: String,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Moment {
    pub at: String,
    pub slice_id: Option<String>,
    pub what: String,
}

/// An earlier accepted audit, as far as regression needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct EarlierAudit {
    /// The audit's id, or the report's path in standalone mode.
    pub audit_run_id: String,
    pub at: String,
    pub critical: u32,
    pub warning: u32,
    pub info: u32,
    /// Score by lesson id.
    pub effectiveness: std::collections::BTreeMap<String, f64>,
    pub problem_keys: Vec<String>,
}

/// What was not to be had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// The source, for example `test-results/`.
    pub source: String,
    /// What is assumed in its place.
    pub assumption: String,
}
