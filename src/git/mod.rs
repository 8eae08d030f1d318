//! The only place that knows git: one handle on the operator's repository and one on each
//! worktree. The command line builds trees and worktrees, libgit2 serves objects, refs
//! and merges; what libgit2 refuses falls back to the command line. Every call names its
//! directories, ignores the operator's hooks and never writes to their branch, HEAD,
//! index, files or config.

mod model;

pub use model::*;

use std::path::{Path, PathBuf};

use crate::base::{Layout, Oid, RepoPath};

/// The operator's repository.
#[derive(Debug, Clone)]
pub struct Repo {}

/// A worktree of ours: detached, locked while in use.
#[derive(Debug)]
pub struct Worktree {}

#[allow(unused_variables, missing_docs, clippy::todo, clippy::missing_errors_doc)]
impl Repo {
    /// Finds the repository that `cwd` lies in, whatever GIT_* variables say.
    pub fn discover(cwd: &Path) -> Result<Repo, GitError> {
        todo!()
    }
    pub fn root(&self) -> &Path {
        todo!()
    }
    pub fn common_dir(&self) -> &Path {
        todo!()
    }
    pub fn head(&self) -> Result<Head, GitError> {
        todo!()
    }
    /// A revision of any form to a commit; `None` if there is no such thing.
    pub fn resolve(&self, rev: &str) -> Result<Option<Oid>, GitError> {
        todo!()
    }
    /// What stands in the way of a run (dirty tree, unborn HEAD, merge or rebase under way,
    /// a branch named `audit`, old git, tracked artifacts); each with its remedy.
    pub fn obstacles(&self, layout: &Layout) -> Result<Vec<Obstacle>, GitError> {
        todo!()
    }
    /// Those of `paths` (files, or directories with everything below) that differ from HEAD or are untracked.
    pub fn unsettled(&self, paths: &[String]) -> Result<Vec<(RepoPath, FileState)>, GitError> {
        todo!()
    }
    pub fn blob(&self, commit: &Oid, path: &str) -> Result<Option<Vec<u8>>, GitError> {
        todo!()
    }
    /// Every file below `dir` (empty: the root) in byte order.
    pub fn files(&self, commit: &Oid, dir: &str) -> Result<Vec<RepoPath>, GitError> {
        todo!()
    }
    pub fn tree_of(&self, commit: &Oid) -> Result<Oid, GitError> {
        todo!()
    }
    /// Commits reachable from `head` and not from `base`, oldest first.
    pub fn commits(&self, base: &Oid, head: &Oid) -> Result<Vec<Commit>, GitError> {
        todo!()
    }
    pub fn reference(&self, name: &str) -> Result<Option<Oid>, GitError> {
        todo!()
    }
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, Oid)>, GitError> {
        todo!()
    }
    /// Makes a ref that must not exist yet. `false`: it exists.
    pub fn create_ref(&self, name: &str, target: &Oid) -> Result<bool, GitError> {
        todo!()
    }
    /// Compare-and-swap. `Err(found)` inside `Ok` when the ref is not at `old`.
    pub fn swap_ref(&self, name: &str, old: &Oid, new: &Oid) -> Result<Swap, GitError> {
        todo!()
    }
    pub fn delete_ref(&self, name: &str, old: &Oid) -> Result<Swap, GitError> {
        todo!()
    }
    pub fn commit_tree(&self, commit: &NewCommit) -> Result<Oid, GitError> {
        todo!()
    }
    /// The diff of two trees by the rules of capture (`-M50%`, no external diff, no textconv).
    pub fn diff(&self, old_tree: &Oid, new_tree: &Oid) -> Result<Diff, GitError> {
        todo!()
    }
    /// Three-way merge of the change `base → ours` onto `theirs`, in memory.
    pub fn merge(&self, base: &Oid, ours: &Oid, theirs: &Oid) -> Result<Merge, GitError> {
        todo!()
    }
    pub fn merge_base(&self, a: &Oid, b: &Oid) -> Result<Option<Oid>, GitError> {
        todo!()
    }
    /// A tree like `tree` (`None`: the empty one) with files replaced, added or (`None`) removed.
    pub fn edit_tree(
        &self,
        tree: Option<&Oid>,
        edits: &[(String, Option<Vec<u8>>)],
    ) -> Result<Oid, GitError> {
        todo!()
    }
    /// Keeps the marked block in info/exclude that hides the artifacts.
    pub fn keep_excluded(&self, layout: &Layout) -> Result<(), GitError> {
        todo!()
    }
    /// Everything that an agent must not change: refs, config, hooks, info, the operator's HEAD and index.
    pub fn guard(&self) -> Result<Guard, GitError> {
        todo!()
    }
    /// The first free run id of a second is up to the caller; this says if a branch is taken.
    pub fn add_worktree(&self, dir: &Path, commit: &Oid, lock_reason: &str) -> Result<Worktree, GitError> {
        todo!()
    }
    pub fn worktrees(&self) -> Result<Vec<WorktreeInfo>, GitError> {
        todo!()
    }
    pub fn open_worktree(&self, dir: &Path) -> Result<Worktree, GitError> {
        todo!()
    }
    /// Removes a worktree of ours and its administrative files, locked or not.
    pub fn remove_worktree(&self, dir: &Path) -> Result<(), GitError> {
        todo!()
    }
    /// Bytes that a checkout of `commit` takes, roughly.
    pub fn checkout_size(&self, commit: &Oid) -> Result<u64, GitError> {
        todo!()
    }
}

#[allow(unused_variables, missing_docs, clippy::todo, clippy::missing_errors_doc)]
impl Worktree {
    pub fn dir(&self) -> &Path {
        todo!()
    }
    /// HEAD, index and files exactly at `commit`; nothing untracked or ignored stays, prepared paths aside.
    pub fn reset(&mut self, commit: &Oid) -> Result<(), GitError> {
        todo!()
    }
    /// HEAD (detached) and index at `head`, files exactly `tree`; nothing else stays, prepared paths aside.
    pub fn checkout_tree(&mut self, head: &Oid, tree: &Oid) -> Result<(), GitError> {
        todo!()
    }
    /// Paths that preparation put there (copies, links, kept directories): outside capture while unchanged.
    pub fn set_prepared(&mut self, paths: Vec<PathBuf>) {
        todo!()
    }
    /// The pristine capture T0 that `capture` compares with.
    pub fn seal(&mut self) -> Result<(), GitError> {
        todo!()
    }
    /// The files as they are, as a tree over `base`: a path equal to T0 keeps base's blob.
    pub fn capture(&mut self, base: &Oid) -> Result<Capture, GitError> {
        todo!()
    }
    /// What changed since `checkout_tree`.
    pub fn drift(&mut self) -> Result<Drift, GitError> {
        todo!()
    }
    /// Removes these untracked paths.
    pub fn remove_untracked(&mut self, paths: &[RepoPath]) -> Result<(), GitError> {
        todo!()
    }
    pub fn unlock(&mut self) -> Result<(), GitError> {
        todo!()
    }
}
