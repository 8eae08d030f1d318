//! Plain lines, usually on standard error, one for each change: for CI, pipes and screen
//! readers. Where nothing changes for a while, a line says that it still goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::Shared;
use super::line::{Tone, describe, detail, paint};
use super::rows::{slow, still};
use super::tick::{Ticking, ticking};
use crate::base::text::neutral;
use crate::base::{Clock, Id};
use crate::event::{Record, Sink};
use crate::progress::Board;

/// Silence after which it says that it still goes on: some CI systems end jobs that are silent.
const SILENCE_MS: i64 = 60_000;
/// How often it looks whether something is slow.
const PACE: Duration = Duration::from_secs(1);

/// Line by line.
pub struct Plain {
    color: bool,
    verbose: bool,
    to: Shared,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    board: Board,
    /// When something was said last.
    said: i64,
    /// For each phase that was called slow: when it began, and from when on it is said again.
    slow: BTreeMap<Id, (i64, i64)>,
}

impl Plain {
    /// With or without colours; `verbose` has a line for each step of a node.
    pub fn start(color: bool, verbose: bool, to: Shared, clock: Arc<dyn Clock>) -> Arc<Plain> {
        let plain = Arc::new(Plain::new(color, verbose, to, Arc::clone(&clock)));
        ticking(&plain, clock, PACE);
        plain
    }

    pub(super) fn new(color: bool, verbose: bool, to: Shared, clock: Arc<dyn Clock>) -> Plain {
        let held = Held { said: clock.now().as_millisecond(), ..Held::default() };
        Plain { color, verbose, to, clock, held: Mutex::new(held) }
    }

    fn say(&self, tone: Tone, text: &str) {
        // A screen that went away must not end the run.
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(to, "{}", paint(tone, text, self.color));
    }
}

impl Sink for Plain {
    fn record(&self, record: &Record) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.board.follow(record);
        let more = || detail(&record.event).filter(|_| self.verbose);
        let Some((tone, text)) = describe(&record.event).or_else(more) else { return };
        held.said = self.clock.now().as_millisecond();
        self.say(tone, &text);
    }

    fn past(&self, record: &Record) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).board.follow(record);
    }
}

impl Ticking for Plain {
    fn tick(&self, now: i64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { board, said, slow: told } = &mut *held;
        told.retain(|id, (since, _)| board.tasks().any(|(i, task)| i == id && task.phase_since == *since));
        for (id, task) in board.tasks().filter(|(_, task)| board.slow_ms(task, now).is_some()) {
            let again = told.get(id).map_or(now, |(_, again)| *again);
            if now >= again {
                // Said again when it has taken twice as long.
                let taken = now.saturating_sub(task.phase_since);
                told.insert(id.clone(), (task.phase_since, now.saturating_add(taken)));
                self.say(Tone::Warn, &neutral(&slow(board, id, task, now)));
                *said = now;
            }
        }
        if now.saturating_sub(*said) >= SILENCE_MS && board.tasks().next().is_some() {
            self.say(Tone::Plain, &still(board, now));
            *said = now;
        }
    }
}
