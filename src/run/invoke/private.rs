//! The private configuration home of an agent.

use std::fs;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use crate::agent;
use crate::config::Agent;
use crate::files;
use crate::run::context::{At, Fault};

/// A private configuration home with the operator's credentials and settings copied in, so
/// that an agent can't plant anything for the operator's next session.
pub(super) fn config_home(
    caller: &Caller<'_>,
    agent: &Agent,
    private: &Path,
) -> Result<Option<PathBuf>, Fault> {
    let copies = agent::config_copies(agent.adapter);
    if agent.shared_config_home || copies.is_empty() {
        return Ok(None);
    }
    let home = private.join("config");
    fs::create_dir_all(&home).at(|| format!("can't make {}", home.display()))?;
    let Some(operator_home) = caller.operator.get("HOME") else { return Ok(Some(home)) };
    for copy in copies {
        let from = Path::new(operator_home).join(&copy.from);
        if from.exists() {
            files::copy_tree(&from, &home.join(&copy.to)).at(|| format!("can't copy {}", from.display()))?;
        }
    }
    Ok(Some(home))
}
