//! `auditrun report`: the audit stage alone, for the last run or an earlier one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::digest::sha256_hex;
use crate::base::{RunId, SystemClock, names};
use crate::cli::args::{Common, Format, ReportArgs};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::session::Tools;
use crate::cli::{archived, finish, lock, stage};
use crate::files::{self, Sync};
use crate::journal::{self, JournalWriter};
use crate::proof::{ArtifactSource, DirArtifacts};
use crate::report::{self, Made};
use crate::run::containment::Containment;
use crate::run::recorder::Recorder;

/// Makes the reports of a run again. Exit 0 if they were made, whatever the run came to.
///
/// # Errors
/// There is no such run, its journal can't be trusted, or somebody works in the repository.
pub fn run(common: &Common, args: &ReportArgs, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    if common.place.in_run {
        return so_far(&project, common, args, screen);
    }
    let _lock = lock::acquire(&project.repo, "report")?;
    let out = find(&project, args.run.as_deref())?;
    let root = project.repo.root().join(&out);
    if common.dry_run {
        return preview(&root, &out, screen);
    }
    let outcome = remake(&project, &Tools::new(common)?, &out, screen)?;
    let archive = args.archive.as_ref().map(|file| pack(common, &root, file)).transpose()?;
    Ok(say(&made(&outcome, out, archive), screen))
}

/// The stage after a command that took the last run up to no avail: its reports, made again
/// from what its journal says. What goes wrong in it is said and changes nothing.
pub fn again(project: &Project, tools: &Tools, screen: &Screen) {
    match remake(project, tools, project.layout.out(), screen) {
        Ok(outcome) => say_problems(&outcome.problems, screen),
        Err(failure) => screen.failure(&failure),
    }
}

/// Runs the stage over the run in `out`.
fn remake(project: &Project, tools: &Tools, out: &str, screen: &Screen) -> Result<stage::Outcome, Failure> {
    let root = project.repo.root().join(out);
    archived::nothing_strange(&root)?;
    let recorder = recorder(project, &root)?;
    let containment = Containment::new(&project.config, &project.environment, project.repo.root());
    let means = tools.means(&containment, out == project.layout.out());
    let outcome = stage::run(project, &recorder, &means, screen)?;
    if let Some(run_id) = RunId::parse(outcome.collected.state.run_id()) {
        keep(project, &recorder, &run_id, &outcome)?;
    }
    Ok(outcome)
}

/// The artifact directory of a run, relative to the root: out itself, or one of the archived.
fn find(project: &Project, wanted: Option<&str>) -> Result<String, Failure> {
    let root = project.repo.root();
    let is_run = |dir: &str| root.join(dir).join(names::JOURNAL).is_file();
    let last = project.layout.out().to_owned();
    let Some(wanted) = wanted else {
        let remedy = "start one with `auditrun run`, or name an archived one: auditrun report RUN";
        let none = || Failure::usage(format!("no run in {}", project.layout.in_out("runs")), remedy);
        return is_run(&last).then_some(last).ok_or_else(none);
    };
    let id = wanted.strip_prefix("audit/").unwrap_or(wanted);
    let id = id.strip_prefix("run-").unwrap_or(id);
    if is_run(&last) && run_in(&root.join(&last)).as_deref() == Some(id) {
        return Ok(last);
    }
    let archived = project.layout.in_out(&format!(".history/{id}"));
    if RunId::parse(id).is_some() && is_run(&archived) {
        return Ok(archived);
    }
    let known = known(project).join(", ");
    Err(Failure::usage(
        format!("there is no run {wanted:?} in {}", project.layout.out()),
        if known.is_empty() { "no run is known here".to_owned() } else { format!("known: {known}") },
    ))
}

/// The run whose artifacts lie in a directory.
fn run_in(dir: &Path) -> Option<String> {
    let read = journal::read(&dir.join(names::JOURNAL)).ok()?;
    Some(journal::replay(read.records.get(..1)?).run_id().to_owned())
}

fn known(project: &Project) -> Vec<String> {
    let history = project.repo.root().join(project.layout.in_out(".history"));
    let entries = std::fs::read_dir(history).into_iter().flatten().flatten();
    let mut ids: Vec<String> = entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    ids.retain(|id| RunId::parse(id).is_some());
    ids.extend(run_in(&project.repo.root().join(project.layout.out())));
    ids.sort();
    ids
}

