//! The handle by which everybody above runs programs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::drive;
use super::host::Hosts;
use super::job::{Cancel, Discard, EndCause, Ended, Exit, Job, OutputSink, SpawnError};
use super::signals::Suspension;
use super::stdio::Stdio;

/// Runs programs under supervision. Cheap to clone; one for the whole harness is enough.
#[derive(Debug, Clone)]
pub struct Runner(Arc<Shared>);

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) runtime: Runtime,
    pub(super) hosts: Hosts,
    pub(super) suspension: Suspension,
    /// The value of [`TOKEN`](super::stamp::TOKEN) for every program of this harness.
    pub(super) token: String,
}

impl Runner {
    /// A runner whose supervisors are this very binary, which therefore must call
    /// [`main_if_asked`](super::supervise::main_if_asked) first thing in `main`. Starts no
    /// process yet.
    ///
    /// # Errors
    /// No threads, or this binary's path can't be told.
    pub fn new() -> io::Result<Runner> {
        Runner::with_supervisor(own_binary()?)
    }

    /// A runner whose supervisors are another binary than this one (a test's, a library
    /// user's).
    ///
    /// # Errors
    /// No threads.
    pub fn with_supervisor(program: impl Into<PathBuf>) -> io::Result<Runner> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("auditrun-io")
            .enable_all()
            .build()?;
        Ok(Runner(Arc::new(Shared {
            runtime,
            hosts: Hosts::new(program.into()),
            suspension: Suspension::default(),
            token: super::stamp::token(&super::stamp()),
        })))
    }

    /// Runs a program to the end of its whole tree; blocks the calling thread, which also
    /// is the one that calls `sink`. Not to be called from an asynchronous context. A
    /// request that was made before the call ends it before anything is started.
    ///
    /// # Errors
    /// [`SpawnError`]: the program did not start, or its supervisor was killed.
    pub fn run(&self, job: &Job, sink: &mut dyn OutputSink, cancel: &Cancel) -> Result<Ended, SpawnError> {
        self.carry_out(job, None, sink, cancel)
    }

    /// The same for a program that is connected already: to files, or to the pipes of its
    /// neighbours. `job.input` is not looked at, and neither are deadlines on output.
    ///
    /// # Errors
    /// As for [`Runner::run`].
    pub fn run_attached(&self, job: &Job, stdio: Stdio, cancel: &Cancel) -> Result<Ended, SpawnError> {
        self.carry_out(job, Some(stdio), &mut Discard, cancel)
    }

    fn carry_out(
        &self,
        job: &Job,
        stdio: Option<Stdio>,
        sink: &mut dyn OutputSink,
        cancel: &Cancel,
    ) -> Result<Ended, SpawnError> {
        if cancel.requested() {
            return Ok(never_started());
        }
        tracing::debug!(label = job.label, program = ?job.program, cwd = ?job.cwd, "start");
        let ended = self.0.runtime.block_on(drive::run(&self.0, job, stdio, sink, cancel));
        match &ended {
            Ok(end) => {
                tracing::debug!(label = job.label, exit = ?end.exit, cause = ?end.cause, took = ?end.duration, "end")
            }
            Err(error) => tracing::debug!(label = job.label, %error, "not started"),
        }
        ended
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

fn never_started() -> Ended {
    Ended {
        exit: Exit::Signal(libc::SIGTERM),
        cause: EndCause::Cancelled,
        duration: Duration::ZERO,
        leaked: Vec::new(),
    }
}

/// On Linux by the kernel's link, which still works after the file was replaced.
fn own_binary() -> io::Result<PathBuf> {
    let link = Path::new("/proc/self/exe");
    if link.exists() { Ok(link.to_owned()) } else { std::env::current_exe() }
}
