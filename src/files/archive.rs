//! Moves what an earlier run left out of a new run's way, whole.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::atomic::sync_dir;

/// Moves those of `entries` (names directly below `dir`) that exist to
/// `dir/.history/<run_id>/`. Called again after a crash it goes on with the rest; a name
/// that is already there gets a number behind it. Returns where they are now, or `None` if
/// there was nothing to move.
///
/// # Errors
/// The disk's, with the path that it is about.
pub fn archive(dir: &Path, entries: &[&str], run_id: &str) -> io::Result<Option<PathBuf>> {
    let there = |name: &&&str| fs::symlink_metadata(dir.join(name)).is_ok();
    let left: Vec<&&str> = entries.iter().filter(there).collect();
    if left.is_empty() {
        return Ok(None);
    }
    let history = dir.join(".history").join(run_id);
    fs::create_dir_all(&history).map_err(|error| about(&history, &error))?;
    for name in left {
        let from = dir.join(name);
        super::fault::pass_file(&from)?;
        fs::rename(&from, free_name(&history, name)).map_err(|error| about(&from, &error))?;
    }
    sync_dir(&history)?;
    sync_dir(dir)?;
    Ok(Some(history))
}

fn free_name(history: &Path, name: &str) -> PathBuf {
    let plain = history.join(name);
    let numbered = (2..).map(|n| history.join(format!("{name}.{n}")));
    let free =
        |path: &PathBuf| fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    std::iter::once(plain.clone()).chain(numbered).take(1000).find(free).unwrap_or(plain)
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("can't archive {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_move_whole_and_a_second_call_finds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("runs/A")).unwrap();
        fs::write(dir.path().join("runs/A/diff.patch"), "x").unwrap();
        fs::write(dir.path().join("audit-report.md"), "y").unwrap();
        fs::write(dir.path().join("state.md"), "stays").unwrap();
        let names = ["runs", "remediation", "audit-report.md"];
        let history = archive(dir.path(), &names, "R1").unwrap().unwrap();
        assert_eq!(history, dir.path().join(".history/R1"));
        assert_eq!(fs::read_to_string(history.join("runs/A/diff.patch")).unwrap(), "x");
        assert_eq!(fs::read_to_string(history.join("audit-report.md")).unwrap(), "y");
        assert!(dir.path().join("state.md").exists() && !dir.path().join("runs").exists());
        assert_eq!(archive(dir.path(), &names, "R1").unwrap(), None);
    }

    #[test]
    fn what_is_archived_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        for content in ["first", "second"] {
            fs::create_dir(dir.path().join("runs")).unwrap();
            fs::write(dir.path().join("runs/x"), content).unwrap();
            archive(dir.path(), &["runs"], "R").unwrap();
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(".history/R").join(name)).unwrap();
        assert_eq!((read("runs/x").as_str(), read("runs.2/x").as_str()), ("first", "second"));
    }
}
