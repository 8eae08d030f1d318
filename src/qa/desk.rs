//! What lies in the working directory of an audit while it goes on, how it begins, and which one
//! can be gone on with after a crash.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files;
use crate::qa::audit::AuditRun;
use crate::qa::baseline;
use crate::qa::corpus::AuditCorpus;
use crate::qa::corpus::place::{CORPUS_JSON, write_corpus};
use crate::qa::error::{At, QaError};
use crate::qa::forge::{Log, Stage};

/// The report as the program made it; written once.
pub const BASELINE: &str = "audit-report-baseline.md";
/// The report that the loop works on.
pub const OPTIMIZED: &str = "audit-report-optimized.md";
/// One row for each evaluation of each experiment.
pub const RESULTS: &str = "results.tsv";
/// One entry for each experiment.
pub const CHANGELOG: &str = "CHANGELOG.md";
/// The page that shows them.
pub const DASHBOARD: &str = "dashboard.html";
/// What an interrupted audit is gone on from.
pub const STATE: &str = ".audit-state.json";
/// Transcripts of the roles.
pub const TRANSCRIPTS: &str = "transcripts";

/// The page: self-contained, it fetches the two logs beside it again and again.
const PAGE: &str = include_str!("dashboard.html");

/// Fills a working directory, or goes on with what it holds. The baseline is never written again.
///
/// # Errors
/// Files can't be read or written.
pub fn open(run: &AuditRun<'_>) -> Result<Log, QaError> {
    let (dir, corpus) = (run.dir, run.corpus);
    if let Some(log) = Log::resume(dir)? {
        return Ok(log);
    }
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        files::atomic_write(&path, bytes).at(|| format!("can't write {}", path.display()))
    };
    let baseline = dir.join(BASELINE);
    if !baseline.exists() {
        write(BASELINE, baseline::report(corpus).as_bytes())?;
    }
    let report = fs::read_to_string(&baseline).at(|| format!("can't read {}", baseline.display()))?;
    write_page(dir)?;
    if !dir.join(CORPUS_JSON).exists() {
        write_corpus(dir, corpus).at(|| format!("can't write the corpus into {}", dir.display()))?;
    }
    Log::begin(dir, run.audit_run_id, run.asked, run.settings.patience, &report)
}

/// The page alone, for whoever opens it before there is anything to show.
///
/// # Errors
/// It can't be written.
pub fn write_page(dir: &Path) -> Result<(), QaError> {
    let path = dir.join(DASHBOARD);
    files::atomic_write(&path, PAGE.as_bytes()).at(|| format!("can't write {}", path.display()))
}

/// An audit that was interrupted before its review was over.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// Its working directory.
    pub dir: PathBuf,
    /// What it is about.
    pub corpus: AuditCorpus,
}

/// The newest unfinished audit below `root` that was asked for in these words, by the names of
/// working directories.
pub fn unfinished(root: &Path, asked: &str) -> Option<Unfinished> {
    let entries = fs::read_dir(root).ok()?.flatten();
    let mut dirs: Vec<PathBuf> = entries
        .filter(|e| e.file_name().to_string_lossy().starts_with("auditor-"))
        .map(|e| e.path())
        .filter(|p| p.join(STATE).is_file())
        .collect();
    dirs.sort();
    dirs.into_iter().rev().find_map(|dir| {
        let log = Log::resume(&dir).ok()??;
        let corpus: AuditCorpus = serde_json::from_slice(&fs::read(dir.join(CORPUS_JSON)).ok()?).ok()?;
        (log.stage() != Stage::Done && log.asked() == asked).then_some(Unfinished { dir, corpus })
    })
}
