//! The handle on the operator's repository: where its directories are, which of libgit2
//! and the command line serves it, and a clean room for calls whose result must not
//! depend on anybody's configuration.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::base::Oid;
use crate::base::text::shell_quote;
use crate::files::Scratch;
use crate::process;

use super::cmd::{self, Git};
use super::{GitError, Head};

/// The operator's repository. Cheap to clone; may be shared between threads.
#[derive(Clone)]
pub struct Repo {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    git_dir: PathBuf,
    common_dir: PathBuf,
    sha256: bool,
    promisor: bool,
    fast: Option<Mutex<git2::Repository>>,
    /// Adding, removing and writing administrative files happens one at a time.
    admin: Mutex<()>,
    clean: OnceLock<Option<Scratch>>,
    committer: OnceLock<(String, String)>,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo").field("root", &self.inner.root).finish_non_exhaustive()
    }
}

impl Repo {
    /// Finds the repository that `cwd` lies in, whatever GIT_* variables say.
    ///
    /// # Errors
    /// [`GitError::NotARepository`] outside of one, [`GitError::Unusable`] in a bare one,
    /// below `.git`, of another owner or without git; else what git said.
    pub fn discover(cwd: &Path) -> Result<Repo, GitError> {
        Repo::find(cwd, true)
    }

    /// The same without libgit2: every call goes through the command line, as it does where
    /// libgit2 can't read the repository's format.
    ///
    /// # Errors
    /// As [`Repo::discover`].
    pub fn discover_by_command_line(cwd: &Path) -> Result<Repo, GitError> {
        Repo::find(cwd, false)
    }

    fn find(cwd: &Path, may_use_libgit2: bool) -> Result<Repo, GitError> {
        let args = [
            "rev-parse",
            "--path-format=absolute",
            "--is-inside-work-tree",
            "--show-object-format",
            "--git-dir",
            "--git-common-dir",
            "--show-toplevel",
        ];
        let output = Git::discovering(cwd).output(&args, &[])?;
        let lines: Vec<PathBuf> = output.stdout.split(|b| *b == b'\n').map(as_path).collect();
        let is = |at: usize, text: &str| lines.get(at).is_some_and(|l| l.as_os_str() == text);
        if !output.status.success() && is(0, "false") {
            return Err(GitError::Unusable(format!(
                "{} has no work tree (a bare repository, or a place below .git): call auditrun from a checkout",
                cwd.display()
            )));
        }
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(if said.contains("not a git repository") {
                GitError::NotARepository(cwd.to_owned())
            } else if said.contains("dubious ownership") {
                GitError::Unusable(unsafe_owner(&said))
            } else {
                cmd::failed(&args, &output)
            });
        }
        let [_, _, git_dir, common_dir, root, ..] = lines.as_slice() else {
            return Err(cmd::failed(&args, &output));
        };
        let sha256 = is(1, "sha256");
        let promisor = has_promisor(common_dir);
        let libgit2 = may_use_libgit2 && !sha256 && !promisor;
        Ok(Repo {
            inner: Arc::new(Inner {
                root: root.clone(),
                git_dir: git_dir.clone(),
                common_dir: common_dir.clone(),
                sha256,
                promisor,
                fast: libgit2.then(|| open_libgit2(git_dir)).flatten().map(Mutex::new),
                admin: Mutex::new(()),
                clean: OnceLock::new(),
                committer: OnceLock::new(),
            }),
        })
    }

    /// The top of the checkout that was discovered, absolute.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// The directory that all worktrees of the repository share, absolute.
    pub fn common_dir(&self) -> &Path {
        &self.inner.common_dir
    }

    /// The discovered checkout's own git directory: in a linked worktree not the common one.
    pub fn git_dir(&self) -> &Path {
        &self.inner.git_dir
    }

    /// Where the operator stands.
    ///
    /// # Errors
    /// git failed.
    pub fn head(&self) -> Result<Head, GitError> {
        let branch = self.git().ask(&["symbolic-ref", "-q", "HEAD"], &[])?;
        let branch = branch.map(|name| cmd::line(&name));
        Ok(Head {
            commit: self.resolve("HEAD")?,
            branch: branch.map(|name| name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned()),
        })
    }

    /// The branch that changes are merged into, as far as git knows: what the remote `origin`
    /// calls its HEAD, else the configured first branch of new repositories or `main` or
    /// `master` if it is there, else the one that the operator stands on.
    ///
    /// # Errors
    /// git failed.
    pub fn default_branch(&self) -> Result<String, GitError> {
        let ask = |args: &[&str]| Ok::<_, GitError>(self.git().ask(args, &[])?.map(|out| cmd::line(&out)));
        let remote =
            self.git().output(&["symbolic-ref", "-q", "--short", "refs/remotes/origin/HEAD"], &[])?;
        if let Some(name) = cmd::line(&remote.stdout).strip_prefix("origin/") {
            return Ok(name.to_owned());
        }
        let configured = ask(&["config", "--get", "init.defaultBranch"])?;
        for name in configured.into_iter().chain(["main".to_owned(), "master".to_owned()]) {
            if self.reference(&format!("refs/heads/{name}"))?.is_some() {
                return Ok(name);
            }
        }
        Ok(self.head()?.branch.unwrap_or_else(|| "main".to_owned()))
    }

    /// A revision of any form to a commit; `None` if there is no such thing.
    ///
    /// # Errors
    /// git could not be called.
    pub fn resolve(&self, rev: &str) -> Result<Option<Oid>, GitError> {
        let commit = format!("{rev}^{{commit}}");
        let output = self.git().output(&["rev-parse", "--verify", "-q", "--end-of-options", &commit], &[])?;
        Ok(output.status.success().then(|| Oid::parse(cmd::line(&output.stdout).trim())).flatten())
    }

    /// The command line on the repository, without a work tree.
    pub(super) fn git(&self) -> Git {
        Git::at(&self.inner.git_dir)
    }

    /// The command line in the operator's checkout, for reading only.
    pub(super) fn checkout(&self) -> Git {
        self.git().work_tree(&self.inner.root)
    }

    /// libgit2's handle, where it can read this repository.
    pub(super) fn fast(&self) -> Option<MutexGuard<'_, git2::Repository>> {
        let held = self.inner.fast.as_ref()?;
        Some(held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The right to write administrative files of worktrees.
    pub(super) fn admin(&self) -> MutexGuard<'_, ()> {
        self.inner.admin.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Digits of an object id here.
    pub(super) fn hex_len(&self) -> usize {
        if self.inner.sha256 { 64 } else { 40 }
    }

    /// True if objects may be missing here until git fetches them.
    pub(super) fn is_partial(&self) -> bool {
        self.inner.promisor
    }

    /// git on the repository's objects, but with no configuration, attributes file or
    /// ignore file except what is built in: what it prints is the same for everybody. A
    /// partial clone keeps its own directory, since only its configuration says where
    /// missing objects come from.
    pub(super) fn clean_room(&self) -> Git {
        if self.inner.promisor {
            return self.git();
        }
        self.clean_room_without_objects()
    }

    /// The clean room for calls that read files only.
    pub(super) fn clean_room_without_objects(&self) -> Git {
        match self.inner.clean.get_or_init(|| clean_room(self.inner.sha256).ok()) {
            Some(dir) => Git::at(dir.path())
                .env("GIT_OBJECT_DIRECTORY", self.inner.common_dir.join("objects"))
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .env("GIT_CONFIG_NOSYSTEM", "1")
                .env("GIT_CONFIG_COUNT", "0")
                .env("GIT_ATTR_NOSYSTEM", "1")
                .config("core.attributesFile=/dev/null")
                .config("core.excludesFile=/dev/null"),
            None => self.git(),
        }
    }

    /// Name and mail of the committer: the configured identity, else the harness's own.
    /// An identity that git would guess from the host's name is none.
    pub(super) fn committer(&self) -> &(String, String) {
        self.inner.committer.get_or_init(|| {
            let asked = self.git().config("user.useConfigOnly=true").run(&["var", "GIT_COMMITTER_IDENT"]);
            let found = asked.ok().and_then(|text| split_identity(&cmd::line(&text)));
            found.unwrap_or_else(|| ("auditrun".to_owned(), "auditrun@localhost".to_owned()))
        })
    }
}

