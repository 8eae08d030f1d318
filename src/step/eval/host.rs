//! What a script needs of the world, as traits and plain data: the evaluator decides, the
//! host does.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::step::builtin::{Builtin, Files};

/// An open file or capture of the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// Where a stage reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The script's own standard input.
    Inherit,
    /// The stage before it.
    Pipe,
    /// A file opened for reading.
    File(FileId),
}

/// Where a stage writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The script's standard output.
    Stdout,
    /// The script's standard error.
    Stderr,
    /// The stage after it.
    Pipe,
    /// A file opened for writing, or a capture.
    File(FileId),
}

/// Standard input, output and error of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Wiring {
    pub stdin: Input,
    pub stdout: Output,
    pub stderr: Output,
}

/// How a redirect opens its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// It must exist.
    Read,
    /// Made or emptied.
    Truncate,
    /// Made or added to.
    Append,
}

/// A program and what it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name, looked up on `PATH` of `env` unless it has a slash, and its arguments.
    pub argv: Vec<String>,
    /// Every exported variable.
    pub env: Vec<(String, String)>,
    /// Where it runs.
    pub cwd: PathBuf,
}

/// A node verb or `auditrun …`: the layers above carry it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerbCall {
    /// The verb's first word: `gate`, `auditrun` …
    pub name: String,
    /// The words after it.
    pub args: Vec<String>,
    /// Every exported variable.
    pub env: Vec<(String, String)>,
    /// The script's current folder.
    pub cwd: PathBuf,
}

/// How a verb ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerbResult {
    /// 0 is success.
    pub code: i32,
    /// Why it failed, for people; goes to the statement's standard error.
    pub message: Option<String>,
    /// The script goes on in this folder (`worktree enter`, `worktree leave`).
    pub cwd: Option<PathBuf>,
    /// Variables that it sets and exports for the rest of the script.
    pub set: Vec<(String, String)>,
}

impl VerbResult {
    /// Success, nothing to say.
    pub fn ok() -> VerbResult {
        VerbResult::default()
    }

    /// A failure with its reason.
    pub fn failed(code: i32, message: impl Into<String>) -> VerbResult {
        VerbResult { code, message: Some(message.into()), ..VerbResult::default() }
    }
}

/// What a stage of a pipeline does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Runs a program.
    Program(Program),
    /// Runs a portable verb in-process: call [`Builtin::run`] with the stage's streams.
    Builtin(Builtin),
    /// Runs a verb of the layers above, on the calling thread.
    Verb(VerbCall),
    /// Nothing is left to do: it ended with this code (a file could not be opened, say).
    Done(i32),
}

/// One part of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Stage {
    pub work: Work,
    pub wiring: Wiring,
}

/// Who ended the script from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Its timeout.
    Deadline,
    /// The operator.
    Interrupt,
}

/// How a stage ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageEnd {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// No such program on PATH.
    NotFound,
    /// It is there and can't be executed: why.
    NotExecutable(String),
    /// A verb ended.
    Verb(VerbResult),
    /// Ended because the script was stopped.
    Stopped(Stop),
}

/// A statement that ended, for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRecord {
    /// As written.
    pub text: String,
    /// The words of what ran, operators among them, after expansion; secrets masked.
    pub words: Vec<String>,
    /// Exit code.
    pub exit_code: i32,
    /// From its start to its end.
    pub duration: Duration,
}

/// Everything that a script can do to the world.
pub trait Host {
    /// Opens the file of a redirect; `path` is relative to `cwd`.
    ///
    /// # Errors
    /// As the system says.
    fn open(&mut self, cwd: &Path, path: &str, how: Open) -> io::Result<FileId>;

    /// Opens a capture for `$(…)`: bytes written to it are kept.
    ///
    /// # Errors
    /// The system has no room for one.
    fn capture(&mut self) -> io::Result<FileId>;

    /// Closes a file or capture; gives what a capture holds (nothing for a file).
    ///
    /// # Errors
    /// More was written to a capture than the host keeps.
    fn close(&mut self, id: FileId) -> io::Result<Vec<u8>>;

    /// Runs the stages at once, each connected to the next where it says `Pipe`, and
    /// tells how each ended, in order. Comes back when all have ended.
    fn pipeline(&mut self, stages: Vec<Stage>) -> Vec<StageEnd>;

    /// Writes a message of the evaluator's own.
    fn write(&mut self, to: Output, text: &str);

    /// The folder `to`, seen from `cwd`, absolute.
    ///
    /// # Errors
    /// It does not exist or is no folder.
    fn enter(&mut self, cwd: &Path, to: &str) -> io::Result<PathBuf>;

    /// A monotonic reading.
    fn elapsed(&self) -> Duration;

    /// Set as soon as the script has to end.
    fn stopped(&self) -> Option<Stop>;

    /// A statement ended.
    fn event(&mut self, record: StatementRecord);

    /// Files, for the portable verbs.
    fn files(&self) -> &dyn Files;
}
