//! Exit codes: the one place that says which ending has which.

use std::process::ExitCode;

use crate::event::Termination;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // The names say it; `--help` lists them in words.
pub enum Exit {
    Ok = 0,
    Failed = 1,
    Usage = 2,
    Preflight = 3,
    Escalated = 4,
    Bound = 5,
    Deadlock = 6,
    Internal = 7,
    Interrupted = 130,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The exit of a run that ended for `reason`.
    pub fn of(reason: Termination) -> Exit {
        match reason {
            Termination::AllDone => Exit::Ok,
            Termination::VerificationFailed => Exit::Failed,
            Termination::SelfCritiqueExhausted | Termination::OpenQuestion => Exit::Escalated,
            Termination::MaxIterations
            | Termination::Timeout
            | Termination::BudgetExceeded
            | Termination::AgentUnavailable => Exit::Bound,
            Termination::DependencyDeadlock => Exit::Deadlock,
            Termination::InternalError => Exit::Internal,
            Termination::Interrupted => Exit::Interrupted,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
