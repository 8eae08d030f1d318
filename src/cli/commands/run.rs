//! `auditrun run`: phases 0 to 4, then the audit stage, whatever the outcome.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, Oid, RunId, names};
use crate::bundle::BundleFiles;
use crate::cli::aftermath;
use crate::cli::archived;
use crate::cli::args::Common;
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::finish::{self, Ending};
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::session::{self, Session, Tools, Worked};
use crate::control::Live;
use crate::diag::{Diag, Diags};
use crate::event::{Event, NoticeLevel};
use crate::journal::{JournalWriter, RunState};
use crate::process;
use crate::run::context::{Context, Fault};
use crate::run::engine::Start;
use crate::run::preflight::{self, Examined};
use crate::run::recorder::Recorder;

/// Runs the bundle.
///
/// # Errors
/// Problems that come too early for a run: usage, configuration, the lock.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    run_in(common, Project::open(common)?, screen)
}

/// Runs the bundle of a project.
///
/// # Errors
/// As [`run`].
pub fn run_in(common: &Common, project: Project, screen: &Screen) -> Result<Exit, Failure> {
    screen.mask(project.masker());
    screen.warnings(&project.warnings);
    if common.dry_run {
        return super::preflight::show(&project, screen);
    }
    let inputs = Inputs::read(&project)?;
    let mut lock = lock::acquire(&project.repo, "run")?;
    let tools = Tools::new(common)?;
    let swept = aftermath::clear(&project, &mut lock)?;
    let cut_off = archived::resumable(&project)?.map(|run| run.run_id);
    let live = control::follow(&project)?;
    let recorder = begin(&project, screen, &tools.clock, &live)?;
    let run_id = free_run_id(&project, tools.clock.now())?;
    let session = Session::new(project, run_id, tools, Duration::ZERO);
    let recorder = recorder.masked(Arc::clone(session.containment.masker()));
    let worked = carry_out(&session, inputs, recorder, &swept, screen);
    let exit = session.finish(worked, screen);
    if let Some(run) = cut_off {
        let say = match exit {
            Exit::Preflight => {
                format!("run {run} is not hidden by this one: `auditrun resume` goes on with it")
            }
            _ => format!("run {run}, which was not done, is archived in .history/{run}"),
        };
        screen.say(&say);
    }
    Ok(exit)
}

/// Everything that was read at the start; nothing is read again later.
struct Inputs {
    head: Option<Oid>,
    files: BundleFiles,
    examined: Result<Examined, Diags>,
}

impl Inputs {
    /// Reads the bundle as committed; one that is not is read from disk, so that its
    /// problems can be shown together with that one.
    fn read(project: &Project) -> Result<Inputs, Failure> {
        let head = project.repo.head()?.commit;
        let unsettled = project.unsettled()?;
        let files = match head.as_ref().filter(|_| unsettled.is_empty()) {
            Some(head) => project.files_at(head)?,
            None => project.files_on_disk()?,
        };
        let mut examined = preflight::examine(&project.input(&files));
        if let Err(problems) = &mut examined {
            // A mistake in audit.kdl comes too early for a run.
            if crate::cli::failure::concerns_config(problems) {
                return Err(Failure::Preflight(std::mem::take(problems)));
            }
            problems.extend(unsettled);
        } else if unsettled.has_errors() {
            examined = Err(unsettled);
        }
        Ok(Inputs { head, files, examined })
    }
}

/// The first run id of this second that no branch, proof or archive has.
fn free_run_id(project: &Project, now: jiff::Timestamp) -> Result<RunId, Failure> {
    let history = project.repo.root().join(project.layout.in_out(".history"));
    for nth in 1.. {
        let id = RunId::at(now, nth);
        let taken = project.repo.reference(&id.branch_ref())?.is_some()
            || project.repo.reference(&id.proof_ref())?.is_some()
            || history.join(id.as_str()).exists();
        if !taken {
            return Ok(id);
        }
    }
    Err(Failure::Internal("no run id is free".to_owned()))
}

/// Moves the artifacts of an earlier run aside and begins a new journal.
fn begin(
    project: &Project,
    screen: &Screen,
    clock: &Arc<dyn Clock>,
    live: &Arc<Live>,
) -> Result<Recorder, Failure> {
    let out = project.repo.root().join(project.layout.out());
    project.repo.keep_excluded(&project.layout)?;
    finish::tidy(&out)
        .and_then(|()| archived::archive_earlier(&out))
        .map_err(|e| Failure::Internal(format!("can't move the earlier run's artifacts: {e}")))?;
    let path = out.join(names::JOURNAL);
    let journal = JournalWriter::create(&path, Arc::clone(clock));
    let journal = journal.map_err(|e| Failure::Internal(format!("can't write {}: {e}", path.display())))?;
    Ok(Recorder::new(journal.with_sinks(screen.sinks_and(live)), RunState::default(), out))
}

