//! What is to be run and how it ended, as plain data.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::sandbox::quota::Excess;
use super::sandbox::{Policy, Quota};

/// What a program gets on standard input.
#[derive(Debug, Clone, Default)]
pub enum Input {
    /// /dev/null.
    #[default]
    Null,
    /// These bytes; a program that closes its input early is no error.
    Bytes(Arc<[u8]>),
    /// The harness's own standard input (only for `auditrun shell` and targets).
    Inherit,
}

/// How long and how much.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Wall time.
    pub timeout: Option<Duration>,
    /// Time until the first byte of output.
    pub first_output: Option<Duration>,
    /// Longest silence between two bytes of output.
    pub stall: Option<Duration>,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
}

/// A program to run.
#[derive(Debug, Clone)]
pub struct Job {
    /// Looked up on `PATH` of `env` if it has no slash.
    pub program: OsString,
    /// Its arguments, without the program itself.
    pub args: Vec<OsString>,
    /// Working directory.
    pub cwd: PathBuf,
    /// The complete environment: nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Standard input.
    pub input: Input,
    /// Deadlines.
    pub limits: Limits,
    /// Inside of what it runs; `None` for what is trusted, and where nothing can be enforced.
    pub confine: Option<Policy>,
    /// How much it may use.
    pub quota: Quota,
    /// A word for the process list and the records: who this is (`node A`, `check 2 of A`).
    pub label: String,
}

/// Which output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Takes output as it comes, in the order in which it was read.
pub trait OutputSink: Send {
    /// A piece of output; pieces are not lines.
    fn chunk(&mut self, stream: Stream, bytes: &[u8]);
}

/// Throws output away.
#[derive(Debug, Default)]
pub struct Discard;

impl OutputSink for Discard {
    fn chunk(&mut self, _: Stream, _: &[u8]) {}
}

/// How the leader of the tree ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// True for code 0.
    pub fn success(self) -> bool {
        self == Exit::Code(0)
    }
    /// As a shell would say it: the code, or 128 + the signal.
    pub fn shell_code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

/// A deadline that ended a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// `timeout`.
    Wall,
    /// `first-output`.
    FirstOutput,
    /// `stall`.
    Stall,
}

impl Deadline {
    /// The setting's name, as artifacts say it.
    pub fn name(self) -> &'static str {
        match self {
            Deadline::Wall => "timeout",
            Deadline::FirstOutput => "first_output",
            Deadline::Stall => "stall",
        }
    }
}

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndCause {
    /// By itself.
    Own,
    /// The harness ended it at a deadline.
    Deadline(Deadline),
    /// The harness ended it because it used too much.
    Quota(Excess),
    /// The harness ended it on request.
    Cancelled,
}

/// How a job ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The leader's exit.
    pub exit: Exit,
    /// Who ended it.
    pub cause: EndCause,
    /// From the start to the end of the whole tree.
    pub duration: Duration,
    /// Programs that were still there when the leader had ended (and were ended): their
    /// command lines.
    pub leaked: Vec<String>,
}

impl Ended {
    /// It ended by itself with code 0.
    pub fn success(&self) -> bool {
        self.cause == EndCause::Own && self.exit.success()
    }
}

/// A job could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No such program on PATH (exit 127 in a shell).
    #[error("'{0}' was not found{where}", where = if .0.contains('/') { "" } else { " on PATH" })]
    NotFound(String),
    /// It is there and can't be executed (exit 126 in a shell).
    #[error("'{program}' can't be executed: {source}")]
    NotExecutable {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else.
    #[error("can't start '{program}': {source}")]
    Other {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
}

impl SpawnError {
    /// The exit code that a shell gives this: 127 for what is not there (a script's missing
    /// interpreter included), 126 for what is there and can't run.
    pub fn shell_code(&self) -> i32 {
        match self {
            SpawnError::NotFound(_) => 127,
            SpawnError::NotExecutable { source, .. } if source.kind() == std::io::ErrorKind::NotFound => 127,
            SpawnError::NotExecutable { .. } | SpawnError::Other { .. } => 126,
        }
    }
}

/// A request to end what runs: shared, one-way, in two steps.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<CancelState>);

#[derive(Debug, Default)]
struct CancelState {
    level: AtomicU8,
    wake: tokio::sync::Notify,
}

impl Cancel {
    /// A request that nobody has made yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }
    /// Asks for a graceful end (SIGTERM, then SIGKILL after the grace time).
    pub fn request(&self) {
        self.0.level.fetch_max(1, Ordering::SeqCst);
        self.0.wake.notify_waiters();
    }
    /// Asks for the end at once (SIGKILL).
    pub fn request_now(&self) {
        self.0.level.fetch_max(2, Ordering::SeqCst);
        self.0.wake.notify_waiters();
    }
    /// An end was asked for.
    pub fn requested(&self) -> bool {
        self.0.level.load(Ordering::SeqCst) >= 1
    }
    /// The end was asked for at once.
    pub fn requested_now(&self) -> bool {
        self.0.level.load(Ordering::SeqCst) >= 2
    }
    /// Resolves when the level reaches `level` (1 graceful, 2 at once).
    pub async fn wait(&self, level: u8) {
        loop {
            let woken = self.0.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            if self.0.level.load(Ordering::SeqCst) >= level {
                return;
            }
            woken.await;
        }
    }
}
