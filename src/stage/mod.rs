//! The part of the audit stage that deals with a failed run: what failed, why, and who is told.
//! Nothing here changes how a run ended.

mod aftermath;
mod api;
mod body;
mod diagnose;
mod evidence;
mod explain;
mod failures;
mod fingerprint;
mod gh;
mod issue;
mod overseer;
mod policy;
mod rest;
mod tracker;

use std::path::Path;
use std::sync::Arc;

use crate::base::Clock;
use crate::config::Config;
use crate::git::Repo;
use crate::journal::RunState;
use crate::process::{Cancel, Runner};
use crate::run::containment::Containment;
use crate::run::environment::Operator;
use crate::run::recorder::Recorder;

pub use aftermath::{Aftermath, aftermath};
pub use failures::failures;

/// Where the stage runs, and with what.
pub struct Scene<'a> {
    /// The effective configuration.
    pub config: &'a Config,
    /// The operator's environment.
    pub operator: &'a Operator,
    /// The operator's repository.
    pub repo: &'a Repo,
    /// The journal and the artifacts.
    pub recorder: &'a Recorder,
    /// What programs are held to, and the secrets.
    pub containment: &'a Containment,
    /// Starts programs.
    pub runner: &'a Runner,
    /// Time.
    pub clock: &'a Arc<dyn Clock>,
    /// Where private directories are made.
    pub scratch: &'a Path,
    /// Ends what the stage started.
    pub cancel: &'a Cancel,
    /// The run is the last one of this place: agents may be asked and issues sent. An archived
    /// one is only reported.
    pub live: bool,
}

impl Scene<'_> {
    /// The operator asked for the end.
    pub fn interrupted(&self) -> bool {
        self.cancel.requested()
    }
}

/// When the run ended, if its end was recorded.
fn ended_at(state: &RunState) -> Option<String> {
    state.finished.as_ref().map(|end| end.at.clone())
}
