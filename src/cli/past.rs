//! The run that `resume` may take up: read, held against everything that vouches for it, and
//! refused where something does not fit. Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::{Oid, RunId, names};
use crate::bundle::BundleFiles;
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::cli::session::Session;
use crate::config::Config;
use crate::event::{Event, JOURNAL_VERSION, Record, Termination};
use crate::files;
use crate::journal::{self, RunState};
use crate::plan::Plan;
use crate::proof::{self, DirArtifacts, Finding, GitFacts, ProofBundle, ProofInput};
use crate::run::bounds::Spent;
use crate::run::preflight::Examined;
use crate::run::resume::{self, Half};

/// Problems of a journal that are named one by one.
const PROBLEMS_SHOWN: usize = 3;

/// A run that is not done.
pub struct Past {
    /// Which.
    pub run_id: RunId,
    /// Its journal.
    pub journal: PathBuf,
    /// What it says, without what a crash kept from it.
    pub state: RunState,
    /// What a crash left half done on the branch.
    pub half: Half,
    /// The branch's head once that is settled.
    pub head: Oid,
    /// The inputs that the run began with.
    begun_with: BTreeMap<String, String>,
}

impl Past {
    /// Finds the run in out.
    ///
    /// # Errors
    /// There is nothing to take up (a usage error), its journal can't be trusted, or its
    /// branch was moved by somebody else.
    pub fn find(project: &Project) -> Result<Past, Failure> {
        let journal = project.repo.root().join(project.layout.in_out(names::JOURNAL));
        if !journal.exists() {
            return Err(nothing(&format!("there is no run in {}", project.layout.in_out("runs"))));
        }
        let read = journal::read(&journal).map_err(|e| Failure::Config(e.diag().into()))?;
        if !read.problems.is_empty() {
            return Err(Failure::usage(
                format!("the journal was changed after it was written: {}", first_few(&read.problems)),
                "restore it, or start a new run: its artifacts are archived whole",
            ));
        }
        let state = journal::replay(&read.records);
        let Some(run_id) = RunId::parse(state.run_id()) else {
            return Err(nothing("the last run ended before it had begun"));
        };
        if is_done(project, &run_id, &state, &journal)? {
            return Err(nothing(&format!("run {run_id} is done")));
        }
        let begun_with = match read.records.first().map(|r| &r.event) {
            Some(Event::RunStarted { inputs, .. }) => inputs.clone(),
            _ => BTreeMap::new(),
        };
        let half = resume::inspect(&project.repo, &run_id, &state)?;
        let head = half.as_ref().and_then(|h| h.head(state.head()));
        let (Some(half), Some(head)) = (half, head) else {
            return Err(nothing(&format!("run {run_id} has no branch")));
        };
        Ok(Past { run_id, journal, state, half, head, begun_with })
    }

    /// What was decided when the run began holds on, unless a flag says otherwise.
    pub fn keep_settings(&self, config: &mut Config, common: &Common) {
        if common.max_iterations.is_none() {
            config.bounds.max_iterations.value = self.state.max_iterations;
        }
        if common.timeout_minutes.is_none() {
            config.bounds.timeout.value = Duration::from_millis(self.state.timeout_ms);
        }
        let begun = self.state.start.as_ref().map(|s| s.default_agent.clone());
        if let Some(agent) = begun.filter(|a| common.agent.is_none() && config.agents.contains_key(a)) {
            config.default_agent.value = agent;
        }
    }

    /// A run that waits for something which has not happened ends as it ended: a bound that
    /// was not raised, a person's decision that was not taken.
    pub fn still_stands(&self, config: &Config, corrected: bool, screen: &Screen) -> Option<Exit> {
        let finished = self.state.finished.as_ref()?;
        let remedy = match finished.reason {
            Termination::MaxIterations if config.bounds.max_iterations.value <= self.state.iteration => {
                format!("raise the bound: auditrun resume --max-iterations {}", self.state.iteration + 50)
            }
            Termination::Timeout if config.bounds.timeout.value <= self.active() => {
                let minutes = self.active().as_secs() / 60 + 60;
                format!("raise the bound: auditrun resume --timeout-minutes {minutes}")
            }
            Termination::BudgetExceeded if self.spent().exceeds(&config.bounds).is_some() => {
                "raise the budget in audit.kdl, commit, then: auditrun resume --bundle-from HEAD".to_owned()
            }
            Termination::SelfCritiqueExhausted | Termination::OpenQuestion if !corrected => {
                "correct the bundle, commit, then: auditrun resume --bundle-from HEAD".to_owned()
            }
            _ => return None,
        };
        screen.trouble(&format!("{}: {}", finished.reason.name(), finished.message));
        screen.trouble(&remedy);
        Some(Exit::of(finished.reason))
    }

    /// Active time so far.
    pub fn active(&self) -> Duration {
        Duration::from_millis(self.state.active_ms())
    }

    fn spent(&self) -> Spent {
        let mut spent = Spent::default();
        let records = self.state.calls.iter().filter_map(|c| c.record.as_ref());
        records.for_each(|r| spent.add(&r.metrics));
        spent
    }

