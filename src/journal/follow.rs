//! Follows a journal that somebody is writing: each call gives the whole records that were
//! added since the one before. Reads only.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::read::{JournalError, record};
use crate::event::Record;

/// A place in a journal.
#[derive(Debug, Clone)]
pub struct Follower {
    path: PathBuf,
    /// Bytes and records behind it.
    offset: u64,
    records: u64,
}

impl Follower {
    /// At the beginning of the journal at `path`, which need not be there yet.
    pub fn new(path: &Path) -> Follower {
        Follower { path: path.to_owned(), offset: 0, records: 0 }
    }

    /// The records that were added; none if there is no file. A line that is not written to its
    /// end waits for the next call.
    ///
    /// # Errors
    /// The file can't be read, or holds something that is no record.
    pub fn added(&mut self) -> Result<Vec<Record>, JournalError> {
        let io = |source| JournalError::Io { path: self.path.clone(), source };
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(io(e)),
        };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.offset)).map_err(io)?;
        file.read_to_end(&mut bytes).map_err(io)?;
        let mut found = Vec::new();
        for raw in bytes.split_inclusive(|b| *b == b'\n') {
            let Some(text) = raw.strip_suffix(b"\n") else { break };
            let line = usize::try_from(self.records).unwrap_or(usize::MAX);
            let next = record(text, line)?;
            if next.seq != self.records {
                return Err(JournalError::Gap { line: line + 1, expected: self.records, found: next.seq });
            }
            self.offset += raw.len() as u64;
            self.records += 1;
            found.push(next);
        }
        Ok(found)
    }
}
