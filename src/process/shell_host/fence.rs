//! Keeps the step language's own redirections and file commands, which run in this process and
//! in no sandbox, from following links out of a directory in which somebody else may have
//! planted them.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// A directory whose paths must not lead out of it; shared by all who look at it.
#[derive(Debug, Clone, Default)]
pub struct Fence(Arc<RwLock<Option<PathBuf>>>);

impl Fence {
    /// Around this directory from now on.
    pub fn set(&self, dir: &Path) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(dir.to_owned());
    }

    /// Refuses a path that is written as one inside of the directory and leads elsewhere.
    /// `follow`: the path's last part is followed too, if it is a link.
    ///
    /// # Errors
    /// The sentence is about the link; or a part of the path can't be looked at.
    pub fn check(&self, path: &Path, follow: bool) -> io::Result<()> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(dir) = &*held else { return Ok(()) };
        let path = plain(path);
        if !path.starts_with(dir) || path == *dir {
            return Ok(());
        }
        let real = dir.canonicalize()?;
        let mut at = path.as_path();
        if !follow || !is_link(at) {
            // What is not there yet is made in the deepest directory that is.
            at = at.parent().unwrap_or(at);
            while at.symlink_metadata().is_err() && at != dir {
                at = at.parent().unwrap_or(at);
            }
        }
        match at.canonicalize() {
            Ok(place) if place.starts_with(&real) => Ok(()),
            // A link to nothing would be followed when the file is made.
            Ok(_) | Err(_) => Err(io::Error::other("a link leads out of the worktree")),
        }
    }
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_symlink())
}

/// Without `.` and `..`, as it is written.
fn plain(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = whole.pop(),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_is_inside_and_leads_outside_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let (dir, out) = (place.path().join("w"), place.path().join("out"));
        std::fs::create_dir_all(dir.join("real")).unwrap();
        std::fs::create_dir(&out).unwrap();
        std::fs::write(dir.join("file"), "x").unwrap();
        for (target, name) in
            [("../out", "door"), ("../out/new", "hole"), ("real", "inner"), ("file", "alias")]
        {
            symlink(target, dir.join(name)).unwrap();
        }
        let fence = Fence::default();
        let ok = |path: &str, follow| fence.check(&dir.join(path), follow).is_ok();
        assert!(ok("door/x", true), "there is no fence yet");
        fence.set(&dir);
        for path in
            ["file", "new", "real/new", "no/such/dir", "inner/x", "alias", "../out/x", "a/../file", ""]
        {
            assert!(ok(path, true) && ok(path, false), "{path}");
        }
        for path in ["door/x", "door/no/x", "inner/../door/x"] {
            assert!(!ok(path, true) && !ok(path, false), "{path}");
        }
        for path in ["door", "hole"] {
            assert!(!ok(path, true) && ok(path, false), "{path}: the link itself may be removed");
        }
    }
}
