//! One process's part of a run, whichever command it serves: signals, clock, scratch space,
//! the context of the engine, and the phases from the open questions to the proof.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::base::digest::sha256_hex;
use crate::base::{Clock, Oid, PatternSet, RunId, SystemClock};
use crate::bundle::BundleFiles;
use crate::cli::args::Common;
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::finish::{self, Ending};
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::reenter::{Inside, PassingOn};
use crate::cli::stage::Means;
use crate::event::{NoticeLevel, Termination};
use crate::files::Scratch;
use crate::lane::LocalLane;
use crate::process::{self, Cancel, Runner, signals};
use crate::run::bounds::Spent;
use crate::run::containment::Containment;
use crate::run::context::{Context, Fault};
use crate::run::engine::{self, Start};
use crate::run::fleet::Fleet;
use crate::run::integration::Integration;
use crate::run::ledger::Ledger;
use crate::run::preflight::Examined;
use crate::run::questions::{self, Resolved};
use crate::run::recorder::Recorder;

/// What a process brings to a run.
pub struct Session {
    /// The project.
    pub project: Project,
    /// The run.
    pub run_id: RunId,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Active time of earlier processes.
    pub before: Duration,
    /// What its programs are held to.
    pub containment: Containment,
    begun: Instant,
    common: Common,
    runner: Runner,
    stop: Stop,
    scratch: Scratch,
}

/// How the session's work ended.
pub struct Worked {
    /// The journal.
    pub recorder: Recorder,
    /// Why and with which exit.
    pub ending: Ending,
}

impl Worked {
    /// The end of work that had a context.
    pub fn of(cx: Context, ended: Result<Ending, Fault>) -> Worked {
        let ending = ended.unwrap_or_else(|fault| Ending::of(&fault));
        if let Err(error) = cx.lane.close() {
            // A journal that fails says so itself soon.
            let _ = cx.left_behind(None, &error);
        }
        let Context { recorder, .. } = cx;
        Worked { recorder, ending }
    }
}

/// What every session needs before it knows its run.
pub struct Tools {
    /// Time.
    pub clock: Arc<dyn Clock>,
    common: Common,
    runner: Runner,
    stop: Stop,
    scratch: Scratch,
}

/// A temporary directory that bears this process's name, so that a later one sweeps it if this
/// one is killed.
///
/// # Errors
/// It could not be made.
pub fn scratch() -> Result<Scratch, Failure> {
    Scratch::new(&process::stamp())
        .map_err(|e| Failure::Internal(format!("can't make a temporary directory: {e}")))
}

impl Tools {
    /// Makes the temporary directory, starts the runtime, and watches signals from here on.
    ///
    /// # Errors
    /// The system refused.
    pub fn new(common: &Common) -> Result<Tools, Failure> {
        let scratch = scratch()?;
        let runner = Runner::new().map_err(|e| Failure::Internal(format!("can't start the runtime: {e}")))?;
        let stop = Stop::watch(&runner, common)?;
        Ok(Tools { clock: Arc::new(SystemClock), common: common.clone(), runner, stop, scratch })
    }

    /// What the audit stage needs where there was no session. `live`: the run is the last one.
    pub fn means<'a>(&'a self, containment: &'a Containment, live: bool) -> Means<'a> {
        Means {
            runner: &self.runner,
            clock: &self.clock,
            cancel: &self.stop.asked,
            containment,
            scratch: self.scratch.path(),
            live,
        }
    }
}

/// Ctrl-C and its like: the first ends what runs in an orderly way, the second ends at once.
struct Stop {
    /// Ends what a run does: on a signal, and where a bound strikes.
    cancel: Cancel,
    /// Ends what comes after a run: on a signal alone.
    asked: Cancel,
    interrupted: Arc<AtomicBool>,
    _passing_on: [PassingOn; 2],
}

impl Stop {
    fn watch(runner: &Runner, common: &Common) -> Result<Stop, Failure> {
        let (cancel, interrupted) = (Cancel::new(), Arc::new(AtomicBool::new(false)));
        let asked = Cancel::new();
        let passing_on = [&cancel, &asked].map(|cancel| common.place.pass_on(cancel, &interrupted));
        let stop = Stop { cancel, asked, interrupted, _passing_on: passing_on };
        let (cancel, asked, flag) = (stop.cancel.clone(), stop.asked.clone(), Arc::clone(&stop.interrupted));
        let on_signal = move |count: u32| {
            if count > 1 {
                // The supervisors see this process go and end their trees.
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            flag.store(true, Ordering::SeqCst);
            cancel.request();
            asked.request();
        };
        signals::watch(runner, on_signal)
            .map_err(|e| Failure::Internal(format!("can't watch signals: {e}")))?;
        Ok(stop)
    }
}

impl Session {
    /// A session on a run that has used `before` of its time.
    pub fn new(project: Project, run_id: RunId, tools: Tools, before: Duration) -> Session {
        let Tools { clock, common, runner, stop, scratch } = tools;
        let containment = Containment::new(&project.config, &project.environment, project.repo.root());
        let begun = Instant::now();
        Session { project, run_id, clock, before, containment, begun, common, runner, stop, scratch }
    }

