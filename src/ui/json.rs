//! One event a line on standard output, flushed at each: the same records as the journal's.

use std::io::Write;

use crate::event::{Record, Sink};

/// The machine's stream.
#[derive(Debug, Default)]
pub struct Json;

impl Sink for Json {
    fn record(&self, record: &Record) {
        let Ok(mut line) = serde_json::to_vec(record) else { return };
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        // A reader that went away must not end the run.
        let _ = out.write_all(&line).and_then(|()| out.flush());
    }
}
