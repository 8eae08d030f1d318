//! `auditrun status`: what the last run did, or what the running one is doing.

use crate::base::names;
use crate::cli::archived;
use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::files::Lock;
use crate::journal;
use crate::report;

/// Prints it. Reads only the journal and the lock, so it never disturbs a run.
///
/// # Errors
/// No run, or its journal can't be read.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let path = project.repo.root().join(project.layout.in_out(names::JOURNAL));
    if !path.exists() {
        let shown = project.layout.in_out("runs");
        return Err(Failure::usage(format!("no run in {shown}"), "start one with `auditrun run`"));
    }
    let read = journal::read(&path).map_err(|e| Failure::Config(e.diag().into()))?;
    if read.records.is_empty() {
        return Err(Failure::usage(
            "the last run ended before it had begun",
            "start one with `auditrun run`",
        ));
    }
    let state = journal::replay(&read.records);
    let holder = Lock::holder(&project.repo.common_dir().join(lock::NAME));
    match screen.format() {
        Format::Json => {
            screen.print(&serde_json::to_string_pretty(&report::status(&state)).unwrap_or_default())
        }
        _ => {
            screen.print(&report::status_text(&report::status(&state)));
            if let Some(holder) = holder {
                screen.print(&format!("working now: `{}`, process {}", holder.command.join(" "), holder.pid));
            } else if let Some(run) = archived::resumable(&project)?.filter(|run| run.is_hidden()) {
                screen.print(&format!("run {} before it can be taken up: auditrun resume", run.run_id));
            }
        }
    }
    Ok(Exit::Ok)
}
