//! What a diagnostic agent is given to read: copies of the failing evidence, without secrets,
//! and the repository's files at the run's head.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::{Masker, Oid};
use crate::event::{DiagnosisAnswer, Failure, json_artifact};
use crate::git::Repo;
use crate::run::context::{At, Fault};

/// Failures whose evidence is copied.
const FAILURES: usize = 5;
/// What is copied of one file at most: its end.
const LARGEST: usize = 1024 * 1024;
/// The largest checkout that is copied.
const LARGEST_TREE: u64 = 1024 * 1024 * 1024;
/// Directories of artifacts that hold logs, below out.
const LOGS: [&str; 4] = ["preflight", "resolutions", "runs", "remediation"];

/// A directory that is filled for the agent.
pub struct Given {
    /// Where its files begin.
    pub dir: PathBuf,
    /// What else it may read: the run's logs.
    pub reads: Vec<PathBuf>,
    /// Why the repository's files are not among it, if they are not.
    pub without_files: Option<String>,
}

/// Fills `dir`: `evidence/`, with its paths as they are below out, and `repository/`.
///
/// # Errors
/// The evidence could not be copied.
pub fn give(
    dir: &Path,
    out: &Path,
    failures: &[Failure],
    known: &DiagnosisAnswer,
    masker: &Masker,
) -> Result<Given, Fault> {
    let evidence = dir.join("evidence");
    let mut paths: Vec<&String> = failures.iter().take(FAILURES).flat_map(|f| &f.evidence).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        // One that is missing is missing to the agent too.
        let Ok(bytes) = fs::read(out.join(path)) else { continue };
        let from = bytes.len().saturating_sub(LARGEST);
        write(&evidence.join(path), &masker.bytes(bytes.get(from..).unwrap_or_default()))?;
    }
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|e| Fault::Other(e.to_string()));
    write(&evidence.join("failures.json"), &masker.bytes(&json(json_artifact(failures))?))?;
    write(&evidence.join("known.json"), &masker.bytes(&json(json_artifact(known))?))?;
    let reads = LOGS.iter().map(|name| out.join(name)).filter(|dir| dir.is_dir()).collect();
    Ok(Given { dir: dir.to_owned(), reads, without_files: None })
}

impl Given {
    /// Adds the files of a commit. Without them the agent still has the evidence.
    #[must_use]
    pub fn with_files(mut self, repo: &Repo, head: Option<&Oid>) -> Given {
        let copied = match head {
            None => Err("the run has no commit".to_owned()),
            Some(head) => match repo.checkout_size(head) {
                Ok(size) if size > LARGEST_TREE => Err("the checkout is too large to copy".to_owned()),
                Ok(_) => repo.export(head, &self.dir.join("repository")).map_err(|e| e.to_string()),
                Err(e) => Err(e.to_string()),
            },
        };
        self.without_files = copied.err();
        self
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).at(|| format!("can't make {}", parent.display()))?;
    }
    fs::write(path, bytes).at(|| format!("can't write {}", path.display()))
}
