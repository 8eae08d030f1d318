//! Artifacts of earlier runs: moved aside before a new run writes, and brought back for the one
//! that `resume` may take up. A run that never came to its branch hides no other.

use std::path::{Path, PathBuf};

use crate::base::layout::{ARTIFACT_DIRS, REPORT_PREFIX};
use crate::base::{RunId, names};
use crate::cli::failure::Failure;
use crate::cli::past;
use crate::cli::project::Project;
use crate::files;
use crate::journal::{self, RunState};

const HISTORY: &str = ".history";

/// Moves what an earlier run wrote to `.history/<run id>/`.
///
/// # Errors
/// Something could not be moved; everything is where it was or there.
pub fn archive_earlier(out: &Path) -> std::io::Result<()> {
    let run_id = read(out).and_then(|state| RunId::parse(state.run_id()));
    let name = run_id.map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let entries = entries(out);
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    files::archive(out, &entries, &name).map(drop)
}

/// What a run has in a directory. The journal's goes last: as long as it is there, it is known
/// whose the rest is.
fn entries(dir: &Path) -> Vec<String> {
    let dirs = ARTIFACT_DIRS.iter().filter(|d| ![HISTORY, "runs"].contains(*d));
    let mut entries: Vec<String> = dirs.map(|d| (*d).to_owned()).collect();
    let found = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.extend(
        found.map(|e| e.file_name().to_string_lossy().into_owned()).filter(|n| n.starts_with(REPORT_PREFIX)),
    );
    entries.push("runs".to_owned());
    entries
}

/// What the journal in a directory of artifacts says, if there is one that can be read.
fn read(dir: &Path) -> Option<RunState> {
    let read = journal::read(&dir.join(names::JOURNAL)).ok()?;
    Some(journal::replay(&read.records))
}

/// Refuses artifacts among which something else stands than files and directories: what is
/// written or read through a link is elsewhere, and a pipe is waited for without end.
///
/// # Errors
/// The first one, as a usage error.
pub fn nothing_strange(out: &Path) -> Result<(), Failure> {
    let found = entries(out).iter().find_map(|name| strange(&out.join(name)));
    found.map_or(Ok(()), |path| {
        Err(Failure::usage(
            format!("{} is no artifact: it is neither a file nor a directory", path.display()),
            "move it away; what was a file before must be put back",
        ))
    })
}

fn strange(path: &Path) -> Option<PathBuf> {
    let kind = path.symlink_metadata().ok()?.file_type();
    if !kind.is_dir() {
        return (!kind.is_file()).then(|| path.to_owned());
    }
    std::fs::read_dir(path).ok()?.flatten().find_map(|entry| strange(&entry.path()))
}

/// True if the artifacts of a run are in `out`, as the last one's or in `.history/`.
pub fn has(out: &Path, run: &RunId) -> bool {
    let last = read(out).is_some_and(|state| state.run_id() == run.as_str());
    last || out.join(HISTORY).join(run.as_str()).is_dir()
}

/// The run that `resume` would go on with.
pub struct Resumable {
    /// Which.
    pub run_id: RunId,
    /// What its journal says.
    pub state: RunState,
    /// Where it is archived; `None`: its artifacts are in out.
    archived: Option<PathBuf>,
    /// The run in out that never came to its branch.
    pub instead_of: Option<RunId>,
}

/// The newest run with a branch, if it is not done. Those that preflight rejected, or that
/// were killed before they had a branch, are passed over.
///
/// # Errors
/// Git failed.
pub fn resumable(project: &Project) -> Result<Option<Resumable>, Failure> {
    let out = project.repo.root().join(project.layout.out());
    let here = read(&out).and_then(|state| RunId::parse(state.run_id()));
    let earlier = newest_first(&out.join(HISTORY)).into_iter().map(|dir| (dir.clone(), Some(dir)));
    let newest_first = std::iter::once((out, None)).chain(earlier);
    for (dir, archived) in newest_first {
        let Some(state) = read(&dir) else { continue };
        let Some(run_id) = RunId::parse(state.run_id()) else { continue };
        if past::is_done(project, &run_id, &state, &dir.join(names::JOURNAL))? {
            return Ok(None);
        }
        if project.repo.reference(&run_id.branch_ref())?.is_some() {
            let instead_of = here.filter(|_| archived.is_some());
            return Ok(Some(Resumable { run_id, state, archived, instead_of }));
        }
    }
    Ok(None)
}

fn newest_first(history: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(history).into_iter().flatten().flatten();
    let named = entries.filter_map(|e| {
        let name = e.file_name().into_string().ok()?;
        RunId::parse(&name)?;
        // Of the same second a longer name is the later one: -2, -9, -10.
        let second = name.split('-').next().unwrap_or_default().to_owned();
        Some(((second, name.len(), name), e.path()))
    });
    let mut runs: Vec<_> = named.collect();
    runs.sort();
    runs.into_iter().rev().map(|(_, dir)| dir).collect()
}

impl Resumable {
    /// True if a run that never came to its branch stands in its place.
    pub fn is_hidden(&self) -> bool {
        self.archived.is_some()
    }

    /// Brings its artifacts back into out; what stands there is archived. Called again after a
    /// crash it goes on.
    ///
    /// # Errors
    /// Something could not be moved; nothing is lost.
    pub fn bring_back(&self, out: &Path) -> std::io::Result<()> {
        let Some(archived) = &self.archived else { return Ok(()) };
        // Without a journal, what stands in out is what an earlier attempt at this brought back.
        if out.join(names::JOURNAL).exists() {
            archive_earlier(out)?;
        }
        for name in entries(archived) {
            let (from, to) = (archived.join(&name), out.join(&name));
            if from.symlink_metadata().is_ok() && to.symlink_metadata().is_err() {
                files::fault::pass_file(&to)?;
                std::fs::rename(&from, &to)?;
            }
        }
        files::sync_dir(out)?;
        // Gone if nothing else was put there.
        let _ = std::fs::remove_dir(archived);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["20260101T000000Z", "20260102T000000Z-10", "20260102T000000Z-2", "20260102T000000Z"];
        for name in names.iter().chain(&["unknown"]) {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let found = newest_first(dir.path());
        let found: Vec<&str> = found.iter().map(|d| d.file_name().unwrap().to_str().unwrap()).collect();
        let expected = ["20260102T000000Z-10", "20260102T000000Z-2", "20260102T000000Z", "20260101T000000Z"];
        assert_eq!(found, expected);
    }
}
