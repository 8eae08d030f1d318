//! One harness at a time, by a lock of the operating system on a file that says who.
//!
//! The kernel's lock is the truth and ends with its holder, however that ends; the file and
//! what stands in it are for people. So a file that was left behind blocks nobody, and it is
//! never removed, because a removed file could be locked twice.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockInfo {
    /// Process id.
    pub pid: u32,
    /// Its start in clock ticks since boot; 0 where unknown.
    pub start_ticks: u64,
    /// The boot's id; empty where unknown.
    pub boot_id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// As typed.
    pub command: Vec<String>,
}

/// A lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else has it; `None` if what stands in the file can't be read.
    #[error("{}", held_by(.0.as_ref()))]
    HeldBy(Option<LockInfo>),
    /// The file can't be made, locked or written.
    #[error("can't lock {path}: {source}")]
    Io {
        /// The lock's file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

fn held_by(info: Option<&LockInfo>) -> String {
    match info {
        Some(info) => format!(
            "'{}' (process {}, since {}) holds the lock",
            info.command.join(" "),
            info.pid,
            info.started_at
        ),
        None => "another process holds the lock".to_owned(),
    }
}

/// A lock that is held until this is dropped. The file is close-on-exec: programs that are
/// started meanwhile do not inherit it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    left_by: Option<LockInfo>,
}

/// Who holds it may be about to write who it is.
const READ_AGAIN: (u32, Duration) = (10, Duration::from_millis(10));

impl Lock {
    /// Takes the lock at `path`, or says at once who has it. The parent directory must be
    /// there.
    ///
    /// # Errors
    /// [`LockError::HeldBy`], or the disk's trouble.
    pub fn acquire(path: &Path, info: &LockInfo) -> Result<Lock, LockError> {
        let io = |source| LockError::Io { path: path.display().to_string(), source };
        let mut file = open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::HeldBy(read_patiently(&mut file))),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let left_by = read(&mut file);
        let lock = Lock { file, left_by };
        lock.write(info).map_err(io)?;
        Ok(lock)
    }

    /// Who had the lock before and did not come to give it back: it was killed. `None` after an
    /// orderly end, or if what stood there can't be read. The next holder learns it too, until
    /// [`Lock::cleared`] is called.
    pub fn left_by(&self) -> Option<&LockInfo> {
        self.left_by.as_ref()
    }

    /// What who was killed left behind is cleared away.
    pub fn cleared(&mut self) {
        self.left_by = None;
    }

    /// Who holds the lock at `path`, without waiting for it or keeping it.
    pub fn holder(path: &Path) -> Option<LockInfo> {
        let mut file = OpenOptions::new().read(true).open(path).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => read_patiently(&mut file),
            _ => None,
        }
    }

    fn write(&self, info: &LockInfo) -> io::Result<()> {
        let mut text = serde_json::to_vec(info)?;
        text.push(b'\n');
        self.file.set_len(0)?;
        (&self.file).rewind()?;
        (&self.file).write_all(&text)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // For people, and for whoever clears up; closing the file is what ends the lock.
        let _ = match &self.left_by {
            Some(info) => self.write(info),
            None => self.file.set_len(0),
        };
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn read_patiently(file: &mut File) -> Option<LockInfo> {
    let (times, pause) = READ_AGAIN;
    for _ in 0..times {
        if let Some(info) = read(file) {
            return Some(info);
        }
        std::thread::sleep(pause);
    }
    None
}

fn read(file: &mut File) -> Option<LockInfo> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(pid: u32) -> LockInfo {
        LockInfo {
            pid,
            start_ticks: 7,
            boot_id: "boot".into(),
            started_at: "2026-01-02T03:04:05.000Z".into(),
            command: vec!["auditrun".into(), "run".into()],
        }
    }

    #[test]
    fn the_second_is_told_who_has_it_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auditrun.lock");
        let first = Lock::acquire(&path, &info(1)).unwrap();
        let refused = Lock::acquire(&path, &info(2)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "'auditrun run' (process 1, since 2026-01-02T03:04:05.000Z) holds the lock"
        );
        assert_eq!(Lock::holder(&path), Some(info(1)));
        drop(first);
        assert_eq!(Lock::holder(&path), None);
        Lock::acquire(&path, &info(2)).unwrap();
    }

    #[test]
    fn a_file_left_behind_blocks_nobody_whatever_it_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auditrun.lock");
        for stale in
            [serde_json::to_string(&info(1)).unwrap(), "not json, and longer than what follows".repeat(9)]
        {
            let left_by = serde_json::from_str(&stale).ok();
            std::fs::write(&path, stale).unwrap();
            drop(Lock::acquire(&path, &info(2)).unwrap());
            let mut lock = Lock::acquire(&path, &info(3)).unwrap();
            assert_eq!(Lock::holder(&path), Some(info(3)));
            assert_eq!(lock.left_by(), left_by.as_ref(), "nobody has cleared up yet");
            lock.cleared();
            drop(lock);
            assert_eq!(Lock::acquire(&path, &info(4)).unwrap().left_by(), None, "given back");
        }
    }

    #[test]
    fn a_holder_that_says_nothing_is_still_a_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auditrun.lock");
        let silent = File::create(&path).unwrap();
        silent.lock().unwrap();
        assert!(matches!(Lock::acquire(&path, &info(2)), Err(LockError::HeldBy(None))));
    }

    #[test]
    fn a_place_that_is_not_there_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let error = Lock::acquire(&dir.path().join("no/lock"), &info(1)).unwrap_err();
        assert!(error.to_string().contains("no/lock"), "{error}");
    }

    /// A program that is started while the lock is held must not keep it when its starter is gone.
    #[test]
    fn a_started_program_does_not_inherit_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("auditrun.lock");
        let lock = Lock::acquire(&path, &info(1)).unwrap();
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        drop(lock);
        // Another test's child may hold the file between its fork and its exec; this child
        // lives on, so that its holding it would never end.
        let free = || Lock::acquire(&path, &info(2)).is_ok();
        let again = (0..1000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(5));
            free()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(again);
    }
}
