//! Reads a journal back. A torn last line is tolerated (it was never acted on); a gap, an
//! unknown version or a line that is no record is refused, because everything is built on it.

use std::io;
use std::path::{Path, PathBuf};

use super::line::{Seal, seal};
use crate::diag::Diag;
use crate::event::{JOURNAL_VERSION, Record};
use crate::files::read_plain;

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file can't be read or written.
    #[error("can't use the journal {}: {source}", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line that is not the last is no record.
    #[error("line {line} of the journal is not a record: {detail}")]
    NotARecord {
        /// From 1.
        line: usize,
        /// What the parser said.
        detail: String,
    },
    /// A line of another format.
    #[error(
        "line {line} of the journal has format version {found}; this auditrun reads version {JOURNAL_VERSION}"
    )]
    Version {
        /// From 1.
        line: usize,
        /// Its version.
        found: u64,
    },
    /// Lines are missing, repeated or out of order.
    #[error("line {line} of the journal has number {found} where {expected} belongs")]
    Gap {
        /// From 1.
        line: usize,
        /// The number that belongs there.
        expected: u64,
        /// The number that stands there.
        found: u64,
    },
}

impl JournalError {
    /// The error as a diagnostic with its remedy.
    pub fn diag(&self) -> Diag {
        let (code, help) = match self {
            JournalError::Io { .. } => (
                "journal::io",
                "check that the artifact directory is there and writable, and that nothing else stands in the journal's place",
            ),
            JournalError::NotARecord { .. } => (
                "journal::not-a-record",
                "the file was edited or damaged after it was written: restore it (`auditrun verify` reads the copy under refs/auditrun-proof/ where there is one) or start a new run",
            ),
            JournalError::Version { .. } => {
                ("journal::version", "read it with the auditrun that wrote it, or start a new run")
            }
            JournalError::Gap { .. } => {
                ("journal::gap", "lines were removed or moved: restore the file or start a new run")
            }
        };
        Diag::error(code, self.to_string()).help(help)
    }
}

/// A last line that was not written to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// Where it begins: the length of the whole lines before it, in bytes.
    pub offset: usize,
    /// Its length in bytes.
    pub length: usize,
}

/// A journal as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JournalRead {
    /// Every whole record, in order.
    pub records: Vec<Record>,
    /// What the crash left; not among the records.
    pub torn_tail: Option<TornTail>,
    /// What is wrong without being in the way of reading: checksums that don't fit. Status
    /// shows them; resume and verify refuse to go on.
    pub problems: Vec<String>,
    /// The last checksum: what the next line chains to.
    pub(super) last_sum: String,
}

/// Reads the journal at `path`.
///
/// # Errors
/// [`JournalError`] says which line can't be trusted.
pub fn read(path: &Path) -> Result<JournalRead, JournalError> {
    let bytes = read_plain(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    parse(&bytes)
}

/// Reads a journal from its bytes.
///
/// # Errors
/// [`JournalError`] says which line can't be trusted.
pub fn parse(bytes: &[u8]) -> Result<JournalRead, JournalError> {
    let mut out = JournalRead::default();
    let mut offset = 0;
    let mut lines = bytes.split_inclusive(|b| *b == b'\n').enumerate().peekable();
    while let Some((index, raw)) = lines.next() {
        match raw.strip_suffix(b"\n").map(|line| record(line, index)) {
            Some(Ok(found)) => out.take(found, raw, index)?,
            // Only the last write can be torn, with or without its newline.
            None | Some(Err(JournalError::NotARecord { .. })) if lines.peek().is_none() => {
                out.torn_tail = Some(TornTail { offset, length: raw.len() });
            }
            Some(Err(error)) => return Err(error),
            None => {}
        }
        offset += raw.len();
    }
    Ok(out)
}

/// One line without its newline; `index` counts from 0.
pub(super) fn record(line: &[u8], index: usize) -> Result<Record, JournalError> {
    let value: serde_json::Value = serde_json::from_slice(line)
        .map_err(|e| JournalError::NotARecord { line: index + 1, detail: e.to_string() })?;
    let found = value.get("v").and_then(serde_json::Value::as_u64);
    match found {
        Some(v) if v == u64::from(JOURNAL_VERSION) => {}
        Some(found) => return Err(JournalError::Version { line: index + 1, found }),
        None => {
            return Err(JournalError::NotARecord { line: index + 1, detail: "it has no version".to_owned() });
        }
    }
    serde_json::from_value(value)
        .map_err(|e| JournalError::NotARecord { line: index + 1, detail: e.to_string() })
}

impl JournalRead {
    fn take(&mut self, found: Record, raw: &[u8], index: usize) -> Result<(), JournalError> {
        let expected = self.records.len() as u64;
        if found.seq != expected {
            return Err(JournalError::Gap { line: index + 1, expected, found: found.seq });
        }
        let text = String::from_utf8_lossy(raw.strip_suffix(b"\n").unwrap_or(raw));
        match seal(&text, &self.last_sum) {
            Seal::Whole(sum) => self.last_sum = sum,
            Seal::Broken(claimed) => {
                self.problems.push(format!("line {} does not have the checksum that it claims", index + 1));
                self.last_sum = claimed;
            }
        }
        self.records.push(found);
        Ok(())
    }
}
