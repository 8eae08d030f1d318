//! What every part of a run shares: inputs, handles, and the few things that change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::base::{Clock, Id, Layout, Oid, PatternSet, RunId, clock::iso};
use crate::bundle::Bundle;
use crate::config::{Config, EnvBlock};
use crate::control::Lesson;
use crate::event::{Event, Metrics, NoticeLevel};
use crate::gate::invariants::Baseline;
use crate::git::{GitError, Repo, Swap};

use crate::lane::{Lane, LaneError};
use crate::plan::Plan;
use crate::process::Cancel;
use crate::run::bounds::Spent;
use crate::run::checks::Bench;
use crate::run::containment::Containment;
use crate::run::environment::{self, Environment, Operator};
use crate::run::fleet::Fleet;
use crate::run::ledger::Ledger;
use crate::run::recorder::Recorder;
use crate::target::Reenter;

/// The harness itself failed: the run ends with exit code 7.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A git call failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The lane failed.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// A file could not be read or written.
    #[error("{what}: {source}")]
    Io {
        /// Which file, and what was to be done.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The audit branch is not where the last landing left it.
    #[error("{0}")]
    BranchMoved(String),
    /// Worktree preparation failed where no node is to blame: audit.kdl's `worktree` does not
    /// fit the repository.
    #[error("{0}")]
    Preparation(String),
    /// Anything else that should not happen.
    #[error("{0}")]
    Other(String),
}

/// Adds the file and the deed to an I/O error.
pub trait At<T> {
    /// `what` reads like "can't write docs/audit/runs/A/diff.patch".
    ///
    /// # Errors
    /// The same error, with its place.
    fn at(self, what: impl FnOnce() -> String) -> Result<T, Fault>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, what: impl FnOnce() -> String) -> Result<T, Fault> {
        self.map_err(|source| Fault::Io { what: what(), source })
    }
}

/// Everything a run is made of.
pub struct Context {
    /// The run.
    pub run_id: RunId,
    /// The operator's repository.
    pub repo: Repo,
    /// Where node work executes.
    pub lane: Arc<dyn Lane>,
    /// The effective configuration.
    pub config: Config,
    /// The bundle as committed.
    pub bundle: Bundle,
    /// What dispatch consumes.
    pub plan: Plan,
    /// Where the harness's own files are.
    pub layout: Layout,
    /// The journal and the artifacts.
    pub recorder: Recorder,
    /// Lessons in force that the agents of nodes are told of.
    pub lessons: Vec<Lesson>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The operator's environment.
    pub operator: Operator,
    /// Carries out `auditrun …` of a recipe.
    pub reenter: Box<dyn Reenter + Send>,
    /// What its programs are held to.
    pub containment: Containment,
    /// Files whose lines don't count.
    pub loc_exclude: PatternSet,
    /// Ends every agent and check of the run.
    pub cancel: Cancel,
    /// Why they were ended, once they are.
    pub cancel_reason: Mutex<Option<String>>,
    /// Rate limits, run-wide.
    pub fleet: Fleet,
    /// What the harness did to the repository.
    pub ledger: Ledger,
    /// Private directories of this run, outside of every worktree.
    pub scratch: PathBuf,
    /// The operator asked for the end.
    pub interrupt: Arc<AtomicBool>,
    /// What the agents have used so far.
    pub used: Mutex<Spent>,
    /// When the active time is up.
    pub deadline: Option<Instant>,
    /// The newest result of each invariant check, by invariant and command.
    pub baselines: Mutex<BTreeMap<(Id, String), Baseline>>,
    /// The audit branch's head after the last landing. Held while the branch moves or is
    /// compared with it, never for long.
    pub head: Mutex<Oid>,
    /// Held during a whole landing, retest included.
    pub landing: Mutex<()>,
}

impl Context {
    /// Journals an event.
    ///
    /// # Errors
    /// The journal could not be written: nothing may happen that it does not know.
    pub fn tell(&self, event: Event) -> Result<(), Fault> {
        self.recorder.tell(event)
    }

    /// Journals an event and waits until it is on disk: for what announces a change.
    ///
    /// # Errors
    /// As [`Context::tell`].
    pub fn announce(&self, event: Event) -> Result<(), Fault> {
        self.recorder.announce(event)
    }

    /// Journals something the operator should know.
    ///
    /// # Errors
    /// As [`Context::tell`].
    pub fn notice(
        &self,
        node: Option<&Id>,
        level: NoticeLevel,
        message: impl Into<String>,
    ) -> Result<(), Fault> {
        self.tell(Event::Notice { node: node.cloned(), level, message: message.into() })
    }

    /// Warns of a worktree that stays behind: a nuisance, and no verdict on what was done in it.
    ///
    /// # Errors
    /// The journal can't be written.
    pub fn left_behind(&self, node: Option<&Id>, error: &dyn std::fmt::Display) -> Result<(), Fault> {
        let message = format!("a worktree could not be removed: {error}; `auditrun clean` removes it");
        self.notice(node, NoticeLevel::Warning, message)
    }

    /// Now, as artifacts write it.
    pub fn now(&self) -> String {
        iso(self.clock.now())
    }

    /// An artifact by its path relative to out.
    pub fn artifact(&self, relative: &str) -> PathBuf {
        self.recorder.artifact(relative)
    }

