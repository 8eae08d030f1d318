//! Phases 2 to 6 of an audit: agents, dashboard, terminal and archive around `qa::audit`.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Intake;
use super::archive::DatabaseArchive;
use crate::base::{Clock, SystemClock};
use crate::cli::args::{self, Common, Format, Place};
use crate::cli::control;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::reenter::Inside;
use crate::config::{Config, Role};
use crate::files::Scratch;
use crate::process::{self, Cancel, Custody, Runner, signals};
use crate::qa::archive::{Archive, FileArchive};
use crate::qa::corpus::Mode;
use crate::qa::forge::Progress;
use crate::qa::review::{Decided, Decision, DecisionSource, Notifier, Routing};
use crate::qa::roles::{Agents, HostError, Surroundings};
use crate::qa::{AuditRun, Outcome, QaError, Settings, audit, desk, new_id, scope};
use crate::run::containment::Containment;
use crate::run::fleet::Fleet;
use crate::run::invoke::Caller;
use crate::run::preflight;
use crate::serve::{Folder, Server};
use crate::target::{self, Notice, Yard};

/// One audit at a time works in a directory.
const LOCK: &str = ".lock";
/// Roles that an audit may ask.
const ROLES: [Role; 6] =
    [Role::Evaluator, Role::Brainstormer, Role::Critic, Role::Mutator, Role::Improver, Role::SelfAuditor];
/// Names of files that the improver is shown.
const FILES: usize = 2000;

/// Refuses early what could not be decided later.
///
/// # Errors
/// There is no terminal, and no decision was made beforehand.
pub fn possible(decision: Option<args::Decision>) -> Result<(), Failure> {
    if decision.is_some() || std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(
        "an audit ends with a decision, and there is no terminal to ask on",
        "add --decision accept, deeper or dismiss",
    ))
}

/// Refuses a budget that could not be kept.
///
/// # Errors
/// There is one in USD, and an agent that reports no cost.
pub fn affordable(config: &Config) -> Result<(), Failure> {
    let problems = preflight::unpriced(config, &agents(config));
    if problems.has_errors() { Err(Failure::Preflight(problems)) } else { Ok(()) }
}

/// Refuses agents that could never answer: each silence would cost patience.
///
/// # Errors
/// The program of an agent is not there.
pub fn startable(project: &Project) -> Result<(), Failure> {
    let config = &project.config;
    let problems = preflight::absent(config, project.repo.root(), &project.environment, &agents(config));
    if problems.has_errors() { Err(Failure::Preflight(problems)) } else { Ok(()) }
}

