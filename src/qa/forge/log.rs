//! The log of an audit: one state file that is replaced in one step, and the files that people
//! read, which are made from it. A crash between the two is mended when the log is opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::mutation::Mutation;
use super::render;
use crate::files;
use crate::qa::desk;
use crate::qa::error::{At, QaError};
use crate::qa::evaluate::{Failing, Scorecard};
use crate::qa::meta::Proposed;
use crate::qa::roles::Used;

/// The state's version.
const SCHEMA: &str = "auditrun.qa-state/1";

/// What became of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Status {
    Baseline,
    Keep,
    Discard,
    Confirmation,
    Rejected,
}

impl Status {
    /// As results.tsv says it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Baseline => "baseline",
            Status::Keep => "keep",
            Status::Discard => "discard",
            Status::Confirmation => "confirmation",
            Status::Rejected => "rejected",
        }
    }
}

/// One logged experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// From 0 on.
    pub number: u32,
    /// What became of it.
    pub status: Status,
    /// What was tried.
    pub mutation: Option<Mutation>,
    /// How the report that it made scored; of one that was rejected, the report in force.
    pub card: Scorecard,
    /// What it beat or did not beat.
    pub before: Option<Scorecard>,
    /// Why it was rejected.
    pub rejected: Option<String>,
    /// The report that is in force from now on, if it is another one.
    #[serde(skip)]
    pub report: Option<String>,
    /// RFC 3339.
    pub at: String,
}

/// How far an audit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Stage {
    Forge,
    Regression,
    Meta,
    Fit,
    Review,
    Deeper,
    Done,
}

/// What is on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    schema: String,
    audit_run_id: String,
    /// The scope as it was typed.
    asked: String,
    stage: Stage,
    patience: u32,
    full_patience: u32,
    experiments: Vec<Experiment>,
    /// The report in force.
    report: String,
    used: BTreeMap<String, Used>,
    trend: Option<String>,
    meta: Vec<Proposed>,
    notes: Vec<String>,
}

/// The log, open.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    state: State,
}

