//! One event a line, flushed at each: the same records as the journal's.

use std::sync::PoisonError;

use super::Shared;
use crate::event::{Record, Sink};

/// The machine's stream.
pub struct Json {
    to: Shared,
}

impl Json {
    /// To this writer, usually standard output.
    pub fn new(to: Shared) -> Json {
        Json { to }
    }
}

impl Sink for Json {
    fn record(&self, record: &Record) {
        let Ok(mut line) = serde_json::to_vec(record) else { return };
        line.push(b'\n');
        let mut out = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that went away must not end the run.
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}
