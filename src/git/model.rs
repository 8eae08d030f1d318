//! What git calls take and give, as plain data.

use std::path::PathBuf;

use crate::base::{Oid, RepoPath};

/// A git call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GitError {
    /// No repository here.
    #[error("{0} is not inside a git repository")]
    NotARepository(PathBuf),
    /// No git, or one that is too old.
    #[error("{0}")]
    Unusable(String),
    /// A command or a libgit2 call failed.
    #[error("{what}: {detail}")]
    Failed {
        /// What was tried.
        what: String,
        /// What git said.
        detail: String,
    },
}

/// Where the operator stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// `None` before the first commit.
    pub commit: Option<Oid>,
    /// Short branch name; `None` if detached.
    pub branch: Option<String>,
}

/// Something that stands in the way of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Obstacle {
    pub what: String,
    pub remedy: String,
}

/// How a file differs from HEAD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileState {
    Untracked,
    Changed,
    Deleted,
}

impl FileState {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            FileState::Untracked => "untracked",
            FileState::Changed => "changed",
            FileState::Deleted => "deleted",
        }
    }
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Commit {
    pub id: Oid,
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub message: String,
}

impl Commit {
    /// The message's first line.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }

    /// The values of a trailer (`Audit-Node: A`), in order.
    pub fn trailer(&self, key: &str) -> Vec<&str> {
        let last = self.message.trim_end().rsplit("\n\n").next().unwrap_or("");
        last.lines().filter_map(|l| l.strip_prefix(key)?.strip_prefix(':').map(str::trim)).collect()
    }
}

/// A commit to be made.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NewCommit {
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub message: String,
    /// `Name <mail>`.
    pub author: String,
    pub sign: bool,
}

/// The end of a compare-and-swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Swap {
    /// The ref moved.
    Done,
    /// The ref was elsewhere (`None`: gone).
    Moved(Option<Oid>),
}

/// How one path changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ChangeKind {
    Added,
    Deleted,
    Modified,
    /// Only the mode, or the type (file, link, submodule).
    Mode,
    Renamed,
}

/// One entry of a diff.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Change {
    pub kind: ChangeKind,
    /// The path before (of a rename), else the path.
    pub old: RepoPath,
    /// The path after.
    pub new: RepoPath,
    pub old_mode: u32,
    pub new_mode: u32,
    /// Lines; `None` for binary content.
    pub lines: Option<(u64, u64)>,
}

impl Change {
    /// Both sides, without repetition.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        std::iter::once(&self.old).chain((self.old != self.new).then_some(&self.new))
    }
}

/// The difference of two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// In byte order of the new path.
    pub changes: Vec<Change>,
    /// `git diff --binary --full-index …`, byte for byte reproducible.
    pub patch: Vec<u8>,
}

/// What capture found.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The tree: base with the agent's changes.
    pub tree: Oid,
    /// The diff base → tree.
    pub diff: Diff,
    /// `files_touched.txt`: `git status --porcelain` form, from the diff.
    pub porcelain: Vec<u8>,
    /// Links whose target lies outside of the worktree.
    pub escaping_links: Vec<RepoPath>,
    /// Nested repositories and submodules that moved or appeared.
    pub nested_repositories: Vec<RepoPath>,
    /// FIFOs, sockets and devices: can't be in a tree.
    pub special_files: Vec<RepoPath>,
    /// Ignored files that the agent made (up to 100).
    pub ignored_present: Vec<RepoPath>,
    /// Prepared paths that the agent changed.
    pub prepared_changed: Vec<RepoPath>,
}

/// What a check did to the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Drift {
    pub changed: Vec<RepoPath>,
    pub untracked: Vec<RepoPath>,
}

/// The result of a merge in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merge {
    /// The merged tree.
    Clean(Oid),
    /// Paths in conflict.
    Conflict(Vec<RepoPath>),
}

/// A snapshot of what an agent must not change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub struct Guard {
    pub entries: std::collections::BTreeMap<String, GuardEntry>,
}

/// One guarded thing, by a name such as `ref refs/heads/main`, `config`, `hook pre-commit`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct GuardEntry {
    pub class: GuardClass,
    pub digest: String,
}

/// Whose business a guarded thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardClass {
    /// refs/heads/audit/, refs/auditrun*, config, hooks, info: a foreign change fails the node.
    Harness,
    /// The operator's branches, tags, HEAD, index and files: may be the operator's own work.
    Operator,
}

impl Guard {
    /// Names whose entry differs between the two snapshots, with their class.
    pub fn changes<'a>(&'a self, after: &'a Guard) -> Vec<(&'a str, GuardClass)> {
        let names: std::collections::BTreeSet<&String> =
            self.entries.keys().chain(after.entries.keys()).collect();
        names
            .into_iter()
            .filter(|name| self.entries.get(*name) != after.entries.get(*name))
            .filter_map(|name| {
                let entry = after.entries.get(name).or_else(|| self.entries.get(name))?;
                Some((name.as_str(), entry.class))
            })
            .collect()
    }
}

/// A registered worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct WorktreeInfo {
    pub dir: PathBuf,
    pub head: Option<Oid>,
    pub branch: Option<String>,
    pub locked: Option<String>,
}
