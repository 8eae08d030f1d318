//! Appends to the journal. A record is one write; [`JournalWriter::commit`] makes everything
//! written so far durable, with one fsync for all threads that wait at the same time.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::line::encode;
use super::read::{JournalError, JournalRead, read};
use crate::base::clock::iso;
use crate::base::{Clock, Id};
use crate::event::{Event, JOURNAL_VERSION, Metrics, Record, Sink};
use crate::files::fault;

/// The one writer of a run's journal; shared between threads by reference.
pub struct JournalWriter {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    sinks: Vec<Arc<dyn Sink>>,
    tail: Mutex<Tail>,
    /// A second handle, so that an fsync does not keep others from writing.
    durable: File,
    /// How many records are known to be on disk.
    committed: Mutex<u64>,
}

struct Tail {
    file: File,
    next_seq: u64,
    last_sum: String,
    /// Length of the whole lines, to cut back to after a failed write.
    length: u64,
    /// Why a line could not be written, or not be made durable. Nothing may follow it, even if
    /// there is room again: what was not told would be missing in between for good.
    broken: Option<Broken>,
}

/// The first failure of a journal.
#[derive(Debug, Clone)]
struct Broken {
    kind: io::ErrorKind,
    text: String,
}

impl Broken {
    fn of(error: &io::Error) -> Broken {
        Broken { kind: error.kind(), text: error.to_string() }
    }

    fn error(&self) -> io::Error {
        io::Error::new(self.kind, self.text.clone())
    }
}

impl JournalWriter {
    /// Begins a journal at `path`, making its directory.
    ///
    /// # Errors
    /// The file exists already (an earlier run's artifacts must be moved away first), or the
    /// system refuses.
    pub fn create(path: &Path, clock: Arc<dyn Clock>) -> io::Result<JournalWriter> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
        JournalWriter::over(path, file, &JournalRead::default(), 0, clock)
    }

    /// Goes on with an existing journal and returns what stands in it. A torn tail is cut off.
    ///
    /// # Errors
    /// [`JournalError`]: it can't be read, or not be trusted.
    pub fn open_append(
        path: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<(JournalWriter, JournalRead), JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let found = read(path)?;
        let file = OpenOptions::new().append(true).open(path).map_err(io)?;
        let mut length = file.metadata().map_err(io)?.len();
        if let Some(torn) = &found.torn_tail {
            length = torn.offset as u64;
            file.set_len(length).and_then(|()| file.sync_all()).map_err(io)?;
        }
        let writer = JournalWriter::over(path, file, &found, length, clock).map_err(io)?;
        Ok((writer, found))
    }

    fn over(
        path: &Path,
        file: File,
        found: &JournalRead,
        length: u64,
        clock: Arc<dyn Clock>,
    ) -> io::Result<JournalWriter> {
        let durable = file.try_clone()?;
        let next_seq = found.records.len() as u64;
        let tail = Tail { file, next_seq, last_sum: found.last_sum.clone(), length, broken: None };
        Ok(JournalWriter {
            path: path.to_owned(),
            clock,
            sinks: Vec::new(),
            tail: Mutex::new(tail),
            durable,
            committed: Mutex::new(next_seq),
        })
    }

    /// Adds those who are told of every record, in the order of the journal. A sink must not
    /// record anything itself: it is called while the journal is held.
    #[must_use]
    pub fn with_sinks(mut self, sinks: impl IntoIterator<Item = Arc<dyn Sink>>) -> JournalWriter {
        self.sinks.extend(sinks);
        self
    }

    /// Where the journal lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Numbers, dates and writes one event, then tells the sinks. It reaches the system, not
    /// yet the disk: call [`Self::commit`] before acting on what it announces.
    ///
    /// # Errors
    /// The write failed; the line is taken back, so that the journal stays whole, and every
    /// later one is refused for the same reason.
    pub fn record(&self, event: Event) -> io::Result<Record> {
        let mut tail = held(&self.tail);
        let record = Record { v: JOURNAL_VERSION, seq: tail.next_seq, at: iso(self.clock.now()), event };
        tail.append(&record)?;
        for sink in &self.sinks {
            sink.record(&record);
        }
        Ok(record)
    }

    /// Shows the sinks what an agent says while it runs; nothing is journalled.
    pub fn live(&self, subject: Option<&Id>, text: &str) {
        for sink in &self.sinks {
            sink.live(subject, text);
        }
    }

    /// Shows the sinks what an agent has used so far; nothing is journalled.
    pub fn spending(&self, subject: Option<&Id>, figures: &Metrics) {
        for sink in &self.sinks {
            sink.spending(subject, figures);
        }
    }

    /// Tells the sinks what an earlier process recorded.
    #[must_use]
    pub fn with_past(self, records: &[Record]) -> JournalWriter {
        for sink in &self.sinks {
            records.iter().for_each(|record| sink.past(record));
        }
        self
    }

    /// Waits until each sink has everything; what was lost, in their words.
    pub fn settle(&self) -> Vec<String> {
        self.sinks.iter().filter_map(|sink| sink.settle()).collect()
    }

    /// Makes everything recorded so far durable. Threads that wait together share one fsync.
    ///
    /// # Errors
    /// The system could not write it to disk; nothing can be recorded from then on.
    pub fn commit(&self) -> io::Result<()> {
        let wanted = held(&self.tail).next_seq;
        let mut committed = held(&self.committed);
        if *committed >= wanted {
            return Ok(());
        }
        let reached = held(&self.tail).whole()?;
        if let Err(error) = self.durable.sync_data() {
            // A second sync would succeed without the lines that this one lost.
            let mut tail = held(&self.tail);
            return Err(tail.broken.get_or_insert_with(|| Broken::of(&error)).error());
        }
        *committed = reached;
        Ok(())
    }

    /// [`Self::record`], then [`Self::commit`].
    ///
    /// # Errors
    /// Either failed.
    pub fn announce(&self, event: Event) -> io::Result<Record> {
        let record = self.record(event)?;
        self.commit()?;
        Ok(record)
    }
}

