//! Worktrees of ours: made detached and locked, listed, taken up again, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{Oid, RepoPath};
use crate::files::remove_anything;

use super::admin::{Admin, read_at_once, same_place};
use super::checkout::Written;
use super::cmd;
use super::objects::{Entry, GITLINK};
use super::scan::{Snapshot, Walk};
use super::{GitError, Repo, WorktreeInfo};

/// A worktree of ours: detached, locked while in use.
///
/// Submodules' directories are empty until [`Worktree::fill_submodules`]. Filters (LFS) and sparse checkout are the operator's.
#[derive(Debug)]
pub struct Worktree {
    pub(super) repo: Repo,
    pub(super) dir: PathBuf,
    pub(super) admin: Admin,
    /// What was last checked out, and the file system right after it (or at the seal).
    pub(super) state: Option<State>,
    pub(super) prepared: BTreeSet<Vec<u8>>,
    pub(super) kept: BTreeSet<Vec<u8>>,
    /// What the last call saw or left, and whether somebody vouched that it still is so.
    pub(super) last: Option<Arc<Snapshot>>,
    pub(super) vouched: bool,
    /// The indexes as they were written, to see whether somebody else wrote them since.
    pub(super) written: Written,
}

/// What a worktree holds by our own doing.
#[derive(Debug)]
pub(super) struct State {
    pub tree: Oid,
    pub listing: BTreeMap<Vec<u8>, Entry>,
    pub submodules: BTreeSet<Vec<u8>>,
    pub before: Arc<Snapshot>,
    /// True after `seal`: untracked files of `before` are preparation's.
    pub sealed: bool,
}

impl Repo {
    /// Makes a worktree at `dir` (which must not exist, or be empty), detached at `commit`,
    /// locked with `lock_reason`, its files checked out. No hook runs.
    ///
    /// # Errors
    /// The place is taken, the disk is full, or a required filter failed; nothing is left then.
    pub fn add_worktree(&self, dir: &Path, commit: &Oid, lock_reason: &str) -> Result<Worktree, GitError> {
        let dir = std::path::absolute(dir).map_err(cmd::io(dir.display().to_string()))?;
        self.register(&dir, commit, lock_reason)?;
        cmd::step("filling a worktree")?;
        let made = self.open_worktree(&dir).and_then(|mut made| {
            made.reset(commit)?;
            Ok(made)
        });
        if made.is_err() {
            self.remove_worktree(&dir)?;
        }
        made
    }