    /// Holds the inputs as they are now against those that the run took in.
    ///
    /// # Errors
    /// Some differ: their names.
    pub fn same_inputs(&self, project: &Project) -> Result<(), Failure> {
        let unsettled = project.unsettled()?;
        let head = project.repo.head()?.commit;
        let files = match head.as_ref().filter(|_| unsettled.is_empty()) {
            Some(head) => project.files_at(head)?,
            None => project.files_on_disk()?,
        };
        let now = Session::inputs(project, &files);
        let changed = differing(&self.state.inputs, &now);
        // After a correction from elsewhere the operator's branch may still hold the original.
        let first = differing(&self.begun_with, &now);
        let in_bundle = |names: &BTreeSet<String>| names.iter().any(|n| !is_config(project, n));
        let original = !self.state.rebundles.is_empty() && !in_bundle(&first);
        let changed: Vec<&String> = changed.iter().filter(|n| !original || is_config(project, n)).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let names = changed.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ");
        Err(Failure::usage(
            format!("run {} began with other inputs; changed since: {names}", self.run_id),
            "put them back, or commit the change and take it in: auditrun resume --bundle-from HEAD",
        ))
    }

    /// The journal's state with what the half-done step adds to it.
    ///
    /// # Errors
    /// Git failed.
    pub fn settled(&self, project: &Project) -> Result<RunState, Failure> {
        let mut state = self.state.clone();
        for event in self.half.events(&project.repo, &self.run_id, &self.state)? {
            let at = state.last_at.clone();
            state.apply(&Record { v: JOURNAL_VERSION, seq: state.records, at, event });
        }
        Ok(state)
    }

    /// Holds every commit of the branch and every landed node's verification.json against the
    /// journal.
    ///
    /// # Errors
    /// Some do not match; they have been named.
    pub fn vouched_for(
        &self,
        project: &Project,
        on_branch: &Examined,
        screen: &Screen,
    ) -> Result<(), Failure> {
        let state = self.settled(project)?;
        let base = state.base.clone().unwrap_or_else(|| self.head.clone());
        let git = GitFacts::read(&project.repo, &project.layout, &base, &self.head)?;
        let source = DirArtifacts::new(project.repo.root().join(project.layout.out()));
        let bundle = ProofBundle::new(&on_branch.bundle, &on_branch.plan);
        let input = ProofInput {
            state: &state,
            bundle: &bundle,
            git: &git,
            source: &source,
            layout: &project.layout,
        };
        let findings = proof::landed_findings(&input);
        if findings.is_empty() {
            return Ok(());
        }
        for Finding { subject, message } in &findings {
            screen.trouble(&format!("{subject}: {message}"));
        }
        screen.trouble(&format!(
            "run {} is not what its journal says; nothing was changed. Restore what was changed, or start a new run",
            self.run_id
        ));
        Err(Failure::Failed)
    }

    /// Problems of a corrected bundle with what has landed.
    ///
    /// # Errors
    /// There are some, or git failed.
    pub fn admits(&self, project: &Project, plan: &Plan) -> Result<(), Failure> {
        let state = self.settled(project)?;
        let objections = resume::objections(&project.repo, &project.layout, &state, plan)?;
        if objections.has_errors() { Err(Failure::Preflight(objections)) } else { Ok(()) }
    }
}

/// Bundle files of a revision, which must exist.
///
/// # Errors
/// It names no commit, or git failed.
pub fn files_of(project: &Project, rev: &str) -> Result<BundleFiles, Failure> {
    let commit = project.repo.resolve(rev)?.ok_or_else(|| {
        Failure::usage(
            format!("{rev:?} names no commit"),
            "give a branch, tag or commit that holds the corrected bundle",
        )
    })?;
    project.files_at(&commit)
}

/// Proven, reported, and kept by the proof's ref as it is on disk: a crash may have come before
/// the last two.
///
/// # Errors
/// Git failed.
pub fn is_done(project: &Project, run_id: &RunId, state: &RunState, journal: &Path) -> Result<bool, Failure> {
    let proven = state.finished.as_ref().is_some_and(|f| f.reason == Termination::AllDone);
    if !proven || state.stage.is_none() {
        return Ok(false);
    }
    let Some(kept) = project.repo.reference(&run_id.proof_ref())? else { return Ok(false) };
    Ok(project.repo.blob(&kept, names::JOURNAL)? == files::read_plain(journal).ok())
}

/// A line that was added shows in every line after it.
fn first_few(problems: &[String]) -> String {
    let shown = problems.iter().take(PROBLEMS_SHOWN).cloned().collect::<Vec<_>>().join("; ");
    match problems.len().saturating_sub(PROBLEMS_SHOWN) {
        0 => shown,
        more => format!("{shown}; and {more} more"),
    }
}

fn nothing(why: &str) -> Failure {
    Failure::usage(format!("nothing to resume: {why}"), "start a run: auditrun run")
}

fn is_config(project: &Project, name: &str) -> bool {
    project.config.sources.iter().any(|s| s.name() == name) || name.ends_with(".kdl")
}

fn differing(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> BTreeSet<String> {
    a.keys().chain(b.keys()).filter(|k| a.get(*k) != b.get(*k)).cloned().collect()
}
