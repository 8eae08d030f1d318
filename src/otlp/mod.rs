//! Spans of a run for an OpenTelemetry collector: made from the journal at the run's end, with
//! git's calls beside them, and sent over HTTP. A collector that is away changes nothing.

mod git_calls;
mod settings;
mod spans;
#[cfg(test)]
mod tests;
#[cfg(feature = "otlp")]
mod wire;

use crate::base::TraceContext;
use crate::event::Record;

pub use git_calls::{GitCall, layer as git_layer, take as take_git_calls};
pub use settings::{Protocol, Settings, SettingsError, settings};
pub use spans::{Span, Value, spans};

/// Spans that go into one request: some collectors refuse bodies past 4 MiB.
#[cfg(feature = "otlp")]
const BATCH: usize = 1000;

/// Sends the spans of a run and says how many there were.
///
/// # Errors
/// One sentence: where they should have gone, and what came back.
#[cfg(feature = "otlp")]
pub fn export(
    settings: &Settings,
    context: &TraceContext,
    records: &[Record],
    git: &[GitCall],
) -> Result<usize, String> {
    let spans = spans(context, records, git);
    let client = crate::net::Client::new(None).map_err(|e| e.to_string())?;
    for batch in spans.chunks(BATCH) {
        wire::send(&client, settings, &wire::request(settings, context, batch))?;
    }
    Ok(spans.len())
}

/// This build can't: it says so where somebody asked for it.
///
/// # Errors
/// Always.
#[cfg(not(feature = "otlp"))]
pub fn export(_: &Settings, _: &TraceContext, _: &[Record], _: &[GitCall]) -> Result<usize, String> {
    Err("this auditrun was built without the feature otlp".to_owned())
}
