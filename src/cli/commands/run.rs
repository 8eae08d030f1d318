//! `auditrun run`: phases 0 to 4, then the audit stage, whatever the outcome.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::digest::sha256_hex;
use crate::base::layout::WORKTREES_DIR;
use crate::base::{Clock, Oid, PatternSet, RunId, SystemClock};
use crate::bundle::BundleFiles;
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::finish::{self, Ending};
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::diag::Diags;
use crate::event::{Event, Termination};
use crate::journal::{JournalWriter, RunState};
use crate::lane::LocalLane;
use crate::process::{self, Cancel, Runner, signals};
use crate::run::containment::{self, Containment};
use crate::run::context::{Context, Fault};
use crate::run::fleet::Fleet;
use crate::run::integration::Integration;
use crate::run::ledger::Ledger;
use crate::run::preflight::{self, Examined};
use crate::run::questions::{self, Resolved};
use crate::run::recorder::Recorder;
use crate::run::{bounds::Spent, engine};

/// Runs the bundle.
///
/// # Errors
/// Problems that come too early for a run: usage, configuration, the lock.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.warnings(&project.warnings);
    if common.dry_run {
        return super::preflight::show(&project, screen);
    }
    let inputs = Inputs::read(&project)?;
    let _lock = lock::acquire(&project.repo, "run")?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runner = Runner::new().map_err(|e| Failure::Internal(format!("can't start the runtime: {e}")))?;
    let stop = Stop::watch(&runner)?;
    let run_id = free_run_id(&project, clock.now())?;
    let containment = Containment::new(&project.config, &project.environment, project.repo.root());
    let recorder = begin(&project, screen, &clock)?.masked(Arc::clone(containment.masker()));
    let session = Session { project, run_id, clock, runner, stop, containment, scratch: scratch()? };
    Ok(session.carry_out(inputs, recorder, screen))
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
        let mut examined = preflight::examine(&files, &project.config, &project.layout, &project.environment);
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

/// Ctrl-C and its like: the first ends what runs in an orderly way, the second ends at once.
struct Stop {
    cancel: Cancel,
    interrupted: Arc<AtomicBool>,
}

