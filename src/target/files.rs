//! The files that a target's patterns name, and their digests. What was seen is remembered
//! until something runs that may change it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::base::digest::Hasher;
use crate::base::{Pattern, PatternSet, RepoPath};

/// Folders that are never inputs: git's, this program's, and the nodes' worktrees.
const NEVER: [&str; 3] = [".git", ".auditrun", ".worktrees"];
/// A stat tells of unchanged content only if it is older than the record by this much: a
/// file system's clock may not see two writes within one of its ticks.
const TRUST_NS: u64 = 2_000_000_000;

/// One input as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Relative to audit.kdl's folder.
    pub path: String,
    /// Permission bits; for a link those of what it points to.
    pub mode: u32,
    /// Where a link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// SHA-256 of the content; empty for what has none (a broken link).
    pub digest: String,
    /// Size, modification and change time in ns, inode, device.
    pub stat: [u64; 5],
}

/// What patterns match, with what was seen of it on the way.
type Paths = BTreeMap<Vec<u8>, Option<Metadata>>;

/// The file system below audit.kdl's folder.
pub struct Disk {
    folder: PathBuf,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    listings: HashMap<PathBuf, Arc<Vec<Entry>>>,
    inputs: HashMap<Vec<u8>, Option<Input>>,
    /// Raised when something starts or ends that may change files.
    generation: u64,
    /// Scripts that are running.
    busy: usize,
}

#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    is_dir: bool,
}

impl Disk {
    /// Reads nothing yet.
    pub fn new(folder: &Path) -> Disk {
        Disk { folder: folder.to_owned(), memory: Mutex::default() }
    }

    /// A script begins: nothing is remembered until it ends.
    pub fn begin(&self) {
        self.change(|memory| memory.busy += 1);
    }

    /// A script has ended.
    pub fn end(&self) {
        self.change(|memory| memory.busy = memory.busy.saturating_sub(1));
    }

