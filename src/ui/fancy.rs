//! A row for each thing that runs and one for the whole, redrawn in place on a terminal.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line::{describe, paint};
use super::rows::{Area, rows};
use super::tick::{Ticking, ticking};
use crate::base::{Clock, Id};
use crate::event::{Metrics, Record, Sink};
use crate::progress::Board;

/// How often it is redrawn.
const PACE: Duration = Duration::from_millis(200);

/// The moving screen.
pub struct Fancy {
    color: bool,
    clock: Arc<dyn Clock>,
    held: Mutex<Held>,
}

struct Held {
    board: Board,
    screen: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Fancy {
    /// On standard error. Its size is asked for at each redraw.
    pub fn start(color: bool, clock: Arc<dyn Clock>) -> Arc<Fancy> {
        let held = Held { board: Board::default(), screen: MultiProgress::new(), bars: Vec::new() };
        let fancy = Arc::new(Fancy { color, clock: Arc::clone(&clock), held: Mutex::new(held) });
        ticking(&fancy, clock, PACE);
        fancy
    }

    fn with<T>(&self, f: impl FnOnce(&mut Held) -> T) -> T {
        f(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn draw(&mut self, now: i64, color: bool) {
        let (width, height) = super::size();
        let lines = rows(&self.board, now, Area { width, height, color });
        while self.bars.len() > lines.len() {
            if let Some(bar) = self.bars.pop() {
                bar.finish_and_clear();
                self.screen.remove(&bar);
            }
        }
        while self.bars.len() < lines.len() {
            let bar = self.screen.add(ProgressBar::new_spinner());
            // Without the padding of wide_msg, which would wrap when the terminal is made narrower.
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            self.bars.push(bar);
        }
        for (bar, line) in self.bars.iter().zip(lines) {
            if bar.message() != line {
                bar.set_message(line);
                bar.tick();
            }
        }
    }
}

impl Sink for Fancy {
    fn record(&self, record: &Record) {
        let now = self.clock.now().as_millisecond();
        self.with(|held| {
            held.board.follow(record);
            if let Some((tone, text)) = describe(&record.event) {
                // The screen may be gone; the journal has it all.
                let _ = held.screen.println(paint(tone, &text, self.color));
            }
            held.draw(now, self.color);
        });
    }

    fn past(&self, record: &Record) {
        self.with(|held| held.board.follow(record));
    }

    fn live(&self, subject: Option<&Id>, text: &str) {
        let Some(node) = subject else { return };
        self.with(|held| held.board.said(node, text));
    }

    fn spending(&self, subject: Option<&Id>, figures: &Metrics) {
        let Some(node) = subject else { return };
        self.with(|held| held.board.spending(node, figures));
    }
}

impl Ticking for Fancy {
    fn tick(&self, now: i64) {
        self.with(|held| held.draw(now, self.color));
    }
}
