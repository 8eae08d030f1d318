//! placeholder
use crate::base::Layout;
/// x
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// The command to run.
    pub text: String,
    /// Why it stands as it was written.
    pub verbatim_because: Option<String>,
}
/// x
pub fn normalize(command: &str, _layout: &Layout) -> Normalized {
    Normalized { text: command.to_owned(), verbatim_because: None }
}
