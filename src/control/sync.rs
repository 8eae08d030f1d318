//! Fills the database from every journal that is kept: that of the last run and those of the
//! archive.

use std::path::{Path, PathBuf};

use crate::base::names;
use crate::control::fill::{Fill, FillError};
use crate::control::store::Store;
use crate::control::trouble::DbError;

/// A journal that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFile {
    /// The file.
    pub path: PathBuf,
    /// Relative to out.
    pub shown: String,
}

/// What a sync did with one journal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Synced {
    pub shown: String,
    /// Empty if the journal does not say.
    pub run_id: String,
    pub loops: usize,
    /// Why it was left out, if it was.
    pub problem: Option<String>,
}

/// Every journal below `out`, the archive's first, in the order of their names: that of time.
pub fn journals(out: &Path) -> Vec<JournalFile> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(out.join(".history")).into_iter().flatten().flatten();
    let mut runs: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    runs.sort();
    for shown in runs.into_iter().map(|run| format!(".history/{run}/{}", names::JOURNAL)) {
        found.push(JournalFile { path: out.join(&shown), shown });
    }
    found.push(JournalFile { path: out.join(names::JOURNAL), shown: names::JOURNAL.to_owned() });
    found.retain(|j| j.path.is_file());
    found
}

/// Fills the tables from these journals. One that can't be read is left out and said.
///
/// # Errors
/// The database failed; what was filled before stays.
pub fn sync(store: &mut Store, repo_id: &str, journals: &[JournalFile]) -> Result<Vec<Synced>, DbError> {
    let mut done = Vec::new();
    for journal in journals {
        let mut fill = Fill::new(repo_id, &journal.path);
        let problem = match fill.step(store) {
            Ok(()) => None,
            Err(FillError::Journal(e)) => Some(e.to_string()),
            Err(FillError::Database(e)) => return Err(e),
        };
        let (run_id, loops) = fill.run();
        done.push(Synced { shown: journal.shown.clone(), run_id: run_id.to_owned(), loops, problem });
    }
    Ok(done)
}
