//! Whole files, replaced in one step: a reader sees the old content or the new, and so does
//! whoever comes after a crash.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

/// What temporary names begin and end with.
const PREFIX: &str = ".auditrun-";
const SUFFIX: &str = ".tmp";

/// Removes what writers that were killed left directly in `dir`, and anywhere below those of
/// its directories that are named in `below`. Links are not followed.
///
/// # Errors
/// A file is there and can't be removed.
pub fn sweep_temporaries(dir: &Path, below: &[&str]) -> io::Result<()> {
    let mut open: Vec<(std::path::PathBuf, bool)> = vec![(dir.to_owned(), false)];
    open.extend(below.iter().map(|name| (dir.join(name), true)));
    while let Some((dir, deep)) = open.pop() {
        // What can't be listed was not written by us.
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() && deep {
                open.push((entry.path(), true));
            } else if kind.is_file() && name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
                fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

/// Writes `bytes` to a temporary name beside `path`, syncs, renames over `path` and syncs
/// the directory. Parents are made. The mode of a file that is replaced is kept; a new one
/// gets what the umask leaves of 0644. A symlink at `path` is replaced, not followed.
///
/// # Errors
/// The disk's; then `path` is what it was.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, Sync::Content)?;
    sync_dir(parent(path))
}

/// What is on disk when [`replace`] returns. Whichever it is, nobody ever sees half a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// The content; the name is when [`sync_dir`] has returned for its directory. Many files of
    /// one directory share that call.
    Content,
    /// Nothing: for what can be computed again from what is.
    Nothing,
}

/// [`atomic_write`] without a sync of the directory.
///
/// # Errors
/// The disk's; then `path` is what it was.
pub fn replace(path: &Path, bytes: &[u8], sync: Sync) -> io::Result<()> {
    let dir = parent(path);
    let make = || builder(path).prefix(PREFIX).suffix(SUFFIX).tempfile_in(dir);
    let mut temporary = match make() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir)?;
            make()?
        }
        made => made?,
    };
    temporary.write_all(bytes)?;
    if sync == Sync::Content {
        temporary.as_file().sync_data()?;
    }
    super::fault::pass_file(path)?;
    temporary.persist(path).map(drop).map_err(|error| error.error)
}

/// [`atomic_write`] of indented JSON with a newline at its end.
///
/// # Errors
/// The disk's, or a value that JSON can't say (a map whose keys are no text).
pub fn atomic_write_json<T: Serialize + ?Sized>(path: &Path, value: &T) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    atomic_write(path, &bytes)
}

/// The directory that a path's name stands in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Makes renames and creations in `dir` durable.
///
/// # Errors
/// The disk's, or there is no such directory.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    // Only Unix lets a directory be opened and synced; elsewhere a rename is durable enough.
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

fn builder(path: &Path) -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
    // The umask is applied by the kernel, as for any new file.
    let mode = mode.map_or(0o644, |found| found.permissions().mode() & 0o777);
    let mut builder = tempfile::Builder::new();
    builder.permissions(fs::Permissions::from_mode(mode));
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_made_with_its_parents_and_replaced_without_a_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.txt");
        atomic_write(&path, b"one").unwrap();
        atomic_write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(&dir.path().join("a")), ["b.txt"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir_all(path.join("inside")).unwrap();
        assert!(atomic_write(&path, b"x").is_err());
        assert_eq!(names(dir.path()), ["taken"]);
    }

    #[test]
    fn what_a_killed_writer_left_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["runs/A", "src"] {
            fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        for path in [".auditrun-x.tmp", "runs/A/.auditrun-y.tmp", "runs/A/kept.tmp", "src/.auditrun-z.tmp"] {
            fs::write(dir.path().join(path), "half").unwrap();
        }
        sweep_temporaries(dir.path(), &["runs", "not-there"]).unwrap();
        assert_eq!(names(&dir.path().join("runs/A")), ["kept.tmp"]);
        assert_eq!(names(&dir.path().join("src")), [".auditrun-z.tmp"]);
        assert!(!dir.path().join(".auditrun-x.tmp").exists());
    }

    #[test]
    fn a_link_is_replaced_and_a_mode_kept() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "untouched").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        atomic_write(&link, b"x").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"untouched");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
        fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).unwrap();
        atomic_write(&target, b"y").unwrap();
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn json_ends_in_a_newline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.json");
        atomic_write_json(&path, &serde_json::json!({"a": [1]})).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"a\": [\n    1\n  ]\n}\n");
    }
}
