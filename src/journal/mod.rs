//! runs/events.jsonl: written line by line before the change that a line announces is acted
//! on, read back with a torn tail tolerated, replayed into the state of a run.

mod apply;
mod follow;
mod iteration;
mod line;
mod node;
mod read;
mod state;
mod write;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
pub(crate) mod tests;

pub use follow::{Follow, Follower, Growth};
pub use iteration::iteration_state;
pub use line::proof_prefix;
pub use node::*;
pub use read::{JournalError, JournalRead, TornTail, parse, read};
pub use state::*;
pub use write::JournalWriter;

use crate::event::Record;

/// The state that `records` lead to, from nothing.
pub fn replay(records: &[Record]) -> RunState {
    let mut state = RunState::default();
    for record in records {
        state.apply(record);
    }
    state
}
