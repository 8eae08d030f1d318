//! What `auditrun report` answers to a program.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Verdict;

/// What `auditrun report --format json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Made {
    /// `auditrun.report/1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Where the run's artifacts are, relative to the repository's root.
    pub out: String,
    /// SHA-256 of each file that was written, by its path relative to `out`.
    pub files: BTreeMap<String, String>,
    /// Artifacts that the journal promises and that are not there.
    pub missing: Vec<String>,
    /// What went wrong in the stage.
    pub problems: Vec<String>,
    /// The archive, if one was asked for.
    pub archive: Option<String>,
}
