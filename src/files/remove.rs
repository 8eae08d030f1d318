//! Removal that gets its way and never leaves its own directory: links are removed and not
//! followed, directories that forbid it are opened up first, and who still writes below it
//! is waited out for a moment.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// How often a directory that fills again while it is emptied is tried, and the pause between.
const AGAIN: (u32, Duration) = (20, Duration::from_millis(25));

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
