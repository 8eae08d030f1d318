//! The proof as data: what was shown, what is missing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{Id, Oid};
use crate::journal::Progress;

/// A completeness proof, or the list of what it lacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// Nothing is missing.
    pub complete: bool,
    /// Everything that is missing, in the order of the sections below.
    pub gaps: Vec<Gap>,
    /// Where the audit branch began.
    pub base: Oid,
    /// The audit branch's head.
    pub head: Oid,
    /// SHA-256 over bundle, diffs and head; computed for an incomplete proof too.
    pub fingerprint: String,
    /// Every node's verdict, in graph.md's order.
    pub nodes: Vec<NodeProof>,
    /// Who closes what.
    pub coverage: Vec<CoverageRow>,
    /// Every invariant at the head.
    pub invariants: Vec<InvariantProof>,
    /// Every done_when check at the head.
    pub checks: Vec<HeadCheck>,
    /// Every file that some commit of the run changed, once.
    pub manifest: Vec<ManifestFile>,
    /// The audit branch's commits, oldest first.
    pub commits: Vec<CommitProof>,
}

/// Which rule a gap breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapKind {
    /// A node is not verified.
    Node,
    /// A delta_to_done item is closed by no verified node.
    Coverage,
    /// An invariant does not hold at the head, or did not run there.
    Invariant,
    /// A check does not hold at the head, or did not run there.
    Check,
    /// A commit on the branch is not what the journal says.
    Commit,
    /// A file was changed that nobody may change.
    Touches,
}

/// One thing that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The rule.
    pub kind: GapKind,
    /// The node, item, invariant, commit or file.
    pub subject: String,
    /// In one sentence.
    pub message: String,
}

/// One node in the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct NodeProof {
    pub id: Id,
    /// A verdict, or `pending` or `running`.
    pub status: String,
    pub attempts: usize,
    pub commit: Option<Oid>,
    /// Relative to out.
    pub verification: String,
}

/// One row of the coverage table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CoverageRow {
    /// The item.
    pub delta_id: Id,
    /// A node that closes it; null if no verified one does.
    pub prompt_id: Option<Id>,
    /// The node's status, or `gap`.
    pub status: String,
    /// The node's verification.json relative to out.
    pub verification: Option<String>,
}

/// How an invariant stands at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvariantState {
    /// Every check passed.
    Confirmed,
    /// A check failed or did not run.
    Failed,
    /// Advisory, and no passing check says anything.
    Unconfirmed,
}

/// One invariant in the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct InvariantProof {
    pub id: Id,
    pub text: String,
    pub advisory: bool,
    pub state: InvariantState,
    pub checks: Vec<CommandResult>,
}

/// A command that ran at the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandResult {
    /// As written.
    pub command: String,
    /// Null: a signal or time limit ended it, or it did not run.
    pub exit_code: Option<i32>,
    /// The verdict.
    pub passed: bool,
}

/// How a node's check stands at the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeadState {
    /// It holds.
    Passed,
    /// It fails, and a later node changed what it looked at.
    Superseded,
    /// It fails, or did not run.
    Failed,
}

/// A node's check at the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct HeadCheck {
    pub node: Id,
    pub command: String,
    pub exit_code: Option<i32>,
    pub state: HeadState,
    /// The later nodes that touched the node's files.
    pub superseded_by: Vec<Id>,
}

/// A file of the aggregate diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManifestFile {
    /// Root-relative.
    pub path: String,
    /// The commits that changed it, oldest first.
    pub commits: Vec<Oid>,
    /// Some node may touch it, or it belongs to the bundle and only the harness changed it.
    pub allowed: bool,
}

/// What a commit on the audit branch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CommitKind {
    /// A node's landing.
    Node,
    /// A resolved question.
    Resolve,
    /// A corrected bundle.
    Rebundle,
    /// None of ours.
    Foreign,
}

/// A commit on the audit branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct CommitProof {
    pub commit: Oid,
    pub tree: Oid,
    pub kind: CommitKind,
    pub subject: String,
    pub node: Option<Id>,
    /// What is wrong with it.
    pub problems: Vec<String>,
}

pub(super) fn status_word(progress: Progress) -> String {
    progress.name().to_owned()
}
