//! What stands in a work tree, from the file system alone: every file with the facts that
//! betray a change, what can't be in a tree, and nested repositories. No index is asked,
//! so no bit in one can hide anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::base::digest::sha256_hex;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Link,
    /// A FIFO, socket or device, or a directory too deep to be followed.
    Special,
}

/// What tells that a file changed without reading it. The change time can't be set by a
/// program, so it can't be forged; the digest stands in where the clock is too coarse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub kind: Kind,
    pub mode: u32,
    pub size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
    /// Content, for files so young that a later write could leave the same times.
    digest: Option<String>,
}

/// A work tree at a moment. Paths are relative bytes, `/`-separated.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    /// Files, links and special files; nothing inside of submodules.
    pub files: BTreeMap<Vec<u8>, Seen>,
    /// Directories with their permissions.
    pub dirs: BTreeMap<Vec<u8>, u32>,
    /// The `.git` entries below the top, submodules' own aside.
    pub nested: BTreeSet<Vec<u8>>,
    /// What lies in each submodule's directory.
    pub submodules: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Seen>>,
}

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk<'a> {
    pub root: &'a Path,
    /// Paths of submodules.
    pub submodules: &'a BTreeSet<Vec<u8>>,
    /// Paths that are not entered or listed at all.
    pub skipped: &'a BTreeSet<Vec<u8>>,
}

/// How deep directories are followed, and how long a path is still followed into: no checkout is
/// that deep, and what is deeper can only be reached step by step.
const DEEPEST: usize = 256;
const LONGEST: usize = 3800;

/// Change times this close to the clock's reading may repeat.
const YOUNG_NS: i128 = 4_000_000;

impl Walk<'_> {
    /// Everything below the root.
    pub fn run(&self) -> io::Result<Snapshot> {
        let mut found = Snapshot::default();
        let young_since = coarse_now() - YOUNG_NS;
        let top = self.root.metadata().map_err(|e| at(self.root, &e))?;
        let top = opened(self.root, top)?;
        found.dirs.insert(Vec::new(), top.mode() & 0o7777);
        self.enter(&[], None, &mut found, young_since)?;
        Ok(found)
    }

    fn enter(&self, dir: &[u8], inside: Option<&[u8]>, found: &mut Snapshot, young: i128) -> io::Result<()> {
        let full = on_disk(self.root, dir);
        // Read to its end first: directories that lie in one another are not all open at once.
        let entries: Vec<_> = fs::read_dir(&full).map_err(|e| at(&full, &e))?.collect();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().into_vec();
            let path = join(dir, &name);
            if self.skipped.contains(&path) {
                continue;
            }
            if is_dot_git(&name) && inside.is_none() {
                if !dir.is_empty() || name != b".git" {
                    found.nested.insert(path);
                }
                continue;
            }
            let meta = entry.metadata().map_err(|e| at(&entry.path(), &e))?;
            let meta = opened(&entry.path(), meta)?;
            let bottomless = meta.is_dir() && too_deep(self.root, &path);
            if meta.is_dir() && !bottomless {
                self.directory(path, &meta, inside, found, young)?;
                continue;
            }
            let seen = if bottomless { Seen::unknown(&meta) } else { Seen::of(&entry.path(), &meta, young)? };
            match inside {
                Some(module) => found.submodules.entry(module.to_vec()).or_default().insert(path, seen),
                None => found.files.insert(path, seen),
            };
        }
        Ok(())
    }

    fn directory(
        &self,
        path: Vec<u8>,
        meta: &Metadata,
        inside: Option<&[u8]>,
        found: &mut Snapshot,
        young: i128,
    ) -> io::Result<()> {
        if inside.is_none() {
            found.dirs.insert(path.clone(), meta.mode() & 0o7777);
        }
        if inside.is_none() && self.submodules.contains(&path) {
            found.submodules.entry(path.clone()).or_default();
            return self.enter(&path, Some(&path), found, young);
        }
        self.enter(&path, inside, found, young)
    }
}