    fn register(&self, dir: &Path, commit: &Oid, lock_reason: &str) -> Result<(), GitError> {
        cmd::step("making a worktree")?;
        let _one_at_a_time = self.admin();
        let what = || format!("making {}", dir.display());
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(cmd::io(what()))?;
        }
        if Admin::find(self.common_dir(), dir).is_some() {
            return Err(GitError::Failed {
                what: what(),
                detail: "a worktree is registered there".to_owned(),
            });
        }
        let args = ["worktree", "add", "-q", "--detach", "--no-checkout", "--lock", "--reason", lock_reason];
        let args = args.iter().map(std::ffi::OsStr::new);
        let args: Vec<_> = args.chain(["--".as_ref(), dir.as_os_str(), commit.as_str().as_ref()]).collect();
        self.git().run(&args).map(drop)
    }

    /// Takes up a worktree that is registered at `dir`. What stands in it is not trusted: until
    /// the next reset everything is taken for foreign, except by [`Worktree::seal`].
    ///
    /// # Errors
    /// None is registered there, or it can't be put in order.
    pub fn open_worktree(&self, dir: &Path) -> Result<Worktree, GitError> {
        let dir = std::path::absolute(dir).map_err(cmd::io(dir.display().to_string()))?;
        let admin = Admin::find(self.common_dir(), &dir).ok_or_else(|| GitError::Failed {
            what: format!("opening the worktree {}", dir.display()),
            detail: "none is registered there".to_owned(),
        })?;
        if self.is_anothers(&dir) {
            return Err(GitError::Failed {
                what: format!("opening the worktree {}", dir.display()),
                detail: "it is another repository's".to_owned(),
            });
        }
        fs::create_dir_all(&dir).map_err(cmd::io(format!("opening {}", dir.display())))?;
        admin.restore()?;
        Ok(Worktree {
            repo: self.clone(),
            dir,
            admin,
            state: None,
            prepared: BTreeSet::new(),
            kept: BTreeSet::new(),
            last: None,
            vouched: false,
            written: Written::default(),
        })
    }

    /// Every registered worktree, the operator's own first.
    ///
    /// # Errors
    /// git failed.
    pub fn worktrees(&self) -> Result<Vec<WorktreeInfo>, GitError> {
        let out = self.git().run(&["worktree", "list", "--porcelain", "-z"])?;
        Ok(parse_list(&out))
    }

    /// Removes a worktree of ours and its administrative files: locked or not, half-made, emptied
    /// or gone. Nothing outside of `dir` is touched, whatever links lie in it.
    ///
    /// # Errors
    /// `dir` is the operator's checkout or holds it, or the file system refused.
    pub fn remove_worktree(&self, dir: &Path) -> Result<(), GitError> {
        let dir = std::path::absolute(dir).map_err(cmd::io(dir.display().to_string()))?;
        let what = format!("removing the worktree {}", dir.display());
        let refuse = |why: &str| Err(GitError::Failed { what: what.clone(), detail: why.to_owned() });
        let real = fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
        for held in [self.root(), self.common_dir()] {
            let held = fs::canonicalize(held).unwrap_or_else(|_| held.to_owned());
            if held.starts_with(&real) {
                return refuse("the operator's own checkout lies there");
            }
        }
        let admin = Admin::find(self.common_dir(), &dir);
        let exists = dir.symlink_metadata().is_ok();
        if admin.is_none() && exists && !may_be_half_made(&dir, self.common_dir()) {
            return refuse("it is not registered as a worktree of this repository");
        }
        cmd::step("removing a worktree")?;
        // A copy of a repository still names the worktrees of the one that it was copied from.
        if !self.is_anothers(&dir) {
            remove_anything(&dir).map_err(cmd::io(what.clone()))?;
        }
        cmd::step("forgetting a worktree")?;
        let _one_at_a_time = self.admin();
        match admin {
            Some(admin) => remove_anything(admin.dir()).map_err(cmd::io(what.clone())),
            None => Ok(()),
        }
    }
}

/// A directory without registration may be removed as ours if it is empty, or if its pointer
/// leads to this repository's worktrees.
pub(super) fn may_be_half_made(dir: &Path, common_dir: &Path) -> bool {
    let empty = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none());
    let pointer = read_at_once(&dir.join(".git")).unwrap_or_default();
    let pointer = String::from_utf8_lossy(&pointer);
    let target = pointer.strip_prefix("gitdir: ").map(|p| PathBuf::from(p.trim_end()));
    let ours = target.and_then(|t| Some(same_place(t.parent()?, &common_dir.join("worktrees"))));
    empty || ours == Some(true)
}

/// Attributes a line each, ended by NUL; an empty one ends a worktree.
fn parse_list(out: &[u8]) -> Vec<WorktreeInfo> {
    let mut found: Vec<WorktreeInfo> = Vec::new();
    for line in cmd::fields(out) {
        let text = String::from_utf8_lossy(line);
        let (key, value) = text.split_once(' ').unwrap_or((&text, ""));
        if key == "worktree" {
            let dir = RepoPath::from_bytes(line.get("worktree ".len()..).unwrap_or_default()).to_path();
            found.push(WorktreeInfo { dir, head: None, branch: None, locked: None });
            continue;
        }
        let Some(last) = found.last_mut() else { continue };
        match key {
            "HEAD" => last.head = Oid::parse(value).filter(|id| id.as_str().bytes().any(|b| b != b'0')),
            "branch" => {
                last.branch = Some(value.strip_prefix("refs/heads/").unwrap_or(value).to_owned());
            }
            "locked" => last.locked = Some(value.to_owned()),
            _ => {}
        }
    }
    found
}

impl Worktree {
    /// Where it is, absolute.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Paths that preparation put there (copies, links, kept directories), relative to the
    /// worktree or absolute inside of it: outside capture while unchanged since the seal, and
    /// spared when the worktree is put back.
    pub fn set_prepared(&mut self, paths: Vec<PathBuf>) {
        if !paths.is_empty() {
            self.doubt();
        }
        self.prepared = paths.iter().filter_map(|p| self.relative(p)).collect();
    }

