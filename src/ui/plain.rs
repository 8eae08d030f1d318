//! Plain lines, usually on standard error, one for each change: for CI, pipes and screen readers.

use std::sync::PoisonError;

use super::Shared;
use super::line::{describe, paint};
use crate::event::{Record, Sink};

/// Line by line.
pub struct Plain {
    color: bool,
    to: Shared,
}

impl Plain {
    /// With or without colours.
    pub fn new(color: bool, to: Shared) -> Plain {
        Plain { color, to }
    }
}

impl Sink for Plain {
    fn record(&self, record: &Record) {
        let Some((tone, text)) = describe(&record.event) else { return };
        // A screen that went away must not end the run.
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(to, "{}", paint(tone, &text, self.color));
    }
}
