//! The audit stage of `run`, `resume` and `report`: reads the journal and the artifacts back
//! from disk, writes audit/, tells GitHub Actions, and records what it wrote. It never changes
//! how a run ended; what goes wrong in it is said on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use crate::base::Clock;
use crate::base::digest::sha256_hex;
use crate::base::text::neutral;
use crate::cli::args::Format;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::event::{Event, IssueAction, IssueDecision};
use crate::journal::Stage as Recorded;
use crate::process::{Cancel, Runner};
use crate::proof::{ArtifactSource, DirArtifacts};
use crate::report::{self, Collected, github};
use crate::run::containment::Containment;
use crate::run::context::Fault;
use crate::run::recorder::Recorder;
use crate::stage::{Aftermath, Scene, aftermath};

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

/// What the stage may use beside the project.
pub struct Means<'a> {
    /// Starts programs.
    pub runner: &'a Runner,
    /// Time.
    pub clock: &'a Arc<dyn Clock>,
    /// The operator asks for the end.
    pub cancel: &'a Cancel,
    /// What programs are held to.
    pub containment: &'a Containment,
    /// Where private directories are made.
    pub scratch: &'a Path,
    /// The run is the last one here; an archived one is only reported.
    pub live: bool,
}

/// Runs the stage over the run that `recorder` writes down: collects, reports, deals with what
/// failed, and reports again with what came of that. A part that fails is a problem of the
/// outcome and keeps no other from being made.
///
/// # Errors
/// The journal can't be read, or what was written can't be recorded.
pub fn run(
    project: &Project,
    recorder: &Recorder,
    means: &Means<'_>,
    screen: &Screen,
) -> Result<Outcome, Fault> {
    let mut collected = collect(recorder)?;
    let after = after(project, recorder, means, &collected);
    let mut files = BTreeMap::new();
    let mut problems = after.problems;
    for (path, bytes) in &after.files {
        problems.extend(write(recorder, path, bytes, &mut files));
    }
    collected = collect(recorder)?;
    problems.extend(collected.problems.iter().cloned());
    collected.issue.iter().flat_map(|told| &told.issues).for_each(|issue| say(issue, screen));
    let made = report::stage_files(&collected).map_err(|e| Fault::Other(e.to_string()))?;
    for (path, bytes) in &made {
        problems.extend(write(recorder, path, bytes, &mut files));
    }
    files.extend(transcripts(recorder));
    let summary = made.iter().find(|(path, _)| *path == report::STAGE_REPORT);
    let summary = summary.map(|(path, bytes)| recorder.shown(path, bytes));
    problems.extend(tell_github(project, &collected, &summary.unwrap_or_default(), screen));
    let recorded = record(recorder, &collected, &files, &problems)?;
    Ok(Outcome { collected, files, problems, recorded })
}

/// What became of an issue that stands somewhere.
fn say(issue: &IssueDecision, screen: &Screen) {
    let word = match issue.action {
        IssueAction::Created => "made",
        IssueAction::Commented => "commented",
        IssueAction::Closed => "closed",
        IssueAction::Waiting | IssueAction::Unsent => return,
    };
    let number = issue.number.map_or_else(String::new, |number| format!("no. {number}"));
    let place = issue.url.clone().unwrap_or(number);
    screen.say(&format!("failure issue {word}: {}", neutral(&place)));
}

/// Failures, diagnosis and issue, made with a report that has none of them yet.
fn after(project: &Project, recorder: &Recorder, means: &Means<'_>, collected: &Collected) -> Aftermath {
    // Made when it is needed: by then, whoever was asked for a diagnosis is in it.
    let report = || {
        let now = collect(recorder).unwrap_or_else(|_| collected.clone());
        report::stage_report(&Collected { diagnosis: None, issue: None, ..now })
    };
    let scene = Scene {
        config: &project.config,
        operator: &project.environment,
        repo: &project.repo,
        recorder,
        containment: means.containment,
        runner: means.runner,
        clock: means.clock,
        scratch: means.scratch,
        cancel: means.cancel,
        live: means.live,
    };
    aftermath(&scene, &collected.state, &report, project.layout.bundle())
}

/// Writes a file of the stage; what went wrong.
fn write(
    recorder: &Recorder,
    path: &str,
    bytes: &[u8],
    files: &mut BTreeMap<String, String>,
) -> Option<String> {
    match recorder.write(path, bytes) {
        Ok(()) => drop(files.insert(path.to_owned(), sha256_hex(&recorder.shown(path, bytes)))),
        Err(fault) => return Some(fault.to_string()),
    }
    None
}

/// What the diagnostic agent left, by the paths relative to out.
fn transcripts(recorder: &Recorder) -> Vec<(String, String)> {
    let source = DirArtifacts::new(recorder.out());
    let logs = source.list("audit").into_iter().filter(|path| path.ends_with(".log"));
    logs.filter_map(|path| source.read(&path).map(|bytes| (path, sha256_hex(&bytes)))).collect()
}

fn collect(recorder: &Recorder) -> Result<Collected, Fault> {
    report::collect(&DirArtifacts::new(recorder.out())).map_err(|e| Fault::Other(e.to_string()))
}

/// Journals what was written, unless the journal says that already: the same report made again
/// changes nothing, so that a proof which was pushed stays the one that is here. What went wrong
/// the first time alone, such as a diagnosis that nobody gave, is no news.
fn record(
    recorder: &Recorder,
    collected: &Collected,
    files: &BTreeMap<String, String>,
    problems: &[String],
) -> Result<bool, Fault> {
    let same = |s: &Recorded| s.files == *files && problems.iter().all(|p| s.problems.contains(p));
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
