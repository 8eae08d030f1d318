//! The run's memory on disk: the journal, the state that it replays to, the sidecars that
//! show that state from outside, and the other artifacts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::base::{Id, Masker, names};
use crate::event::{Event, Metrics, NoticeLevel, json_artifact};
use crate::files::{self, Sync};
use crate::journal::{self, JournalWriter, RunState};
use crate::run::context::{At, Fault};

/// Writes down what happens.
pub struct Recorder {
    journal: JournalWriter,
    state: Mutex<RunState>,
    out: PathBuf,
    masker: Arc<Masker>,
    /// Directories that hold names which are not durable yet.
    nameless: Mutex<BTreeSet<PathBuf>>,
}

impl Recorder {
    /// `state` is what the journal holds already (nothing, for a new one).
    pub fn new(journal: JournalWriter, state: RunState, out: PathBuf) -> Recorder {
        Recorder {
            journal,
            state: Mutex::new(state),
            out,
            masker: Arc::default(),
            nameless: Mutex::default(),
        }
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
    /// that show it from outside follow the state. Nothing is held while the disk works, so
    /// that threads which announce something at the same time share one sync.
    fn put(&self, event: Event, synced: bool) -> Result<(), Fault> {
        let event = self.mask(event);
        let journal = || format!("can't write {}", self.journal.path().display());
        let mut state = self.held();
        let record = self.journal.record(event).at(journal)?;
        tracing::trace!(seq = record.seq, event = ?record.event, "journal");
        state.apply(&record);
        drop(state);
        if synced {
            if vouches_for_files(&record.event) {
                self.settle_names()?;
            }
            self.journal.commit().at(journal)?;
        }
        match &record.event {
            Event::Predicted { next } => self.sidecar(names::PREDICTED, next),
            Event::RunResumed { .. } => {
                let state = self.held();
                if let Some(next) = &state.predicted {
                    self.sidecar(names::PREDICTED, next)?;
                }
                self.sidecar(names::ITERATION, &journal::iteration_state(&state))
            }
            Event::RunStarted { .. }
            | Event::Dispatched { .. }
            | Event::NodeFinished { .. }
            | Event::RunFinished { .. } => {
                let state = self.held();
                self.sidecar(names::ITERATION, &journal::iteration_state(&state))
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

    /// A file that shows the journal's state from outside: whole at any time, not synced, since
    /// the journal is, and tells the same.
    fn sidecar<T: serde::Serialize>(&self, relative: &str, value: &T) -> Result<(), Fault> {
        self.put_file(relative, &json(relative, value)?, Sync::Nothing)
    }

    /// Makes the names of all files that were written since the last call durable, one sync for
    /// each directory.
    fn settle_names(&self) -> Result<(), Fault> {
        let dirs = std::mem::take(&mut *self.nameless.lock().unwrap_or_else(PoisonError::into_inner));
        dirs.iter().try_for_each(|dir| files::sync_dir(dir).at(|| format!("can't sync {}", dir.display())))
    }

    /// Shows what an agent says while it runs to whoever watches; it is not journalled.
    pub fn live(&self, subject: Option<&Id>, text: &str) {
        self.journal.live(subject, &self.masker.text(text));
    }

    /// Shows what an agent has used so far to whoever watches; it is not journalled.
    pub fn spending(&self, subject: Option<&Id>, figures: &Metrics) {
        self.journal.spending(subject, figures);
    }

    /// Waits until the sinks have everything, and journals a warning for each that has not.
    ///
    /// # Errors
    /// As [`Recorder::tell`].
    pub fn settle(&self) -> Result<(), Fault> {
        self.unsettled().into_iter().try_for_each(|message| {
            self.tell(Event::Notice { node: None, level: NoticeLevel::Warning, message })
        })
    }

    /// Waits likewise, and only says what is lost.
    pub fn unsettled(&self) -> Vec<String> {
        self.journal.settle()
    }

    /// The run's state as its journal has it.
    pub fn state(&self) -> RunState {
        self.held().clone()
    }

    fn held(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True if an earlier process began the run.
    pub fn resumed(&self) -> bool {
        self.held().lifetimes.len() > 1
    }

    /// True if a commit of the node is on the audit branch, even if the node was reset since.
    pub fn has_landed(&self, node: &Id) -> bool {
        self.held().landings.iter().any(|l| l.node == *node)
    }

    /// The artifacts' directory.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// An artifact by its path relative to out.
    pub fn artifact(&self, relative: &str) -> PathBuf {
        self.out.join(relative)
    }

    /// Writes an artifact: to a temporary name, synced, renamed. The name is durable when the
    /// next event that vouches for files is.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.put_file(relative, &self.shown(relative, bytes), Sync::Content)?;
        self.note(relative);
        Ok(())
    }

    /// Gives an artifact a second name: a hard link where that works. Either is only ever
    /// replaced whole, so a new content of one is none of the other.
    ///
    /// # Errors
    /// It could not be linked or copied.
    pub fn link(&self, from: &str, to: &str) -> Result<(), Fault> {
        let (source, target) = (self.artifact(from), self.artifact(to));
        if let Some(dir) = target.parent() {
            std::fs::create_dir_all(dir).at(|| format!("can't make {}", dir.display()))?;
        }
        files::link_or_copy(&source, &target).at(|| format!("can't write {}", target.display()))?;
        self.note(to);
        Ok(())
    }

    /// Writes a JSON artifact.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_json<T: serde::Serialize>(&self, relative: &str, value: &T) -> Result<(), Fault> {
        self.write(relative, &json(relative, value)?)
    }

    fn put_file(&self, relative: &str, bytes: &[u8], sync: Sync) -> Result<(), Fault> {
        let path = self.artifact(relative);
        files::replace(&path, bytes, sync).at(|| format!("can't write {}", path.display()))
    }

    /// The directories up to out may be new as well.
    fn note(&self, relative: &str) {
        let mut nameless = self.nameless.lock().unwrap_or_else(PoisonError::into_inner);
        let dirs = Path::new(relative).ancestors().skip(1).map(|dir| self.out.join(dir));
        nameless.extend(dirs);
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

/// An event upon which somebody relies on the artifacts that were written before it.
fn vouches_for_files(event: &Event) -> bool {
    matches!(
        event,
        Event::PreflightPassed
            | Event::NodeFinished { .. }
            | Event::Proof { .. }
            | Event::RunFinished { .. }
            | Event::StageFinished { .. }
    )
}

fn json<T: serde::Serialize>(relative: &str, value: &T) -> Result<Vec<u8>, Fault> {
    json_artifact(value).map_err(|e| Fault::Other(format!("{relative}: {e}")))
}