    fn change(&self, how: impl FnOnce(&mut Memory)) {
        let mut memory = self.lock();
        how(&mut memory);
        memory.generation += 1;
        memory.listings.clear();
        memory.inputs.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if something stands at `path`.
    pub fn exists(&self, path: &str) -> bool {
        self.folder.join(path).exists()
    }

    /// Everything that `patterns` match but `outputs`, in byte order, with digests. `known` is
    /// what was recorded at `recorded_ns`: where the stat proves it, its digest is taken.
    ///
    /// # Errors
    /// A file that matches can't be read.
    pub fn inputs(
        &self,
        patterns: impl IntoIterator<Item = Pattern>,
        outputs: &[&str],
        known: &[Input],
        recorded_ns: u64,
    ) -> io::Result<Vec<Input>> {
        let set = PatternSet::new(patterns);
        let mut paths = Paths::new();
        for pattern in set.positive() {
            for prefix in pattern.literal_prefixes() {
                self.collect(prefix.into_bytes(), depth(pattern), &set, &mut paths)?;
            }
        }
        outputs.iter().for_each(|output| _ = paths.remove(output.as_bytes()));
        let known: HashMap<&str, &Input> = known.iter().map(|i| (i.path.as_str(), i)).collect();
        let mut inputs = Vec::with_capacity(paths.len());
        for (path, meta) in paths {
            let before = known.get(text(&path).as_str()).copied();
            inputs.extend(self.input(path, meta, before, recorded_ns)?);
        }
        Ok(inputs)
    }

    fn collect(&self, start: Vec<u8>, depth: usize, set: &PatternSet, out: &mut Paths) -> io::Result<()> {
        let meta = match fs::symlink_metadata(self.at(&start)) {
            Ok(meta) => meta,
            Err(e) if is_gone(&e) => return Ok(()),
            Err(e) => return Err(e),
        };
        if !meta.is_dir() {
            if set.matches(&RepoPath::from_bytes(start.clone())) {
                out.insert(start, Some(meta));
            }
            return Ok(());
        }
        let mut stack = vec![start];
        while let Some(dir) = stack.pop() {
            for entry in self.listing(&dir)?.iter() {
                let path =
                    if dir.is_empty() { entry.name.clone() } else { [&dir, &b"/"[..], &entry.name].concat() };
                if !entry.is_dir {
                    if !out.contains_key(&path) && set.matches(&RepoPath::from_bytes(path.clone())) {
                        out.insert(path, None);
                    }
                } else if !NEVER.iter().any(|n| n.as_bytes() == entry.name) && components(&path) < depth {
                    stack.push(path);
                }
            }
        }
        Ok(())
    }

    fn at(&self, path: &[u8]) -> PathBuf {
        self.folder.join(RepoPath::from_bytes(path).to_path())
    }

    /// A folder that vanished meanwhile is empty.
    fn listing(&self, dir: &[u8]) -> io::Result<Arc<Vec<Entry>>> {
        let path = self.at(dir);
        let generation = {
            let memory = self.lock();
            if let Some(found) = memory.listings.get(&path) {
                return Ok(Arc::clone(found));
            }
            memory.generation
        };
        let mut entries = Vec::new();
        match fs::read_dir(&path) {
            Ok(read) => {
                for entry in read {
                    let entry = entry?;
                    let is_dir = entry.file_type()?.is_dir();
                    entries.push(Entry { name: entry.file_name().as_bytes().to_vec(), is_dir });
                }
            }
            Err(e) if is_gone(&e) => {}
            Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", path.display()))),
        }
        let entries = Arc::new(entries);
        let mut memory = self.lock();
        if memory.generation == generation && memory.busy == 0 {
            memory.listings.insert(path, Arc::clone(&entries));
        }
        Ok(entries)
    }

    fn input(
        &self,
        path: Vec<u8>,
        meta: Option<Metadata>,
        before: Option<&Input>,
        recorded_ns: u64,
    ) -> io::Result<Option<Input>> {
        let generation = {
            let memory = self.lock();
            if let Some(found) = memory.inputs.get(&path) {
                return Ok(found.clone());
            }
            memory.generation
        };
        let at = self.at(&path);
        let seen = match look(&at, meta, text(&path), before, recorded_ns) {
            Ok(input) => Some(input),
            Err(e) if is_gone(&e) => None,
            Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", at.display()))),
        };
        let mut memory = self.lock();
        if memory.generation == generation && memory.busy == 0 {
            memory.inputs.insert(path, seen.clone());
        }
        Ok(seen)
    }
}

/// A file, or a link and the file that it points to; `meta` is the one's own, if it is known.
fn look(
    at: &Path,
    meta: Option<Metadata>,
    path: String,
    before: Option<&Input>,
    recorded_ns: u64,
) -> io::Result<Input> {
    let own = meta.map_or_else(|| fs::symlink_metadata(at), Ok)?;
    let link = own.is_symlink().then(|| fs::read_link(at)).transpose()?;
    let link = link.map(|to| text(to.as_os_str().as_bytes()));
    let meta = if link.is_some() { fs::metadata(at).ok() } else { Some(own) };
    let Some(meta) = meta.filter(Metadata::is_file) else {
        return Ok(Input { path, mode: 0, link, digest: String::new(), stat: [0; 5] });
    };
    let stat = stat(&meta);
    let mode = meta.mode() & 0o7777;
    let [_, modified, changed, ..] = stat;
    let old_enough = modified.max(changed).saturating_add(TRUST_NS) <= recorded_ns;
    let digest = match before.filter(|b| old_enough && b.stat == stat && !b.digest.is_empty()) {
        Some(before) => before.digest.clone(),
        None => digest(at)?,
    };
    Ok(Input { path, mode, link, digest, stat })
}

/// True if every stat is old enough at `at_ns` to be trusted from then on.
pub fn settled(inputs: &[Input], at_ns: u64) -> bool {
    inputs.iter().all(|input| {
        let [_, modified, changed, ..] = input.stat;
        modified.max(changed).saturating_add(TRUST_NS) <= at_ns
    })
}

fn stat(meta: &Metadata) -> [u64; 5] {
    let ns = |seconds: i64, rest: i64| {
        u64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(rest)).unwrap_or(0)
    };
    let modified = ns(meta.mtime(), meta.mtime_nsec());
    [meta.size(), modified, ns(meta.ctime(), meta.ctime_nsec()), meta.ino(), meta.dev()]
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.hex()),
            Ok(n) => hasher.update(buffer.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn is_gone(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn components(path: &[u8]) -> usize {
    path.iter().filter(|b| **b == b'/').count() + 1
}

/// The most components that a path it matches can have, or more.
fn depth(pattern: &Pattern) -> usize {
    let raw = pattern.raw();
    if raw.contains("**") || raw.ends_with('/') { usize::MAX } else { components(raw.as_bytes()) }
}

/// A path for records: as it is, or in hexadecimal where it is not UTF-8.
fn text(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) => text.to_owned(),
        Err(_) => path.iter().fold("\u{fffd}".to_owned(), |hex, b| hex + &format!("{b:02x}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|t| Pattern::parse(t).unwrap()).collect()
    }

    fn world(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        dir
    }

    fn found(dir: &Path, texts: &[&str], outputs: &[&str]) -> Vec<String> {
        let inputs = Disk::new(dir).inputs(patterns(texts), outputs, &[], 0).unwrap();
        inputs.into_iter().map(|i| i.path).collect()
    }

    #[test]
    fn patterns_find_files_and_leave_out_git_and_outputs() {
        let dir = world(&["a.rs", "src/b.rs", "src/x/c.rs", "src/d.txt", ".git/e.rs", ".auditrun/f.rs"]);
        assert_eq!(found(dir.path(), &["**/*.rs"], &["a.rs"]), ["src/b.rs", "src/x/c.rs"]);
        assert_eq!(found(dir.path(), &["src/*.rs", "a.rs", "none"], &[]), ["a.rs", "src/b.rs"]);
        assert_eq!(found(dir.path(), &["src/", "!src/x/**"], &[]), ["src/b.rs", "src/d.txt"]);
        assert_eq!(found(dir.path(), &["{a,src/b}.rs"], &[]), ["a.rs", "src/b.rs"]);
    }

    #[test]
    fn a_digest_is_reused_only_where_the_stat_is_old_enough() {
        let dir = world(&["a"]);
        let disk = || Disk::new(dir.path());
        let mut known = disk().inputs(patterns(&["a"]), &[], &[], 0).unwrap();
        let real = known[0].digest.clone();
        known[0].digest = "cached".to_owned();
        let at = known[0].stat[1].max(known[0].stat[2]);
        let again = |ns: u64| disk().inputs(patterns(&["a"]), &[], &known, ns).unwrap()[0].digest.clone();
        assert_eq!(again(at + TRUST_NS), "cached");
        assert_eq!(again(at + TRUST_NS - 1), real);
    }

    #[test]
    fn links_tell_where_they_point_and_what_is_there() {
        let dir = world(&["to"]);
        std::os::unix::fs::symlink("to", dir.path().join("good")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("broken")).unwrap();
        let inputs = Disk::new(dir.path()).inputs(patterns(&["good", "broken"]), &[], &[], 0).unwrap();
        let shown: Vec<_> = inputs.iter().map(|i| (i.link.as_deref(), i.digest.is_empty())).collect();
        assert_eq!(shown, [(Some("nowhere"), true), (Some("to"), false)]);
    }
}
