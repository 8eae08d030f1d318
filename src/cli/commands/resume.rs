//! `auditrun resume`: goes on with the last run that is not done, on its branch.

use std::sync::Arc;

use crate::bundle::{self, BundleFiles};
use crate::cli::aftermath;
use crate::cli::archived;
use crate::cli::args::{Common, ResumeArgs};
use crate::cli::commands::report;
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::finish::{self, Ending};
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::past::{self, Past};
use crate::cli::project::Project;
use crate::cli::session::{self, Session, Tools, Worked};
use crate::config::Config;
use crate::control::Live;
use crate::diag::Diag;
use crate::event::{Event, NoticeLevel};
use crate::journal::{JournalWriter, Preflight};
use crate::process;
use crate::run::context::{Context, Fault};
use crate::run::preflight::{self, Examined};
use crate::run::recorder::Recorder;
use crate::run::resume::{self, Correction, Half};

/// Takes the last run up.
///
/// # Errors
/// There is none to take up, or it is not to be trusted; nothing was changed then.
pub fn run(common: &Common, args: &ResumeArgs, screen: &Screen) -> Result<Exit, Failure> {
    let mut project = Project::open(common)?;
    screen.mask(project.masker());
    screen.warnings(&project.warnings);
    let mut lock = lock::acquire(&project.repo, "resume")?;
    // The dead may still be about to move the branch: it is looked at when they are gone.
    let swept = aftermath::clear(&project, &mut lock)?;
    bring_back(&project, screen)?;
    let tools = Tools::new(common)?;
    let (past, planned) = match begin(&mut project, common, args, screen) {
        Ok(Begun::On(past, planned)) => (*past, *planned),
        Ok(Begun::Stands(exit)) => {
            report::again(&project, &tools, screen);
            return Ok(exit);
        }
        Err(failure) => {
            // A usage error comes too early for the stage: there may be no run at all.
            if failure.exit() != Exit::Usage {
                report::again(&project, &tools, screen);
            }
            return Err(failure);
        }
    };
    let live = control::follow(&project)?;
    let recorder = reopen(&project, &past, screen, &tools, &live)?;
    let session = Session::new(project, past.run_id.clone(), tools, past.active());
    let recorder = recorder.masked(Arc::clone(session.containment.masker()));
    let worked = carry_out(&session, recorder, &past, planned, &swept);
    Ok(session.finish(worked, screen))
}

/// What a resume comes to before anything is changed.
enum Begun {
    /// The run goes on.
    On(Box<Past>, Box<Planned>),
    /// It ends as it ended.
    Stands(Exit),
}

/// Finds the run and holds it against what vouches for it.
fn begin(
    project: &mut Project,
    common: &Common,
    args: &ResumeArgs,
    screen: &Screen,
) -> Result<Begun, Failure> {
    let past = Past::find(project)?;
    past.keep_settings(&mut project.config, common);
    if let Some(exit) = past.still_stands(&project.config, args.bundle_from.is_some(), screen) {
        return Ok(Begun::Stands(exit));
    }
    let out = project.repo.root().join(project.layout.out());
    archived::nothing_strange(&out)?;
    finish::tidy(&out).map_err(|e| Failure::Internal(format!("can't tidy {}: {e}", out.display())))?;
    project.repo.keep_excluded(&project.layout)?;
    let planned = Planned::make(project, &past, args, screen)?;
    Ok(Begun::On(Box::new(past), Box::new(planned)))
}

/// A run that never came to its branch does not hide the one before.
fn bring_back(project: &Project, screen: &Screen) -> Result<(), Failure> {
    let Some(run) = archived::resumable(project)?.filter(archived::Resumable::is_hidden) else {
        return Ok(());
    };
    let out = project.repo.root().join(project.layout.out());
    let moved = run.bring_back(&out);
    moved
        .map_err(|e| Failure::Internal(format!("can't bring run {} back from .history: {e}", run.run_id)))?;
    let why = run.instead_of.map(|other| format!("; run {other}, which dispatched nothing, is archived"));
    screen.say(&format!("going on with run {}{}", run.run_id, why.unwrap_or_default()));
    Ok(())
}

/// What is to be done, and from which bundle.
struct Planned {
    files: BundleFiles,
    examined: Examined,
    correction: Option<Correction>,
}

impl Planned {
    fn make(project: &Project, past: &Past, args: &ResumeArgs, screen: &Screen) -> Result<Planned, Failure> {
        if args.bundle_from.is_none() {
            past.same_inputs(project)?;
        }
        let on_branch = project.files_at(&past.head)?;
        let vouched = preflight::examine(&project.input(&on_branch));
        let mut planned = match &args.bundle_from {
            None => {
                Planned { files: on_branch, examined: vouched.map_err(Failure::Preflight)?, correction: None }
            }
            Some(rev) => {
                if let Ok(vouched) = &vouched {
                    past.vouched_for(project, vouched, screen)?;
                }
                Planned::corrected(project, past, rev, &on_branch)?
            }
        };
        if planned.correction.is_none() {
            past.vouched_for(project, &planned.examined, screen)?;
        }
        let mut around = preflight::surroundings(
            &project.repo,
            &project.layout,
            Some(&planned.examined.plan),
            Some(&past.head),
        )?;
        if let Some(obstacle) = stood_on(project, past)? {
            around.push(obstacle);
        }
        around.extend(project.sandbox());
        if around.has_errors() {
            return Err(Failure::Preflight(around));
        }
        planned.examined.warnings.extend(around);
        screen.warnings(&std::mem::take(&mut planned.examined.warnings));
        Ok(planned)
    }

