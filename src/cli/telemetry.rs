//! Spans of a finished run, for whoever asked for them by OpenTelemetry's variables. The last
//! thing that a run does: a collector that is slow or away delays no result.

use crate::base::{RunId, TraceContext, names};
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::journal;
use crate::otlp;
use crate::run::recorder::Recorder;

/// Sends them; what goes wrong is said and changes nothing.
pub fn export(project: &Project, recorder: &Recorder, run_id: &RunId, screen: &Screen) {
    match sent(project, recorder, run_id) {
        Ok(Some(count)) => tracing::info!(count, "spans sent"),
        Ok(None) => {}
        Err(why) => screen.trouble(&format!("telemetry: {why}")),
    }
}

fn sent(project: &Project, recorder: &Recorder, run_id: &RunId) -> Result<Option<usize>, String> {
    let environment = &project.environment;
    let Some(settings) = otlp::settings(environment).map_err(|e| e.to_string())? else { return Ok(None) };
    let Some(context) = TraceContext::of(environment, run_id.as_str()) else { return Ok(None) };
    if !context.sampled() {
        return Ok(None);
    }
    let read = journal::read(&recorder.artifact(names::JOURNAL)).map_err(|e| e.to_string())?;
    otlp::export(&settings, &context, &read.records, &otlp::take_git_calls()).map(Some)
}
