//! The administrative directory of a worktree, `<common>/worktrees/<name>`: found without
//! trust in what stands in the worktree, and put back when an agent changed it.

use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::base::Oid;
use crate::files::{fault, remove_anything};

use super::cmd::{self, Git};
use super::scan::opened;
use super::{GitError, Repo};

/// What a fresh worktree's directory holds, and ours. The rest is state of a merge, rebase
/// or bisect that an agent began, or a lock that it left.
const KNOWN: &[&str] = &[
    "HEAD",
    "auditrun",
    "commondir",
    "config.worktree",
    "gitdir",
    "index",
    "info",
    "locked",
    "logs",
    "modules",
    "refs",
    "reftable",
];

/// Files that decide what git does in the worktree; kept as they were at the start.
/// A HEAD that git can't read would make it no repository at all.
const PINNED: &[&str] =
    &["HEAD", "gitdir", "commondir", "config.worktree", "info/sparse-checkout", "info/attributes"];

/// A worktree's administrative directory.
#[derive(Debug, Clone)]
pub(super) struct Admin {
    dir: PathBuf,
    work: PathBuf,
    /// The real directory that the worktree lies in.
    around: Option<PathBuf>,
    pinned: Vec<(&'static str, Option<Vec<u8>>)>,
}

impl Admin {
    /// The one that belongs to the worktree at `work`, if it is registered.
    pub fn find(common_dir: &Path, work: &Path) -> Option<Admin> {
        let dir =
            fs::read_dir(common_dir.join("worktrees")).ok()?.flatten().map(|e| e.path()).find(|dir| {
                read_at_once(&dir.join("gitdir")).is_ok_and(|text| {
                    let text = text.strip_suffix(b"\n").unwrap_or(&text);
                    let pointer = dir.join(std::ffi::OsStr::from_bytes(text));
                    pointer.parent().is_some_and(|at| same_place(at, work))
                })
            })?;
        let pinned = PINNED.iter().map(|name| (*name, read_at_once(&dir.join(name)).ok())).collect();
        Some(Admin { dir, work: work.to_owned(), around: around(work), pinned })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The index that only the harness uses: what git last checked out here.
    pub fn own_index(&self) -> PathBuf {
        self.dir.join("auditrun").join("index")
    }

    /// A file for an index that lives for one call.
    pub fn scratch_index(&self) -> PathBuf {
        self.dir.join("auditrun").join("capture")
    }

    /// True if only a part of the tree is checked out.
    pub fn is_sparse(&self) -> bool {
        self.pinned.iter().any(|(name, content)| *name == "info/sparse-checkout" && content.is_some())
    }

    /// The command line on this worktree.
    pub fn git(&self) -> Git {
        Git::at(&self.dir).work_tree(&self.work)
    }

    /// Puts back what makes this directory the worktree's, and the worktree's pointer to it.
    /// Without them git could take a parent's repository for this one's.
    pub fn restore(&self) -> Result<(), GitError> {
        self.restore_files().map_err(cmd::io(format!("putting back {}", self.dir.display())))
    }

    fn restore_files(&self) -> io::Result<()> {
        self.restore_place()?;
        fs::create_dir_all(self.dir.join("auditrun"))?;
        for (name, content) in &self.pinned {
            let path = self.dir.join(name);
            match content {
                Some(bytes) if read_at_once(&path).ok().as_ref() != Some(bytes) => replace(&path, bytes)?,
                None if path.symlink_metadata().is_ok() => remove_anything(&path)?,
                _ => {}
            }
        }
        let pointer = self.work.join(".git");
        let text = [b"gitdir: ", self.dir.as_os_str().as_bytes(), b"\n"].concat();
        let plain = pointer.symlink_metadata().is_ok_and(|m| m.is_file());
        if plain && fs::read(&pointer).is_ok_and(|now| now == text) {
            return Ok(());
        }
        remove_anything(&pointer)?;
        fs::write(&pointer, text)
    }

    /// A directory that can be written to stands at the worktree's place. A program that no sandbox holds may have put
    /// a link there, to the operator's own checkout say: what is put back and removed in a worktree
    /// would be put back and removed in that. The link goes; what was here is deleted, then.
    fn restore_place(&self) -> io::Result<()> {
        if self.around.is_some() && around(&self.work) != self.around {
            let place = self.work.display();
            return Err(io::Error::other(format!("{place} does not lie where it was made any more")));
        }
        match self.work.symlink_metadata() {
            Ok(meta) if meta.is_dir() => opened(&self.work, meta).map(drop),
            _ => {
                remove_anything(&self.work)?;
                fs::create_dir(&self.work)
            }
        }
    }

    /// HEAD (detached) at `head`, and nothing left of what an agent had under way.
    pub fn set_head(&mut self, repo: &Repo, head: &Oid) -> Result<(), GitError> {
        let what = || format!("resetting {}", self.dir.display());
        for entry in fs::read_dir(&self.dir).map_err(cmd::io(what()))?.flatten() {
            let name = entry.file_name();
            if !KNOWN.iter().any(|known| name.as_bytes() == known.as_bytes()) {
                remove_anything(&entry.path()).map_err(cmd::io(what()))?;
            }
        }
        // Where libgit2 reads the refs they are files, so HEAD is one.
        if repo.fast().is_some() {
            remove_anything(&self.dir.join("refs")).map_err(cmd::io(what()))?;
            fs::create_dir_all(self.dir.join("refs")).map_err(cmd::io(what()))?;
            self.begin_log(repo, head).map_err(cmd::io(what()))?;
            let text = format!("{head}\n").into_bytes();
            replace(&self.dir.join("HEAD"), &text).map_err(cmd::io(what()))?;
            self.pin("HEAD", text);
            return Ok(());
        }
        self.git().run(&["update-ref", "--no-deref", "HEAD", head.as_str()])?;
        // With refs in tables this file is the same for every commit.
        let text = fs::read(self.dir.join("HEAD")).map_err(cmd::io(what()))?;
        self.pin("HEAD", text);
        Ok(())
    }

    /// The log of HEAD as a new worktree has it, if logs are kept at all.
    fn begin_log(&self, repo: &Repo, head: &Oid) -> io::Result<()> {
        let log = self.dir.join("logs").join("HEAD");
        if log.symlink_metadata().is_err() {
            return Ok(());
        }
        let (name, mail) = repo.committer();
        let zero = "0".repeat(head.as_str().len());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = now.map_or(0, |d| d.as_secs());
        replace(&log, format!("{zero} {head} {name} <{mail}> {seconds} +0000\n").as_bytes())
    }

    /// Moves the worktree to `to` under that place's name, with another reason for its lock: as if
    /// it had been made there. Its log begins anew with the next [`Admin::set_head`].
    pub fn rename(&mut self, to: &Path, lock_reason: &str) -> io::Result<()> {
        let name = to.file_name().ok_or_else(|| io::Error::other("a place without a name"))?;
        let new_dir = self.dir.with_file_name(name);
        if new_dir.symlink_metadata().is_ok() || to.symlink_metadata().is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the name is taken"));
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        // Locked under both names all the while, so that nobody's prune takes it half-way.
        replace(&self.dir.join("locked"), lock_reason.as_bytes())?;
        step("moving a worktree")?;
        fs::rename(&self.work, to)?;
        step("moving a worktree's registration")?;
        fs::rename(&self.dir, &new_dir)?;
        step("naming a worktree's new place")?;
        self.dir = new_dir;
        self.work = to.to_owned();
        self.around = around(to);
        let gitdir = [self.work.join(".git").as_os_str().as_bytes(), b"\n"].concat();
        self.pin("gitdir", gitdir);
        self.restore_files()
    }

    /// Removes what a use of the worktree can leave here and a new one does not have: the
    /// repositories of its submodules, logs of its own refs, files beside those that are pinned.
    pub fn forget_use(&self) -> io::Result<()> {
        remove_anything(&self.dir.join("modules"))?;
        let pinned = |place: &str| self.pinned.iter().any(|(name, c)| *name == place && c.is_some());
        for (folder, kept) in [("logs", &["HEAD"][..]), ("info", &["sparse-checkout", "attributes"])] {
            let dir = self.dir.join(folder);
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let stays =
                    kept.iter().any(|k| name == *k && (folder == "logs" || pinned(&format!("info/{k}"))));
                if !stays {
                    remove_anything(&entry.path())?;
                }
            }
            if !fs::read_dir(&dir).is_ok_and(|mut left| left.next().is_some()) {
                remove_anything(&dir)?;
            }
        }
        Ok(())
    }

