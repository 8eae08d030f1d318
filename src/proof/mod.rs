//! The completeness proof and its verification: from the journal, the bundle at the audit
//! branch's head and facts of git to a verdict with gaps, a coverage table, a fingerprint and
//! an in-toto statement, each of which anybody can compute again.

mod bundle;
mod commits;
mod coverage;
mod facts;
mod fingerprint;
mod head;
mod model;
mod prove;
mod sidecars;
mod source;
mod statement;
mod unified;
mod verify;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use bundle::{ProofBundle, ProofInvariant, ProofNode};
pub use coverage::{COVERAGE_HEADER, coverage_csv};
pub use facts::{CommitFacts, GitFacts};
pub use fingerprint::{FingerprintInput, fingerprint};
pub use model::*;
pub use prove::{ProofInput, prove};
pub use source::{ArtifactSource, DirArtifacts, MemoryArtifacts, TreeArtifacts};
pub use statement::{
    PREDICATE_TYPE, Predicate, ResourceDescriptor, STATEMENT_TYPE, Statement, StatementInput, is_subject,
    statement,
};
pub use verify::{Finding, Verified, VerifyInput, verify};

/// Names of the proof's own files, relative to out.
pub mod names {
    /// The report for people.
    pub const REPORT_MD: &str = "audit-report.md";
    /// The report for programs.
    pub const REPORT_JSON: &str = "audit-report.json";
    /// The in-toto statement.
    pub const STATEMENT: &str = "audit-report.intoto.json";
    /// The coverage table.
    pub const COVERAGE: &str = "audit-report.coverage.csv";
    /// The fingerprint.
    pub const FINGERPRINT: &str = "audit-report.fingerprint";
    /// The journal.
    pub const JOURNAL: &str = "runs/events.jsonl";
    /// The loop guard's sidecar.
    pub const ITERATION: &str = "runs/.iteration-state.json";
    /// The prediction.
    pub const PREDICTED: &str = "runs/.next-predicted.json";
    /// A node's verdict.
    pub fn verification(node: &crate::base::Id) -> String {
        format!("runs/{node}/verification.json")
    }
    /// A node's diff.
    pub fn patch(node: &crate::base::Id) -> String {
        format!("runs/{node}/diff.patch")
    }
}