impl Tail {
    /// How many records there are, as long as none is missing.
    fn whole(&self) -> io::Result<u64> {
        self.broken.as_ref().map_or(Ok(self.next_seq), |broken| Err(broken.error()))
    }

    fn append(&mut self, record: &Record) -> io::Result<()> {
        self.whole()?;
        let (line, sum) = encode(record, &self.last_sum)?;
        if let Err(error) = self.write(line.as_bytes()) {
            // If it can't be taken back either, who reads it next cuts it off as a torn line.
            let _ = self.file.set_len(self.length);
            self.broken = Some(Broken::of(&error));
            return Err(error);
        }
        self.length += line.len() as u64;
        self.last_sum = sum;
        self.next_seq += 1;
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if fault::pass(fault::Step::Journal, || event_type(line))? {
            self.file.write_all(line.get(..line.len() / 2).unwrap_or_default())?;
            fault::end();
        }
        self.file.write_all(line)
    }
}

/// The type of the event in a line, for who asks at which one a fault came.
fn event_type(line: &[u8]) -> String {
    let value: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    let name = value.as_ref().and_then(|v| v.get("type")?.as_str());
    name.unwrap_or("?").to_owned()
}

/// The guard, also after a panic elsewhere: every field is whole between two statements here.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::base::SystemClock;

    fn event() -> Event {
        Event::PreflightPassed
    }

    #[test]
    fn nothing_follows_a_line_that_is_missing_even_if_there_is_room_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let writer = JournalWriter::create(&path, Arc::new(SystemClock)).unwrap();
        writer.announce(event()).unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let room = std::mem::replace(&mut held(&writer.tail).file, full);
        let error = writer.record(event()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        held(&writer.tail).file = room;
        let later = writer.announce(event()).unwrap_err();
        assert_eq!((later.kind(), later.to_string()), (error.kind(), error.to_string()));
        drop(writer);
        let (_, found) = JournalWriter::open_append(&path, Arc::new(SystemClock)).unwrap();
        assert_eq!(found.records.len(), 1);
    }

    #[test]
    fn a_sync_that_failed_is_not_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer =
            JournalWriter::create(&dir.path().join("events.jsonl"), Arc::new(SystemClock)).unwrap();
        // A pipe can't be synced.
        let (_reader, pipe) = rustix::pipe::pipe().unwrap();
        let real = std::mem::replace(&mut writer.durable, File::from(pipe));
        writer.record(event()).unwrap();
        let error = writer.commit().unwrap_err();
        writer.durable = real;
        assert_eq!(writer.commit().unwrap_err().kind(), error.kind());
        assert_eq!(writer.record(event()).unwrap_err().kind(), error.kind());
    }
}
