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

pub use crate::base::names;
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
pub use verify::{Finding, Verified, VerifyInput, landed_findings, verify};
