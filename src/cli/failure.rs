//! A command that can't go on: its class decides heading and exit code.

use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::diag::{Diags, Severity};
use crate::git::GitError;
use crate::run::context::Fault;

/// Why a command ends early.
#[derive(Debug)]
pub enum Failure {
    /// Problems of audit.kdl (exit 2).
    Config(Diags),
    /// Problems of the bundle, or of both (2 if audit.kdl has some, else 3).
    Preflight(Diags),
    /// The command can't be carried out as typed (exit 2): what, and what to do instead.
    Usage(String, Option<String>),
    /// The audit did not hold (exit 1); said already.
    Failed,
    /// It ended early for a reason that has an exit of its own: a bound, an interrupt.
    Ended(Exit, String),
    /// The harness failed (exit 7).
    Internal(String),
}

impl Failure {
    /// A usage error with a remedy.
    pub fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Failure {
        Failure::Usage(what.into(), Some(remedy.into()))
    }

    /// A command that does not know the form asked for; `known` reads like "text or json".
    pub fn no_form(command: &str, form: Format, known: &str) -> Failure {
        let name = format!("{form:?}").to_lowercase();
        Failure::usage(format!("{command} has no form '{name}'"), format!("use {known}"))
    }

    /// A form that only the command `owner` has.
    pub fn foreign_form(form: Format, owner: &str) -> Failure {
        let name = format!("{form:?}").to_lowercase();
        Failure::usage(format!("only `auditrun {owner}` has the form '{name}'"), "use text or json")
    }

    /// The process's exit.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Config(_) | Failure::Usage(..) => Exit::Usage,
            Failure::Preflight(diags) if concerns_config(diags) => Exit::Usage,
            Failure::Preflight(_) => Exit::Preflight,
            Failure::Failed => Exit::Failed,
            Failure::Ended(exit, _) => *exit,
            Failure::Internal(_) => Exit::Internal,
        }
    }
}

/// True if audit.kdl has a part in the problems: then its exit code stands.
pub fn concerns_config(diags: &Diags) -> bool {
    let of_config = |code: &str| ["config::", "recipe::", "step::"].iter().any(|p| code.starts_with(p));
    diags.iter().any(|d| d.severity == Severity::Error && of_config(d.code))
}

impl From<GitError> for Failure {
    fn from(e: GitError) -> Failure {
        match e {
            GitError::NotARepository(_) => {
                Failure::usage(e.to_string(), "go to a repository, or make one with `git init`")
            }
            GitError::Unusable(what) => Failure::Usage(what, None),
            GitError::Failed { .. } => Failure::Internal(e.to_string()),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Internal(fault.to_string())
    }
}
