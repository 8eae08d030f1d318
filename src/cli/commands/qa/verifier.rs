//! Runs a plan's verifier command as checks are run: in a worktree of its own at HEAD, in the
//! sandbox, with a time limit and bounded output.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::layout::WORKTREES_DIR;
use crate::base::text::tail;
use crate::base::{Clock, SystemClock};
use crate::cli::args::Common;
use crate::cli::project::Project;
use crate::diag::Source;
use crate::event::CheckPhase;
use crate::files::Scratch;
use crate::lane::{Lane, LocalLane, Workspace, WorkspaceSpec};
use crate::plan::PlannedCheck;
use crate::process::{self, Cancel, Runner, signals};
use crate::qa::corpus::intake::{Verified, Verifier};
use crate::run::checks::{Bench, Judged, run_check};
use crate::run::containment::Containment;
use crate::run::environment::Environment;
use crate::run::prepare::{self, Trouble};

/// What a corpus keeps of the command's output.
const SAID: usize = 2048;

/// Runs commands of plans.
pub struct Sandboxed<'a> {
    /// The command line.
    pub common: &'a Common,
    /// The project.
    pub project: &'a Project,
    /// How each went: a scope that is asked for again does not run it again.
    pub ran: BTreeMap<String, Verified>,
}

impl Verifier for Sandboxed<'_> {
    fn verify(&mut self, command: &str) -> Result<Verified, String> {
        if let Some(known) = self.ran.get(command) {
            return Ok(known.clone());
        }
        let ran = self.run(command)?;
        self.ran.insert(command.to_owned(), ran.clone());
        Ok(ran)
    }
}

impl Sandboxed<'_> {
    fn run(&self, command: &str) -> Result<Verified, String> {
        let project = self.project;
        let head = project.repo.head().map_err(|e| e.to_string())?.commit;
        let head = head.ok_or("there is no commit to run it at")?;
        let runner = Runner::new().map_err(|e| e.to_string())?;
        let cancel = Cancel::new();
        let _passing_on = self.common.place.pass_on(&cancel, &Arc::default());
        let stop = cancel.clone();
        signals::watch(&runner, move |_| stop.request()).map_err(|e| e.to_string())?;
        project.repo.keep_excluded(&project.layout).map_err(|e| e.to_string())?;
        let worktrees = project.repo.root().join(WORKTREES_DIR);
        let lane = LocalLane::new(project.repo.clone(), runner, worktrees.clone(), false);
        let pid = std::process::id();
        let spec = WorkspaceSpec {
            name: format!("audit-qa-{pid}"),
            lock_reason: format!("auditrun qa pid {pid}"),
            commit: head.clone(),
        };
        let mut workspace = lane.prepare(&spec).map_err(|e| e.to_string())?;
        let done = self.in_workspace(command, workspace.as_mut(), &cancel);
        let released = workspace.release(false).map_err(|e| e.to_string());
        // Gone if nothing else is in it.
        let _ = std::fs::remove_dir(worktrees);
        let (passed, said) = done?;
        released?;
        if cancel.requested() {
            return Err("it was interrupted".to_owned());
        }
        Ok(Verified { passed, said, commit: head.to_string(), at: SystemClock.now() })
    }

    fn in_workspace(
        &self,
        command: &str,
        workspace: &mut dyn Workspace,
        cancel: &Cancel,
    ) -> Result<(bool, String), String> {
        let project = self.project;
        let root = project.repo.root();
        let scratch = Scratch::new(&process::stamp()).map_err(|e| e.to_string())?;
        let containment = Containment::new(&project.config, &project.environment, root);
        let bench =
            Bench { root, config: &project.config, scratch: scratch.path(), containment: &containment };
        let mut env = Environment::allowed(&project.environment);
        env.apply(&project.config.env, &project.environment)?;
        env.set_path("AUDITRUN_WORKTREE", workspace.dir());
        env.set_path("GIT_CEILING_DIRECTORIES", root);
        let judged = Judged { node: None, attempt: 0, phase: CheckPhase::Proof, env, cancel };
        prepare::prepare(bench, workspace, &judged).map_err(|trouble| match trouble {
            Trouble::Setup(why) => why,
            Trouble::Fault(fault) => fault.to_string(),
        })?;
        workspace.seal().map_err(|e| e.to_string())?;
        let source = Source::new("verifier_command", command);
        let planned = PlannedCheck::verbatim(command, &source.span(0, command.len()));
        let timeout = project.config.check_timeout.value;
        let record =
            run_check(bench, workspace, &judged, &planned, timeout, false).map_err(|e| e.to_string())?;
        let said =
            if record.stderr_tail.trim().is_empty() { &record.stdout_tail } else { &record.stderr_tail };
        let said = tail(said.trim_end(), SAID);
        let how = crate::gate::checks::failure(&record);
        Ok((record.passed, if record.passed { said.to_owned() } else { format!("{how}: {said}") }))
    }
}