    /// Directories that survive from node to node (build caches): not looked into at all, neither
    /// by capture nor by cleaning. They are trusted, and reported as such by who keeps them.
    pub fn set_kept(&mut self, paths: Vec<PathBuf>) {
        if !paths.is_empty() {
            self.doubt();
        }
        self.kept = paths.iter().filter_map(|p| self.relative(p)).collect();
    }

    fn relative(&self, path: &Path) -> Option<Vec<u8>> {
        use std::os::unix::ffi::OsStrExt;
        let path = if path.is_absolute() { path.strip_prefix(&self.dir).ok()? } else { path };
        let parts = path.components().filter(|c| matches!(c, std::path::Component::Normal(_)));
        let bytes = parts.collect::<PathBuf>().as_os_str().as_bytes().to_vec();
        (!bytes.is_empty()).then_some(bytes)
    }

    /// Vouches, for the next call alone, that the files are as the call before saw or left them:
    /// none of them is looked at again then.
    pub fn vouch(&mut self) {
        self.vouched = true;
    }

    /// Somebody may write here: nothing that was seen before counts any more.
    pub fn doubt(&mut self) {
        self.last = None;
        self.vouched = false;
    }

    /// The same worktree, as it is, at another place and locked with another reason.
    ///
    /// # Errors
    /// The place is taken or on another file system.
    pub fn relocate(&mut self, dir: &Path, lock_reason: &str) -> Result<(), GitError> {
        let dir = std::path::absolute(dir).map_err(cmd::io(dir.display().to_string()))?;
        self.doubt();
        self.admin.restore()?;
        let _one_at_a_time = self.repo.admin();
        self.admin.rename(&dir, lock_reason).map_err(cmd::io(format!("moving to {}", dir.display())))?;
        self.dir = dir;
        Ok(())
    }

    /// True if [`Worktree::recycle`] leaves nothing of the former use: where refs are not files
    /// a worktree's own refs can't be told from others.
    pub fn can_be_recycled(&self) -> bool {
        self.repo.fast().is_some()
    }

    /// The same worktree at another place and commit, locked with another reason: it can't be told
    /// from one made there anew. Prepared and kept paths are forgotten and what they held removed.
    ///
    /// # Errors
    /// The place is taken or on another file system, or the reset failed. The worktree is then to
    /// be removed with [`Repo::remove_worktree`], at the old or the new place.
    pub fn recycle(mut self, dir: &Path, commit: &Oid, lock_reason: &str) -> Result<Worktree, GitError> {
        self.relocate(dir, lock_reason)?;
        self.admin.forget_use().map_err(cmd::io(format!("emptying {}", self.admin.dir().display())))?;
        self.prepared.clear();
        self.kept.clear();
        self.reset(commit)?;
        Ok(self)
    }

    /// The file system as it is now, or as somebody vouches that it still is.
    pub(super) fn look(&mut self) -> Result<Arc<Snapshot>, GitError> {
        if std::mem::take(&mut self.vouched)
            && let Some(last) = self.last.take()
        {
            return Ok(last);
        }
        let none = BTreeSet::new();
        let submodules = self.state.as_ref().map_or(&none, |s| &s.submodules);
        let walk = Walk { root: &self.dir, submodules, skipped: &self.kept };
        let seen = walk.run().map_err(cmd::io(format!("reading the worktree {}", self.dir.display())))?;
        Ok(Arc::new(seen))
    }

    /// The prepared path that `path` is or lies below.
    pub(super) fn prepared_root(&self, path: &[u8]) -> Option<&Vec<u8>> {
        let ends = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
        ends.chain([path.len()]).find_map(|end| self.prepared.get(path.get(..end)?))
    }
}

impl State {
    pub fn new(tree: Oid, listing: BTreeMap<Vec<u8>, Entry>) -> State {
        let submodules =
            listing.iter().filter(|(_, (mode, _))| *mode == GITLINK).map(|(path, _)| path.clone()).collect();
        State { tree, listing, submodules, before: Arc::default(), sealed: false }
    }
}