/// The agents that an audit may call, each once.
fn agents(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = ROLES.iter().map(|role| config.agent_for(*role).value.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Carries the audit on to its decision.
///
/// # Errors
/// A role can't be asked, or a file can't be written; the same audit can be gone on with.
pub fn carry_out(common: &Common, intake: &Intake, screen: &Screen) -> Result<Exit, Failure> {
    let project = &intake.project;
    let name = intake.dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let _lock = lock::hold(&intake.dir.join(LOCK), "qa", &name)?;
    let told = Told { screen };
    let id = new_id();
    desk::write_page(&intake.dir).map_err(|e| failed(e, intake, screen))?;
    let _server = serve(intake, screen);
    let runner = Runner::new().map_err(|e| Failure::Internal(format!("can't start the runtime: {e}")))?;
    let cancel = Cancel::new();
    let _passing_on = common.place.pass_on(&cancel, &Arc::default());
    let stop = cancel.clone();
    signals::watch(&runner, move |nth| if nth > 1 { stop.request_now() } else { stop.request() })
        .map_err(|e| Failure::Internal(format!("can't watch signals: {e}")))?;
    let root = project.repo.root();
    let containment = Containment::new(&project.config, &project.environment, root);
    let fleet = Fleet::new(Arc::new(SystemClock), None, seed(&id));
    let scratch = Scratch::new(&process::stamp());
    let scratch = scratch.map_err(|e| Failure::Internal(format!("can't make a temporary directory: {e}")))?;
    let around =
        Surroundings { repo: &project.repo, own: own_files(&intake.dir, &containment), progress: &told };
    let out = intake.dir.join(desk::TRANSCRIPTS);
    let caller = Caller {
        operator: &project.environment,
        config: &project.config,
        root,
        bundle: None,
        run_id: &id,
        containment: &containment,
        scratch: scratch.path(),
        out: &out,
        programs: &runner,
        fleet: &fleet,
        overseer: &around,
    };
    let host = Agents::new(caller, &cancel);
    let outcome = go(intake, &id, &host, &told, screen).map_err(|e| failed(e, intake, screen))?;
    show(&outcome, intake, screen);
    Ok(Exit::Ok)
}

fn go(
    intake: &Intake,
    id: &str,
    host: &Agents<'_>,
    told: &Told<'_>,
    screen: &Screen,
) -> Result<Outcome, QaError> {
    let project = &intake.project;
    let (config, root) = (&project.config, project.repo.root());
    let corpus = &intake.corpus;
    let decided = intake.decision.map(|d| Announced { screen, decided: Decided::new(decision(d)) });
    let terminal = Terminal { screen };
    let decisions: &dyn DecisionSource = decided.as_ref().map_or(&terminal, |d| d);
    let database = DatabaseArchive { address: control::address(project) };
    let files = FileArchive { root: root.to_owned() };
    let archive: &dyn Archive = if corpus.scope.mode == Mode::Db { &database } else { &files };
    let short = scope::short(corpus.scope.scope_type, &corpus.scope.scope_ref, &corpus.scope.repo_id);
    audit(&AuditRun {
        audit_run_id: id,
        asked: &intake.asked,
        corpus,
        root,
        dir: &intake.dir,
        scope_short: &short,
        files: &tracked(project),
        settings: Settings {
            patience: config.forge.patience.value,
            stuck_below: config.forge.stuck_below.value,
            bounds: config.bounds.clone(),
            parts: config.forge.parts.iter().map(|p| p.value.clone()).collect(),
        },
        host,
        archive,
        notifier: &Notifications { project, depth: corpus.scope.recursion_depth, screen },
        decisions,
        clock: &SystemClock as &dyn Clock,
        progress: told,
        new_id: &new_id,
    })
}

/// The dashboard, as long as the audit goes on.
fn serve(intake: &Intake, screen: &Screen) -> Option<Server> {
    let folder = Folder::new(&intake.dir, desk::DASHBOARD, &[desk::RESULTS, desk::CHANGELOG]);
    match Server::start(intake.project.config.forge.dashboard_port.value, Arc::new(folder)) {
        Ok(server) => {
            screen.say(&format!("Dashboard live at {}", server.url(desk::DASHBOARD)));
            Some(server)
        }
        Err(e) => {
            screen.trouble(&format!("the dashboard can't be served: {e}"));
            None
        }
    }
}

/// What roles must leave alone, where no sandbox keeps them away from it.
fn own_files(dir: &Path, containment: &Containment) -> Vec<PathBuf> {
    if containment.enforced() {
        return Vec::new();
    }
    let names = [desk::BASELINE, desk::OPTIMIZED, desk::RESULTS, desk::CHANGELOG, desk::STATE];
    names.map(|name| dir.join(name)).into()
}

fn seed(id: &str) -> u64 {
    u64::from_str_radix(id.get(..8).unwrap_or_default(), 16).unwrap_or(0)
}

/// Files at HEAD, so that a proposal can name a real one.
fn tracked(project: &Project) -> Vec<String> {
    let head = project.repo.head().ok().and_then(|head| head.commit);
    let listed = head.and_then(|head| project.repo.files(&head, "").ok()).unwrap_or_default();
    listed.iter().take(FILES).map(ToString::to_string).collect()
}

fn decision(typed: args::Decision) -> Decision {
    match typed {
        args::Decision::Accept => Decision::Accept,
        args::Decision::Deeper => Decision::Deeper,
        args::Decision::Dismiss => Decision::Dismiss,
    }
}

fn failed(error: QaError, intake: &Intake, screen: &Screen) -> Failure {
    let dir = intake.dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    screen.say(&format!("what was done is kept in {dir}; the same command goes on from there"));
    match error {
        QaError::Host(HostError::Interrupted) => Failure::Ended(Exit::Interrupted, "interrupted".to_owned()),
        QaError::Host(HostError::Unavailable(why)) => Failure::Ended(Exit::Bound, why),
        QaError::Host(HostError::Failed(why)) | QaError::Files(why) | QaError::Input(why) => {
            Failure::Internal(why)
        }
    }
}

fn show(outcome: &Outcome, intake: &Intake, screen: &Screen) {
    let root = intake.project.repo.root();
    let report =
        outcome.report.as_ref().and_then(|p| p.strip_prefix(root).ok()).map(|p| p.display().to_string());
    if screen.format() != Format::Json {
        screen.print(&outcome.announcement);
        report.iter().for_each(|path| screen.print(path));
        return;
    }
    let [low, medium, high] = outcome.routed;
    let word = match outcome.decision {
        Decision::Accept => "accept",
        Decision::Deeper => "deeper",
        Decision::Dismiss => "dismiss",
    };
    let corpus = &intake.corpus;
    let object = serde_json::json!({
        "audit_run_id": outcome.audit_run_id, "decision": word, "report": report,
        "routed": { "low": low, "medium": medium, "high": high },
        "directory": intake.dir.file_name().map(|n| n.to_string_lossy()), "scope": corpus.scope,
        "slices": corpus.slices.len(), "lessons": corpus.lessons.len(), "missing": corpus.missing,
    });
    screen.print(&object.to_string());
}

/// Lines beside the result.
struct Told<'a> {
    screen: &'a Screen,
}

impl Progress for Told<'_> {
    fn say(&self, line: &str) {
        self.screen.say(line);
    }
}

