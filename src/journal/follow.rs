//! Follows a journal that another process writes: what is new since the last look, and whether
//! another journal stands at its place now. Reads only; never in the writer's way.

use std::io::{BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::read::{JournalError, record};
use crate::event::{JOURNAL_VERSION, Record};
use crate::files::open_plain;

/// How far a journal was read.
#[derive(Debug, Clone, Default)]
pub struct Follow {
    /// Device and inode of the file that was read.
    identity: Option<(u64, u64)>,
    /// Where the next line begins.
    offset: u64,
    /// Lines read.
    lines: usize,
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Growth {
    /// There is no file; a new run may be moving the old one away.
    Gone,
    /// So many further records.
    More(usize),
    /// Another journal (or this one, cut by somebody), read from its beginning.
    Anew(usize),
}

impl Follow {
    /// Hands every new whole record of the journal at `path` to `take`, in order; `anew` is
    /// called before the first one of another journal. A last line that is not whole is left
    /// for the next look: its writer is at it, or was killed and will cut it off. The same file
    /// may be followed to another path.
    ///
    /// # Errors
    /// [`JournalError`]: the file can't be read, or a line in it is damaged. The records before
    /// that line were handed out.
    pub fn look<T>(
        &mut self,
        path: &Path,
        held: &mut T,
        anew: impl FnOnce(&mut T),
        mut take: impl FnMut(&mut T, &Record),
    ) -> Result<Growth, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let mut file = match open_plain(path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Growth::Gone),
            Err(e) => return Err(io(e)),
        };
        let meta = file.metadata().map_err(io)?;
        let identity = Some((meta.dev(), meta.ino()));
        let other = self.identity != identity || meta.len() < self.offset;
        if other {
            *self = Follow { identity, ..Follow::default() };
            anew(held);
        }
        file.seek(SeekFrom::Start(self.offset)).map_err(io)?;
        let before = self.lines;
        let mut reader = BufReader::with_capacity(256 * 1024, file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(io)? > 0 {
            let Some(text) = line.strip_suffix(b"\n") else { break };
            let found = match quick(text).map_or_else(|| record(text, self.lines), Ok) {
                Ok(found) => found,
                Err(JournalError::NotARecord { .. }) if reader.fill_buf().map_err(io)?.is_empty() => break,
                Err(damage) => return Err(damage),
            };
            let expected = self.lines as u64;
            if found.seq != expected {
                return Err(JournalError::Gap { line: self.lines + 1, expected, found: found.seq });
            }
            self.offset += line.len() as u64;
            self.lines += 1;
            take(held, &found);
            line.clear();
        }
        let more = self.lines - before;
        Ok(if other { Growth::Anew(self.lines) } else { Growth::More(more) })
    }
}

/// A journal at one path, whose new records are handed out all at once.
#[derive(Debug, Clone)]
pub struct Follower {
    path: PathBuf,
    follow: Follow,
}

impl Follower {
    /// At the beginning of the journal at `path`, which need not be there yet.
    pub fn new(path: &Path) -> Follower {
        Follower { path: path.to_owned(), follow: Follow::default() }
    }

    /// The records that were added since the call before; none if there is no file, all if
    /// another journal stands there.
    ///
    /// # Errors
    /// As [`Follow::look`].
    pub fn added(&mut self) -> Result<Vec<Record>, JournalError> {
        let take = |found: &mut Vec<Record>, record: &Record| found.push(record.clone());
        let mut found = Vec::new();
        self.follow.look(&self.path, &mut found, Vec::clear, take)?;
        Ok(found)
    }
}

/// A record of our version; whatever else it is, the slower reader says.
fn quick(line: &[u8]) -> Option<Record> {
    serde_json::from_slice::<Record>(line).ok().filter(|record| record.v == JOURNAL_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Clock, SystemClock};
    use crate::event::{Event, NoticeLevel};
    use crate::journal::JournalWriter;
    use std::fs::File;
    use std::io::Write;
    use std::sync::Arc;

    fn notice(message: &str) -> Event {
        Event::Notice { node: None, level: NoticeLevel::Notice, message: message.to_owned() }
    }

    fn writer(path: &Path) -> JournalWriter {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        JournalWriter::create(path, clock).unwrap()
    }

    fn look(follow: &mut Follow, path: &Path) -> (Result<Growth, String>, Vec<u64>) {
        let mut seen = Vec::new();
        let growth = follow.look(path, &mut seen, Vec::clear, |seen, r| seen.push(r.seq));
        (growth.map_err(|e| e.to_string()), seen)
    }

    #[test]
    fn growth_replacement_and_moves_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let mut follow = Follow::default();
        assert_eq!(look(&mut follow, &path), (Ok(Growth::Gone), vec![]));
        let journal = writer(&path);
        journal.record(notice("a")).unwrap();
        assert_eq!(look(&mut follow, &path), (Ok(Growth::Anew(1)), vec![0]));
        assert_eq!(look(&mut follow, &path), (Ok(Growth::More(0)), vec![]));
        journal.record(notice("b")).unwrap();
        let moved = dir.path().join("moved.jsonl");
        std::fs::rename(&path, &moved).unwrap();
        assert_eq!(look(&mut follow, &path), (Ok(Growth::Gone), vec![]));
        assert_eq!(look(&mut follow, &moved), (Ok(Growth::More(1)), vec![1]));
        writer(&path).record(notice("c")).unwrap();
        assert_eq!(look(&mut follow, &path), (Ok(Growth::Anew(1)), vec![0]));
    }

    #[test]
    fn a_torn_end_is_waited_for_and_damage_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let journal = writer(&path);
        journal.record(notice("a")).unwrap();
        let append = |text: &[u8]| File::options().append(true).open(&path).unwrap().write_all(text).unwrap();
        let mut follow = Follow::default();
        append(b"{\"v\":1,\"se");
        assert_eq!(look(&mut follow, &path), (Ok(Growth::Anew(1)), vec![0]));
        // Cut off and written anew, as a resumed run does.
        drop(journal);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (journal, _) = JournalWriter::open_append(&path, clock).unwrap();
        journal.record(notice("b")).unwrap();
        assert_eq!(look(&mut follow, &path), (Ok(Growth::More(1)), vec![1]));
        append(b"no record\n");
        assert_eq!(look(&mut follow, &path), (Ok(Growth::More(0)), vec![]));
        append(b"nor this\n");
        let (damage, _) = look(&mut follow, &path);
        assert!(damage.unwrap_err().starts_with("line 3 of the journal is not a record"));
    }
}
