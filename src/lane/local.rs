//! The local lane: worktrees of the operator's repository on this machine, and programs
//! under this machine's supervisors.

use std::path::{Path, PathBuf};

use super::{Lane, LaneError, RunError, Workspace, WorkspaceSpec};
use crate::base::{Oid, RepoPath};
use crate::git::{Capture, Drift, GitError, Repo, Worktree};
use crate::process::{Cancel, Ended, Job, OutputSink, Runner};

/// How many worktrees may begin with the same name.
const NAMES: u32 = 100;

/// Work on this machine.
#[derive(Debug, Clone)]
pub struct LocalLane {
    repo: Repo,
    runner: Runner,
    root: PathBuf,
}

impl LocalLane {
    /// Worktrees of `repo` go into `root`, which is made when the first one is.
    pub fn new(repo: Repo, runner: Runner, root: impl Into<PathBuf>) -> LocalLane {
        LocalLane { repo, runner, root: root.into() }
    }

    fn workspace(&self, tree: Worktree) -> Box<dyn Workspace> {
        Box::new(LocalWorkspace { repo: self.repo.clone(), runner: self.runner.clone(), tree })
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

    /// In our directory, and registered with git: nothing else may be taken up or removed.
    fn is_ours(&self, dir: &Path) -> Result<bool, LaneError> {
        let inside = dir.parent().is_some_and(|parent| same_dir(parent, &self.root));
        let known = self.repo.worktrees().map_err(failed)?;
        Ok(inside && known.iter().any(|worktree| same_dir(&worktree.dir, dir)))
    }
}

fn same_dir(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn failed(error: GitError) -> LaneError {
    LaneError(error.to_string())
}

impl Lane for LocalLane {
    fn prepare(&self, spec: &WorkspaceSpec) -> Result<Box<dyn Workspace>, LaneError> {
        if spec.name.is_empty() || spec.name.contains('/') || spec.name.starts_with('.') {
            return Err(LaneError(format!("'{}' can't name a worktree's directory", spec.name)));
        }
        std::fs::create_dir_all(&self.root)
            .map_err(|error| LaneError(format!("can't make {}: {error}", self.root.display())))?;
        let dir = self.free_dir(&spec.name)?;
        let tree = self.repo.add_worktree(&dir, &spec.commit, &spec.lock_reason).map_err(failed)?;
        Ok(self.workspace(tree))
    }

    fn reopen(&self, dir: &Path) -> Result<Box<dyn Workspace>, LaneError> {
        if !self.is_ours(dir)? {
            return Err(LaneError(format!(
                "{} is not a worktree that auditrun made in {}",
                dir.display(),
                self.root.display()
            )));
        }
        Ok(self.workspace(self.repo.open_worktree(dir).map_err(failed)?))
    }

    fn run(&self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError> {
        Ok(self.runner.run(job, sink, cancel)?)
    }
}

/// One worktree on this machine.
#[derive(Debug)]
struct LocalWorkspace {
    repo: Repo,
    runner: Runner,
    tree: Worktree,
}

impl Workspace for LocalWorkspace {
    fn dir(&self) -> &Path {
        self.tree.dir()
    }

    fn run(&mut self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, RunError> {
        Ok(self.runner.run(job, sink, cancel)?)
    }

    fn reset(&mut self, commit: &Oid) -> Result<(), LaneError> {
        self.tree.reset(commit).map_err(failed)
    }

    fn checkout_tree(&mut self, head: &Oid, tree: &Oid) -> Result<(), LaneError> {
        self.tree.checkout_tree(head, tree).map_err(failed)
    }

    fn set_prepared(&mut self, paths: Vec<PathBuf>) {
        self.tree.set_prepared(paths);
    }

    fn set_kept(&mut self, paths: Vec<PathBuf>) {
        self.tree.set_kept(paths);
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

    /// A kept worktree is unlocked, so that its owner can remove it by hand.
    fn release(self: Box<Self>, keep: bool) -> Result<(), LaneError> {
        if keep {
            // It stays locked: nothing but `clean` may take it away, and its lock says whose it is.
            return Ok(());
        }
        let dir = self.tree.dir().to_owned();
        self.repo.remove_worktree(&dir).map_err(failed)
    }
}
