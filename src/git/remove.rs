//! Removal that gets its way and never leaves its own directory: links are removed and not
//! followed, directories that forbid it are opened up first.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a file, link or directory with everything below. Nothing there: done.
pub(super) fn remove_anything(path: &Path) -> io::Result<()> {
    let meta = match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    if !meta.is_dir() {
        return gone(fs::remove_file(path));
    }
    match fs::remove_dir_all(path) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path);
            gone(fs::remove_dir_all(path))
        }
        other => gone(other),
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
}
