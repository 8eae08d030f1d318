//! Agents: how each adapter is called and how its transcript is read. Pure data in and
//! out: nothing is started here.

mod adapter;
mod json;
mod lines;
mod metrics;
mod model;
mod reader;
mod trouble;

#[cfg(test)]
mod tests;

pub use json::last_json_object;
pub use model::*;
pub use trouble::{Trouble, classify};

use std::ffi::OsString;
use std::path::Path;

use crate::config::{AdapterKind, Agent};

/// How `call.agent` is started for `call.role`: program, arguments, additions to the
/// environment (those that point to the private configuration home among them).
///
/// # Errors
/// [`CallError`] if the prompt can't be handed over in the way the definition asks for.
pub fn invocation(call: &Call<'_>) -> Result<Invocation, CallError> {
    adapter::invocation(call)
}

/// A reader for what `agent` is going to print. One reader reads one invocation.
pub fn transcript(agent: &Agent) -> Box<dyn Transcript> {
    adapter::of(agent.adapter).transcript(agent)
}

/// What of the operator's home a private configuration home starts with. A source that
/// does not exist is skipped by whoever copies; an empty list means that the program has
/// no configuration home that could be moved.
pub fn config_copies(adapter: AdapterKind) -> Vec<ConfigCopy> {
    adapter::of(adapter)
        .home()
        .copies
        .iter()
        .map(|(from, to)| ConfigCopy { from: from.into(), to: to.into() })
        .collect()
}

/// The environment variables that make the program use `home` as its configuration home.
/// [`invocation`] has them already; this is for showing and for tests.
pub fn config_vars(adapter: AdapterKind, home: &Path) -> Vec<(OsString, OsString)> {
    adapter::of(adapter).home().vars(home)
}

/// True if the adapter's program can say what it cost; the others need a `price` before a
/// budget in USD means anything. An exec program may or may not: it gets the benefit of the
/// doubt.
pub fn reports_cost(adapter: AdapterKind) -> bool {
    !matches!(adapter, AdapterKind::Codex | AdapterKind::Gemini | AdapterKind::Cursor)
}
