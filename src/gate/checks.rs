//! Gate `check done_when`: each check's run becomes a record, and a record passes or not.

use std::borrow::Cow;

use crate::base::text::tail;
use crate::event::CheckRecord;
use crate::git::Drift;
use crate::plan::PlannedCheck;
use crate::process::{Deadline, EndCause, Ended, Exit};

/// Bytes of output that a record keeps of each stream.
pub const TAIL: usize = 8 * 1024;

/// What a check printed.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// Standard output (its end suffices).
    pub stdout: String,
    /// Standard error (its end suffices).
    pub stderr: String,
}

/// The record of a check that ran. It passes only if it ended by itself with exit code 0
/// and left the tracked files as they were.
pub fn record(check: &PlannedCheck, ended: &Ended, output: &Output, drift: &Drift) -> CheckRecord {
    let (exit_code, signal) = match ended.exit {
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    };
    CheckRecord {
        command: check.check.command.value.clone(),
        normalized: check.normalized.clone(),
        name: check.check.name.clone(),
        exit_code,
        signal,
        timed_out: matches!(ended.cause, EndCause::Deadline(Deadline::Wall)),
        stdout_tail: tail(&output.stdout, TAIL).to_owned(),
        stderr_tail: tail(&with_excess(ended, &output.stderr), TAIL).to_owned(),
        duration_ms: u64::try_from(ended.duration.as_millis()).unwrap_or(u64::MAX),
        changed_tracked: drift.changed.iter().map(ToString::to_string).collect(),
        left_untracked: drift.untracked.iter().map(ToString::to_string).collect(),
        passed: ended.success() && drift.changed.is_empty(),
    }
}

/// A check that used too much says so at the end of what it printed.
fn with_excess<'o>(ended: &Ended, stderr: &'o str) -> Cow<'o, str> {
    match ended.cause {
        EndCause::Quota(excess) => Cow::Owned(format!("{stderr}\n[auditrun: {excess}]\n")),
        _ => Cow::Borrowed(stderr),
    }
}

/// The record of a check that could not be started.
pub fn not_started(check: &PlannedCheck, exit_code: i32, why: &str) -> CheckRecord {
    CheckRecord {
        command: check.check.command.value.clone(),
        normalized: check.normalized.clone(),
        name: check.check.name.clone(),
        exit_code: Some(exit_code),
        signal: None,
        timed_out: false,
        stdout_tail: String::new(),
        stderr_tail: why.to_owned(),
        duration_ms: 0,
        changed_tracked: Vec::new(),
        left_untracked: Vec::new(),
        passed: false,
    }
}

/// Why a record did not pass, in a few words.
pub fn failure(record: &CheckRecord) -> String {
    if record.timed_out {
        "ended by its time limit".to_owned()
    } else if let Some(signal) = record.signal {
        excess(record).unwrap_or_else(|| format!("ended by signal {signal}"))
    } else if !record.changed_tracked.is_empty() {
        format!("changed tracked files: {}", record.changed_tracked.join(", "))
    } else {
        format!("exit code {}", record.exit_code.unwrap_or(-1))
    }
}

/// The bound that ended a check, as [`with_excess`] wrote it down.
fn excess(record: &CheckRecord) -> Option<String> {
    let last = record.stderr_tail.trim_end().lines().next_back()?;
    Some(last.strip_prefix("[auditrun: ")?.strip_suffix(']')?.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::time::Duration;

    use crate::bundle::{Check, CheckScope};
    use crate::diag::{Source, Spanned};

    pub(crate) fn planned(command: &str) -> PlannedCheck {
        let source = Source::new("graph.md", command);
        let span = source.span(0, command.len());
        let check = Check {
            command: Spanned::new(command.to_owned(), span),
            scope: CheckScope::Worktree,
            name: None,
            timeout: None,
        };
        PlannedCheck { check, normalized: command.to_owned(), verbatim_because: None }
    }

    fn ended(exit: Exit, cause: EndCause) -> Ended {
        Ended { exit, cause, duration: Duration::from_millis(5), leaked: Vec::new() }
    }

    #[test]
    fn only_a_clean_exit_that_changes_nothing_passes() {
        let run = |exit, cause, changed: &[&str]| {
            let drift =
                Drift { changed: changed.iter().map(|p| (*p).into()).collect(), untracked: Vec::new() };
            record(&planned("true"), &ended(exit, cause), &Output::default(), &drift)
        };
        assert!(run(Exit::Code(0), EndCause::Own, &[]).passed);
        assert_eq!(failure(&run(Exit::Code(3), EndCause::Own, &[])), "exit code 3");
        assert_eq!(failure(&run(Exit::Signal(9), EndCause::Own, &[])), "ended by signal 9");
        let late = run(Exit::Code(0), EndCause::Deadline(Deadline::Wall), &[]);
        assert!(!late.passed && late.timed_out);
        assert_eq!(failure(&run(Exit::Code(0), EndCause::Own, &["src/a"])), "changed tracked files: src/a");
    }
}