impl Log {
    /// Begins an audit: nothing is logged, the report is the baseline.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn begin(
        dir: &Path,
        audit_run_id: &str,
        asked: &str,
        patience: u32,
        report: &str,
    ) -> Result<Log, QaError> {
        let state = State {
            schema: SCHEMA.to_owned(),
            audit_run_id: audit_run_id.to_owned(),
            asked: asked.to_owned(),
            stage: Stage::Forge,
            patience,
            full_patience: patience,
            experiments: Vec::new(),
            report: report.to_owned(),
            used: BTreeMap::new(),
            trend: None,
            meta: Vec::new(),
            notes: Vec::new(),
        };
        let log = Log { dir: dir.to_owned(), state };
        log.save()?;
        Ok(log)
    }

    /// Goes on with the audit of a working directory; `None` if it has not begun.
    ///
    /// # Errors
    /// The state can't be read, or the other files can't be made from it.
    pub fn resume(dir: &Path) -> Result<Option<Log>, QaError> {
        let path = dir.join(desk::STATE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).at(|| format!("can't read {}", path.display())),
        };
        let state: State = serde_json::from_slice(&bytes).map_err(|e| {
            QaError::Files(format!(
                "{} is damaged ({e}); remove its directory and audit again",
                path.display()
            ))
        })?;
        if state.schema != SCHEMA {
            return Err(QaError::Files(format!(
                "{} is of another version: {}",
                path.display(),
                state.schema
            )));
        }
        let log = Log { dir: dir.to_owned(), state };
        log.show()?;
        Ok(Some(log))
    }

    /// Logs an experiment: the state in one step, then the files that are made from it.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn put(&mut self, mut experiment: Experiment, used: BTreeMap<String, Used>) -> Result<(), QaError> {
        match experiment.status {
            Status::Keep => self.state.patience = self.state.full_patience,
            Status::Discard | Status::Rejected => self.state.patience = self.state.patience.saturating_sub(1),
            Status::Baseline | Status::Confirmation => {}
        }
        if let Some(report) = experiment.report.take() {
            self.state.report = report;
        }
        self.state.used = used;
        self.state.experiments.push(experiment);
        self.save()
    }

    fn change(&mut self, change: impl FnOnce(&mut State)) -> Result<(), QaError> {
        change(&mut self.state);
        self.save()
    }

    fn save(&self) -> Result<(), QaError> {
        let path = self.dir.join(desk::STATE);
        files::atomic_write_json(&path, &self.state).at(|| format!("can't write {}", path.display()))?;
        self.show()
    }

    /// Makes what people read from the state.
    fn show(&self) -> Result<(), QaError> {
        let write = |name: &str, text: &str| {
            let path = self.dir.join(name);
            let same = std::fs::read(&path).is_ok_and(|now| now == text.as_bytes());
            if same {
                Ok(())
            } else {
                files::atomic_write(&path, text.as_bytes()).at(|| format!("can't write {}", path.display()))
            }
        };
        write(desk::RESULTS, &render::results(&self.state.experiments))?;
        write(desk::CHANGELOG, &self.changelog())?;
        write(desk::OPTIMIZED, &self.state.report)
    }

    /// Shows a candidate in the working copy. The state does not know of it: until it is logged,
    /// a crash brings the report in force back.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn try_out(&self, candidate: &str) -> Result<(), QaError> {
        let path = self.dir.join(desk::OPTIMIZED);
        files::atomic_write(&path, candidate.as_bytes()).at(|| format!("can't write {}", path.display()))
    }

    /// Patience for the passes to come is this, and full again.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn deepen(&mut self, patience: u32) -> Result<(), QaError> {
        self.change(|state| {
            (state.stage, state.patience, state.full_patience) = (Stage::Deeper, patience, patience);
        })
    }

    /// Another report is in force.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn annotate(&mut self, report: String, trend: &str, next: Stage) -> Result<(), QaError> {
        self.change(|state| {
            (state.report, state.trend, state.stage) = (report, Some(trend.to_owned()), next);
        })
    }

    /// The meta-slices are these now.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn keep_meta(
        &mut self,
        meta: Vec<Proposed>,
        used: BTreeMap<String, Used>,
        next: Stage,
    ) -> Result<(), QaError> {
        self.change(|state| (state.meta, state.used, state.stage) = (meta, used, next))
    }

    /// The audit is this far.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn reach(&mut self, stage: Stage) -> Result<(), QaError> {
        self.change(|state| state.stage = stage)
    }

    /// Something that the review has to say.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn note(&mut self, note: String) -> Result<(), QaError> {
        self.change(|state| state.notes.push(note))
    }

    /// What the roles used, when it ended without an experiment.
    ///
    /// # Errors
    /// The files can't be written.
    pub fn account(&mut self, used: BTreeMap<String, Used>) -> Result<(), QaError> {
        self.change(|state| state.used = used)
    }
}

/// What is known so far.
#[allow(missing_docs)]
impl Log {
    pub fn audit_run_id(&self) -> &str {
        &self.state.audit_run_id
    }
    pub fn asked(&self) -> &str {
        &self.state.asked
    }
    pub fn stage(&self) -> Stage {
        self.state.stage
    }
    pub fn patience(&self) -> u32 {
        self.state.patience
    }
    pub fn experiments(&self) -> &[Experiment] {
        &self.state.experiments
    }
    pub fn report(&self) -> &str {
        &self.state.report
    }
    pub fn used(&self) -> &BTreeMap<String, Used> {
        &self.state.used
    }
    pub fn trend(&self) -> Option<&str> {
        self.state.trend.as_deref()
    }
    pub fn meta(&self) -> &[Proposed] {
        &self.state.meta
    }
    pub fn notes(&self) -> &[String] {
        &self.state.notes
    }

    /// The changelog's text.
    pub fn changelog(&self) -> String {
        render::changelog(&self.state.experiments)
    }

    /// The outcome to beat: that of the report in force. `None` before the baseline.
    pub fn standing(&self) -> Option<&Scorecard> {
        let counts =
            |e: &&Experiment| matches!(e.status, Status::Baseline | Status::Keep | Status::Confirmation);
        self.state.experiments.iter().rev().find(counts).map(|e| &e.card)
    }

    /// Every failure so far, each once, in the order in which it was met.
    pub fn failures(&self) -> Vec<Failing> {
        let mut all: Vec<Failing> = Vec::new();
        for failing in self.state.experiments.iter().flat_map(|e| &e.card.failing) {
            if !all.contains(failing) {
                all.push(failing.clone());
            }
        }
        all
    }
}
