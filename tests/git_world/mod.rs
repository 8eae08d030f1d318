//! A temporary repository with its own home, no system configuration and fixed dates.
//! Each test binary calls [`isolate`] through [`World::new`] before git is used.
#![allow(dead_code, missing_docs)] // Each test file uses its own part.
#![allow(clippy::unwrap_used)] // A helper of tests may fail as they do.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use auditrun::base::digest::sha256_hex;
use auditrun::base::{Oid, RepoPath};
use auditrun::git::{Capture, Repo, Worktree};

/// A home for all tests of a process: no configuration of whoever runs them counts.
static HOME: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let home = tempfile::tempdir().unwrap();
    let config = "[user]\n\tname = Op\n\temail = op@example.com\n[init]\n\tdefaultBranch = main\n\
                  [protocol \"file\"]\n\tallow = always\n";
    std::fs::write(home.path().join(".gitconfig"), config).unwrap();
    home
});

pub struct World {
    pub dir: tempfile::TempDir,
    pub root: PathBuf,
}

impl World {
    pub fn new() -> World {
        World::with(&[])
    }

    /// A repository with one commit: `a.txt`, `src/lib.rs`, an executable and a link.
    pub fn with(init: &[&str]) -> World {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("repo");
        std::fs::create_dir(&root).unwrap();
        let world = World { dir, root };
        world.git(&[&["init", "-q"], init].concat());
        world.git(&["config", "core.logAllRefUpdates", "false"]);
        world.write("a.txt", "one\ntwo\nthree\n");
        world.write("src/lib.rs", "fn lib() {}\n");
        world.write("src/deep/x.txt", "x\n");
        world.write("run.sh", "#!/bin/sh\n");
        world.chmod("run.sh", 0o755);
        std::os::unix::fs::symlink("a.txt", world.root.join("link")).unwrap();
        world.commit("base");
        world
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        write(&self.root, path, content);
    }

    pub fn chmod(&self, path: &str, mode: u32) {
        chmod(&self.root.join(path), mode);
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(&self.root, args)
    }

    pub fn commit(&self, message: &str) -> Oid {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.oid("HEAD")
    }

    pub fn oid(&self, rev: &str) -> Oid {
        Oid::parse(&self.git(&["rev-parse", rev])).unwrap()
    }

    pub fn repo(&self) -> Repo {
        isolate();
        Repo::discover(&self.root).unwrap()
    }

    pub fn plain(&self) -> Repo {
        isolate();
        Repo::discover_by_command_line(&self.root).unwrap()
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.root.join(".worktrees").join(name)
    }

    /// A sealed worktree at HEAD.
    pub fn worktree(&self, name: &str) -> (Worktree, Oid) {
        let base = self.oid("HEAD");
        let mut made = self.repo().add_worktree(&self.place(name), &base, "test").unwrap();
        made.seal().unwrap();
        (made, base)
    }

    /// Every file of the operator's git directory that is not an object, a worktree of ours or
    /// a ref of ours, by digest.
    pub fn operators_state(&self) -> BTreeMap<String, String> {
        let git_dir = self.root.join(".git");
        let mut found = BTreeMap::new();
        hash_below(&git_dir, &git_dir, &mut found);
        found.retain(|path, _| {
            !["objects/", "worktrees/", "refs/heads/audit/", "refs/auditrun/"]
                .iter()
                .any(|p| path.starts_with(p))
        });
        found
    }
}

fn hash_below(root: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            hash_below(root, &entry.path(), found);
        } else {
            let name = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
            found.insert(name, sha256_hex(&std::fs::read(entry.path()).unwrap_or_default()));
        }
    }
}

/// The library reads the process's environment: it must be the tests' own.
pub fn isolate() {
    static ONCE: LazyLock<()> = LazyLock::new(|| {
        let home = HOME.path();
        let set: [(&str, &std::ffi::OsStr); 4] = [
            ("HOME", home.as_os_str()),
            ("XDG_CONFIG_HOME", home.as_os_str()),
            ("GIT_CONFIG_NOSYSTEM", "1".as_ref()),
            ("TZ", "UTC".as_ref()),
        ];
        for (name, value) in set {
            #[allow(unsafe_code)] // Set once, before any other thread of a test reads it.
            unsafe {
                std::env::set_var(name, value);
            }
        }
    });
    LazyLock::force(&ONCE);
}

pub fn git(dir: &Path, args: &[&str]) -> String {
    let output = git_output(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// git as a person or an agent calls it, apart from the dates.
pub fn git_output(dir: &Path, args: &[&str]) -> std::process::Output {
    isolate();
    let mut command = Command::new("git");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GIT_")) {
        command.env_remove(name);
    }
    command.current_dir(dir).env("HOME", HOME.path()).env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_AUTHOR_DATE", "1700000000 +0000").env("GIT_COMMITTER_DATE", "1700000000 +0000");
    command.args(args).output().unwrap()
}

pub fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

pub fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

pub fn names(paths: &[RepoPath]) -> Vec<String> {
    paths.iter().map(ToString::to_string).collect()
}

/// `files_touched.txt` as lines.
pub fn touched(capture: &Capture) -> Vec<String> {
    String::from_utf8_lossy(&capture.porcelain).lines().map(str::to_owned).collect()
}

/// Every file with its mode and content, links with their target, `.git` aside.
pub fn tree_on_disk(dir: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    fn walk(root: &Path, dir: &Path, found: &mut BTreeMap<String, (u32, Vec<u8>)>) {
        use std::os::unix::ffi::OsStrExt;
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            if dir == root && entry.file_name() == ".git" {
                continue;
            }
            let meta = entry.metadata().unwrap();
            let name = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let content = if meta.is_symlink() {
                std::fs::read_link(entry.path()).unwrap().as_os_str().as_bytes().to_vec()
            } else if meta.is_file() {
                std::fs::read(entry.path()).unwrap()
            } else {
                Vec::new()
            };
            found.insert(name, (meta.permissions().mode(), content));
            if meta.is_dir() {
                walk(root, &entry.path(), found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}
