//! What all readers of the page share: the journal as far as it was read, the state that it
//! replays to, and what changed when.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::About;
use super::details;
use super::said::Ears;
use crate::base::{Id, names};
use crate::event::{Event, Record};
use crate::journal::{Follow, RunState};
use crate::process;
use crate::progress::Board;
use crate::serve::{Answer, Kind};

/// How often the disk is looked at, however many pages are open.
const PACE: Duration = Duration::from_millis(200);

/// Watches one run.
pub(super) struct Watch {
    about: About,
    held: Mutex<Held>,
}

/// What is known.
#[derive(Default)]
pub(super) struct Held {
    follow: Follow,
    pub(super) state: RunState,
    pub(super) board: Board,
    /// Plans taken in: another one may have other nodes in another order.
    plans: u64,
    /// For each node the number of the newest record that changed it.
    changed: Vec<u64>,
    looked: Option<Instant>,
    ears: Ears,
    /// Why the journal can't be read any further.
    pub(super) trouble: Option<String>,
    /// A process works on the run.
    pub(super) working: bool,
}

/// How far a reader has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) run: String,
    pub(super) plans: u64,
    pub(super) records: u64,
}

impl Mark {
    /// As an event's id.
    pub(super) fn text(&self) -> String {
        format!("{}.{}.{}", self.run, self.plans, self.records)
    }

    /// From an event's id.
    pub(super) fn read(text: &str) -> Option<Mark> {
        let (rest, records) = text.rsplit_once('.')?;
        let (run, plans) = rest.rsplit_once('.')?;
        Some(Mark { run: run.to_owned(), plans: plans.parse().ok()?, records: records.parse().ok()? })
    }
}

impl Watch {
    pub(super) fn new(about: About) -> Watch {
        Watch { about, held: Mutex::default() }
    }

    pub(super) fn about(&self) -> &About {
        &self.about
    }

    /// The state, after a look at the disk if the last one is not of just now.
    pub(super) fn look(&self) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.looked.is_none_or(|at| at.elapsed() >= PACE) {
            held.refresh(&self.about);
            held.looked = Some(Instant::now());
        }
        held
    }

    pub(super) fn knows(&self, id: &Id) -> bool {
        self.look().state.position(id).is_some()
    }

    /// Everything about one node, as JSON.
    pub(super) fn details(&self, id: &Id) -> Answer {
        let held = self.look();
        let json = held.state.node(id).map(|node| serde_json::to_vec(&details::of(node, &self.about)));
        match json {
            Some(Ok(bytes)) => Answer::page(Kind::Json, bytes),
            _ => Answer::Nothing("The run has no such node.".to_owned()),
        }
    }
}

impl Held {
    fn refresh(&mut self, about: &About) {
        let root = about.root();
        let mut follow = std::mem::take(&mut self.follow);
        let looked = follow.look(&root.join(names::JOURNAL), self, Held::begin, Held::take);
        self.follow = follow;
        // While a new run moves the old one away, the old one is what there is to show.
        self.trouble = looked.err().map(|e| e.to_string());
        let running = self.state.finished.is_none();
        let stamp = self.state.lifetimes.last().map(|l| &l.process).filter(|_| running);
        self.working = stamp.is_some_and(process::is_alive);
        self.ears.listen(&mut self.board, &root, about);
    }

    /// Another journal begins.
    fn begin(&mut self) {
        let looked = self.looked;
        *self = Held { looked, ..Held::default() };
    }

    fn take(&mut self, record: &Record) {
        self.state.apply(record);
        self.board.follow(record);
        let now = self.state.records;
        match &record.event {
            Event::Planned { .. } => self.plans += 1,
            // Whatever was under way is to be done again.
            Event::RunResumed { .. } => self.changed.iter_mut().for_each(|at| *at = now),
            _ => {}
        }
        self.changed.resize(self.state.nodes.len(), now);
        let place = record.event.subject().and_then(|id| self.state.position(id));
        if let Some(at) = place.and_then(|place| self.changed.get_mut(place)) {
            *at = now;
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { run: self.state.run_id().to_owned(), plans: self.plans, records: self.state.records }
    }

    /// Places of the nodes that changed after a mark of the same plan.
    pub(super) fn changed_since(&self, mark: &Mark) -> impl Iterator<Item = usize> {
        let after = mark.records;
        self.changed.iter().enumerate().filter(move |(_, at)| **at > after).map(|(place, _)| place)
    }
}