/// `Name <mail>`, with anything after it, as its two parts; `None` if one is missing.
pub(super) fn split_identity(text: &str) -> Option<(String, String)> {
    let (name, rest) = text.split_once('<')?;
    let (mail, _) = rest.split_once('>')?;
    let (name, mail) = (name.trim(), mail.trim());
    (!name.is_empty() && !mail.is_empty()).then(|| (name.to_owned(), mail.to_owned()))
}

fn as_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// Partial clones say so in their configuration, in one of two ways.
fn has_promisor(common_dir: &Path) -> bool {
    let text = std::fs::read(common_dir.join("config")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).to_ascii_lowercase();
    text.contains("promisor") || text.contains("partialclone")
}

/// `None` where libgit2 refuses: an unknown extension (reftable among them) or another owner.
fn open_libgit2(git_dir: &Path) -> Option<git2::Repository> {
    let flags = git2::RepositoryOpenFlags::NO_SEARCH | git2::RepositoryOpenFlags::NO_DOTGIT;
    let nothing: [&Path; 0] = [];
    let repo = git2::Repository::open_ext(git_dir, flags, nothing).ok()?;
    repo.odb().ok()?;
    repo.references().ok()?;
    Some(repo)
}

/// What git says over several lines.
fn unsafe_owner(said: &str) -> String {
    let place = said.split('\'').nth(1).unwrap_or("DIR");
    format!(
        "{place} belongs to another user, and git does not work in it: run auditrun as that user, or trust it: \
         git config --global --add safe.directory {}",
        shell_quote(place)
    )
}

fn clean_room(sha256: bool) -> std::io::Result<Scratch> {
    let dir = Scratch::new(&process::stamp())?;
    std::fs::create_dir(dir.path().join("refs"))?;
    std::fs::create_dir(dir.path().join("objects"))?;
    std::fs::write(dir.path().join("HEAD"), "ref: refs/heads/none\n")?;
    let format = if sha256 { "[extensions]\n\tobjectFormat = sha256\n" } else { "" };
    let version = u8::from(sha256);
    let config = format!("[core]\n\trepositoryFormatVersion = {version}\n{format}");
    std::fs::write(dir.path().join("config"), config)?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_owner_is_named_with_the_way_out() {
        let said = "fatal: detected dubious ownership in repository at '/a b'\nTo add an exception …";
        let told = unsafe_owner(said);
        assert!(told.starts_with("/a b belongs to another user"), "{told}");
        assert!(told.ends_with("--add safe.directory '/a b'"), "{told}");
    }

    #[test]
    fn an_identity_has_two_parts() {
        let both = Some(("A B".to_owned(), "a@b".to_owned()));
        assert_eq!(split_identity("A B <a@b>"), both);
        assert_eq!(split_identity("A B <a@b> 12345 +0000"), both);
        for bad in ["", "A B", "<a@b>", "A <>", "A <a@b"] {
            assert_eq!(split_identity(bad), None, "{bad}");
        }
    }
}
