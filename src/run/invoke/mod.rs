//! One call of an agent, whatever its role and whoever makes it: retries on passing trouble,
//! and the record of it all.

mod answer;
mod caller;
mod consult;
mod in_run;
mod once;
mod private;
mod reader;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::Id;
use crate::config::{Agent, EnvBlock, Role};
use crate::event::Metrics;
use crate::lane::Workspace;
use crate::process::{Cancel, EndCause};
use crate::run::breaker::Retries;
use crate::run::context::Fault;
use crate::run::fleet::Admission;

pub use answer::Answer;
pub use caller::{Caller, Changed, Overseer};
pub use consult::{Consultation, Outcome, Question, consult};
pub use in_run::Journalled;

/// Where an agent works.
pub enum Place<'a> {
    /// In a node's worktree.
    Worktree(&'a mut dyn Workspace),
    /// In a private directory that it only reads, as it does `reads`: beside the system's
    /// programs and its own there is nothing else for it.
    Scratch {
        /// Where it starts.
        dir: &'a Path,
        /// What it may read besides.
        reads: &'a [PathBuf],
    },
}

impl<'a> Place<'a> {
    /// A private directory, and nothing to read outside of it.
    pub fn scratch(dir: &'a Path) -> Place<'a> {
        Place::Scratch { dir, reads: &[] }
    }

    fn dir(&self) -> &Path {
        match self {
            Place::Worktree(workspace) => workspace.dir(),
            Place::Scratch { dir, .. } => dir,
        }
    }

    fn reads(&self) -> &[PathBuf] {
        match self {
            Place::Worktree(_) => &[],
            Place::Scratch { reads, .. } => reads,
        }
    }
}

/// What is asked of an agent.
pub struct Request<'a> {
    /// What for.
    pub role: Role,
    /// The node or question.
    pub subject: Option<&'a Id>,
    /// 1, 2 or 3 for a node; 0 elsewhere.
    pub attempt: u32,
    /// Who.
    pub agent: &'a Agent,
    /// The whole prompt.
    pub prompt: Vec<u8>,
    /// The node's own additions to the environment.
    pub env: Option<&'a EnvBlock>,
    /// Wall time.
    pub timeout: Duration,
    /// Further tries on passing trouble.
    pub retries: u32,
    /// The transcript, relative to out.
    pub log: String,
    /// First of ten ports that are its own.
    pub port_base: u16,
    /// Ends it.
    pub cancel: &'a Cancel,
}

/// Calls an agent and waits for its end. The overseer hears of its start and its end.
///
/// # Errors
/// The harness failed; an agent that fails, or can't be started, is an [`Answer`].
pub fn call(caller: &Caller<'_>, request: &Request<'_>, place: &mut Place<'_>) -> Result<Answer, Fault> {
    caller.overseer.started(request)?;
    let fleet = caller.fleet;
    let mut retries = Retries::new(request.retries);
    let mut used = Metrics::default();
    let mut answer = loop {
        let Admission::Go { probe } = fleet.admit(request.cancel) else { break Answer::not_started(request) };
        let tried = once::once(caller, request, place, retries.used());
        let mut answer = tried.inspect_err(|_| fleet.told_nothing(probe))?;
        caller.overseer.spent(&answer.record.metrics);
        used = used.and_then(&answer.record.metrics);
        let Some(trouble) = answer.report.transient.clone() else {
            match answer.cause {
                EndCause::Cancelled => fleet.told_nothing(probe),
                _ => fleet.succeeded(probe),
            }
            if answer.report.auth {
                let fault = answer.record.fault.clone();
                answer.unavailable = Some(fault.unwrap_or_else(|| "authentication failed".to_owned()));
            }
            break answer;
        };
        let again = retries.take();
        let pause = fleet.limited(&trouble, probe);
        if !again {
            answer.unavailable = Some(format!("{} (after {})", trouble.reason, tries(retries.used() + 1)));
            break answer;
        }
        caller.overseer.paused(request, pause.wait, &trouble.reason)?;
    };
    answer.record.retries = retries.used();
    answer.record.metrics = used;
    caller.overseer.finished(request, &answer.record)?;
    Ok(answer)
}

fn tries(n: u32) -> String {
    if n == 1 { "1 try".to_owned() } else { format!("{n} tries") }
}
