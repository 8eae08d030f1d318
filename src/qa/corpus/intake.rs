//! Intake: decides the mode once, asks the sources of that mode, and makes the corpus.

use std::path::Path;

use jiff::Timestamp;

use crate::base::clock::iso;
use crate::control::{DbError, Store};
use crate::git::{GitError, Repo};
use crate::qa::corpus::gathered::{Gathered, recurrences};
use crate::qa::corpus::model::{AuditCorpus, Mode, ScopeFacts};
use crate::qa::corpus::{plane, standalone};
use crate::qa::scope::Scope;

/// Runs a plan's verifier command somewhere harmless.
pub trait Verifier {
    /// Runs it at the commit that is checked out, and says how it went.
    ///
    /// # Errors
    /// It could not be run: a sentence.
    fn verify(&mut self, command: &str) -> Result<Verified, String>;
}

/// How a verifier command went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// It ended with exit code 0.
    pub passed: bool,
    /// The end of what it said.
    pub said: String,
    /// The commit that it ran at.
    pub commit: String,
    /// When it ended.
    pub at: Timestamp,
}

/// Where a corpus is read from.
pub struct Sources<'a> {
    /// The repository.
    pub repo: &'a Repo,
    /// Its name.
    pub repo_id: &'a str,
    /// The artifacts' directory, absolute.
    pub out: &'a Path,
    /// The database, or why there is none.
    pub plane: Result<Store, DbError>,
    /// For plans without results.
    pub verifier: &'a mut dyn Verifier,
    /// Time.
    pub now: Timestamp,
    /// How deep the audit is.
    pub depth: u32,
}

/// No corpus could be made.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The scope names nothing, or something that is not one thing.
    #[error("{0}")]
    Scope(String, String),
    /// git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The database failed after it was decided upon.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The mode of an audit: a standalone scope needs no database; another takes it if it opens,
/// holds audits, and the repository's contracts, where it has some, know of audits.
pub fn mode(scope: &Scope, sources: &mut Sources<'_>) -> (Mode, Option<String>) {
    if scope.is_standalone() {
        return (Mode::Standalone, None);
    }
    let contracts = sources.repo.root().join("packages/contracts");
    if contracts.is_dir() && !contracts.join("audit.py").is_file() {
        return (Mode::Standalone, Some("packages/contracts/ holds no audit.py".to_owned()));
    }
    match &mut sources.plane {
        Ok(store) => match store.has_audits() {
            true => (Mode::Db, None),
            false => (Mode::Standalone, Some(format!("{} has no table audit_runs", store.place()))),
        },
        Err(e) => (Mode::Standalone, Some(e.to_string())),
    }
}

/// Gathers everything and makes the corpus.
///
/// # Errors
/// The scope comes to nothing, or a source failed that was decided upon.
pub fn intake(scope: &Scope, sources: &mut Sources<'_>) -> Result<AuditCorpus, IntakeError> {
    let (mode, why) = mode(scope, sources);
    let mut found = match (&mut sources.plane, mode) {
        (Ok(store), Mode::Db) => plane::gather(scope, store, sources.repo_id, sources.out)?,
        _ => standalone::gather(scope, sources)?,
    };
    if let Some(why) = why {
        found.lack("control-plane database", format!("{why}: journals and git log are read in its place"));
    }
    found.inventory(mode == Mode::Standalone);
    found.sort();
    Ok(corpus(scope, sources, mode, found))
}

fn corpus(scope: &Scope, sources: &Sources<'_>, mode: Mode, found: Gathered) -> AuditCorpus {
    AuditCorpus {
        schema: "auditrun.audit-corpus/1".to_owned(),
        scope: ScopeFacts {
            scope_type: scope.kind(),
            scope_ref: found.reference,
            mode,
            repo_id: sources.repo_id.to_owned(),
            recursion_depth: sources.depth,
            earliest: found.slices.first().map(|s| s.at.clone()),
            latest: found.slices.last().map(|s| s.at.clone()),
            queried_at: iso(sources.now),
        },
        recurrences: recurrences(&found.lessons, &found.seen, mode == Mode::Standalone),
        slices: found.slices,
        lessons: found.lessons,
        repairs: found.repairs,
        timeline: found.timeline,
        earlier: found.earlier,
        missing: found.missing,
    }
}
