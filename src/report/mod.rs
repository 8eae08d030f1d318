//! A run's own reports, all made from its replayed journal and its artifacts: audit-report.md
//! and .json, the audit stage's files, status. Nothing here touches a disk; what is read comes
//! through [`crate::proof::ArtifactSource`]. Text that came from agents is neutralised and
//! escaped wherever it is shown.
//!
//! [`collect`] reads what the stage starts from, [`stage_files`] makes its files. For a live
//! page, [`page::data`] gives the same as JSON and the modules of [`page`] the same pictures.

mod archive;
mod build;
mod collect;
mod diagnosis_md;
pub(crate) mod escape;
pub mod github;
mod jobs;
mod junit;
mod made;
mod markdown;
mod metrics;
mod model;
mod outputs;
pub mod page;
pub mod schema;
mod stage;
mod stage_md;
mod status;
pub(crate) mod table;
mod timeline;
mod trace;

#[cfg(test)]
mod tests;

pub use archive::archive;
pub use build::{audit_report, verdict};
pub use collect::{Collected, DISPATCH_PLAN, collect};
pub use diagnosis_md::diagnosis_markdown;
pub use escape::{code, fenced, markdown, xml};
pub use jobs::{Job, JobResult, any_failed, jobs};
pub use made::Made;
pub use markdown::audit_markdown;
pub use metrics::{Invocation, MetricsReport, Totals, metrics};
pub use model::*;
pub use outputs::{Output, missing, outputs};
pub use stage::{REPORT as STAGE_REPORT, Staged, stage_files, stage_report};
pub use status::{Status, status, status_text};

use crate::event::json_artifact;
use crate::journal::RunState;
use crate::proof::{Proof, coverage_csv, names};

/// The files of a proof, by name relative to out: everything but the statement, which is made
/// after these are written (see [`crate::proof::statement`]).
///
/// # Errors
/// None in practice: only memory is written.
pub fn proof_files(state: &RunState, proof: &Proof) -> std::io::Result<Vec<(&'static str, Vec<u8>)>> {
    let report = audit_report(state, Some(proof));
    Ok(vec![
        (names::COVERAGE, coverage_csv(&proof.coverage)?),
        (names::FINGERPRINT, format!("{}\n", proof.fingerprint).into_bytes()),
        (names::REPORT_MD, audit_markdown(&report).into_bytes()),
        (names::REPORT_JSON, json_artifact(&report)?),
    ])
}
