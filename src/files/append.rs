//! A file that only grows, written and synced by many threads, with one sync for all that
//! came while the last one ran.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::atomic::{parent, sync_dir};

/// An append-only file.
#[derive(Debug)]
pub struct AppendLog {
    file: Mutex<Written>,
    synced: Mutex<Synced>,
}

#[derive(Debug)]
struct Written {
    file: File,
    /// Appends so far.
    count: u64,
}

#[derive(Debug)]
struct Synced {
    /// A second handle, so that appends go on during a sync.
    file: File,
    /// Appends that are known to be on disk.
    count: u64,
}

/// Names an append, for [`AppendLog::sync`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

impl AppendLog {
    /// Opens (or makes, with its parents) the file; what is there stays.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(path: &Path) -> io::Result<AppendLog> {
        std::fs::create_dir_all(parent(path))?;
        // A FIFO in its place is an error, not something to wait at for a reader.
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        sync_dir(parent(path))?;
        let second = file.try_clone()?;
        Ok(AppendLog {
            file: Mutex::new(Written { file, count: 0 }),
            synced: Mutex::new(Synced { file: second, count: 0 }),
        })
    }

    /// Cuts the file, such as before a line that a crash left torn.
    ///
    /// # Errors
    /// The disk's.
    pub fn truncate(&self, len: u64) -> io::Result<()> {
        let written = lock(&self.file);
        written.file.set_len(len)?;
        written.file.sync_data()
    }

    /// Appends `bytes` in one piece: pieces of other threads never come in between. Not yet
    /// on disk; see [`AppendLog::sync`].
    ///
    /// # Errors
    /// The disk's; then a part of `bytes` may have been written.
    pub fn append(&self, bytes: &[u8]) -> io::Result<Ticket> {
        let mut written = lock(&self.file);
        written.file.write_all(bytes)?;
        written.count += 1;
        Ok(Ticket(written.count))
    }

    /// Returns when the named append is on disk. Threads that wait here together share a
    /// sync: one does it for all that was appended before it began.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self, ticket: Ticket) -> io::Result<()> {
        let mut synced = lock(&self.synced);
        if synced.count >= ticket.0 {
            return Ok(());
        }
        let count = lock(&self.file).count;
        synced.file.sync_data()?;
        synced.count = count;
        Ok(())
    }
}

/// A thread that panicked while holding it left whole counts behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_threads_stay_whole_and_all_arrive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/log");
        let log = AppendLog::open(&path).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let log = &log;
                scope.spawn(move || {
                    for line in 0..20 {
                        let ticket = log.append(format!("{thread} {line} end\n").as_bytes()).unwrap();
                        log.sync(ticket).unwrap();
                    }
                });
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 160);
        assert!(text.lines().all(|line| line.ends_with(" end")), "{text}");
    }

    #[test]
    fn an_opened_log_goes_on_where_it_ended_and_a_torn_line_can_be_cut() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "one\ntw").unwrap();
        let log = AppendLog::open(&path).unwrap();
        log.truncate(4).unwrap();
        log.append(b"two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn a_sync_covers_what_was_appended_before() {
        let dir = tempfile::tempdir().unwrap();
        let log = AppendLog::open(&dir.path().join("log")).unwrap();
        let first = log.append(b"1").unwrap();
        let second = log.append(b"2").unwrap();
        assert!(first < second);
        log.sync(second).unwrap();
        assert_eq!(lock(&log.synced).count, 2);
        log.sync(first).unwrap();
    }
}
