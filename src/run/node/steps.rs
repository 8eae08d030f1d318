//! The recipe's own programs: each runs as a check does, in the sandbox, under a supervisor
//! that ends its whole tree, and within the same bounds.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Masker, text};
use crate::lane::{Lane, RunError};
use crate::process::sandbox::{Policy, Quota};
use crate::process::shell_host::{Fence, Launch, Launcher};
use crate::process::{Cancel, EndCause, Ended, Exit, Input, Job, Limits, SpawnError, Stdio};
use crate::run::context::Context;
use crate::step::eval::{Program, StageEnd};

/// Characters of a command line that a sentence quotes.
const QUOTED: usize = 120;

/// Starts the programs of one attempt's recipe.
pub(super) struct Steps {
    lane: Arc<dyn Lane>,
    limits: Limits,
    masker: Arc<Masker>,
    /// What programs that are started from now on are held to.
    held: Mutex<(Option<Policy>, Quota)>,
    fence: Fence,
    seen: Arc<Mutex<Seen>>,
}

/// What happened to programs besides their exit codes.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Who was ended, and at what bound.
    pub ended: Vec<String>,
    /// What was left behind.
    pub leaked: Vec<String>,
}

impl Steps {
    /// Before there is a worktree: `tmp` is all that a program may write to.
    pub fn new(cx: &Context, tmp: &Path) -> Steps {
        let timeout = Some(cx.config.check_timeout.value);
        let grace = cx.config.grace.value;
        Steps {
            lane: Arc::clone(&cx.lane),
            limits: Limits { timeout, first_output: None, stall: None, grace },
            masker: Arc::clone(cx.containment.masker()),
            held: Mutex::new((cx.containment.for_step(tmp), cx.containment.quota(&[tmp]))),
            fence: Fence::default(),
            seen: Arc::default(),
        }
    }

    /// What redirections and file commands are held to.
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// From here on programs work in a worktree.
    pub fn enter(&self, cx: &Context, worktree: &Path, tmp: &Path) {
        *lock(&self.held) = (cx.containment.for_check(worktree, tmp), cx.containment.quota(&[worktree, tmp]));
        self.fence.set(worktree);
    }

    /// What has happened so far.
    pub fn seen(&self) -> Seen {
        std::mem::take(&mut *lock(&self.seen))
    }
}

impl Launcher for Steps {
    fn launch(&self, program: &Program, path: &Path) -> Launch {
        let (confine, quota) = lock(&self.held).clone();
        let line = self.masker.text(&program.argv.join(" ")).into_owned();
        let (word, args) = match program.argv.split_first() {
            Some((word, args)) => (word.into(), args.iter().map(Into::into).collect()),
            None => (path.into(), Vec::new()),
        };
        let job = Job {
            program: word,
            args,
            cwd: program.cwd.clone(),
            env: program.env.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            input: Input::Null,
            limits: self.limits.clone(),
            confine,
            quota,
            label: format!("step {}", text::head(&line, 40)),
        };
        let (lane, seen) = (Arc::clone(&self.lane), Arc::clone(&self.seen));
        Launch::Elsewhere(Box::new(move |stdio: Stdio, cancel: &Cancel| {
            match lane.run_attached(&job, stdio, cancel) {
                Ok(ended) => {
                    lock(&seen).add(&line, &job, &ended);
                    match ended.exit {
                        Exit::Code(code) => StageEnd::Code(code),
                        Exit::Signal(signal) => StageEnd::Signal(signal),
                    }
                }
                Err(RunError::Spawn(SpawnError::NotFound(_))) => StageEnd::NotFound,
                Err(error) => StageEnd::NotExecutable(error.to_string()),
            }
        }))
    }
}

impl Seen {
    fn add(&mut self, line: &str, job: &Job, ended: &Ended) {
        let line = text::head(line, QUOTED);
        match (ended.cause, job.limits.timeout) {
            (EndCause::Deadline(_), Some(limit)) => {
                self.ended.push(format!("`{line}` was ended at its check-timeout of {limit:?}"));
            }
            (EndCause::Quota(excess), _) => self.ended.push(format!("`{line}` was {excess}")),
            _ => {}
        }
        self.leaked.extend(ended.leaked.iter().cloned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
