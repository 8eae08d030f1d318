//! A new repository made of given files, the same whatever the configuration of whoever
//! makes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::cmd::{Git, io};
use super::{GitError, Repo};

/// One file of a new repository.
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Relative to the repository's root.
    pub path: &'a Path,
    /// All of it.
    pub content: &'a [u8],
    /// Whether it is a program.
    pub executable: bool,
}

impl Repo {
    /// Makes a repository in `dir` with one commit on `main` that holds `files`.
    ///
    /// Line endings stay as they are, nothing is ignored and nothing signed: templates,
    /// attributes and identity of the operator have no part in it.
    ///
    /// # Errors
    /// A file can't be written, or git failed.
    pub fn create(dir: &Path, files: &[NewFile<'_>], message: &str) -> Result<Repo, GitError> {
        for file in files {
            write(dir, file)?;
        }
        let git = Git::discovering(dir);
        git.run(&["init", "--quiet", "--template=", "--initial-branch=main"])?;
        for setting in [("core.autocrlf", "false"), ("core.symlinks", "true"), ("core.fileMode", "true")] {
            git.run(&["config", setting.0, setting.1])?;
        }
        let git = Git::at(&dir.join(".git")).work_tree(dir);
        let git = git.config("core.excludesFile=/dev/null").config("core.attributesFile=/dev/null");
        let git = git.config("user.name=auditrun").config("user.email=auditrun@localhost");
        git.run(&["add", "--all", "--force"])?;
        git.config("commit.gpgSign=false").run(&["commit", "--quiet", "--no-verify", "-m", message])?;
        Repo::discover(dir)
    }
}

fn write(dir: &Path, file: &NewFile<'_>) -> Result<(), GitError> {
    let path = dir.join(file.path);
    let trouble = || io(format!("can't write {}", path.display()));
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(trouble())?;
    }
    fs::write(&path, file.content).map_err(trouble())?;
    let mode = if file.executable { 0o755 } else { 0o644 };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(trouble())
}