fn too_deep(root: &Path, path: &[u8]) -> bool {
    let depth = path.iter().filter(|b| **b == b'/').count();
    depth > DEEPEST || root.as_os_str().len() + path.len() > LONGEST
}

/// A file that forbids its owner to read it is opened up, and a directory that forbids to read or
/// to empty it: what a program made so is its work all the same. Permissions but the executable bit of files are no
/// part of a tree. Where that is refused, reading will be, and says so.
pub(super) fn opened(path: &Path, meta: Metadata) -> io::Result<Metadata> {
    let needed = match () {
        () if meta.is_dir() => 0o700,
        () if meta.is_file() => 0o400,
        () => 0,
    };
    let mode = meta.mode() & 0o7777;
    if mode & needed == needed {
        return Ok(meta);
    }
    match fs::set_permissions(path, fs::Permissions::from_mode(mode | needed)) {
        Ok(()) => path.symlink_metadata().map_err(|e| at(path, &e)),
        Err(_) => Ok(meta),
    }
}

impl Seen {
    fn of(path: &Path, meta: &Metadata, young_since: i128) -> io::Result<Seen> {
        let kind = kind_of(meta);
        let mut seen = Seen::from_metadata(kind, meta);
        if seen.changed_ns() >= young_since && kind != Kind::Special {
            // One that can't be read will not be found equal to anything later.
            seen.digest = Some(content(path, kind).unwrap_or_default());
        }
        Ok(seen)
    }

    fn from_metadata(kind: Kind, meta: &Metadata) -> Seen {
        Seen {
            kind,
            mode: meta.mode(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            digest: None,
        }
    }

    /// What is not looked into; never the same as anything.
    fn unknown(meta: &Metadata) -> Seen {
        Seen { digest: Some(String::new()), ..Seen::from_metadata(Kind::Special, meta) }
    }

    fn changed_ns(&self) -> i128 {
        i128::from(self.changed.0) * 1_000_000_000 + i128::from(self.changed.1)
    }

    /// True if the file that was seen as `self` is for certain the same as `later`, whose
    /// place on disk is `path`.
    pub fn is_same(&self, later: &Seen, path: &Path) -> bool {
        if self.kind != later.kind || self.mode != later.mode || self.size != later.size {
            return false;
        }
        let untouched =
            (self.modified, self.changed, self.inode) == (later.modified, later.changed, later.inode);
        match &self.digest {
            None => untouched,
            Some(before) => content(path, self.kind).is_ok_and(|now| now == *before),
        }
    }

    /// True for a regular file of the same length and executable bit.
    pub fn may_hold_the_same(&self, later: &Seen) -> bool {
        self.kind == Kind::File
            && later.kind == Kind::File
            && self.size == later.size
            && self.mode & 0o100 == later.mode & 0o100
    }
}

impl Snapshot {
    /// Takes note of `paths` as they are now, and of the directories they lie in. A digest is kept
    /// only while the times alone would not do.
    pub fn look_again(
        &mut self,
        root: &Path,
        paths: &BTreeSet<Vec<u8>>,
        submodules: &BTreeSet<Vec<u8>>,
    ) -> io::Result<()> {
        let young = coarse_now() - YOUNG_NS;
        for seen in self.files.values_mut().filter(|seen| seen.changed_ns() < young) {
            seen.digest = None;
        }
        let mut dirs = BTreeSet::new();
        for path in paths {
            add_parents(path, &mut dirs);
            self.nested.remove(path);
            self.files.remove(path);
            self.dirs.remove(path);
            self.submodules.remove(path);
            match fs::symlink_metadata(on_disk(root, path)) {
                Ok(meta) if meta.is_dir() => drop(dirs.insert(path.clone())),
                Ok(meta) => {
                    drop(self.files.insert(path.clone(), Seen::of(&on_disk(root, path), &meta, young)?))
                }
                Err(_) => {}
            }
        }
        for dir in dirs {
            match fs::symlink_metadata(on_disk(root, &dir)) {
                Ok(meta) if meta.is_dir() => {
                    if submodules.contains(&dir) {
                        self.submodules.entry(dir.clone()).or_default();
                    }
                    self.dirs.insert(dir, meta.mode() & 0o7777);
                }
                _ => drop(self.dirs.remove(&dir)),
            }
        }
        Ok(())
    }

