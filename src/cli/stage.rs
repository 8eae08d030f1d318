//! The audit stage of `run`, `resume` and `report`: reads the journal and the artifacts back
//! from disk, writes audit/, tells GitHub Actions, and records what it wrote. It never changes
//! how a run ended; what goes wrong in it is said on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use crate::base::digest::sha256_hex;
use crate::cli::args::Format;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::event::Event;
use crate::journal::Stage as Recorded;
use crate::proof::DirArtifacts;
use crate::report::{self, Collected, github};
use crate::run::context::Fault;
use crate::run::recorder::Recorder;

/// What the stage came to.
pub struct Outcome {
    /// What it was made from.
    pub collected: Collected,
    /// SHA-256 of each file by its path relative to out.
    pub files: BTreeMap<String, String>,
    /// What went wrong in it, in words.
    pub problems: Vec<String>,
    /// The journal tells of it anew: something differs from what it said before.
    pub recorded: bool,
}

/// Runs the stage over the run that `recorder` writes down. A part that fails is a problem of
/// the outcome and keeps no other from being made.
///
/// # Errors
/// The journal can't be read, or what was written can't be recorded.
pub fn run(project: &Project, recorder: &Recorder, screen: &Screen) -> Result<Outcome, Fault> {
    let collected = collect(recorder)?;
    let mut problems = collected.problems.clone();
    let made = report::stage_files(&collected).map_err(|e| Fault::Other(e.to_string()))?;
    let mut files = BTreeMap::new();
    for (path, bytes) in &made {
        match recorder.write(path, bytes) {
            Ok(()) => drop(files.insert((*path).to_owned(), sha256_hex(&recorder.shown(path, bytes)))),
            Err(fault) => problems.push(fault.to_string()),
        }
    }
    let summary = made.iter().find(|(path, _)| *path == report::STAGE_REPORT);
    let summary = summary.map(|(path, bytes)| recorder.shown(path, bytes));
    problems.extend(tell_github(project, &collected, &summary.unwrap_or_default(), screen));
    let recorded = record(recorder, &collected, &files, &problems)?;
    Ok(Outcome { collected, files, problems, recorded })
}

fn collect(recorder: &Recorder) -> Result<Collected, Fault> {
    report::collect(&DirArtifacts::new(recorder.out())).map_err(|e| Fault::Other(e.to_string()))
}

/// Journals what was written, unless the journal says just that already: the same report made
/// again changes nothing, so that a proof which was pushed stays the one that is here.
fn record(
    recorder: &Recorder,
    collected: &Collected,
    files: &BTreeMap<String, String>,
    problems: &[String],
) -> Result<bool, Fault> {
    let same = |s: &Recorded| s.files == *files && s.problems == problems;
    if collected.state.stage.as_ref().is_some_and(same) {
        return Ok(false);
    }
    recorder.announce(Event::StageFinished { files: files.clone(), problems: problems.to_vec() })?;
    Ok(true)
}

/// Annotations, the job's summary and the step's outputs, where GitHub Actions is around us.
fn tell_github(project: &Project, collected: &Collected, summary: &[u8], screen: &Screen) -> Vec<String> {
    let variable = |name: &str| project.environment.get(name).filter(|v| !v.is_empty());
    if variable("GITHUB_ACTIONS").map(String::as_str) != Some("true") {
        return Vec::new();
    }
    let annotations = github::annotations(&collected.state);
    match screen.format() {
        // The runner reads both streams; standard output is the events' alone here.
        Format::Json => screen.aside(&annotations),
        _ => screen.print(&annotations),
    }
    let outputs = github::step_outputs(&collected.state, collected.proof.as_ref());
    let parts = [
        ("GITHUB_STEP_SUMMARY", github::summary(&String::from_utf8_lossy(summary))),
        ("GITHUB_OUTPUT", outputs),
    ];
    let mut problems = BTreeSet::new();
    for (name, text) in parts {
        let Some(path) = variable(name) else { continue };
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        if let Err(error) = file.and_then(|mut f| f.write_all(text.as_bytes())) {
            problems.insert(format!("can't write {path}, which {name} names: {error}"));
        }
    }
    problems.into_iter().collect()
}
