//! Plain lines on standard error, one for each change: for CI, pipes and screen readers.

use std::io::Write;

use super::line::{describe, paint};
use crate::event::{Record, Sink};

/// Line by line.
#[derive(Debug)]
pub struct Plain {
    color: bool,
}

impl Plain {
    /// With or without colours.
    pub fn new(color: bool) -> Plain {
        Plain { color }
    }
}

impl Sink for Plain {
    fn record(&self, record: &Record) {
        let Some((tone, text)) = describe(&record.event) else { return };
        // A screen that went away must not end the run.
        let _ = writeln!(std::io::stderr().lock(), "{}", paint(tone, &text, self.color));
    }
}