/// Shows the summary; the decision was made beforehand.
struct Announced<'a> {
    screen: &'a Screen,
    decided: Decided,
}

impl DecisionSource for Announced<'_> {
    fn decide(&self, summary: &str) -> Result<Decision, QaError> {
        self.screen.say(summary);
        self.decided.decide(summary)
    }
}

/// Asks on the terminal.
struct Terminal<'a> {
    screen: &'a Screen,
}

impl DecisionSource for Terminal<'_> {
    fn decide(&self, summary: &str) -> Result<Decision, QaError> {
        self.screen.aside(&format!("{summary}\n"));
        loop {
            self.screen.aside("  1) Accept\n  2) Deeper audit\n  3) Dismiss\n");
            let mut text = String::new();
            match std::io::stdin().lock().read_line(&mut text) {
                Ok(0) => {
                    return Err(QaError::Input(
                        "nobody decided: answer on the terminal, or add --decision".to_owned(),
                    ));
                }
                Err(e) => return Err(QaError::Input(format!("can't read the decision: {e}"))),
                Ok(_) => {}
            }
            match (text.trim(), text.parse()) {
                ("1", _) => return Ok(Decision::Accept),
                ("2", _) => return Ok(Decision::Deeper),
                ("3", _) => return Ok(Decision::Dismiss),
                (_, Ok(decision)) => return Ok(decision),
                (_, Err(why)) => self.screen.trouble(&why),
            }
        }
    }
}

/// Runs what audit.kdl binds to `meta-slice`.
struct Notifications<'a> {
    project: &'a Project,
    depth: u32,
    screen: &'a Screen,
}

impl Notifier for Notifications<'_> {
    fn route(&self, routing: &Routing<'_>) {
        let (project, screen) = (self.project, self.screen);
        let risk = routing.slice.risk_level.name();
        screen.say(&format!("routed ({}): {}", routing.urgency, routing.file.display()));
        let folder = project.repo.root().join(&project.config.folder);
        let notice = Notice {
            events: vec!["meta-slice".to_owned()],
            variables: vec![
                ("EVENT", "meta-slice".to_owned()),
                ("STATUS", risk.to_owned()),
                ("URGENCY", routing.urgency.to_owned()),
                ("META_SLICE", routing.file.to_string_lossy().into_owned()),
                ("RUN_ID", routing.slice.audit_run_id.clone()),
            ],
        };
        let file = project.config.source.as_ref().map(|s| project.repo.root().join(s.name()));
        let place = Place { dir: Some(folder.clone()), ..Place::of_the_process() };
        let common = Common { file, place, ..Common::default() };
        let custody = Arc::new(Custody::new());
        let inside = Inside::new(&common, screen.color(), Arc::clone(&custody));
        // An audit that is started by this is one of an audit.
        let mut operator = project.environment.clone();
        operator.insert(scope::DEPTH_VARIABLE.to_owned(), self.depth.to_string());
        let yard = Yard { config: &project.config, folder, operator };
        target::notify(&yard, &notice, &custody, &Cancel::new(), &inside, &mut |line| screen.trouble(line));
    }
}
