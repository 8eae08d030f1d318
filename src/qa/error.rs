//! Why an audit ends early. What is logged up to then stays, and the audit can be gone on with.

use crate::qa::roles::HostError;

/// An audit that can't go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QaError {
    /// A role can't be asked.
    #[error(transparent)]
    Host(#[from] HostError),
    /// A file can't be read or written.
    #[error("{0}")]
    Files(String),
    /// What is asked for can't be done with this input.
    #[error("{0}")]
    Input(String),
}

/// Adds the file and the deed to an I/O error.
pub(super) trait At<T> {
    /// `what` reads like "can't write results.tsv".
    fn at(self, what: impl FnOnce() -> String) -> Result<T, QaError>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, what: impl FnOnce() -> String) -> Result<T, QaError> {
        self.map_err(|e| QaError::Files(format!("{}: {e}", what())))
    }
}