/// From here on every end is recorded, and the audit stage runs.
fn carry_out(
    session: &Session,
    inputs: Inputs,
    recorder: Recorder,
    swept: &[String],
    screen: &Screen,
) -> Worked {
    let files = inputs.files.clone();
    match phase0(session, inputs, &recorder, swept) {
        Ok(Ok((examined, head))) => {
            screen.warnings(&examined.warnings);
            let cx = session.context(recorder, examined, &head);
            let ended = phases(&cx, &files);
            Worked::of(cx, ended)
        }
        Ok(Err(problems)) => {
            screen.problems(&problems);
            Worked { recorder, ending: Ending::rejected() }
        }
        Err(fault) => Worked { recorder, ending: Ending::of(&fault) },
    }
}

/// Preflight up to the plan. The inner error is a rejection.
fn phase0(
    session: &Session,
    inputs: Inputs,
    recorder: &Recorder,
    swept: &[String],
) -> Result<Result<(Examined, Oid), Diags>, Fault> {
    let project = &session.project;
    recorder.announce(started(session, inputs.head.clone(), &inputs.files))?;
    for message in swept {
        recorder.tell(Event::Notice { node: None, level: NoticeLevel::Warning, message: message.clone() })?;
    }
    let plan = inputs.examined.as_ref().ok().map(|e| &e.plan);
    let mut around = preflight::surroundings(&project.repo, &project.layout, plan, inputs.head.as_ref())?;
    around.extend(project.sandbox());
    let problems = match (inputs.examined, inputs.head) {
        (Ok(mut examined), Some(head)) if !around.has_errors() => {
            examined.warnings.extend(around);
            for (path, bytes) in preflight::reports(&examined.plan, &session.run_id) {
                recorder.write(path, &bytes)?;
            }
            return Ok(Ok((examined, head)));
        }
        (Ok(_), _) => around,
        (Err(mut problems), _) => {
            problems.extend(around);
            problems
        }
    };
    let errors = problems.iter().filter(|d| d.severity == crate::diag::Severity::Error);
    recorder.announce(Event::PreflightRejected { problems: errors.map(Diag::told).collect() })?;
    Ok(Err(problems))
}

fn started(session: &Session, head: Option<Oid>, files: &BundleFiles) -> Event {
    let project = &session.project;
    let config = &project.config;
    Event::RunStarted {
        run_id: session.run_id.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        trigger: project.trigger.clone().unwrap_or_else(|| "run".to_owned()),
        github_event: project.environment.get("GITHUB_EVENT_NAME").cloned(),
        head,
        default_agent: config.default_agent.value.clone(),
        max_iterations: config.bounds.max_iterations.value,
        timeout_ms: u64::try_from(config.bounds.timeout.value.as_millis()).unwrap_or(u64::MAX),
        inputs: Session::inputs(project, files),
        process: process::stamp(),
    }
}

/// The branch and everything after it.
fn phases(cx: &Context, files: &BundleFiles) -> Result<Ending, Fault> {
    let base = cx.lock_head().clone();
    cx.ledger.expect(&cx.run_id.branch_ref(), &base);
    cx.tell(finish::planned(cx))?;
    if !cx.repo.create_ref(&cx.run_id.branch_ref(), &base)? {
        return Err(Fault::Other(format!("{} was made by somebody else just now", cx.run_id.branch())));
    }
    cx.announce(Event::BranchCreated { branch: cx.run_id.branch(), base })?;
    if !cx.config.worktree.keep.is_empty() {
        let kept: Vec<&str> = cx.config.worktree.keep.iter().map(|k| k.value.as_str()).collect();
        let message = format!("kept from node to node and trusted as it is: {}", kept.join(", "));
        cx.notice(None, NoticeLevel::Notice, message)?;
    }
    session::integrated(cx, |integration| {
        integration.baseline()?;
        if let Some(ending) = session::interrupted(cx) {
            return Ok(ending);
        }
        cx.announce(Event::PreflightPassed)?;
        match session::answer(cx, files)? {
            Some(ending) => Ok(ending),
            None => session::dispatch_and_prove(cx, Start::anew(cx), integration),
        }
    })
}
