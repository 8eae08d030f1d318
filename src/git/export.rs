//! The files of a commit as plain copies, for somebody who only reads: no worktree, no filter,
//! nothing that leads back to the repository.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::base::{Oid, RepoPath};

use super::cmd::io;
use super::objects::{GITLINK, LINK};
use super::{GitError, Repo};

/// Mode of a program.
const PROGRAM: u32 = 0o100_755;

impl Repo {
    /// Writes every file of a commit below `dir`, byte for byte as git stores it; links as links,
    /// submodules not at all.
    ///
    /// # Errors
    /// An object is missing (in a partial clone, say), or a file can't be written.
    pub fn export(&self, commit: &Oid, dir: &Path) -> Result<(), GitError> {
        for (path, (mode, id)) in self.listing(commit)? {
            if mode == GITLINK {
                continue;
            }
            let to = dir.join(RepoPath::from_bytes(path).to_path());
            let trouble = || io(format!("can't write {}", to.display()));
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent).map_err(trouble())?;
            }
            let bytes = self.object(&id)?;
            if mode == LINK {
                let target = Path::new(std::ffi::OsStr::from_bytes(&bytes));
                std::os::unix::fs::symlink(target, &to).map_err(trouble())?;
                continue;
            }
            fs::write(&to, bytes).map_err(trouble())?;
            if mode == PROGRAM {
                fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).map_err(trouble())?;
            }
        }
        Ok(())
    }
}
