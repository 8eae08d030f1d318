//! The forge loop: one mutation, one evaluation, one decision, one log entry, until the report
//! passes everything twice or patience is used up.

mod log;
mod mutation;
mod render;
mod step;
mod stem;
mod synthesize;

use crate::base::Clock;
use crate::base::text::neutral;
use crate::config::Bounds;
use crate::qa::corpus::AuditCorpus;
use crate::qa::error::QaError;
use crate::qa::records::Records;
use crate::qa::roles::Ask;

pub use log::{Experiment, Log, Stage, Status};
pub use mutation::{Mutation, Source};
pub use render::{RESULTS_HEADER, changelog, results};
pub use synthesize::pick;

/// Is told what happens.
pub trait Progress: Sync {
    /// One line.
    fn say(&self, line: &str);
}

/// What a loop needs.
pub struct Forge<'a> {
    /// What the report is about.
    pub corpus: &'a AuditCorpus,
    /// The records of it.
    pub records: &'a Records,
    /// The roles.
    pub ask: &'a Ask<'a>,
    /// Patience below which other ways are asked for.
    pub stuck_below: u32,
    /// Budgets of all roles together.
    pub bounds: &'a Bounds,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

/// Why a loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything passed, twice.
    Confirmed,
    /// No patience is left.
    Exhausted,
    /// A budget is used up.
    Bound(String),
}

impl Forge<'_> {
    /// Goes on from the last logged experiment to the end.
    ///
    /// # Errors
    /// A role can't be asked, or a file can't be written; what is logged stays.
    pub fn run(&self, log: &mut Log) -> Result<Ended, QaError> {
        loop {
            if let Some(ended) = self.ended(log) {
                return Ok(ended);
            }
            let experiment = self.next(log)?;
            let first = experiment.status == Status::Baseline;
            log.put(experiment, self.ask.used())?;
            self.announce(log, first);
        }
    }

    fn ended(&self, log: &Log) -> Option<Ended> {
        let last = log.experiments().last();
        if last.is_some_and(|e| e.status == Status::Confirmation && e.card.perfect()) {
            return Some(Ended::Confirmed);
        }
        if log.patience() == 0 {
            return Some(Ended::Exhausted);
        }
        self.ask.exceeds(self.bounds).map(Ended::Bound)
    }

    fn announce(&self, log: &Log, baseline: bool) {
        let Some(last) = log.experiments().last() else { return };
        let line = if baseline {
            format!("Audit baseline: {}%", last.card.percent())
        } else {
            let (score, percent) = (last.card.score(), last.card.percent());
            let why = last.rejected.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            format!(
                "Experiment {}: {}, {score}/7 ({percent}%), patience {}{why}",
                last.number,
                last.status.name(),
                log.patience()
            )
        };
        self.progress.say(&neutral(&line));
    }
}

#[cfg(test)]
mod tests;
