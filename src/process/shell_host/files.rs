//! The portable verbs' effects on real files.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{Ending, Fence};
use crate::process::active;
use crate::step::builtin::{FileKind, Files};

/// How often a waiting verb looks whether the script was ended.
const POLL: Duration = Duration::from_millis(20);

/// The file system.
#[derive(Clone)]
pub struct OsFiles {
    pub(super) ending: Ending,
    pub(super) fence: Fence,
}

impl OsFiles {
    pub(super) fn new(ending: Ending, fence: Fence) -> OsFiles {
        OsFiles { ending, fence }
    }
}

impl Files for OsFiles {
    fn kind(&self, path: &Path, follow: bool) -> io::Result<Option<FileKind>> {
        let found = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
        match found {
            Ok(meta) => Ok(Some(match meta.file_type() {
                kind if kind.is_dir() => FileKind::Dir,
                kind if kind.is_file() => FileKind::File,
                kind if kind.is_symlink() => FileKind::Link,
                _ => FileKind::Other,
            })),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.fence.check(path, true)?;
        Ok(Box::new(fs::File::open(path)?))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.fence.check(dir, true)?;
        let mut names =
            fs::read_dir(dir)?.map(|entry| entry.map(|e| e.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.fence.check(path, false)?;
        fs::create_dir(path)
    }

    fn copy_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fence.check(from, true)?;
        self.fence.check(to, true)?;
        fs::copy(from, to).map(drop)
    }

    fn copy_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fence.check(from, false)?;
        self.fence.check(to, false)?;
        std::os::unix::fs::symlink(fs::read_link(from)?, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fence.check(from, false)?;
        self.fence.check(to, false)?;
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.fence.check(path, false)?;
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.fence.check(path, false)?;
        fs::remove_dir(path)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn sleep(&self, time: Duration) -> bool {
        let started = active();
        loop {
            if self.ending.now().is_some() {
                return false;
            }
            let Some(left) = time.checked_sub(active().saturating_sub(started)).filter(|l| !l.is_zero())
            else {
                return true;
            };
            thread::sleep(left.min(POLL));
        }
    }
}
