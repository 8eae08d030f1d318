//! The audit stage's files below audit/, for a run that ended anywhere.

use super::collect::Collected;
use super::metrics::{MetricsReport, metrics};
use super::model::AuditReport;
use super::{build, junit, page, stage_md, trace};
use crate::event::json_artifact;

/// The files that [`stage_files`] makes, relative to out.
pub const REPORT: &str = "audit/report.md";

/// What was collected, with what every file needs computed once.
pub struct Staged<'a> {
    /// What was collected.
    pub from: &'a Collected,
    /// The report as data.
    pub report: AuditReport,
    /// Figures of every invocation.
    pub metrics: MetricsReport,
}

impl<'a> Staged<'a> {
    /// Computes it.
    pub fn new(from: &'a Collected) -> Staged<'a> {
        let report = build::audit_report(&from.state, from.proof.as_ref());
        Staged { from, report, metrics: metrics(&from.state) }
    }
}

/// report.md alone, as text.
pub fn stage_report(from: &Collected) -> String {
    stage_md::report(&Staged::new(from))
}

/// report.md, report.html, metrics.json, junit.xml and trace.json, by their paths relative to out.
///
/// # Errors
/// None in practice: only memory is written.
pub fn stage_files(from: &Collected) -> std::io::Result<Vec<(&'static str, Vec<u8>)>> {
    let stage = Staged::new(from);
    Ok(vec![
        (REPORT, stage_md::report(&stage).into_bytes()),
        ("audit/report.html", page::page(&stage).into_bytes()),
        ("audit/metrics.json", json_artifact(&stage.metrics)?),
        ("audit/junit.xml", junit::junit(&from.state).into_bytes()),
        ("audit/trace.json", json_artifact(&trace::trace(&from.state))?),
    ])
}
