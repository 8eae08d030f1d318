//! The run's memory on disk: the journal, the state that it replays to, the sidecars that
//! show that state from outside, and the other artifacts.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::base::{Id, Masker, names};
use crate::event::{Event, json_artifact};
use crate::journal::{self, JournalWriter, RunState};
use crate::run::context::{At, Fault};

/// Writes down what happens.
pub struct Recorder {
    journal: JournalWriter,
    state: Mutex<RunState>,
    out: PathBuf,
    masker: Arc<Masker>,
}

impl Recorder {
    /// `state` is what the journal holds already (nothing, for a new one).
    pub fn new(journal: JournalWriter, state: RunState, out: PathBuf) -> Recorder {
        Recorder { journal, state: Mutex::new(state), out, masker: Arc::default() }
    }

    /// Keeps secrets out of everything that is written from here on, but for diffs: their
    /// bytes are hashed, and one that holds a secret fails its node instead.
    #[must_use]
    pub fn masked(self, masker: Arc<Masker>) -> Recorder {
        Recorder { masker, ..self }
    }

    /// An artifact's bytes as [`Recorder::write`] puts them on disk.
    pub fn shown<'b>(&self, relative: &str, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if relative.ends_with("diff.patch") { Cow::Borrowed(bytes) } else { self.masker.bytes(bytes) }
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
        let event = self.mask(event);
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

    /// The event without secrets. One that would no longer be an event of its type, because
    /// the secret is a word of ours, stays as it is.
    fn mask(&self, event: Event) -> Event {
        let held = serde_json::to_vec(&event).ok().filter(|text| self.masker.find(text).is_some());
        let Some(mut value) = held.and_then(|text| serde_json::from_slice(&text).ok()) else { return event };
        mask_strings(&self.masker, &mut value);
        serde_json::from_value(value).unwrap_or(event)
    }

    /// Shows what an agent says while it runs to whoever watches; it is not journalled.
    pub fn live(&self, subject: Option<&Id>, text: &str) {
        self.journal.live(subject, &self.masker.text(text));
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
        crate::files::atomic_write(&path, &self.shown(relative, bytes))
            .at(|| format!("can't write {}", path.display()))
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

fn mask_strings(masker: &Masker, value: &mut Value) {
    match value {
        Value::String(text) => *text = masker.text(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| mask_strings(masker, item)),
        Value::Object(fields) => fields.values_mut().for_each(|field| mask_strings(masker, field)),
        _ => {}
    }
}