/// For a recipe: the reports as the run stands, made from what its journal says by now. The run
/// that goes on holds the lock and writes the journal; nobody is told of anything before its end.
fn so_far(project: &Project, common: &Common, args: &ReportArgs, screen: &Screen) -> Result<Exit, Failure> {
    if args.run.is_some() {
        return Err(Failure::usage("a recipe reports on its own run", "write: auditrun report"));
    }
    let out = project.layout.out().to_owned();
    let root = project.repo.root().join(&out);
    let collected =
        report::collect(&DirArtifacts::new(&root)).map_err(|e| Failure::Config(e.diag().into()))?;
    let masker = project.masker();
    let mut files = BTreeMap::new();
    for (path, bytes) in report::stage_files(&collected).map_err(|e| Failure::Internal(e.to_string()))? {
        let shown = masker.bytes(&bytes);
        let failed = |e| Failure::Internal(format!("can't write {path}: {e}"));
        files::replace(&root.join(path), &shown, Sync::Content).map_err(failed)?;
        files.insert(path.to_owned(), sha256_hex(&shown));
    }
    let archive = args.archive.as_ref().map(|file| pack(common, &root, file)).transpose()?;
    let problems = collected.problems.clone();
    let outcome = stage::Outcome { collected, files, problems, recorded: false };
    Ok(say(&made(&outcome, out, archive), screen))
}

fn preview(root: &Path, out: &str, screen: &Screen) -> Result<Exit, Failure> {
    let collected =
        report::collect(&DirArtifacts::new(root)).map_err(|e| Failure::Config(e.diag().into()))?;
    let files = report::stage_files(&collected).map_err(|e| Failure::Internal(e.to_string()))?;
    let lines =
        files.iter().map(|(path, bytes)| format!("would write {out}/{path} ({} bytes)\n", bytes.len()));
    screen.print(&lines.collect::<String>());
    Ok(Exit::Ok)
}

fn recorder(project: &Project, root: &Path) -> Result<Recorder, Failure> {
    let opened = JournalWriter::open_append(&root.join(names::JOURNAL), Arc::new(SystemClock));
    let (journal, read) = opened.map_err(|e| Failure::Config(e.diag().into()))?;
    let state = journal::replay(&read.records);
    Ok(Recorder::new(journal, state, root.to_owned()).masked(Arc::new(project.masker())))
}

/// A proof that travels says what lies here.
fn keep(
    project: &Project,
    recorder: &Recorder,
    run_id: &RunId,
    outcome: &stage::Outcome,
) -> Result<(), Failure> {
    let Some(proof) = &outcome.collected.state.proof else { return Ok(()) };
    if outcome.recorded || project.repo.reference(&run_id.proof_ref())?.is_none() {
        finish::keep_proof(project, recorder, run_id, &proof.head)?;
    }
    Ok(())
}

/// Everything below audit/, packed into `file`.
fn pack(common: &Common, root: &Path, file: &Path) -> Result<PathBuf, Failure> {
    let source = DirArtifacts::new(root);
    let mut files = Vec::new();
    for path in source.list("audit") {
        let name = path.trim_start_matches("audit/").to_owned();
        files.extend(source.read(&path).map(|bytes| (name, bytes)));
    }
    let path = common.place.dir().map_or_else(|_| file.to_owned(), |dir| dir.join(file));
    let failed = |e: std::io::Error| Failure::Usage(format!("can't write {}: {e}", path.display()), None);
    let mut bytes = Vec::new();
    report::archive(&files, &mut bytes).map_err(failed)?;
    files::replace(&path, &bytes, Sync::Content).map_err(failed)?;
    Ok(file.to_owned())
}

fn made(outcome: &stage::Outcome, out: String, archive: Option<PathBuf>) -> Made {
    let collected = &outcome.collected;
    let status = report::status(&collected.state);
    Made {
        schema: "auditrun.report/1".to_owned(),
        run_id: status.run.run_id,
        verdict: status.verdict,
        out,
        files: outcome.files.clone(),
        missing: report::missing(&collected.state, &collected.present),
        problems: outcome.problems.clone(),
        archive: archive.map(|path| path.display().to_string()),
    }
}

fn say(made: &Made, screen: &Screen) -> Exit {
    if screen.format() == Format::Json {
        screen.print(&serde_json::to_string_pretty(made).unwrap_or_default());
    } else {
        let mut text =
            format!("run {}\n{}\n", made.run_id, crate::base::text::neutral(&made.verdict.sentence));
        made.files.keys().for_each(|path| text.push_str(&format!("{}/{path}\n", made.out)));
        text.extend(made.archive.iter().map(|file| format!("{file}\n")));
        screen.print(&text);
        made.missing.iter().for_each(|what| screen.say(&format!("missing: {what}")));
    }
    say_problems(&made.problems, screen);
    if made.problems.is_empty() { Exit::Ok } else { Exit::Failed }
}

fn say_problems(problems: &[String], screen: &Screen) {
    problems.iter().for_each(|what| screen.trouble(&format!("audit stage: {what}")));
}