    /// Writes an artifact: to a temporary name, synced, renamed.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.recorder.write(relative, bytes)
    }

    /// Writes a JSON artifact.
    ///
    /// # Errors
    /// It could not be written.
    pub fn write_json<T: serde::Serialize>(&self, relative: &str, value: &T) -> Result<(), Fault> {
        self.recorder.write_json(relative, value)
    }

    /// What checks need of the project.
    pub fn bench(&self) -> Bench<'_> {
        Bench {
            root: self.repo.root(),
            config: &self.config,
            scratch: &self.scratch,
            containment: &self.containment,
        }
    }

    /// The artifact directory of a node, relative to out.
    pub fn node_dir(node: &Id) -> String {
        format!("runs/{node}")
    }

    /// Waits until it is this node's turn to land; the turn ends when the guard is dropped.
    pub fn turn_to_land(&self) -> MutexGuard<'_, ()> {
        self.landing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The audit branch's head after the last landing; the branch does not move while kept.
    pub fn lock_head(&self) -> MutexGuard<'_, Oid> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest known result of an invariant's check.
    pub fn baseline(&self, id: &Id, command: &str) -> Option<Baseline> {
        let held = self.baselines.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&(id.clone(), command.to_owned())).copied()
    }

    /// Replaces the newest known result of an invariant's check.
    pub fn set_baseline(&self, id: &Id, command: &str, baseline: Baseline) {
        let mut held = self.baselines.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert((id.clone(), command.to_owned()), baseline);
    }

    /// The environment of whatever this run starts: the allow-list, audit.kdl's `env`, the
    /// node's own, and what says which run it is.
    ///
    /// # Errors
    /// A value could not be expanded; the sentence says which.
    pub fn environment(&self, node: Option<&EnvBlock>) -> Result<Environment, String> {
        self.caller().environment(node)
    }

    /// The first of the ten ports that belong to a parallel place.
    pub fn port_base(&self, slot: usize) -> u16 {
        environment::port_base(slot)
    }

    /// Ends everything that runs, for a reason that the verdicts will name.
    pub fn cancel_all(&self, reason: &str) {
        let mut held = self.cancel_reason.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_with(|| reason.to_owned());
        drop(held);
        self.cancel.request();
    }

    /// Why what ran was ended.
    pub fn why_cancelled(&self) -> String {
        if self.interrupted() {
            return "the run was interrupted".to_owned();
        }
        let held = self.cancel_reason.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().unwrap_or_else(|| "the run was ended".to_owned())
    }

    /// The operator asked for the end.
    pub fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::SeqCst)
    }

    /// What the agents have used so far.
    pub fn spent(&self) -> Spent {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what an invocation used.
    pub fn spend(&self, metrics: &Metrics) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).add(metrics);
    }

    /// Gives a ref of ours a value, whatever it held (an attempt that is made again after a
    /// crash replaces its half-made predecessor).
    ///
    /// # Errors
    /// Git failed, or somebody else writes the ref at the same time.
    pub fn set_ref(&self, name: &str, target: &Oid) -> Result<(), Fault> {
        if self.repo.create_ref(name, target)? {
            return Ok(());
        }
        let Some(old) = self.repo.reference(name)? else {
            return Err(Fault::Other(format!("{name} can be neither made nor read")));
        };
        match self.repo.swap_ref(name, &old, target)? {
            Swap::Done => Ok(()),
            Swap::Moved(_) => Err(Fault::Other(format!("{name} was changed by somebody else"))),
        }
    }

    /// Keeps a commit of the harness's own, which is about to be announced, by its ref.
    ///
    /// # Errors
    /// Git failed, or somebody else changes the ref.
    pub fn keep_own(&self, commit: &Oid) -> Result<(), Fault> {
        let name = self.run_id.own_ref();
        self.ledger.expect(&name, commit);
        self.set_ref(&name, commit)
    }

    /// Asserts that the audit branch is where the last landing left it.
    ///
    /// # Errors
    /// It is elsewhere: somebody else moved it.
    pub fn head_is(&self, expected: &Oid) -> Result<(), Fault> {
        let found = self.repo.reference(&self.run_id.branch_ref())?;
        if found.as_ref() == Some(expected) {
            Ok(())
        } else {
            Err(self.branch_moved(expected, found.as_ref()))
        }
    }

    /// The fault for a branch that somebody else moved.
    pub fn branch_moved(&self, expected: &Oid, found: Option<&Oid>) -> Fault {
        let found = found.map_or_else(|| "gone".to_owned(), |f| format!("at {}", f.short()));
        Fault::BranchMoved(format!(
            "{} was moved by somebody else: the last landing left it at {}, it is {found}; nothing was overwritten",
            self.run_id.branch(),
            expected.short()
        ))
    }

    /// Makes a fresh private directory below the run's scratch directory.
    ///
    /// # Errors
    /// It could not be made.
    pub fn scratch_dir(&self, prefix: &str) -> Result<tempfile::TempDir, Fault> {
        self.caller().scratch_dir(prefix)
    }

    /// A path as the operator would name it: relative to the root where it lies below.
    pub fn shown(&self, path: &Path) -> String {
        shown(self.repo.root(), path)
    }
}

/// A path as the operator would name it: relative to the root where it lies below.
pub fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
