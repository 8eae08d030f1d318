//! Removal that gets its way and never leaves its own directory: links are removed and not
//! followed, directories that forbid it are opened up first, and who still writes below it
//! is waited out for a moment.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Dir, FileType, Mode, OFlags, fchmod, openat, renameat};
use rustix::io::Errno;

/// How often a directory that fills again while it is emptied is tried, and the pause between.
const AGAIN: (u32, Duration) = (20, Duration::from_millis(25));

/// Directories that lie in one another deeper than this are moved up before the removal, which
/// would keep each of them open, and a piece of the stack for it.
const DEEPEST: usize = 64;

/// Removes a file, link or directory with everything below. Nothing there: done.
///
/// # Errors
/// The file system's.
pub fn remove_anything(path: &Path) -> io::Result<()> {
    let meta = match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !meta.is_dir() {
        return gone(fs::remove_file(path));
    }
    let (mut left, pause) = AGAIN;
    loop {
        // What fails here fails again, with its reason, in the removal.
        let _ = flatten(path);
        match gone(fs::remove_dir_all(path)) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied && left > 0 => {
                open_up(path);
                left = 0;
            }
            // A program on its way out made a file meanwhile.
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty && left > 0 => {
                left -= 1;
                std::thread::sleep(pause);
            }
            other => return other,
        }
    }
}

/// A directory on the way down, and those in it that are still to be looked into.
struct Level {
    dir: OwnedFd,
    left: Vec<CString>,
}

/// Moves directories that lie too deep to the top of the tree, however deep they are. No link is
/// followed, and no path is longer than a name.
fn flatten(top: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut levels = vec![Level::new(rustix::fs::open(top, flags, Mode::empty())?)?];
    let mut number = 0_u64;
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.left.pop() else {
            levels.pop();
            continue;
        };
        if levels.len() < DEEPEST {
            let Some(level) = levels.last() else { continue };
            // One that can't be opened is for the removal to say.
            if let Ok(dir) = openat(&level.dir, &name, flags, Mode::empty()) {
                levels.push(Level::new(dir)?);
            }
            continue;
        }
        let moved = loop {
            let up = CString::new(format!(".auditrun-deep-{number}"))?;
            number += 1;
            let (Some(from), Some(to)) = (levels.last(), levels.first()) else { return Ok(()) };
            match renameat(&from.dir, &name, &to.dir, &up) {
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                Err(Errno::ACCESS) => {
                    fchmod(&from.dir, Mode::RWXU)?;
                    fchmod(openat(&from.dir, &name, flags, Mode::empty())?, Mode::RWXU)?;
                    break renameat(&from.dir, &name, &to.dir, &up).map(|()| up);
                }
                other => break other.map(|()| up),
            }
        };
        if let (Ok(up), Some(first)) = (moved, levels.first_mut()) {
            first.left.push(up);
        }
    }
    Ok(())
}

impl Level {
    fn new(dir: OwnedFd) -> io::Result<Level> {
        let mut left = Vec::new();
        for entry in Dir::read_from(dir.as_fd())? {
            let entry = entry?;
            let name = entry.file_name();
            let may_be = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if may_be && name != c"." && name != c".." {
                left.push(name.to_owned());
            }
        }
        Ok(Level { dir, left })
    }
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes every directory below writable. What fails here fails again, with its reason, in
/// the removal.
fn open_up(dir: &Path) {
    let _ = fs::set_permissions(dir, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("kept");
        let doomed = dir.path().join("doomed");
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("f"), "x").unwrap();
        fs::create_dir_all(doomed.join("locked/in")).unwrap();
        std::os::unix::fs::symlink(&kept, doomed.join("locked/link")).unwrap();
        fs::set_permissions(doomed.join("locked"), fs::Permissions::from_mode(0o500)).unwrap();
        remove_anything(&doomed).unwrap();
        assert!(!doomed.exists() && kept.join("f").exists());
        std::os::unix::fs::symlink(&kept, &doomed).unwrap();
        remove_anything(&doomed).unwrap();
        assert!(kept.join("f").exists());
        remove_anything(&doomed).unwrap();
    }

    #[test]
    fn no_directory_is_too_deep() {
        use rustix::fs::mkdirat;
        let dir = tempfile::tempdir().unwrap();
        let doomed = dir.path().join("doomed");
        fs::create_dir(&doomed).unwrap();
        fs::create_dir(doomed.join(".auditrun-deep-0")).unwrap();
        fs::write(doomed.join(".auditrun-deep-0/x"), "").unwrap();
        let mut here: OwnedFd = fs::File::open(&doomed).unwrap().into();
        for _ in 0..3_000 {
            mkdirat(&here, "d", Mode::RWXU).unwrap();
            here = openat(&here, "d", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        remove_anything(&doomed).unwrap();
        assert!(!doomed.exists());
    }

    #[test]
    fn a_directory_that_somebody_still_writes_to_goes_when_they_are_done() {
        let dir = tempfile::tempdir().unwrap();
        let doomed = dir.path().join("doomed");
        fs::create_dir(&doomed).unwrap();
        let place = doomed.clone();
        let writer = std::thread::spawn(move || {
            for n in 0..2000 {
                // It is gone sooner or later.
                let _ = fs::write(place.join(n.to_string()), "x");
            }
        });
        remove_anything(&doomed).unwrap();
        writer.join().unwrap();
        assert!(!doomed.exists());
    }
}