    fn corrected(
        project: &Project,
        past: &Past,
        rev: &str,
        on_branch: &BundleFiles,
    ) -> Result<Planned, Failure> {
        let files = past::files_of(project, rev)?;
        let inputs = Session::inputs(project, &files);
        let mut correction = Correction { rev: rev.to_owned(), files, inputs };
        if let Ok((answered, _)) = bundle::parse(on_branch, &project.layout) {
            correction.carry_over(&past.state, &answered.state, &project.layout);
        }
        let examined = preflight::examine(&project.input(&correction.files)).map_err(Failure::Preflight)?;
        past.admits(project, &examined.plan)?;
        Ok(Planned { files: correction.files.clone(), examined, correction: Some(correction) })
    }
}

/// A checkout that is on the audit branch would be left behind by it: its index and files would
/// look like changes that take everything back which lands.
fn stood_on(project: &Project, past: &Past) -> Result<Option<Diag>, Failure> {
    let branch = past.run_id.branch();
    let worktrees = project.repo.worktrees()?;
    let there = worktrees.into_iter().find(|info| info.branch.as_ref() == Some(&branch));
    Ok(there.map(|info| {
        let what = format!("{branch} is checked out in {}, and resume would move it", info.dir.display());
        let remedy = format!("git switch - there, or look at it with: git switch --detach {branch}");
        Diag::error("preflight::repository", what).help(remedy)
    }))
}

/// Goes on with the journal; a torn last line is cut off.
fn reopen(
    project: &Project,
    past: &Past,
    screen: &Screen,
    tools: &Tools,
    live: &Arc<Live>,
) -> Result<Recorder, Failure> {
    let opened = JournalWriter::open_append(&past.journal, Arc::clone(&tools.clock));
    let (journal, before) = opened.map_err(|e| Failure::Internal(e.to_string()))?;
    let out = project.repo.root().join(project.layout.out());
    let journal = journal.with_sinks(screen.sinks_and(live)).with_past(&before.records);
    Ok(Recorder::new(journal, past.state.clone(), out))
}

fn carry_out(
    session: &Session,
    recorder: Recorder,
    past: &Past,
    planned: Planned,
    swept: &[String],
) -> Worked {
    if let Err(fault) = resumed(&recorder, &session.project.config, swept) {
        return Worked { recorder, ending: Ending::of(&fault) };
    }
    let Planned { files, examined, correction } = planned;
    let cx = session.context(recorder, examined, &past.head);
    let ended = go_on(&cx, &past.half, &files, correction.as_ref());
    Worked::of(cx, ended)
}

fn resumed(recorder: &Recorder, config: &Config, swept: &[String]) -> Result<(), Fault> {
    recorder.announce(Event::RunResumed {
        command: std::env::args().collect(),
        max_iterations: config.bounds.max_iterations.value,
        timeout_ms: u64::try_from(config.bounds.timeout.value.as_millis()).unwrap_or(u64::MAX),
        process: process::stamp(),
    })?;
    for message in swept {
        recorder.tell(Event::Notice { node: None, level: NoticeLevel::Warning, message: message.clone() })?;
    }
    Ok(())
}

/// Settles what was half done, then goes on where the run stopped.
fn go_on(
    cx: &Context,
    half: &Half,
    files: &BundleFiles,
    correction: Option<&Correction>,
) -> Result<Ending, Fault> {
    resume::settle(cx, half)?;
    resume::complete(cx)?;
    if let Some(correction) = correction {
        resume::commit(cx, correction)?;
    }
    resume::replan(cx)?;
    for (path, bytes) in preflight::reports(&cx.plan, &cx.run_id) {
        cx.write(path, &bytes)?;
    }
    resume::known(cx);
    let remediations = u32::from(cx.config.remediation.value);
    let mut standing = resume::standing(&cx.recorder.state(), &cx.plan, remediations);
    resume::worktrees(cx, &standing)?;
    session::integrated(cx, |integration| {
        if cx.recorder.state().preflight != Preflight::Passed {
            integration.baseline()?;
            if let Some(ending) = session::interrupted(cx) {
                return Ok(ending);
            }
            cx.announce(Event::PreflightPassed)?;
        }
        resume::recheck(cx, &mut standing, integration)?;
        if let Some(ending) = session::interrupted(cx) {
            return Ok(ending);
        }
        if let Some(ending) = session::answer(cx, files)? {
            return Ok(ending);
        }
        integration.back_to_head()?;
        resume::aside(cx, &standing)?;
        let start = resume::start(cx, standing)?;
        session::dispatch_and_prove(cx, start, integration)
    })
}