    /// Records how the work ended and runs the audit stage: from the first line of the journal
    /// on, every end comes here.
    pub fn finish(&self, worked: Worked, screen: &Screen) -> Exit {
        let Worked { recorder, ending } = worked;
        let active = self.before + self.begun.elapsed();
        let means = Means {
            runner: &self.runner,
            clock: &self.clock,
            cancel: &self.stop.asked,
            containment: &self.containment,
            scratch: self.scratch.path(),
            live: true,
        };
        finish::finish(&self.project, &recorder, &self.run_id, ending, active, &means, screen)
    }

    /// SHA-256 of everything that decides what a run does, by root-relative path.
    pub fn inputs(project: &Project, files: &BundleFiles) -> BTreeMap<String, String> {
        let layout = &project.layout;
        let mut inputs = BTreeMap::new();
        for (name, bytes) in [("state.md", &files.state), ("graph.md", &files.graph)] {
            inputs.extend(bytes.as_ref().map(|b| (layout.in_bundle(name), sha256_hex(b))));
        }
        let prompt = |name: &str| layout.in_bundle(&format!("prompts/{name}"));
        inputs.extend(files.prompts.iter().map(|(name, b)| (prompt(name), sha256_hex(b))));
        for source in &project.config.sources {
            inputs.insert(source.name().to_owned(), sha256_hex(source.text().as_bytes()));
        }
        inputs
    }

    /// The engine's context with the audit branch at `head`.
    pub fn context(&self, recorder: Recorder, examined: Examined, head: &Oid) -> Context {
        let project = &self.project;
        let config = project.config.clone();
        let left = config.bounds.timeout.value.saturating_sub(self.before);
        let seed = u64::from_str_radix(&sha256_hex(self.run_id.as_str().as_bytes())[..15], 16).unwrap_or(0);
        let until = self.clock.now().checked_add(left).ok();
        let (lessons, troubles) = control::offered(project);
        let cx = Context {
            run_id: self.run_id.clone(),
            lane: Arc::new(LocalLane::new(
                project.repo.clone(),
                self.runner.clone(),
                project.worktrees(),
                config.worktree.reuse,
            )),
            loc_exclude: PatternSet::new(config.loc_exclude.value.iter().cloned()),
            repo: project.repo.clone(),
            bundle: examined.bundle,
            plan: examined.plan,
            layout: project.layout.clone(),
            recorder: recorder.masked(Arc::clone(self.containment.masker())),
            reenter: Box::new(Inside::of_recipe(
                &self.common,
                project.repo.root().join(&project.config.folder),
            )),
            containment: self.containment.clone(),
            fleet: Fleet::new(Arc::clone(&self.clock), until, seed),
            lessons,
            clock: Arc::clone(&self.clock),
            operator: project.environment.clone(),
            deadline: self.begun.checked_add(left),
            config,
            cancel: self.stop.cancel.clone(),
            cancel_reason: Mutex::new(None),
            interrupt: Arc::clone(&self.stop.interrupted),
            used: Mutex::new(Spent::default()),
            ledger: Ledger::default(),
            scratch: PathBuf::from(self.scratch.path()),
            baselines: Mutex::default(),
            head: Mutex::new(head.clone()),
            landing: Mutex::new(()),
        };
        for trouble in troubles {
            // A journal that fails says so itself soon.
            let _ = cx.notice(None, NoticeLevel::Warning, trouble);
        }
        cx
    }
}

/// The ending of a run that the operator interrupted, if they did.
pub fn interrupted(cx: &Context) -> Option<Ending> {
    cx.interrupted().then(|| Ending::new(Termination::Interrupted, "interrupted by the operator"))
}

/// Answers what is open; the ending, where that ends the run.
///
/// # Errors
/// The harness failed.
pub fn answer(cx: &Context, files: &BundleFiles) -> Result<Option<Ending>, Fault> {
    Ok(match questions::resolve(cx, files)? {
        Resolved::All => None,
        Resolved::Escalated(why) => Some(Ending::new(Termination::OpenQuestion, why)),
        Resolved::Stopped(why) => {
            interrupted(cx).or_else(|| Some(Ending::new(Termination::AgentUnavailable, why)))
        }
    })
}

/// Dispatches from `start`, then proves.
///
/// # Errors
/// The harness failed.
pub fn dispatch_and_prove<'c>(
    cx: &'c Context,
    start: Start,
    integration: &mut Integration<'c>,
) -> Result<Ending, Fault> {
    let dispatched = engine::dispatch(cx, start, integration)?;
    if dispatched.reason != Termination::AllDone {
        return Ok(Ending::new(dispatched.reason, dispatched.message));
    }
    let _ = integration.at_head()?;
    match interrupted(cx) {
        Some(ending) => Ok(ending),
        None => finish::prove(cx),
    }
}

/// Works with an integration worktree and gives it back, whatever came of the work.
///
/// # Errors
/// The harness failed.
pub fn integrated<'c>(
    cx: &'c Context,
    work: impl FnOnce(&mut Integration<'c>) -> Result<Ending, Fault>,
) -> Result<Ending, Fault> {
    let mut integration = Integration::open(cx)?;
    let ending = work(&mut integration);
    if let Err(error) = integration.close() {
        // A journal that fails says so itself soon.
        let _ = cx.left_behind(None, &error);
    }
    ending
}
