//! The local lane: worktrees of the operator's repository on this machine, and programs
//! under this machine's supervisors.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pool::Pool;
use super::{Lane, LaneError, Programs, RunError, Workspace, WorkspaceSpec};
use crate::base::{Oid, RepoPath};
use crate::git::{Capture, Drift, GitError, Repo, Worktree};
use crate::process::{Cancel, Ended, Job, OutputSink, Runner, Stdio};

/// How many worktrees may begin with the same name.
const NAMES: u32 = 100;

/// Work on this machine.
#[derive(Debug)]
pub struct LocalLane {
    repo: Repo,
    runner: Runner,
    root: PathBuf,
    pool: Arc<Pool>,
}

impl LocalLane {
    /// Worktrees of `repo` go into `root`, which is made when the first one is. With `reuse` a
    /// worktree that a node gave back is put in the state of a new one for the next node.
    pub fn new(repo: Repo, runner: Runner, root: impl Into<PathBuf>, reuse: bool) -> LocalLane {
        let root = root.into();
        let pool = Arc::new(Pool::new(repo.clone(), root.clone(), reuse));
        LocalLane { repo, runner, root, pool }
    }

    fn workspace(&self, tree: Worktree, lock_reason: &str) -> Box<dyn Workspace> {
        Box::new(LocalWorkspace {
            runner: self.runner.clone(),
            pool: Arc::clone(&self.pool),
            lock_reason: lock_reason.to_owned(),
            tree,
        })
    }

    /// A directory that is not there yet: `name`, else `name-2`, `name-3` …
    fn free_dir(&self, name: &str) -> Result<PathBuf, LaneError> {
        let taken = |dir: &PathBuf| std::fs::symlink_metadata(dir).is_ok();
        let numbered = (2..NAMES).map(|n| self.root.join(format!("{name}-{n}")));
        std::iter::once(self.root.join(name)).chain(numbered).find(|dir| !taken(dir)).ok_or_else(|| {
            LaneError(format!(
                "{} already holds {NAMES} worktrees named '{name}': 'auditrun clean' removes those of finished runs",
                self.root.display()
            ))
        })
    }

    /// Why the worktree at `dir` is locked, if it is in our directory and registered with git:
    /// nothing else may be taken up or removed.
    fn ours(&self, dir: &Path) -> Result<Option<String>, LaneError> {
        if !dir.parent().is_some_and(|parent| same_dir(parent, &self.root)) {
            return Ok(None);
        }
        let known = self.repo.worktrees().map_err(failed)?;
        let found = known.into_iter().find(|worktree| same_dir(&worktree.dir, dir));
        Ok(found.map(|worktree| worktree.locked.unwrap_or_default()))
    }
}

fn same_dir(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

pub(super) fn failed(error: GitError) -> LaneError {
    LaneError(error.to_string())
}

impl Programs for LocalLane {
    fn run(&self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError> {
        Programs::run(&self.runner, job, sink, cancel)
    }
}

impl Lane for LocalLane {
    fn prepare(&self, spec: &WorkspaceSpec) -> Result<Box<dyn Workspace>, LaneError> {
        if spec.name.is_empty() || spec.name.contains('/') || spec.name.starts_with('.') {
            return Err(LaneError(format!("'{}' can't name a worktree's directory", spec.name)));
        }
        std::fs::create_dir_all(&self.root)
            .map_err(|error| LaneError(format!("can't make {}: {error}", self.root.display())))?;
        let dir = self.free_dir(&spec.name)?;
        let tree = match self.pool.take(&dir, &spec.commit, &spec.lock_reason)? {
            Some(tree) => tree,
            None => self.repo.add_worktree(&dir, &spec.commit, &spec.lock_reason).map_err(failed)?,
        };
        Ok(self.workspace(tree, &spec.lock_reason))
    }

    fn reopen(&self, dir: &Path) -> Result<Box<dyn Workspace>, LaneError> {
        let Some(lock_reason) = self.ours(dir)? else {
            return Err(LaneError(format!(
                "{} is not a worktree that auditrun made in {}",
                dir.display(),
                self.root.display()
            )));
        };
        Ok(self.workspace(self.repo.open_worktree(dir).map_err(failed)?, &lock_reason))
    }

    fn run_attached(&self, job: &Job, stdio: Stdio, cancel: &Cancel) -> Result<Ended, RunError> {
        Ok(self.runner.run_attached(job, stdio, cancel)?)
    }

    fn close(&self) -> Result<(), LaneError> {
        self.pool.close()
    }
}

impl Drop for LocalLane {
    fn drop(&mut self) {
        // Whoever wants to know what could not be removed calls `close`.
        let _ = self.pool.close();
    }
}

/// One worktree on this machine.
#[derive(Debug)]
struct LocalWorkspace {
    runner: Runner,
    pool: Arc<Pool>,
    lock_reason: String,
    tree: Worktree,
}

impl Workspace for LocalWorkspace {
    fn dir(&self) -> &Path {
        self.tree.dir()
    }

    fn run(&mut self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError> {
        self.tree.doubt();
        Ok(self.runner.run(job, sink, cancel)?)
    }

    fn reset(&mut self, commit: &Oid) -> Result<(), LaneError> {
        self.tree.reset(commit).map_err(failed)
    }

    fn checkout_tree(&mut self, head: &Oid, tree: &Oid) -> Result<(), LaneError> {
        self.tree.checkout_tree(head, tree).map_err(failed)
    }

    fn fill_submodules(&mut self) -> Result<(), LaneError> {
        self.tree.fill_submodules().map_err(failed)
    }

    fn set_prepared(&mut self, paths: Vec<PathBuf>) {
        self.tree.set_prepared(paths);
    }

    fn set_kept(&mut self, paths: Vec<PathBuf>) {
        self.tree.set_kept(paths);
    }

    fn vouch(&mut self) {
        self.tree.vouch();
    }

    fn adopt(&mut self) -> Result<(), LaneError> {
        self.tree.adopt().map_err(failed)
    }

    fn seal(&mut self) -> Result<(), LaneError> {
        self.tree.seal().map_err(failed)
    }

    fn capture(&mut self, base: &Oid) -> Result<Capture, LaneError> {
        self.tree.capture(base).map_err(failed)
    }

    fn drift(&mut self) -> Result<Drift, LaneError> {
        self.tree.drift().map_err(failed)
    }

    fn remove_untracked(&mut self, paths: &[RepoPath]) -> Result<(), LaneError> {
        self.tree.remove_untracked(paths).map_err(failed)
    }

    fn release(self: Box<Self>, keep: bool) -> Result<(), LaneError> {
        if keep {
            // It stays locked: nothing but `clean` may take it away, and its lock says whose it is.
            return Ok(());
        }
        self.pool.give_back(self.tree, &self.lock_reason)
    }
}
