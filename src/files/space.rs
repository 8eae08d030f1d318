//! How much room there is, and how much is taken.

use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

/// Bytes on disk below `dirs` together: allocated blocks (a sparse file is as large as what it
/// holds), each file once however many names it has, links not followed. With `since`, what has
/// not changed from then on is left out. What vanishes or can't be read meanwhile counts as
/// nothing, so that a directory at work can be measured. Ends early when `enough` says so.
pub fn stored(dirs: &[PathBuf], since: Option<SystemTime>, enough: impl Fn(u64) -> bool) -> u64 {
    let mut linked = HashSet::new();
    let mut total = 0_u64;
    let mut left = dirs.to_vec();
    while let Some(dir) = left.pop() {
        if enough(total) {
            break;
        }
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                left.push(entry.path());
            }
            let first = meta.is_dir() || meta.nlink() < 2 || linked.insert((meta.dev(), meta.ino()));
            if first && since.is_none_or(|since| changed(&meta) >= since) {
                total = total.saturating_add(meta.blocks().saturating_mul(512));
            }
        }
    }
    total
}

/// When the file's content or attributes last changed, which no program can set.
fn changed(meta: &Metadata) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(meta.ctime()).unwrap_or(0));
    let rest = Duration::from_nanos(u64::try_from(meta.ctime_nsec()).unwrap_or(0));
    UNIX_EPOCH + seconds + rest
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
    fn what_is_stored_is_counted_once_and_by_what_it_holds() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(elsewhere.path().join("big"), vec![1; 1 << 20]).unwrap();
        let size = |since| stored(&[dir.path().to_owned()], since, |_| false);
        let empty = size(None);
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/a"), vec![1; 1 << 18]).unwrap();
        std::fs::hard_link(dir.path().join("sub/a"), dir.path().join("b")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("out")).unwrap();
        std::fs::File::create(dir.path().join("hole")).unwrap().set_len(1 << 30).unwrap();
        assert!(((1 << 18)..(1 << 19)).contains(&(size(None) - empty)), "{}", size(None));
        assert_eq!(stored(&[dir.path().join("missing")], None, |_| false), 0);
        let hour = Duration::from_secs(3600);
        assert!(size(Some(SystemTime::now() - hour)) >= 1 << 18);
        assert_eq!(size(Some(SystemTime::now() + hour)), 0);
    }
}
