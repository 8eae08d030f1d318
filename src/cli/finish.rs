//! The end of a run: the proof, the last lines of the journal, the audit stage, the proof's
//! ref, and what the operator is told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::base::layout::{ARTIFACT_DIRS, WORKTREES_DIR};
use crate::base::{Oid, RunId, names};
use crate::cli::args::{Common, Place};
use crate::cli::exit::Exit;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::reenter::Inside;
use crate::cli::stage::{self, Means};
use crate::cli::telemetry;
use crate::event::{Event, Termination, json_artifact};
use crate::files;
use crate::git::NewCommit;
use crate::journal::RunState;
use crate::plan;
use crate::process::{Cancel, Custody};
use crate::proof::{
    self, ArtifactSource, DirArtifacts, GitFacts, Proof, ProofBundle, ProofInput, StatementInput,
};
use crate::report;
use crate::run::context::{At, Context, Fault};
use crate::run::recorder::Recorder;
use crate::target::{self, Notice, Yard};

/// How a run ended.
pub struct Ending {
    reason: Termination,
    message: String,
    exit: Exit,
    proof: Option<Box<Proof>>,
}

impl Ending {
    /// An ending with the exit code of its reason.
    pub fn new(reason: Termination, message: impl Into<String>) -> Ending {
        Ending { reason, message: message.into(), exit: Exit::of(reason), proof: None }
    }

    /// Preflight refused to begin.
    pub fn rejected() -> Ending {
        let message = "rejected by preflight; nothing was dispatched".to_owned();
        Ending { reason: Termination::VerificationFailed, message, exit: Exit::Preflight, proof: None }
    }

    /// The harness failed, or could not prepare a worktree as audit.kdl asks.
    pub fn of(fault: &Fault) -> Ending {
        let reason = match fault {
            Fault::Preparation(_) => Termination::VerificationFailed,
            _ => Termination::InternalError,
        };
        Ending::new(reason, fault.to_string())
    }
}

/// Removes the half-written files of a process that was killed.
///
/// # Errors
/// One is there and can't be removed.
pub fn tidy(out: &Path) -> std::io::Result<()> {
    let dirs: Vec<&str> = ARTIFACT_DIRS.iter().copied().filter(|d| *d != ".history").collect();
    files::sweep_temporaries(out, &dirs)
}

/// The plan as the journal keeps it.
pub fn planned(cx: &Context) -> Event {
    Event::Planned { nodes: plan::summaries(&cx.plan), warnings: Vec::new() }
}

/// Phase 4: judges the run by what its journal and the branch say, and writes the proof.
///
/// # Errors
/// The harness failed; a proof with gaps is an [`Ending`].
pub fn prove(cx: &Context) -> Result<Ending, Fault> {
    let head = cx.lock_head().clone();
    cx.recorder.settle()?;
    let state = cx.recorder.state();
    let base = state.base.clone().unwrap_or_else(|| head.clone());
    let git = GitFacts::read(&cx.repo, &cx.layout, &base, &head)?;
    let source = DirArtifacts::new(cx.recorder.out());
    let obligations = ProofBundle::new(&cx.bundle, &cx.plan);
    let proof = proof::prove(&ProofInput {
        state: &state,
        bundle: &obligations,
        git: &git,
        source: &source,
        layout: &cx.layout,
    });
    let gaps: Vec<String> = proof.gaps.iter().map(|g| g.message.clone()).collect();
    cx.announce(Event::Proof {
        complete: proof.complete,
        gaps: gaps.clone(),
        fingerprint: proof.complete.then(|| proof.fingerprint.clone()),
        head: head.clone(),
    })?;
    let state = cx.recorder.state();
    let made = report::proof_files(&state, &proof).at(|| "can't make the report".to_owned())?;
    for (path, bytes) in made {
        cx.write(path, &bytes)?;
    }
    let statement = proof::statement(&StatementInput {
        state: &state,
        proof: &proof,
        bundle: &git.bundle,
        source: &source,
    });
    cx.write(names::STATEMENT, &json_artifact(&statement).map_err(|e| Fault::Other(e.to_string()))?)?;
    let mut ending = if proof.complete {
        Ending::new(Termination::AllDone, format!("verified and proven: {}", proof.fingerprint))
    } else {
        Ending::new(Termination::VerificationFailed, format!("the proof has gaps: {}", gaps.join("; ")))
    };
    ending.proof = Some(Box::new(proof));
    Ok(ending)
}

