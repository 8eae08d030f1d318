//! A lane is where a node's work executes: worktrees are prepared, programs run, trees
//! brought back. The local lane is the only one; nothing above knows local processes.

mod local;
mod pool;

pub use local::LocalLane;

use std::path::{Path, PathBuf};

use crate::base::{Oid, RepoPath};
use crate::git::{Capture, Drift};
use crate::process::{Cancel, Ended, Job, OutputSink, Runner, Stdio};

/// The lane failed (not the program that it ran).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LaneError(pub String);

/// What a node needs around it.
#[derive(Debug, Clone)]
pub struct WorkspaceSpec {
    /// Directory name: `audit-<tier>-<id>-<ts>`.
    pub name: String,
    /// Why it is locked, for whoever lists worktrees.
    pub lock_reason: String,
    /// Where it stands.
    pub commit: Oid,
}

/// Starts programs that need no worktree.
pub trait Programs: Send + Sync {
    /// Runs a program in `job.cwd`, a private scratch directory, to the end of its whole tree.
    ///
    /// # Errors
    /// It could not be started.
    fn run(&self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError>;
}

impl Programs for Runner {
    fn run(&self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError> {
        Ok(Runner::run(self, job, sink, cancel)?)
    }
}

/// A place for work.
pub trait Lane: Programs {
    /// A worktree at a commit, detached and locked.
    ///
    /// # Errors
    /// The lane can't give one.
    fn prepare(&self, spec: &WorkspaceSpec) -> Result<Box<dyn Workspace>, LaneError>;

    /// Takes an existing workspace up again (after a restart of the harness).
    ///
    /// # Errors
    /// There is none at `dir`, or it is not ours.
    fn reopen(&self, dir: &Path) -> Result<Box<dyn Workspace>, LaneError>;

    /// Runs a program whose standard input, output and error are these: one of a pipeline.
    ///
    /// # Errors
    /// It could not be started.
    fn run_attached(&self, job: &Job, stdio: Stdio, cancel: &Cancel) -> Result<Ended, RunError>;

    /// Ends what the lane still does on its own and removes what it holds without a node; to be
    /// called when nothing more is prepared. A lane that is dropped does the same, without a word
    /// of what fails.
    ///
    /// # Errors
    /// Something could not be removed.
    fn close(&self) -> Result<(), LaneError>;
}

/// A program could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It could not be started.
    #[error(transparent)]
    Spawn(#[from] crate::process::SpawnError),
    /// The lane broke.
    #[error(transparent)]
    Lane(#[from] LaneError),
}

/// A worktree of one node on a lane.
#[allow(clippy::missing_errors_doc)] // Every error says that the lane or git failed, with what they said.
pub trait Workspace: Send {
    /// The worktree as programs see it.
    fn dir(&self) -> &Path;
    /// Runs a program in it.
    fn run(&mut self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError>;
    /// HEAD, index and files exactly at `commit`.
    fn reset(&mut self, commit: &Oid) -> Result<(), LaneError>;
    /// Files exactly `tree`, HEAD and index at `head`.
    fn checkout_tree(&mut self, head: &Oid, tree: &Oid) -> Result<(), LaneError>;
    /// Fills the submodules that the operator has filled, after a reset.
    fn fill_submodules(&mut self) -> Result<(), LaneError>;
    /// Paths that preparation made: outside of capture while they are unchanged.
    fn set_prepared(&mut self, paths: Vec<PathBuf>);
    /// Directories that survive from node to node: never walked, captured or cleaned.
    fn set_kept(&mut self, paths: Vec<PathBuf>);
    /// Vouches that nothing has run in it since the call before, for the next call alone: what
    /// was seen then need not be looked at again. Forgotten when a program runs.
    fn vouch(&mut self);
    /// Takes what a reopened worktree holds for work on top of its HEAD, to be captured.
    fn adopt(&mut self) -> Result<(), LaneError>;
    /// The pristine capture.
    fn seal(&mut self) -> Result<(), LaneError>;
    /// Brings the tree back.
    fn capture(&mut self, base: &Oid) -> Result<Capture, LaneError>;
    /// What changed since `checkout_tree`.
    fn drift(&mut self) -> Result<Drift, LaneError>;
    /// Removes untracked paths.
    fn remove_untracked(&mut self, paths: &[RepoPath]) -> Result<(), LaneError>;
    /// Gives it back: removed (or pooled for re-use), or kept for inspection.
    fn release(self: Box<Self>, keep: bool) -> Result<(), LaneError>;
}