impl Stop {
    fn watch(runner: &Runner) -> Result<Stop, Failure> {
        let stop = Stop { cancel: Cancel::new(), interrupted: Arc::new(AtomicBool::new(false)) };
        let (cancel, flag) = (stop.cancel.clone(), Arc::clone(&stop.interrupted));
        let on_signal = move |count: u32| {
            if count > 1 {
                // The supervisors see this process go and end their trees.
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            flag.store(true, Ordering::SeqCst);
            cancel.request();
        };
        signals::watch(runner, on_signal)
            .map_err(|e| Failure::Internal(format!("can't watch signals: {e}")))?;
        Ok(stop)
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
fn begin(project: &Project, screen: &Screen, clock: &Arc<dyn Clock>) -> Result<Recorder, Failure> {
    let out = project.repo.root().join(project.layout.out());
    project.repo.keep_excluded(&project.layout)?;
    finish::archive_earlier(&out)
        .map_err(|e| Failure::Internal(format!("can't move the earlier run's artifacts: {e}")))?;
    let path = out.join(crate::base::names::JOURNAL);
    let journal = JournalWriter::create(&path, Arc::clone(clock));
    let journal = journal.map_err(|e| Failure::Internal(format!("can't write {}: {e}", path.display())))?;
    Ok(Recorder::new(journal.with_sinks(screen.sinks()), RunState::default(), out))
}

fn scratch() -> Result<tempfile::TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("auditrun-").tempdir();
    made.map_err(|e| Failure::Internal(format!("can't make a temporary directory: {e}")))
}

struct Session {
    project: Project,
    run_id: RunId,
    clock: Arc<dyn Clock>,
    runner: Runner,
    stop: Stop,
    containment: Containment,
    scratch: tempfile::TempDir,
}

impl Session {
    /// From here on every end is recorded, and the audit stage runs.
    fn carry_out(self, inputs: Inputs, recorder: Recorder, screen: &Screen) -> Exit {
        let begun = Instant::now();
        let mut rejected = None;
        let files = inputs.files.clone();
        let (recorder, plan, ending) = match self.phase0(inputs, &recorder) {
            Ok(Ok((examined, head))) => {
                screen.warnings(&examined.warnings);
                let cx = self.context(recorder, examined, &head, begun);
                let ending = self.phases(&cx, &files).unwrap_or_else(|fault| Ending::of(&fault));
                let Context { recorder, plan, .. } = cx;
                (recorder, Some(plan), ending)
            }
            Ok(Err(problems)) => {
                rejected = Some(problems);
                (recorder, None, Ending::rejected())
            }
            Err(fault) => (recorder, None, Ending::of(&fault)),
        };
        if let Some(problems) = &rejected {
            screen.problems(problems);
        }
        finish::finish(&self.project, &recorder, &self.run_id, plan.as_ref(), ending, begun.elapsed(), screen)
    }

    /// Preflight up to the plan. The inner error is a rejection.
    fn phase0(&self, inputs: Inputs, recorder: &Recorder) -> Result<Result<(Examined, Oid), Diags>, Fault> {
        let project = &self.project;
        recorder.announce(self.started(inputs.head.clone(), &inputs.files))?;
        let plan = inputs.examined.as_ref().ok().map(|e| &e.plan);
        let mut around = preflight::surroundings(&project.repo, &project.layout, plan, inputs.head.as_ref())?;
        let support = process::sandbox::support();
        around.extend(containment::diagnose(
            &project.config,
            &project.environment,
            project.repo.root(),
            support,
        ));
        let problems = match (inputs.examined, inputs.head) {
            (Ok(mut examined), Some(head)) if !around.has_errors() => {
                examined.warnings.extend(around);
                for (path, bytes) in preflight::reports(&examined.plan, &self.run_id) {
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
        recorder
            .announce(Event::PreflightRejected { problems: errors.map(|d| d.message.clone()).collect() })?;
        Ok(Err(problems))
    }

    fn started(&self, head: Option<Oid>, files: &BundleFiles) -> Event {
        let config = &self.project.config;
        Event::RunStarted {
            run_id: self.run_id.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: std::env::args().collect(),
            trigger: "run".to_owned(),
            github_event: self.project.environment.get("GITHUB_EVENT_NAME").cloned(),
            head,
            default_agent: config.default_agent.value.clone(),
            max_iterations: config.bounds.max_iterations.value,
            timeout_ms: u64::try_from(config.bounds.timeout.value.as_millis()).unwrap_or(u64::MAX),
            inputs: self.inputs(files),
            process: process::stamp(),
        }
    }

    /// SHA-256 of everything that decides what this run does.
    fn inputs(&self, files: &BundleFiles) -> BTreeMap<String, String> {
        let layout = &self.project.layout;
        let mut inputs = BTreeMap::new();
        for (name, bytes) in [("state.md", &files.state), ("graph.md", &files.graph)] {
            inputs.extend(bytes.as_ref().map(|b| (layout.in_bundle(name), sha256_hex(b))));
        }
        inputs.extend(
            files
                .prompts
                .iter()
                .map(|(name, b)| (layout.in_bundle(&format!("prompts/{name}")), sha256_hex(b))),
        );
        for source in &self.project.config.sources {
            inputs.insert(source.name().to_owned(), sha256_hex(source.text().as_bytes()));
        }
        inputs
    }

    fn context(&self, recorder: Recorder, examined: Examined, head: &Oid, begun: Instant) -> Context {
        let project = &self.project;
        let config = project.config.clone();
        let deadline = begun.checked_add(config.bounds.timeout.value);
        let until = self.clock.now().checked_add(config.bounds.timeout.value).ok();
        let worktrees = match &config.worktree.root {
            Some(root) => project.repo.root().join(&config.folder).join(&root.value),
            None => project.repo.root().join(WORKTREES_DIR),
        };
        let seed = u64::from_str_radix(&sha256_hex(self.run_id.as_str().as_bytes())[..15], 16).unwrap_or(0);
        Context {
            run_id: self.run_id.clone(),
            lane: Box::new(LocalLane::new(project.repo.clone(), self.runner.clone(), worktrees)),
            loc_exclude: PatternSet::new(config.loc_exclude.value.iter().cloned()),
            repo: project.repo.clone(),
            bundle: examined.bundle,
            plan: examined.plan,
            layout: project.layout.clone(),
            recorder,
            fleet: Fleet::new(Arc::clone(&self.clock), until, seed),
            clock: Arc::clone(&self.clock),
            operator: project.environment.clone(),
            containment: self.containment.clone(),
            config,
            cancel: self.stop.cancel.clone(),
            cancel_reason: Mutex::new(None),
            interrupt: Arc::clone(&self.stop.interrupted),
            used: Mutex::new(Spent::default()),
            ledger: Ledger::default(),
            scratch: PathBuf::from(self.scratch.path()),
            deadline,
            baselines: Mutex::default(),
            head: Mutex::new(head.clone()),
        }
    }

    /// The branch and everything after it.
    fn phases(&self, cx: &Context, files: &BundleFiles) -> Result<Ending, Fault> {
        let base = cx.lock_head().clone();
        cx.ledger.expect(&cx.run_id.branch_ref(), &base);
        cx.tell(finish::planned(cx))?;
        if !cx.repo.create_ref(&cx.run_id.branch_ref(), &base)? {
            return Err(Fault::Other(format!("{} was made by somebody else just now", cx.run_id.branch())));
        }
        cx.announce(Event::BranchCreated { branch: cx.run_id.branch(), base })?;
        let mut integration = Integration::open(cx)?;
        let ending = self.with_integration(cx, files, &mut integration);
        let closed = integration.close();
        let ending = ending?;
        closed.map(|()| ending)
    }

    fn with_integration(
        &self,
        cx: &Context,
        files: &BundleFiles,
        integration: &mut Integration<'_>,
    ) -> Result<Ending, Fault> {
        integration.baseline()?;
        if cx.interrupted() {
            return Ok(Ending::new(Termination::Interrupted, "interrupted by the operator"));
        }
        cx.announce(Event::PreflightPassed)?;
        match questions::resolve(cx, files)? {
            Resolved::All => {}
            Resolved::Escalated(why) => return Ok(Ending::new(Termination::OpenQuestion, why)),
            Resolved::Stopped(_) if cx.interrupted() => {
                return Ok(Ending::new(Termination::Interrupted, "interrupted by the operator"));
            }
            Resolved::Stopped(why) => return Ok(Ending::new(Termination::AgentUnavailable, why)),
        }
        let bounds = &cx.config.bounds;
        let scheduler =
            engine::scheduler(&cx.plan, bounds.max_iterations.value, u32::from(cx.config.remediation.value));
        let dispatched = engine::dispatch(cx, scheduler)?;
        if dispatched.reason != Termination::AllDone {
            return Ok(Ending::new(dispatched.reason, dispatched.message));
        }
        let _ = integration.at_head()?;
        if cx.interrupted() {
            return Ok(Ending::new(Termination::Interrupted, "interrupted by the operator"));
        }
        finish::prove(cx)
    }
}
