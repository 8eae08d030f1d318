//! The run's memory on disk: the journal, the state that it replays to, the sidecars that
//! show that state from outside, and the other artifacts.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::base::{Id, names};
use crate::event::{Event, json_artifact};
use crate::journal::{self, JournalWriter, RunState};
use crate::run::context::{At, Fault};

/// Writes down what happens.
pub struct Recorder {
    journal: JournalWriter,
    state: Mutex<RunState>,
    out: PathBuf,
}

impl Recorder {
    /// `state` is what the journal holds already (nothing, for a new one).
    pub fn new(journal: JournalWriter, state: RunState, out: PathBuf) -> Recorder {
        Recorder { journal, state: Mutex::new(state), out }
    }

    /// Journals an event.
    ///
    /// # Errors
    /// The journal could not be written: nothing may happen that it does not know.
    pub fn tell(&self, event: Event) -> Result<(), Fault> {
        self.put(event, false)
    }

    /// Journals an event and waits until it is on disk: for what announces a change.
    ///
    /// # Errors
    /// As [`Recorder::tell`].
    pub fn announce(&self, event: Event) -> Result<(), Fault> {
        self.put(event, true)
    }

    /// The one way into the journal: the replayed state follows each line, and the sidecars
    /// that show it from outside follow the state.
    fn put(&self, event: Event, synced: bool) -> Result<(), Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let recorded = if synced { self.journal.announce(event) } else { self.journal.record(event) };
        let record = recorded.at(|| format!("can't write {}", self.journal.path().display()))?;
        tracing::trace!(seq = record.seq, event = ?record.event, "journal");
        state.apply(&record);
        match &record.event {
            Event::Predicted { next } => self.write_json(names::PREDICTED, next),
            Event::RunResumed { .. } => {
                if let Some(next) = &state.predicted {
                    self.write_json(names::PREDICTED, next)?;
                }
                self.write_json(names::ITERATION, &journal::iteration_state(&state))
            }
            Event::RunStarted { .. }
            | Event::Dispatched { .. }
            | Event::NodeFinished { .. }
            | Event::RunFinished { .. } => {
                self.write_json(names::ITERATION, &journal::iteration_state(&state))
            }
            _ => Ok(()),
        }
    }

    /// Shows what an agent says while it runs to whoever watches; it is not journalled.
    pub fn live(&self, subject: Option<&Id>, text: &str) {
        self.journal.live(subject, text);
    }

    /// The run's state as its journal has it.
    pub fn state(&self) -> RunState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// True if a commit of the node is on the audit branch, even if the node was reset since.
    pub fn has_landed(&self, node: &Id) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.landings.iter().any(|l| l.node == *node)
    }

    /// The artifacts' directory.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// An artifact by its path relative to out.
    pub fn artifact(&self, relative: &str) -> PathBuf {
        self.out.join(relative)
    }

    /// Writes an artifact: to a temporary name, synced, renamed.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), Fault> {
        let path = self.artifact(relative);
        crate::files::atomic_write(&path, bytes).at(|| format!("can't write {}", path.display()))
    }

    /// Writes a JSON artifact.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_json<T: serde::Serialize>(&self, relative: &str, value: &T) -> Result<(), Fault> {
        let text = json_artifact(value).map_err(|e| Fault::Other(format!("{relative}: {e}")))?;
        self.write(relative, &text)
    }
}