    /// Submodules whose directory came, went or changed between two moments.
    pub fn moved_submodules(&self, later: &Snapshot, root: &Path) -> Vec<Vec<u8>> {
        let all: BTreeSet<&Vec<u8>> = self.submodules.keys().chain(later.submodules.keys()).collect();
        let moved = all.into_iter().filter(|module| {
            match (self.submodules.get(*module), later.submodules.get(*module)) {
                (Some(before), Some(after)) => !same_files(before, after, root),
                // An empty directory that went or came says nothing about a submodule's commit.
                (Some(only), None) | (None, Some(only)) => !only.is_empty(),
                (None, None) => false,
            }
        });
        moved.cloned().collect()
    }
}

fn same_files(before: &BTreeMap<Vec<u8>, Seen>, after: &BTreeMap<Vec<u8>, Seen>, root: &Path) -> bool {
    before.len() == after.len()
        && before.iter().all(|(path, seen)| {
            after.get(path).is_some_and(|later| seen.is_same(later, &on_disk(root, path)))
        })
}

fn kind_of(meta: &Metadata) -> Kind {
    let kind = meta.file_type();
    if kind.is_symlink() {
        Kind::Link
    } else if kind.is_fifo() || kind.is_socket() || kind.is_char_device() || kind.is_block_device() {
        Kind::Special
    } else {
        Kind::File
    }
}

fn content(path: &Path, kind: Kind) -> io::Result<String> {
    let bytes = match kind {
        Kind::Link => fs::read_link(path)?.into_os_string().into_vec(),
        Kind::File => fs::read(path)?,
        Kind::Special => Vec::new(),
    };
    Ok(sha256_hex(&bytes))
}

/// The clock that file systems stamp with: it stands still between two ticks.
fn coarse_now() -> i128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}

/// git takes `.git` in any case for its own.
fn is_dot_git(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}

/// Every directory that `path` lies in, the root aside.
pub(super) fn add_parents(path: &[u8], into: &mut BTreeSet<Vec<u8>>) {
    for (at, _) in path.iter().enumerate().rev().filter(|(_, b)| **b == b'/') {
        if !into.insert(path[..at].to_vec()) {
            break;
        }
    }
}

/// `name` in `dir`, both relative bytes.
pub(super) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

/// A relative path below a root.
pub(super) fn on_disk(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() { root.to_owned() } else { root.join(std::ffi::OsStr::from_bytes(path)) }
}

/// The same error with the path that it is about.
pub(super) fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(root: &Path) -> Snapshot {
        let none = BTreeSet::new();
        Walk { root, submodules: &none, skipped: &none }.run().unwrap()
    }

    #[test]
    fn a_write_of_the_same_length_in_the_same_tick_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        fs::write(&file, "one").unwrap();
        let before = walk(dir.path());
        fs::write(&file, "two").unwrap();
        let after = walk(dir.path());
        assert!(!before.files[&b"a"[..]].is_same(&after.files[&b"a"[..]], &file));
        fs::write(&file, "one").unwrap();
        let again = walk(dir.path());
        assert!(before.files[&b"a"[..]].is_same(&again.files[&b"a"[..]], &file));
    }

    #[test]
    fn what_cannot_be_in_a_tree_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("n/.GIT")).unwrap();
        fs::write(dir.path().join(".git"), "gitdir: x").unwrap();
        std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("l")).unwrap();
        let seen = walk(dir.path());
        assert_eq!(seen.nested, BTreeSet::from([b"n/.GIT".to_vec()]));
        assert_eq!(seen.files[&b"s"[..]].kind, Kind::Special);
        assert_eq!(seen.files[&b"l"[..]].kind, Kind::Link);
        assert_eq!(seen.files.len(), 2);
    }
}
