//! Fills submodules of a worktree as they are filled in the operator's checkout: from the
//! objects that are at hand there, offline. Each gets a repository of its own in the
//! worktree's administrative directory, where git itself would put it, which borrows the
//! objects and has the tags and remote branches for `git describe`; the operator's own is
//! read and never written.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::base::Oid;

use super::admin::replace;
use super::cmd::{self, Git};
use super::objects::{GITLINK, parse_entry};
use super::scan::on_disk;
use super::{GitError, Worktree};
use crate::files::remove_anything;

/// How deep submodules of submodules are followed.
const DEEP: usize = 8;

/// One to be filled.
struct Module<'a> {
    /// Where the operator has it.
    theirs: PathBuf,
    /// Where it belongs in the worktree.
    ours: PathBuf,
    /// Where its repository goes.
    admin: PathBuf,
    commit: &'a Oid,
}

impl Worktree {
    /// Fills what the operator has filled; what is not at hand there stays empty. To be called
    /// after a reset and before the seal.
    ///
    /// # Errors
    /// git or the file system failed. A submodule whose commit the operator does not have is no
    /// error.
    pub fn fill_submodules(&mut self) -> Result<(), GitError> {
        let Some(state) = &self.state else { return Ok(()) };
        if state.submodules.is_empty() {
            return Ok(());
        }
        for path in &state.submodules {
            let Some((_, commit)) = state.listing.get(path) else { continue };
            let module = Module {
                theirs: on_disk(self.repo.root(), path),
                ours: on_disk(&self.dir, path),
                admin: on_disk(&self.admin.dir().join("modules"), path),
                commit,
            };
            module.fill(DEEP)?;
        }
        self.doubt();
        Ok(())
    }
}

impl Module<'_> {
    fn fill(&self, deep: usize) -> Result<(), GitError> {
        let Some(source) = git_dir(&self.theirs) else { return Ok(()) };
        let from = Git::at(&source);
        let wanted = format!("{}^{{commit}}", self.commit);
        let here = from.output(&["cat-file", "-e", &wanted], &[])?.status.success();
        // A sparse checkout may leave the whole place out.
        if deep == 0 || !here || !self.ours.is_dir() {
            return Ok(());
        }
        cmd::step("filling a submodule")?;
        self.borrow(&from, &source).map_err(|e| self.failed(&e))?;
        let git = Git::at(&self.admin).work_tree(&self.ours);
        git.run(&["read-tree", "--reset", "-u", "--no-recurse-submodules", self.commit.as_str()])?;
        let listed = git.run(&["ls-tree", "-r", "-z", "--full-tree", self.commit.as_str()])?;
        for (path, (mode, commit)) in cmd::fields(&listed).filter_map(parse_entry) {
            if mode == GITLINK {
                let inner = Module {
                    theirs: on_disk(&self.theirs, path),
                    ours: on_disk(&self.ours, path),
                    admin: on_disk(&self.admin.join("modules"), path),
                    commit: &commit,
                };
                inner.fill(deep - 1)?;
            }
        }
        Ok(())
    }

    /// A repository without objects of its own, at the commit, and the pointer to it.
    fn borrow(&self, from: &Git, source: &Path) -> Result<(), GitError> {
        let io = || cmd::io(format!("filling the submodule {}", self.ours.display()));
        remove_anything(&self.admin).map_err(io())?;
        fs::create_dir_all(&self.admin).map_err(io())?;
        let format = from.run(&["rev-parse", "--show-object-format"])?;
        let format = format!("--object-format={}", cmd::line(&format).trim());
        Git::at(&self.admin).run(&["init", "-q", "--bare", "--template=", &format])?;
        let objects = [source.join("objects").as_os_str().as_bytes(), b"\n"].concat();
        replace(&self.admin.join("objects/info/alternates"), &objects).map_err(io())?;
        let git = Git::at(&self.admin);
        git.run(&["config", "core.bare", "false"])?;
        git.run(&["config".as_ref(), "core.worktree".as_ref(), self.ours.as_os_str()])?;
        let named = ["for-each-ref", "--format=create %(refname) %(objectname)", "refs/tags", "refs/remotes"];
        let refs = from.run(&named)?;
        if !refs.is_empty() {
            git.feed(&["update-ref", "--no-deref", "--stdin"], &refs)?;
        }
        git.run(&["update-ref", "--no-deref", "HEAD", self.commit.as_str()])?;
        let pointer = [b"gitdir: ", self.admin.as_os_str().as_bytes(), b"\n"].concat();
        replace(&self.ours.join(".git"), &pointer).map_err(io())
    }

    fn failed(&self, error: &GitError) -> GitError {
        GitError::Failed {
            what: format!("filling the submodule {}", self.ours.display()),
            detail: error.to_string(),
        }
    }
}

/// The repository of a submodule that is filled at `place`.
fn git_dir(place: &Path) -> Option<PathBuf> {
    let pointer = place.join(".git");
    if pointer.is_dir() {
        return Some(pointer);
    }
    let text = fs::read(&pointer).ok()?;
    let text = text.strip_prefix(b"gitdir: ")?;
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let dir = fs::canonicalize(on_disk(place, text)).ok()?;
    dir.join("HEAD").is_file().then_some(dir)
}
