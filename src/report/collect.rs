//! What the audit stage starts from: the journal and the artifacts as they lie on disk. What
//! can't be read is named; nothing comes from the memory of the process that ran.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::model::AuditReport;
use crate::base::names;
use crate::event::{Diagnosis, IssueReport};
use crate::journal::{self, JournalError, RunState};
use crate::plan::DispatchPlan;
use crate::proof::{ArtifactSource, Proof};

/// The plan's own file.
pub const DISPATCH_PLAN: &str = "preflight/dispatch_plan.json";

/// Everything that the stage's files are made from.
#[derive(Debug, Clone, Default)]
pub struct Collected {
    /// The run, replayed from its journal.
    pub state: RunState,
    /// Its proof, from audit-report.json; `None` if the run did not get that far.
    pub proof: Option<Proof>,
    /// The plan that was dispatched; `None` if preflight refused or its file is gone.
    pub plan: Option<DispatchPlan>,
    /// Why the run failed; `None` before the stage has found out, and if it did not fail.
    pub diagnosis: Option<Diagnosis>,
    /// What became of the failure issue; `None` if there was nothing to tell.
    pub issue: Option<IssueReport>,
    /// Every artifact that is there, relative to out.
    pub present: BTreeSet<String>,
    /// What is there and can't be read or trusted, in words.
    pub problems: Vec<String>,
}

/// Reads a run's journal and artifacts.
///
/// # Errors
/// [`JournalError`]: without a journal that can be read there is nothing to report.
pub fn collect(source: &dyn ArtifactSource) -> Result<Collected, JournalError> {
    let read = journal::parse(&source.read(names::JOURNAL).unwrap_or_default())?;
    let mut collected = Collected {
        state: journal::replay(&read.records),
        present: source.list("").into_iter().collect(),
        ..Collected::default()
    };
    collected.problems.extend(read.problems);
    if read.torn_tail.is_some() {
        collected.problems.push("the journal's last line is torn: its writer was killed".to_owned());
    }
    collected.plan = collected.artifact(source, DISPATCH_PLAN);
    collected.diagnosis = collected.artifact(source, names::DIAGNOSIS);
    collected.issue = collected.artifact(source, names::ISSUE);
    if let Some(verdict) = collected.state.proof.clone() {
        let report: Option<AuditReport> = collected.artifact(source, names::REPORT_JSON);
        collected.proof = report.and_then(|r| r.proof).filter(|p| p.head == verdict.head);
        if collected.proof.is_none() && collected.present.contains(names::REPORT_JSON) {
            let what = format!("{} does not hold the proof that the journal tells of", names::REPORT_JSON);
            collected.problems.push(what);
        }
    }
    Ok(collected)
}

impl Collected {
    /// An artifact as data. One that is not there is no problem here: it is listed as missing.
    fn artifact<T: DeserializeOwned>(&mut self, source: &dyn ArtifactSource, path: &str) -> Option<T> {
        match serde_json::from_slice(&source.read(path)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(format!("{path} can't be read: {error}"));
                None
            }
        }
    }
}
