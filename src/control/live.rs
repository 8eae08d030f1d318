//! Writes a run into the database while it goes on. It follows the journal on a thread of its
//! own, so the run waits for nothing and nothing is queued; what the database could not take
//! it takes later, and what it never took a sync brings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::control::address::Address;
use crate::control::fill::{Fill, FillError};
use crate::control::store::{Opening, Store};
use crate::control::trouble::{DbError, DbFault};
use crate::event::{Record, Sink};

/// Records of so short a time are written together.
const GATHER: Duration = Duration::from_millis(100);
/// How long somebody waits for the database, and how long once it has been found wanting.
const PATIENCE: Duration = Duration::from_secs(6);
const IMPATIENCE: Duration = Duration::from_millis(500);
/// How long a database that failed is left alone.
const PAUSE: Duration = Duration::from_secs(2);

enum Word {
    /// The journal has grown.
    Grown,
    /// Write everything that there is, then answer.
    Flush(SyncSender<Result<(), DbError>>),
}

/// The writer of one process's part of a run.
pub struct Live {
    place: String,
    words: SyncSender<Word>,
    /// The loss has been said.
    said: AtomicBool,
}

impl Live {
    /// Begins to follow a journal, which need not be there yet.
    pub fn start(address: Address, repo_id: &str, journal: &Path) -> Arc<Live> {
        // One word that waits says as much as many.
        let (words, heard) = sync_channel(1);
        let place = address.shown();
        let writer = Writer {
            address,
            repo_id: repo_id.to_owned(),
            journal: journal.to_owned(),
            open: None,
            trouble: None,
        };
        let begun = thread::Builder::new().name("control".to_owned()).spawn(move || writer.work(&heard));
        // Without a thread the other end of the channel is gone, and the flush says so.
        drop(begun);
        Arc::new(Live { place, words, said: AtomicBool::new(false) })
    }

    /// Waits until everything that the journal holds is written, but no longer than `limit`.
    ///
    /// # Errors
    /// Something is not in the database: why.
    fn flush(&self, limit: Duration) -> Result<(), DbError> {
        let away = |detail: &str| DbError {
            fault: DbFault::Away,
            place: self.place.clone(),
            detail: detail.to_owned(),
        };
        let until = Instant::now() + limit;
        let (answer, answered) = sync_channel(1);
        let mut word = Word::Flush(answer);
        // The place in the channel is free once the writer has come back to it.
        loop {
            match self.words.try_send(word) {
                Ok(()) => break,
                Err(TrySendError::Disconnected(_)) => return Err(away("its writer ended")),
                Err(TrySendError::Full(_)) if Instant::now() >= until => {
                    return Err(away("it did not answer in time"));
                }
                Err(TrySendError::Full(back)) => {
                    word = back;
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
        match answered.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(done) => done,
            Err(RecvTimeoutError::Timeout) => Err(away("it did not answer in time")),
            Err(RecvTimeoutError::Disconnected) => Err(away("its writer ended")),
        }
    }
}

impl Sink for Live {
    fn record(&self, _record: &Record) {
        // A full channel holds such a word already.
        let _ = self.words.try_send(Word::Grown);
    }

    fn settle(&self) -> Option<String> {
        let said = self.said.load(Ordering::SeqCst);
        let lost = self.flush(if said { IMPATIENCE } else { PATIENCE }).err()?;
        self.said.store(true, Ordering::SeqCst);
        (!said).then(|| sentence(&lost))
    }
}

fn sentence(lost: &DbError) -> String {
    format!(
        "{lost}; this run is not complete in it. What to do: {}; then `auditrun db sync` fills it from the journal",
        lost.fault.remedy()
    )
}

struct Writer {
    address: Address,
    repo_id: String,
    journal: PathBuf,
    open: Option<(Store, Fill)>,
    /// Why the newest step failed, and when.
    trouble: Option<(DbError, Instant)>,
}

impl Writer {
    fn work(mut self, heard: &Receiver<Word>) {
        while let Ok(word) = heard.recv() {
            match word {
                Word::Grown => {
                    let left_alone = self.trouble.as_ref().is_some_and(|(_, at)| at.elapsed() < PAUSE);
                    thread::sleep(GATHER);
                    if !left_alone {
                        self.step();
                    }
                }
                Word::Flush(answer) => {
                    self.step();
                    let done = self.trouble.as_ref().map_or(Ok(()), |(e, _)| Err(e.clone()));
                    // Who asked may have stopped waiting.
                    let _ = answer.try_send(done);
                }
            }
        }
    }

    /// Brings the database to where the journal is. After a failure everything is done again
    /// from the journal's beginning: rows that are there already stay what they are.
    fn step(&mut self) {
        match self.try_step() {
            Ok(()) => self.trouble = None,
            Err(e) => {
                tracing::debug!(error = %e, "control plane");
                self.trouble = Some((e, Instant::now()));
                self.open = None;
            }
        }
    }

    fn try_step(&mut self) -> Result<(), DbError> {
        let (store, fill) = match &mut self.open {
            Some(open) => open,
            None => {
                let store = Store::open(&self.address, Opening::Create)?;
                self.open.insert((store, Fill::new(&self.repo_id, &self.journal)))
            }
        };
        fill.step(store).map_err(|e| match e {
            FillError::Database(e) => e,
            FillError::Journal(e) => DbError {
                fault: DbFault::Other,
                place: self.address.shown(),
                detail: format!("it could not be filled: {e}"),
            },
        })
    }
}
