//! The control-plane database as audit.kdl names it, and the writer beside a run.

use std::sync::Arc;

use crate::base::names;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::control::{Address, Live};

/// The database that audit.kdl names.
pub fn address(project: &Project) -> Address {
    Address::parse(&project.config.forge.database.value, project.repo.root())
}

/// Begins to write what the journal in out says.
///
/// # Errors
/// Git failed.
pub fn follow(project: &Project) -> Result<Arc<Live>, Failure> {
    let journal = project.repo.root().join(project.layout.in_out(names::JOURNAL));
    Ok(Live::start(address(project), &project.repo.name()?, &journal))
}
