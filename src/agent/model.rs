//! What a call needs and what an invocation gave.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Agent, Role};
use crate::event::Metrics;
use crate::process::{EndCause, Exit, Stream};

use super::trouble::Trouble;

/// Everything that decides how an agent is called.
pub struct Call<'a> {
    /// The definition.
    pub agent: &'a Agent,
    /// What for; every role but `node` is read-only.
    pub role: Role,
    /// The whole prompt.
    pub prompt: &'a [u8],
    /// Where the prompt lies as a file, readable by the agent.
    pub prompt_file: &'a Path,
    /// The agent's working directory.
    pub cwd: &'a Path,
    /// An enforced sandbox of ours is around it.
    pub sandboxed: bool,
    /// The private configuration home, if it gets one.
    pub config_home: Option<&'a Path>,
}

impl Call<'_> {
    /// True for every role that only looks and answers.
    pub fn read_only(&self) -> bool {
        self.role != Role::Node
    }
}

/// How it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Additions to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// The prompt goes to standard input.
    pub prompt_on_stdin: bool,
    /// It streams, so the deadlines for first output and stall apply.
    pub streams: bool,
}

/// A call can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// `via="arg"` and more than the kernel takes as one argument (128 KiB, its end marker
    /// and what the adapter puts before it included).
    #[error(
        "the prompt has {0} bytes; as an argument it must stay under 128 KiB (131072): use prompt via=\"stdin\" or via=\"file\""
    )]
    PromptTooLong(usize),
    /// `via="arg"` and a NUL byte, which no argument can hold.
    #[error("the prompt holds a NUL byte, which no argument can: use prompt via=\"stdin\" or via=\"file\"")]
    PromptHasNul,
}

/// What a line of the transcript means for somebody who watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Signal {
    /// The agent said something (shown beside the running node).
    Message(String),
    /// A rate limit or an overload was met while running.
    RateLimit(Transient),
    /// Figures so far, for budgets.
    Usage(Metrics),
}

/// Trouble that passes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transient {
    /// What it said.
    pub reason: String,
    /// When the limit resets, if it gave a time.
    pub reset_at: Option<jiff::Timestamp>,
    /// How long to wait from now, if it gave a span instead (a parser has no clock).
    pub retry_after: Option<Duration>,
}

/// What an invocation came to, from its transcript and its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Figures, with their sources.
    pub metrics: Metrics,
    /// The final message's text.
    pub final_message: Option<String>,
    /// The answer of a role: the last JSON object of the final message (streaming adapters)
    /// or of standard output (exec).
    pub answer: Option<serde_json::Value>,
    /// What was wrong with it, whatever the exit code said.
    pub fault: Option<String>,
    /// The fault is a passing one: try again later.
    pub transient: Option<Transient>,
    /// The fault is one of credentials: trying again is pointless.
    pub auth: bool,
    /// What kind of trouble with the service behind the agent the fault is, if it is one.
    pub trouble: Option<Trouble>,
    /// Lines that were not understood (skipped).
    pub unknown_lines: u64,
}

/// Reads a transcript while it comes.
pub trait Transcript: Send {
    /// Takes output as it was read; returns what it meant.
    fn feed(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Signal>;
    /// The verdict once the program has ended.
    fn finish(self: Box<Self>, exit: Exit, cause: EndCause) -> Report;
}

/// A file or folder of the operator's that a private configuration home gets a copy of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigCopy {
    /// Relative to the operator's home.
    pub from: PathBuf,
    /// Relative to the private home.
    pub to: PathBuf,
}
