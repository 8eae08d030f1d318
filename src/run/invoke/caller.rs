//! What a call of an agent needs of whoever makes it: a run, the audit stage after a run, or
//! an evaluation that has no run at all.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Request;
use crate::config::{Config, EnvBlock};
use crate::event::{AgentRecord, Metrics};
use crate::lane::Programs;
use crate::run::containment::Containment;
use crate::run::context::{At, Fault};
use crate::run::environment::{Environment, Operator};
use crate::run::fleet::Fleet;

/// Where calls come from. Cheap to make: it borrows nearly everything.
#[derive(Clone)]
pub struct Caller<'a> {
    /// The operator's environment.
    pub operator: &'a Operator,
    /// The effective configuration.
    pub config: &'a Config,
    /// The root that audit.kdl's places are relative to.
    pub root: &'a Path,
    /// The bundle's folder, where there is one.
    pub bundle: Option<PathBuf>,
    /// The run, as agents are told of it.
    pub run_id: &'a str,
    /// What programs are held to.
    pub containment: &'a Containment,
    /// Where private directories are made.
    pub scratch: &'a Path,
    /// Where transcripts go: a request names its own below this.
    pub out: &'a Path,
    /// What starts programs.
    pub programs: &'a dyn Programs,
    /// Rate limits, shared by all calls that use one account.
    pub fleet: &'a Fleet,
    /// Who is told.
    pub overseer: &'a dyn Overseer,
}

/// What was changed meanwhile, asked afterwards.
pub type Changed<'w> = Box<dyn FnOnce() -> Result<Vec<String>, Fault> + 'w>;

/// Is told how a call goes, and looks after what an agent that only reads must leave alone.
#[allow(clippy::missing_errors_doc)] // Every error says that what was told could not be kept.
pub trait Overseer: Sync {
    /// An agent is about to be started; once for all tries of one call.
    fn started(&self, request: &Request<'_>) -> Result<(), Fault>;
    /// It said something while it worked.
    fn said(&self, request: &Request<'_>, text: &str);
    /// It has used this much so far.
    fn spending(&self, _request: &Request<'_>, _figures: &Metrics) {}
    /// It met a limit and is tried again after a pause.
    fn paused(&self, request: &Request<'_>, pause: Duration, reason: &str) -> Result<(), Fault>;
    /// A try ended, having used this.
    fn spent(&self, metrics: &Metrics);
    /// The call ended.
    fn finished(&self, request: &Request<'_>, record: &AgentRecord) -> Result<(), Fault>;
    /// Looks before an agent that only reads starts in `dir`. What is handed back names what
    /// has changed since that must not.
    fn watch<'w>(&'w self, dir: &Path) -> Result<Changed<'w>, Fault>;
}

impl Caller<'_> {
    /// The environment of what is started: the allow-list, audit.kdl's `env`, the node's own,
    /// and what says which run it is.
    ///
    /// # Errors
    /// A value could not be expanded; the sentence says which.
    pub fn environment(&self, node: Option<&EnvBlock>) -> Result<Environment, String> {
        let mut env = Environment::allowed(self.operator);
        env.apply(&self.config.env, self.operator)?;
        if let Some(block) = node {
            env.apply(block, self.operator)?;
        }
        env.set("AUDITRUN_RUN_ID", self.run_id);
        if let Some(bundle) = &self.bundle {
            env.set_path("AUDITRUN_BUNDLE", bundle);
        }
        env.set_path("GIT_CEILING_DIRECTORIES", self.root);
        Ok(env)
    }

    /// A fresh private directory.
    ///
    /// # Errors
    /// It could not be made.
    pub fn scratch_dir(&self, prefix: &str) -> Result<tempfile::TempDir, Fault> {
        std::fs::create_dir_all(self.scratch).at(|| format!("can't make {}", self.scratch.display()))?;
        let made = tempfile::Builder::new().prefix(prefix).tempdir_in(self.scratch);
        made.at(|| format!("can't make a directory in {}", self.scratch.display()))
    }

    /// A transcript by its path relative to out.
    pub(super) fn transcript(&self, relative: &str) -> PathBuf {
        self.out.join(relative)
    }

    /// A program with a slash is relative to audit.kdl's folder; one without is looked up.
    pub(super) fn program(&self, program: &std::ffi::OsStr) -> std::ffi::OsString {
        let path = Path::new(program);
        if path.is_relative() && path.components().count() > 1 {
            self.root.join(&self.config.folder).join(path).into_os_string()
        } else {
            program.to_owned()
        }
    }
}
