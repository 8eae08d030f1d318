//! Gate `check invariants`: a regression is a check that passed at the baseline and fails
//! now. One that failed before is no node's fault; the proof still asks for it.

use crate::base::Id;
use crate::event::{CheckRecord, InvariantRecord};

/// The last known result of one invariant check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Baseline {
    /// Its exit code; `None` if it was ended by a signal or a time limit.
    pub exit_code: Option<i32>,
    /// It passed.
    pub passed: bool,
}

impl Baseline {
    /// What a run says about the commit it ran on.
    pub fn of(record: &CheckRecord) -> Baseline {
        Baseline { exit_code: record.exit_code, passed: record.passed }
    }
}

/// Joins a run with what is known from before. Without a baseline a failure counts as a
/// regression: it can't be shown to be older than the node.
pub fn record(id: &Id, baseline: Option<Baseline>, check: CheckRecord) -> InvariantRecord {
    let regression = !check.passed && baseline.is_none_or(|b| b.passed);
    InvariantRecord { id: id.clone(), baseline_exit: baseline.and_then(|b| b.exit_code), regression, check }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::checks::{not_started, tests::planned};

    #[test]
    fn only_passed_then_failed_is_a_regression() {
        let id = Id::parse("INV-1").unwrap();
        let run = |passed: bool| CheckRecord { passed, ..not_started(&planned("x"), i32::from(!passed), "") };
        let was = |passed: bool| Some(Baseline { exit_code: Some(i32::from(!passed)), passed });
        assert!(record(&id, was(true), run(false)).regression);
        assert!(!record(&id, was(false), run(false)).regression);
        assert!(!record(&id, was(true), run(true)).regression);
        assert!(record(&id, None, run(false)).regression);
    }
}
