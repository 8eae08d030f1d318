//! How much room there is, and how much is taken.

use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Bytes that this user may still write on the file system of `path` (of its nearest
/// existing ancestor).
///
/// # Errors
/// The system's.
pub fn free_space(path: &Path) -> io::Result<u64> {
    let there = path.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let found = rustix::fs::statvfs(there)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Bytes on disk below `path`: allocated blocks, each file once however many names it has,
/// links not followed. What vanishes or can't be read meanwhile counts as nothing, so that a
/// directory at work can be measured.
pub fn dir_size(path: &Path) -> u64 {
    let mut counted = HashSet::new();
    let mut total = 0;
    let mut dirs = vec![path.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                dirs.push(entry.path());
            }
            if first_name(&meta, &mut counted) {
                total += allocated(&meta);
            }
        }
    }
    total
}

fn first_name(meta: &Metadata, counted: &mut HashSet<(u64, u64)>) -> bool {
    use std::os::unix::fs::MetadataExt;
    meta.is_dir() || meta.nlink() < 2 || counted.insert((meta.dev(), meta.ino()))
}

fn allocated(meta: &Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    meta.blocks() * 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_told_for_a_place_that_is_not_there_yet() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(&dir.path().join("not/yet")).unwrap() > 0);
        assert!(free_space(Path::new("nothing-here")).unwrap() > 0);
    }

    #[test]
    fn a_file_counts_once_and_links_are_not_followed() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("big"), vec![1; 1 << 20]).unwrap();
        let empty = dir_size(dir.path());
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/a"), vec![1; 1 << 18]).unwrap();
        std::fs::hard_link(dir.path().join("sub/a"), dir.path().join("b")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("out")).unwrap();
        let size = dir_size(dir.path()) - empty;
        assert!(((1 << 18)..(1 << 19)).contains(&size), "{size}");
        assert_eq!(dir_size(&dir.path().join("missing")), 0);
    }
}
