//! Copies: whole trees, and a second name for a file that is written once.

use std::fs;
use std::io;
use std::path::Path;

/// Copies a file or a directory with everything below it; links stay links. Parents of the
/// target are made.
///
/// # Errors
/// The disk's.
pub fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_symlink() {
            copy_link(&entry.path(), &target)?;
        } else {
            copy_tree(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn copy_link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(fs::read_link(from)?, to)
}

/// Gives a finished file a second name, as a hard link where that works, else as a copy. An
/// older file of that name is replaced.
///
/// # Errors
/// The disk's.
pub fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_copied_with_their_links() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/b/c"), "x").unwrap();
        std::os::unix::fs::symlink("b/c", from.join("a/link")).unwrap();
        let to = dir.path().join("deep/to");
        copy_tree(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b/c")).unwrap(), "x");
        assert_eq!(fs::read_link(to.join("a/link")).unwrap(), Path::new("b/c"));
    }

    #[test]
    fn a_second_name_replaces_an_older_file() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        link_or_copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "new");
    }
}
