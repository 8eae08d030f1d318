//! Where the artifacts of a run are read from: the directory that it wrote, the tree under
//! refs/auditrun-proof/, or memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::base::Oid;
use crate::base::layout::{ARTIFACT_DIRS, REPORT_PREFIX, join};
use crate::git::Repo;

/// Artifacts by their paths relative to out, `/`-separated.
pub trait ArtifactSource {
    /// The bytes of a regular file; `None` if there is none or it can't be read.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// Every artifact below `dir` (empty: all of them) in byte order, unreadable ones included.
    /// Earlier runs under .history are not among them.
    fn list(&self, dir: &str) -> Vec<String>;
}

/// The artifact directory on disk. Symbolic links are listed, never followed.
#[derive(Debug, Clone)]
pub struct DirArtifacts(PathBuf);

impl DirArtifacts {
    /// `out`: the artifact directory, or out/.history/<run id>.
    pub fn new(out: impl Into<PathBuf>) -> DirArtifacts {
        DirArtifacts(out.into())
    }
}

impl ArtifactSource for DirArtifacts {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let mut at = self.0.clone();
        for part in path.split('/') {
            if matches!(part, "" | "." | "..") {
                return None;
            }
            at.push(part);
            if std::fs::symlink_metadata(&at).ok()?.is_symlink() {
                return None;
            }
        }
        at.is_file().then(|| std::fs::read(&at).ok()).flatten()
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let mut found = Vec::new();
        for name in entries(&self.0) {
            if belongs(&name) && (dir.is_empty() || dir.split('/').next() == Some(&name)) {
                walk(&self.0.join(&name), &name, &mut found);
            }
        }
        found.retain(|path| lies_below(path, dir));
        found.sort();
        found
    }
}

fn lies_below(path: &str, dir: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// True for the first component of an artifact's path, .history aside.
fn belongs(first: &str) -> bool {
    first != ".history" && (ARTIFACT_DIRS.contains(&first) || first.starts_with(REPORT_PREFIX))
}

fn entries(dir: &Path) -> Vec<String> {
    let Ok(read) = std::fs::read_dir(dir) else { return Vec::new() };
    read.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

fn walk(at: &Path, name: &str, found: &mut Vec<String>) {
    if std::fs::symlink_metadata(at).is_ok_and(|m| m.is_dir()) {
        for entry in entries(at) {
            walk(&at.join(&entry), &join(name, &entry), found);
        }
    } else {
        found.push(name.to_owned());
    }
}

/// The artifacts as they were committed.
pub struct TreeArtifacts<'a> {
    repo: &'a Repo,
    commit: Oid,
    dir: String,
}

impl<'a> TreeArtifacts<'a> {
    /// `dir`: the artifact directory inside that commit's tree; empty for the root.
    pub fn new(repo: &'a Repo, commit: Oid, dir: impl Into<String>) -> TreeArtifacts<'a> {
        TreeArtifacts { repo, commit, dir: dir.into() }
    }
}

impl ArtifactSource for TreeArtifacts<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.repo.blob(&self.commit, &join(&self.dir, path)).ok().flatten()
    }

    fn list(&self, dir: &str) -> Vec<String> {
        let prefix = if self.dir.is_empty() { String::new() } else { format!("{}/", self.dir) };
        let files = self.repo.files(&self.commit, &self.dir).unwrap_or_default();
        files
            .iter()
            .filter_map(|p| std::str::from_utf8(p.as_bytes()).ok()?.strip_prefix(&prefix).map(str::to_owned))
            .filter(|p| belongs(p.split('/').next().unwrap_or_default()) && lies_below(p, dir))
            .collect()
    }
}

/// Artifacts in memory: what a run is about to write, or a test made up.
#[derive(Debug, Clone, Default)]
pub struct MemoryArtifacts(pub BTreeMap<String, Vec<u8>>);

impl ArtifactSource for MemoryArtifacts {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }

    fn list(&self, dir: &str) -> Vec<String> {
        self.0.keys().filter(|p| lies_below(p, dir)).cloned().collect()
    }
}
