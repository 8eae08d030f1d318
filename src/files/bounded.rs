//! A log with a largest size that keeps its beginning and its end.
//!
//! Everything is written as it comes, so that `tail -f` follows. When the file is full, its
//! newest quarter moves forward to stand behind the first half and a line that says how much
//! is missing between them; then it grows again. So the file is never larger than its limit,
//! always ends in the newest output, and each byte is copied about once.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// How far the kept end is shifted to begin with a whole line.
const LINE_SEARCH: usize = 16 * 1024;
/// Bytes moved at once.
const BLOCK: usize = 256 * 1024;

/// A log file of bounded size.
#[derive(Debug)]
pub struct BoundedLog {
    file: File,
    limit: u64,
    len: u64,
    total: u64,
    /// Bytes left out so far; zero as long as everything is there.
    omitted: u64,
    error: Option<io::Error>,
}

/// What went into a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// Bytes given to it.
    pub total: u64,
    /// Bytes of these that are not in the file.
    pub omitted: u64,
}

impl BoundedLog {
    /// Makes (or empties) the file, with its parents. A limit below 4 KiB counts as 4 KiB.
    ///
    /// # Errors
    /// The disk's.
    pub fn create(path: &Path, limit: u64) -> io::Result<BoundedLog> {
        std::fs::create_dir_all(super::atomic::parent(path))?;
        let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(path)?;
        Ok(BoundedLog { file, limit: limit.max(4096), len: 0, total: 0, omitted: 0, error: None })
    }

    /// Takes the next bytes. Trouble with the disk is kept for [`BoundedLog::finish`], and
    /// nothing more is written after it.
    pub fn write(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        if self.error.is_none() {
            self.error = self.try_write(bytes).err();
        }
    }

    /// Bytes so far, and whether some had to go.
    pub fn logged(&self) -> Logged {
        Logged { total: self.total, omitted: self.omitted }
    }

    /// Syncs the file.
    ///
    /// # Errors
    /// The first trouble with the disk since the log was made.
    pub fn finish(mut self) -> io::Result<Logged> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.file.sync_data().map(|()| self.logged()),
        }
    }

    fn try_write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.len >= self.limit {
                self.compact()?;
            }
            let room = usize::try_from(self.limit - self.len).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(room.min(bytes.len()));
            self.file.write_all(now)?;
            self.len += now.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn head(&self) -> u64 {
        self.limit / 2
    }

    /// Puts the newest quarter behind the head. The copy runs forward over bytes that go
    /// anyway; the newest ones are cut off at the old place only when they stand at the new.
    fn compact(&mut self) -> io::Result<()> {
        let from = self.line_start(self.len - self.limit / 4)?;
        let kept_before = if self.omitted == 0 { 0 } else { marker(0).len() as u64 };
        self.omitted += from - self.head() - kept_before;
        let line = marker(self.omitted);
        self.file.seek(SeekFrom::Start(self.head()))?;
        self.file.write_all(line.as_bytes())?;
        let to = self.head() + line.len() as u64;
        self.len = self.shift(from, to)?;
        self.file.set_len(self.len)?;
        self.file.seek(SeekFrom::Start(self.len)).map(|_| ())
    }

    /// Copies everything from `from` on to `to` (which lies before it); the new end.
    fn shift(&mut self, mut from: u64, mut to: u64) -> io::Result<u64> {
        let mut block = vec![0; BLOCK];
        loop {
            self.file.seek(SeekFrom::Start(from))?;
            let n = self.file.read(&mut block)?;
            if n == 0 {
                return Ok(to);
            }
            self.file.seek(SeekFrom::Start(to))?;
            self.file.write_all(block.get(..n).unwrap_or_default())?;
            from += n as u64;
            to += n as u64;
        }
    }

    /// The first beginning of a line at or after `at`, or `at` where none is near.
    fn line_start(&mut self, at: u64) -> io::Result<u64> {
        let near = LINE_SEARCH.min(usize::try_from(self.limit / 16).unwrap_or(LINE_SEARCH));
        let mut block = vec![0; near];
        self.file.seek(SeekFrom::Start(at))?;
        let n = self.file.read(&mut block)?;
        let newline = block.iter().take(n).position(|b| *b == b'\n');
        Ok(newline.map_or(at, |i| at + i as u64 + 1))
    }
}

/// Of the same length whatever the number, so that it can be rewritten in place.
fn marker(omitted: u64) -> String {
    format!("\n[auditrun: {omitted:>20} bytes left out here]\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn log(limit: u64, pieces: &[Vec<u8>]) -> (Vec<u8>, Logged) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x/agent.log");
        let mut log = BoundedLog::create(&path, limit).unwrap();
        for piece in pieces {
            log.write(piece);
            assert!(std::fs::metadata(&path).unwrap().len() <= limit);
        }
        let logged = log.finish().unwrap();
        (std::fs::read(&path).unwrap(), logged)
    }

    #[test]
    fn what_fits_is_kept_as_it_is_and_is_there_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = BoundedLog::create(&path, 4096).unwrap();
        log.write(b"one\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
        assert_eq!(log.finish().unwrap(), Logged { total: 4, omitted: 0 });
    }

    #[test]
    fn lines_at_the_cut_stay_whole() {
        let pieces: Vec<Vec<u8>> = (0..2000).map(|n| format!("line {n}\n").into_bytes()).collect();
        let (bytes, logged) = log(4096, &pieces);
        let text = String::from_utf8(bytes).unwrap();
        let (head, tail) = text.split_once(&marker(logged.omitted)).unwrap();
        assert!(head.starts_with("line 0\nline 1\n"), "{head}");
        assert!(tail.starts_with("line ") && tail.ends_with("line 1999\n"), "{tail}");
    }

    #[test]
    fn trouble_is_remembered_and_reported() {
        let full = Path::new("/dev/full");
        if full.exists() {
            let file = OpenOptions::new().write(true).open(full).unwrap();
            let mut log = BoundedLog { file, limit: 4096, len: 0, total: 0, omitted: 0, error: None };
            log.write(b"x");
            log.write(b"y");
            assert_eq!(log.logged().total, 2);
            assert_eq!(log.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn head_and_tail_are_those_of_the_input(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..12)) {
            let all = pieces.concat();
            let (bytes, logged) = log(4096, &pieces);
            prop_assert_eq!(logged.total, all.len() as u64);
            if logged.omitted == 0 {
                prop_assert_eq!(bytes, all);
            } else {
                let line = marker(logged.omitted);
                let tail = &bytes[2048 + line.len()..];
                prop_assert_eq!(&bytes[..2048], &all[..2048]);
                prop_assert_eq!(&bytes[2048..2048 + line.len()], line.as_bytes());
                prop_assert!(tail.len() >= 700 && all.ends_with(tail));
                prop_assert_eq!(2048 + logged.omitted + tail.len() as u64, logged.total);
            }
        }
    }
}
