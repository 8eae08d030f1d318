//! The working directory of an audit: its name, and making it.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::event::json_artifact;
use crate::files;
use crate::qa::corpus::{AuditCorpus, markdown};
use crate::qa::scope::short;

/// The corpus in it, for people and for programs.
pub const CORPUS_MD: &str = "audit-corpus.md";
/// See [`CORPUS_MD`].
pub const CORPUS_JSON: &str = "audit-corpus.json";

/// Makes `auditor-<scope>-YYYY-MM-DD-HH-MM` below the root, with `-2`, `-3` … where that is
/// taken. The time is UTC.
///
/// # Errors
/// It can't be made.
pub fn make(root: &Path, corpus: &AuditCorpus, now: Timestamp) -> io::Result<PathBuf> {
    let scope = &corpus.scope;
    let short = short(scope.scope_type, &scope.scope_ref, &scope.repo_id);
    let name = format!("auditor-{short}-{}", now.strftime("%Y-%m-%d-%H-%M"));
    for nth in 1_u32.. {
        let name = if nth == 1 { name.clone() } else { format!("{name}-{nth}") };
        match std::fs::create_dir(root.join(&name)) {
            Ok(()) => return Ok(root.join(name)),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::Error::other("no name is free"))
}

/// Writes the corpus into it.
///
/// # Errors
/// A file can't be written.
pub fn write_corpus(dir: &Path, corpus: &AuditCorpus) -> io::Result<()> {
    files::atomic_write(&dir.join(CORPUS_MD), markdown::document(corpus).as_bytes())?;
    files::atomic_write(&dir.join(CORPUS_JSON), &json_artifact(corpus)?)
}
