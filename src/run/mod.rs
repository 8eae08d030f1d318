//! The run engine: phases 0 to 4. The scheduler and the texts for agents are pure; the
//! engine connects them with the lane, git and the journal.

pub mod bounds;
pub mod breaker;
pub mod checks;
pub mod containment;
pub mod context;
pub mod engine;
pub mod environment;
pub mod fleet;
pub mod integration;
pub mod invoke;
pub mod ledger;
pub mod node;
pub mod preflight;
pub mod prepare;
pub mod prompt;
pub mod questions;
pub mod recorder;
pub mod resume;
pub mod scheduler;
pub mod split;
pub mod split_text;
pub mod splitting;
pub mod variables;
pub mod watch;
#[cfg(test)]
mod testing;