    fn pin(&mut self, name: &str, bytes: Vec<u8>) {
        if let Some((_, content)) = self.pinned.iter_mut().find(|(pinned, _)| *pinned == name) {
            *content = Some(bytes);
        }
    }

    /// The commit that HEAD is at, as far as it can be told.
    pub fn head(&self) -> Option<Oid> {
        let out = self.git().run(&["rev-parse", "--verify", "-q", "HEAD^{commit}"]).ok()?;
        Oid::parse(cmd::line(&out).trim())
    }
}

/// A file's content, and of a FIFO in its place nothing, instead of waiting for a writer.
pub(super) fn read_at_once(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}

fn around(work: &Path) -> Option<PathBuf> {
    work.parent()?.canonicalize().ok()
}

fn step(what: &str) -> io::Result<()> {
    fault::pass(fault::Step::Git, || what.to_owned()).map(drop)
}

/// Writes a file whole: beside it, then over it. What is in the way goes.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = path.parent().ok_or_else(|| io::Error::other("a path without a directory"))?;
    fs::create_dir_all(parent)?;
    if path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
        remove_anything(path)?;
    }
    let name = path.file_name().unwrap_or_default().to_owned().into_vec();
    let beside = parent.join(std::ffi::OsString::from_vec([&name[..], b".auditrun-tmp"].concat()));
    fs::write(&beside, bytes)?;
    fs::rename(&beside, path)
}

/// Two names of one directory; one that is gone is compared as it is written.
pub(super) fn same_place(a: &Path, b: &Path) -> bool {
    if a == b {
        return true;
    }
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
