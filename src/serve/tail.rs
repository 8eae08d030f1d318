//! The end of a file that grows, may be cut, and may be replaced: for logs that are followed.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::open_plain;

/// Bytes that one look hands out at most.
const PIECE: u64 = 256 * 1024;

/// Follows one path.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Bytes of what is there already that are handed out.
    before: u64,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    file: File,
    identity: (u64, u64),
    at: u64,
}

/// What one look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Piece {
    /// Forget what came before: another file stands at the path, or this one was cut.
    pub anew: bool,
    /// Bytes of the file that were left out before these.
    pub skipped: u64,
    /// The new bytes.
    pub bytes: Vec<u8>,
}

impl Tail {
    /// Follows `path`, which need not exist yet. Of what stands in it at first, the last
    /// `before` bytes are handed out.
    pub fn new(path: impl Into<PathBuf>, before: u64) -> Tail {
        Tail { path: path.into(), before, held: None }
    }

    /// What it follows.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is new since the last look. Nothing where there is no file: what was there before
    /// may come back.
    ///
    /// # Errors
    /// The file can't be read, or is no regular file.
    pub fn look(&mut self) -> io::Result<Piece> {
        let identity = match std::fs::symlink_metadata(&self.path) {
            Ok(meta) => (meta.dev(), meta.ino()),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Piece::default()),
            Err(e) => return Err(e),
        };
        let mut piece = Piece::default();
        if self.held.as_ref().is_none_or(|held| held.identity != identity) {
            let file = open_plain(&self.path)?;
            let meta = file.metadata()?;
            let at = meta.len().saturating_sub(self.before);
            piece.anew = true;
            piece.skipped = at;
            self.held = Some(Held { file, identity: (meta.dev(), meta.ino()), at });
        }
        let Some(held) = &mut self.held else { return Ok(piece) };
        let len = held.file.metadata()?.len();
        if len < held.at {
            // A log that is full loses its middle and ends earlier than it did.
            held.at = len.saturating_sub(self.before);
            (piece.anew, piece.skipped) = (true, held.at);
        }
        held.file.seek(SeekFrom::Start(held.at))?;
        (&held.file).take(PIECE).read_to_end(&mut piece.bytes)?;
        held.at += piece.bytes.len() as u64;
        Ok(piece)
    }
}