/// Writes the last lines, runs the audit stage, keeps the proof, and says how it ended.
pub fn finish(
    project: &Project,
    recorder: &Recorder,
    run_id: &RunId,
    ending: Ending,
    active: Duration,
    means: &Means<'_>,
    screen: &Screen,
) -> Exit {
    // Before the last lines, so that the reports name a loss.
    if let Err(fault) = recorder.settle() {
        screen.trouble(&format!("a warning could not be recorded: {fault}"));
    }
    let told = recorder.announce(Event::RunFinished {
        reason: ending.reason,
        exit_code: i32::from(ending.exit.code()),
        message: ending.message.clone(),
        active_ms: u64::try_from(active.as_millis()).unwrap_or(u64::MAX),
    });
    // Without it nobody could tell later how the run ended: `resume` takes it up.
    let exit = if told.is_ok() { ending.exit } else { Exit::Internal };
    if let Err(fault) = &told {
        screen.trouble(&format!("the end of the run could not be recorded: {fault}"));
    }
    // The stage never changes how a run ended, and what goes wrong in it is said on its own.
    match stage::run(project, recorder, means, screen) {
        Ok(done) => done.problems.iter().for_each(|p| screen.trouble(&format!("audit stage: {p}"))),
        Err(fault) => screen.trouble(&format!("the audit stage failed: {fault}")),
    }
    if let Some(proof) = ending.proof.as_deref().filter(|_| told.is_ok())
        && let Err(fault) = keep_proof(project, recorder, run_id, &proof.head)
    {
        screen.trouble(&format!("the proof's ref could not be written: {fault}"));
    }
    recorder.unsettled().iter().for_each(|lost| screen.trouble(lost));
    // Gone if nothing is kept in it; a directory that still holds something stays.
    let _ = std::fs::remove_dir(project.repo.root().join(WORKTREES_DIR));
    let out = if project.layout.out().is_empty() { "." } else { project.layout.out() };
    screen.summary(&recorder.state(), out, exit);
    notify(project, &recorder.state(), ending.reason, screen);
    telemetry::export(project, recorder, run_id, screen);
    exit
}

/// Runs what audit.kdl binds to this end. A failure of it is said and changes nothing.
fn notify(project: &Project, state: &RunState, reason: Termination, screen: &Screen) {
    if project.config.notify.is_empty() {
        return;
    }
    let done = reason == Termination::AllDone;
    let status = if done { "done" } else { "halted" };
    let word = reason.name().replace('_', "-");
    let folder = project.repo.root().join(&project.config.folder);
    let run_id = state.start.as_ref().map(|s| s.run_id.clone()).unwrap_or_default();
    let out = project.repo.root().join(project.layout.out());
    let notice = Notice {
        events: if done { vec![status.to_owned()] } else { vec![status.to_owned(), word] },
        variables: vec![
            ("EVENT", status.to_owned()),
            ("STATUS", status.to_owned()),
            ("REASON", reason.name().to_owned()),
            ("RUN_ID", run_id),
            ("BRANCH", state.branch.clone().unwrap_or_default()),
            ("OUT", out.to_string_lossy().into_owned()),
        ],
    };
    let file = project.config.source.as_ref().map(|s| project.repo.root().join(s.name()));
    let place = Place { dir: Some(folder.clone()), ..Place::of_the_process() };
    let common = Common { file, place, ..Common::default() };
    let custody = Arc::new(Custody::new());
    let inside = Inside::new(&common, screen.color(), Arc::clone(&custody));
    let yard = Yard { config: &project.config, folder, operator: project.environment.clone() };
    // A request of its own: the operator's Ctrl-C is what it may have to tell of.
    target::notify(&yard, &notice, &custody, &Cancel::new(), &inside, &mut |line| screen.trouble(line));
}

/// Commits the artifacts to the proof's own ref, so that a proof travels by push and fetch.
pub fn keep_proof(project: &Project, recorder: &Recorder, run_id: &RunId, head: &Oid) -> Result<(), Fault> {
    let source = DirArtifacts::new(recorder.out());
    let mut edits = Vec::new();
    for path in source.list("") {
        edits.push((path.clone(), source.read(&path)));
    }
    let tree = project.repo.edit_tree(None, &edits)?;
    let commit = project.repo.commit_tree(&NewCommit {
        tree,
        parents: vec![head.clone()],
        message: format!("proof({run_id}): artifacts of the run\n\nAudit-Run: {run_id}\n"),
        author: project.config.author.value.clone(),
        sign: project.config.sign.value,
    })?;
    let name = run_id.proof_ref();
    if project.repo.create_ref(&name, &commit)? {
        return Ok(());
    }
    let old = project.repo.reference(&name)?.unwrap_or_else(|| commit.clone());
    project.repo.swap_ref(&name, &old, &commit).map(drop)?;
    Ok(())
}
