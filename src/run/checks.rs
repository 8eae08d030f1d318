//! Runs checks and invariants in a workspace: normalised command, bounded, recorded, the
//! tree put right again after each.

use std::path::Path;
use std::time::Duration;

use crate::base::{Id, Masker, text};
use crate::config::Config;
use crate::event::{CheckPhase, CheckRecord, Event, InvariantRecord};
use crate::gate::checks::{self, Output};
use crate::gate::invariants::{self, Baseline};
use crate::git::Drift;
use crate::lane::{RunError, Workspace};
use crate::plan::{PlannedCheck, PlannedInvariant};
use crate::process::{Cancel, Input, Job, Limits, SpawnError, Tails};
use crate::run::containment::Containment;
use crate::run::context::{At, Context, Fault};
use crate::run::environment::Environment;

/// What a check needs of the project, with or without a run around it.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The repository's root.
    pub root: &'a Path,
    /// The effective configuration.
    pub config: &'a Config,
    /// Private directories are made here.
    pub scratch: &'a Path,
    /// What checks are held to.
    pub containment: &'a Containment,
}

/// For whom checks run: decides their environment and their place in the journal.
#[derive(Clone)]
pub struct Judged<'a> {
    /// The node; `None` for baseline and proof.
    pub node: Option<&'a Id>,
    /// Its attempt, or 0.
    pub attempt: u32,
    /// What for.
    pub phase: CheckPhase,
    /// The environment.
    pub env: Environment,
    /// Ends the check that runs.
    pub cancel: &'a Cancel,
}

/// Runs one check. Unless it `may_write` (worktree preparation), what it did to the tree is
/// found out, and new files are removed.
///
/// # Errors
/// The lane failed. A check that fails, or can't be started, is a record and no error.
pub fn run_check(
    bench: Bench<'_>,
    workspace: &mut dyn Workspace,
    judged: &Judged<'_>,
    check: &PlannedCheck,
    timeout: Duration,
    may_write: bool,
) -> Result<CheckRecord, Fault> {
    let tmp = tempfile::Builder::new().prefix("check-").tempdir_in(bench.scratch);
    let tmp = tmp.at(|| format!("can't make a directory in {}", bench.scratch.display()))?;
    let mut env = judged.env.clone();
    env.set_private(tmp.path());
    let shell = &bench.config.shell.value;
    let (program, flags) = shell.split_first().ok_or_else(|| Fault::Other("shell is empty".to_owned()))?;
    let mut args: Vec<std::ffi::OsString> = flags.iter().map(Into::into).collect();
    args.push(check.normalized.clone().into());
    let job = Job {
        program: program.into(),
        args,
        cwd: workspace.dir().to_owned(),
        env: env.into_vec(),
        input: Input::Null,
        limits: Limits {
            timeout: Some(timeout),
            first_output: None,
            stall: None,
            grace: bench.config.grace.value,
        },
        confine: bench.containment.for_check(workspace.dir(), tmp.path()),
        quota: bench.containment.quota(&[workspace.dir(), tmp.path()]),
        label: format!("check {}", text::head(&check.normalized, 40)),
    };
    let mut tails = Tails::new(2 * checks::TAIL);
    let masker = bench.containment.masker();
    match workspace.run(&job, &mut tails, judged.cancel) {
        Ok(ended) if may_write => {
            Ok(checks::record(check, &ended, &output(&tails, masker), &Drift::default()))
        }
        Ok(ended) => {
            let drift = workspace.drift()?;
            workspace.remove_untracked(&drift.untracked)?;
            Ok(checks::record(check, &ended, &output(&tails, masker), &drift))
        }
        Err(RunError::Spawn(e @ SpawnError::NotFound(_))) => {
            Ok(checks::not_started(check, 127, &e.to_string()))
        }
        Err(RunError::Spawn(e)) => Ok(checks::not_started(check, 126, &e.to_string())),
        Err(RunError::Lane(e)) => Err(e.into()),
    }
}

/// Runs every check of a node, each one even after a failure. After one that changed
/// tracked files the candidate is laid out again by `restore`. Ignored files that a check
/// leaves (what it built) are there for the node's next one, and for nobody else's: at the
/// head, where nodes follow each other in one worktree, each begins with a clean tree.
///
/// # Errors
/// The lane or the journal failed.
pub fn run_checks(
    cx: &Context,
    workspace: &mut dyn Workspace,
    judged: &Judged<'_>,
    planned: &[PlannedCheck],
    restore: &dyn Fn(&mut dyn Workspace) -> Result<(), Fault>,
) -> Result<Vec<CheckRecord>, Fault> {
    let mut records = Vec::new();
    if judged.phase == CheckPhase::Proof {
        restore(workspace)?;
    }
    for check in planned {
        if judged.cancel.requested() {
            break;
        }
        let timeout = check.check.timeout.as_ref().map_or(cx.config.check_timeout.value, |t| t.value);
        let record = run_check(cx.bench(), workspace, judged, check, timeout, false)?;
        if !record.changed_tracked.is_empty() {
            restore(workspace)?;
        }
        if let Some(node) = judged.node {
            let event = Event::Check {
                node: node.clone(),
                attempt: judged.attempt,
                phase: judged.phase,
                record: record.clone(),
            };
            cx.tell(event)?;
        }
        records.push(record);
    }
    Ok(records)
}

/// Runs every check of the given invariants and compares each with the newest known result.
/// Each invariant begins with a clean tree, whatever ran before.
///
/// # Errors
/// The lane or the journal failed.
pub fn run_invariants<'p>(
    cx: &Context,
    workspace: &mut dyn Workspace,
    judged: &Judged<'_>,
    planned: impl IntoIterator<Item = &'p PlannedInvariant>,
    restore: &dyn Fn(&mut dyn Workspace) -> Result<(), Fault>,
) -> Result<Vec<InvariantRecord>, Fault> {
    let mut records = Vec::new();
    for invariant in planned {
        if !invariant.checks.is_empty() {
            restore(workspace)?;
        }
        for check in &invariant.checks {
            if judged.cancel.requested() {
                return Ok(records);
            }
            let timeout = check.check.timeout.as_ref().map(|t| t.value).or(invariant.timeout);
            let ran = run_check(
                cx.bench(),
                workspace,
                judged,
                check,
                timeout.unwrap_or(cx.config.check_timeout.value),
                false,
            )?;
            if !ran.changed_tracked.is_empty() {
                restore(workspace)?;
            }
            let known = cx.baseline(&invariant.id, &ran.command);
            let record = match judged.phase {
                CheckPhase::Baseline => {
                    cx.set_baseline(&invariant.id, &ran.command, Baseline::of(&ran));
                    InvariantRecord {
                        id: invariant.id.clone(),
                        baseline_exit: ran.exit_code,
                        regression: false,
                        check: ran,
                    }
                }
                _ => invariants::record(&invariant.id, known, ran),
            };
            cx.tell(invariant_event(judged, &record))?;
            records.push(record);
        }
    }
    Ok(records)
}

fn invariant_event(judged: &Judged<'_>, record: &InvariantRecord) -> Event {
    match judged.phase {
        CheckPhase::Baseline => Event::Baseline { record: record.clone() },
        phase => Event::Invariant {
            node: judged.node.cloned(),
            attempt: judged.attempt,
            phase,
            record: record.clone(),
        },
    }
}

/// Masked before it is cut to what a record keeps, so that no secret is cut in two.
fn output(tails: &Tails, masker: &Masker) -> Output {
    let shown = |text: String| masker.text(&text).into_owned();
    Output { stdout: shown(tails.stdout()), stderr: shown(tails.stderr()) }
}
