//! A snapshot of what an agent must not change in the repository and in the operator's
//! checkout, to be compared with a later one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::base::digest::sha256_hex;

use super::admin::read_at_once;
use super::{GitError, Guard, GuardClass, GuardEntry, Repo};

type Entries = BTreeMap<String, GuardEntry>;

/// How deep submodules of submodules are followed.
const MODULES_DEEP: usize = 8;

impl Repo {
    /// Everything that an agent must not change: refs, config, hooks, info, where objects come
    /// from, and the operator's HEAD, index and files. Administrative files of worktrees are not
    /// in it: each worktree puts its own back before it is used.
    ///
    /// # Errors
    /// git failed.
    pub fn guard(&self) -> Result<Guard, GitError> {
        std::thread::scope(|scope| {
            let status = scope.spawn(|| self.status_bytes());
            let mut entries = Entries::new();
            for (name, id) in self.references("refs/")? {
                let class = ref_class(&name);
                put(&mut entries, class, format!("ref {name}"), id.to_string());
            }
            self.guard_files(&mut entries);
            let status = status.join().unwrap_or_else(|_| self.status_bytes())?;
            put(&mut entries, GuardClass::Operator, "checkout", sha256_hex(&status));
            Ok(Guard { entries })
        })
    }

    fn guard_files(&self, entries: &mut Entries) {
        use GuardClass::{Harness, Operator};
        let common = self.common_dir();
        guard_git_dir(common, "", entries);
        guard_modules(&common.join("modules"), "modules", entries, MODULES_DEEP);
        for name in ["config.worktree", "objects/info/alternates", "shallow"] {
            file(&common.join(name), Harness, name, entries);
        }
        file(&self.git_dir().join("HEAD"), Operator, "HEAD", entries);
        if self.git_dir() != common {
            file(&common.join("HEAD"), Operator, "HEAD of the main worktree", entries);
        }
        file(&self.git_dir().join("info/sparse-checkout"), Operator, "info/sparse-checkout", entries);
        index(&self.git_dir().join("index"), entries);
        self.guard_included(entries);
    }

    /// Files that the configuration includes count by what they say.
    fn guard_included(&self, entries: &mut Entries) {
        let text = read_at_once(&self.common_dir().join("config")).unwrap_or_default();
        if !String::from_utf8_lossy(&text).to_ascii_lowercase().contains("include") {
            return;
        }
        if let Ok(all) = self.git().run(&["config", "--local", "--includes", "--list", "-z"]) {
            put(entries, GuardClass::Harness, "config with its includes", sha256_hex(&all));
        }
    }
}

/// Ours are the audit branches and our own refs; the rest is the operator's.
fn ref_class(name: &str) -> GuardClass {
    let ours = ["refs/heads/audit/", "refs/auditrun/", "refs/auditrun-proof/"];
    if ours.iter().any(|prefix| name.starts_with(prefix)) {
        GuardClass::Harness
    } else {
        GuardClass::Operator
    }
}

/// Config, hooks and info of one git directory; names begin with `prefix`.
fn guard_git_dir(dir: &Path, prefix: &str, entries: &mut Entries) {
    file(&dir.join("config"), GuardClass::Harness, &format!("{prefix}config"), entries);
    for hook in names(&dir.join("hooks")) {
        file(&dir.join("hooks").join(&hook), GuardClass::Harness, &format!("{prefix}hook {hook}"), entries);
    }
    for name in names(&dir.join("info")) {
        // Written by `git gc` and by sparse checkout: no way to make git do anything.
        if name != "refs" && name != "sparse-checkout" {
            file(
                &dir.join("info").join(&name),
                GuardClass::Harness,
                &format!("{prefix}info/{name}"),
                entries,
            );
        }
    }
}

/// Submodules' git directories, which may nest and whose names may hold slashes.
fn guard_modules(dir: &Path, prefix: &str, entries: &mut Entries, deep: usize) {
    if deep == 0 {
        return;
    }
    for name in names(dir) {
        let (inner, title) = (dir.join(&name), format!("{prefix}/{name}"));
        if inner.join("HEAD").is_file() {
            guard_git_dir(&inner, &format!("{title} "), entries);
            guard_modules(&inner.join("modules"), &format!("{title}/modules"), entries, deep - 1);
        } else if inner.is_dir() && !inner.is_symlink() {
            guard_modules(&inner, &title, entries, deep - 1);
        }
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

/// Content and mode; a file that is not there has no entry.
fn file(path: &Path, class: GuardClass, name: &str, entries: &mut Entries) {
    let Ok(meta) = path.symlink_metadata() else { return };
    let target = fs::read_link(path).map(|t| t.to_string_lossy().into_owned()).unwrap_or_default();
    let content = if path.is_file() { fs::read(path).unwrap_or_default() } else { Vec::new() };
    put(entries, class, name, format!("{:o} {target} {}", meta.mode(), sha256_hex(&content)));
}

/// An index ends with a digest of itself: the tail tells, whatever its size.
fn index(path: &Path, entries: &mut Entries) {
    let Some(Ok(mut file)) = path.is_file().then(|| fs::File::open(path)) else { return };
    let size = file.metadata().map(|m| m.len()).unwrap_or_default();
    let mut tail = Vec::new();
    let from = file.seek(SeekFrom::Start(size.saturating_sub(64)));
    if from.is_ok() && file.read_to_end(&mut tail).is_ok() {
        put(entries, GuardClass::Operator, "index", format!("{size} {}", sha256_hex(&tail)));
    }
}

fn put(entries: &mut Entries, class: GuardClass, name: impl Into<String>, digest: String) {
    entries.insert(name.into(), GuardEntry { class, digest });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_have_an_owner() {
        assert_eq!(ref_class("refs/heads/audit/run-1"), GuardClass::Harness);
        assert_eq!(ref_class("refs/auditrun-proof/1"), GuardClass::Harness);
        for other in ["refs/heads/audit", "refs/heads/main", "refs/stash", "refs/auditrunner/x"] {
            assert_eq!(ref_class(other), GuardClass::Operator, "{other}");
        }
    }
}
