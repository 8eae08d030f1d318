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
    /// A write failed and could not be taken back: nothing may follow it.
    broken: bool,
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
        let tail = Tail { file, next_seq, last_sum: found.last_sum.clone(), length, broken: false };
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
    /// The write failed; the line is taken back, so that the journal stays whole.
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
    /// The system could not write it to disk.
    pub fn commit(&self) -> io::Result<()> {
        let wanted = held(&self.tail).next_seq;
        let mut committed = held(&self.committed);
        if *committed >= wanted {
            return Ok(());
        }
        let reached = held(&self.tail).next_seq;
        self.durable.sync_data()?;
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
    fn append(&mut self, record: &Record) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other(
                "an earlier write to the journal failed and could not be taken back",
            ));
        }
        let (line, sum) = encode(record, &self.last_sum)?;
        if let Err(error) = self.write(line.as_bytes()) {
            self.broken = self.file.set_len(self.length).is_err();
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
