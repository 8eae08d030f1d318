//! Worktrees and registrations that lost each other: the repository was moved or copied, or a
//! pointer between them was damaged. A copy must not touch the worktrees of what it was copied
//! from, which its registrations still name.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::admin::{replace, same_place};
use super::cmd;
use super::{GitError, Repo};

impl Repo {
    /// Registers each of `dirs` (worktrees by their names) at the place where it stands, if
    /// its registration names another place where none of ours is. Each is told in a sentence.
    ///
    /// # Errors
    /// The file system refused.
    pub(super) fn reattach(
        &self,
        dirs: &[PathBuf],
        is_ours: impl Fn(&Path) -> bool,
    ) -> Result<Vec<String>, GitError> {
        let registered = self.common_dir().join("worktrees");
        let mut told = Vec::new();
        // Repositories may have their worktrees in one directory.
        for dir in dirs.iter().filter(|dir| !self.is_anothers(dir)) {
            let named = pointer(dir).and_then(|target| target.file_name().map(ToOwned::to_owned));
            let Some(name) = named.or_else(|| dir.file_name().map(ToOwned::to_owned)) else { continue };
            let admin = registered.join(name);
            if !admin.is_dir() || !is_ours(&admin) || self.is_attached(&admin) {
                continue;
            }
            let back = [dir.join(".git").as_os_str().as_bytes(), b"\n"].concat();
            let there = [b"gitdir: ", admin.as_os_str().as_bytes(), b"\n"].concat();
            replace(&dir.join(".git"), &there)
                .and_then(|()| replace(&admin.join("gitdir"), &back))
                .map_err(cmd::io(format!("registering {} again", dir.display())))?;
            told.push(format!(
                "a worktree that was registered at another place was found: {}",
                dir.display()
            ));
        }
        Ok(told)
    }

    /// A worktree of this repository stands where the registration says.
    fn is_attached(&self, admin: &Path) -> bool {
        let Some(dir) = place(admin) else { return false };
        dir.is_dir() && !dir.starts_with(self.common_dir()) && !self.is_anothers(&dir)
    }

    /// The worktree at `dir` is another repository's: the two name each other.
    pub(super) fn is_anothers(&self, dir: &Path) -> bool {
        let Some(admin) = pointer(dir).filter(|admin| admin.is_dir()) else { return false };
        let ours = admin.parent().is_some_and(|at| same_place(at, &self.common_dir().join("worktrees")));
        !ours && place(&admin).is_some_and(|back| same_place(&back, dir))
    }
}

/// The administrative directory that a worktree names.
fn pointer(dir: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(dir.join(".git")).ok()?;
    Some(dir.join(text.strip_prefix("gitdir: ")?.trim_end()))
}

/// The worktree that an administrative directory names; `None` if what stands there is no such name.
pub(super) fn place(admin: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(admin.join("gitdir")).ok()?;
    let named = admin.join(text.trim_end());
    (named.file_name()? == ".git").then(|| named.parent().map(Path::to_owned))?
}
