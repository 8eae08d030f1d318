//! Roles carried out by the agents that audit.kdl binds: each invocation in an empty directory
//! of its own, from which neither the repository nor the files of other roles can be read.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::ask::{Consulted, HostError, RoleHost};
use super::prompt::Prompt;
use crate::event::{AgentRecord, Metrics};
use crate::git::{GuardClass, Repo};
use crate::process::Cancel;
use crate::qa::forge::Progress;
use crate::run::context::Fault;
use crate::run::invoke::{Caller, Changed, Outcome, Overseer, Place, Question, Request, consult};
use crate::run::ledger::Ledger;
use crate::run::watch::Watch;

/// First of the ports that roles get, ten for each invocation.
const PORTS: u16 = 22_000;
/// Invocations after which ports are used again: no more than two run at once.
const SLOTS: u16 = 64;

/// The agents as a host of roles.
pub struct Agents<'a> {
    /// How agents are called; its `out` gets the transcripts.
    pub caller: Caller<'a>,
    /// Ends the invocation that runs.
    pub cancel: &'a Cancel,
    next: AtomicU16,
}

impl<'a> Agents<'a> {
    /// Calls through `caller`.
    pub fn new(caller: Caller<'a>, cancel: &'a Cancel) -> Agents<'a> {
        Agents { caller, cancel, next: AtomicU16::new(0) }
    }

    fn port_base(&self) -> u16 {
        PORTS + self.next.fetch_add(1, Ordering::Relaxed) % SLOTS * 10
    }
}

impl RoleHost for Agents<'_> {
    fn ask(
        &self,
        prompt: &Prompt,
        label: &str,
        read: &dyn Fn(&Value) -> Result<(), String>,
    ) -> Result<Consulted, HostError> {
        let failed = |fault: Fault| HostError::Failed(fault.to_string());
        let dir = self.caller.scratch_dir("role-").map_err(failed)?;
        let question = Question {
            role: prompt.role(),
            subject: None,
            prompt: prompt.text().to_owned(),
            log: label.to_owned(),
            port_base: self.port_base(),
            timeout: None,
            until: None,
            retries: None,
            cancel: self.cancel,
        };
        let checked = |mut value: Value| {
            leave_figures_out(&mut value);
            read(&value).map(|()| value)
        };
        let consulted = consult(&self.caller, &question, &mut Place::scratch(dir.path()), checked);
        let consulted = consulted.map_err(failed)?;
        let answer = match consulted.outcome {
            Outcome::Answer(value) => Ok(value),
            Outcome::Malformed(why) => Err(why),
            Outcome::Unavailable(why) => return Err(HostError::Unavailable(why)),
            Outcome::Cancelled => return Err(HostError::Interrupted),
        };
        let calls = u32::try_from(consulted.records.len()).unwrap_or(u32::MAX);
        Ok(Consulted { answer, spent: consulted.spent, calls })
    }
}

/// An exec agent may write what it used into its answer: that is counted, and no part of it.
fn leave_figures_out(value: &mut Value) {
    let Some(object) = value.as_object_mut() else { return };
    for key in ["cost_usd", "turns", "duration_ms", "session_id", "model", "input_tokens", "output_tokens"] {
        object.remove(key);
    }
}

/// Looks after what roles must leave alone, and tells of pauses.
pub struct Surroundings<'a> {
    /// The operator's repository.
    pub repo: &'a Repo,
    /// Files of the audit that only the program writes; nothing where a sandbox keeps roles
    /// away from them.
    pub own: Vec<PathBuf>,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

impl Overseer for Surroundings<'_> {
    fn started(&self, _: &Request<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn said(&self, _: &Request<'_>, _: &str) {}

    fn paused(&self, request: &Request<'_>, pause: Duration, reason: &str) -> Result<(), Fault> {
        let agent = &request.agent.name;
        self.progress.say(&format!("agent '{agent}' pauses for {} s: {reason}", pause.as_secs()));
        Ok(())
    }

    // What was used comes back with the answer.
    fn spent(&self, _: &Metrics) {}

    fn finished(&self, _: &Request<'_>, _: &AgentRecord) -> Result<(), Fault> {
        Ok(())
    }

    fn watch<'w>(&'w self, dir: &Path) -> Result<Changed<'w>, Fault> {
        let mut places: Vec<(&'static str, PathBuf)> =
            self.own.iter().map(|path| ("file of the audit", path.clone())).collect();
        places.push(("scratch directory", dir.to_owned()));
        let watch = Watch::over(self.repo, places)?;
        Ok(Box::new(move || {
            let foreign = watch.changed(self.repo, &Ledger::default())?.into_iter();
            Ok(foreign.filter(|f| f.class == GuardClass::Harness).map(|f| f.name).collect())
        }))
    }
}
