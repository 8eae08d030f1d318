//! The audit stage's files below audit/, for a run that ended anywhere.

use std::collections::BTreeSet;

use super::metrics::{MetricsReport, metrics};
use super::model::AuditReport;
use super::{build, html, junit, stage_md, trace};
use crate::event::json_artifact;
use crate::journal::RunState;
use crate::proof::Proof;

/// What the stage's files are made from.
#[derive(Clone, Copy)]
pub struct StageInput<'a> {
    /// The run.
    pub state: &'a RunState,
    /// Its proof, where there is one.
    pub proof: Option<&'a Proof>,
    /// Every artifact that is there, relative to out.
    pub present: &'a BTreeSet<String>,
    /// A picture of the graph, as SVG text.
    pub dag_svg: Option<&'a str>,
}

/// The same with what every file needs computed once.
pub(super) struct Stage<'a> {
    pub(super) input: StageInput<'a>,
    pub(super) report: AuditReport,
    pub(super) metrics: MetricsReport,
}

/// report.md, report.html, metrics.json, junit.xml and trace.json, by their paths relative to out.
///
/// # Errors
/// None in practice: only memory is written.
pub fn stage_files(input: &StageInput<'_>) -> std::io::Result<Vec<(&'static str, Vec<u8>)>> {
    let stage = Stage {
        input: *input,
        report: build::audit_report(input.state, input.proof),
        metrics: metrics(input.state),
    };
    Ok(vec![
        ("audit/report.md", stage_md::report(&stage).into_bytes()),
        ("audit/report.html", html::page(&stage).into_bytes()),
        ("audit/metrics.json", json_artifact(&stage.metrics)?),
        ("audit/junit.xml", junit::junit(input.state).into_bytes()),
        ("audit/trace.json", json_artifact(&trace::trace(input.state))?),
    ])
}
