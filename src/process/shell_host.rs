//! Carries out the pipelines of the step language on this machine: real files, pipes and
//! programs. Knows how to connect and end them, nothing of what a script means.

mod fence;
mod files;
mod pipeline;
mod streams;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::step::builtin::{Files, Streams};
use crate::step::eval::{
    FileId, Host, Open, Output, Program, Stage, StageEnd, StatementRecord, Stop, VerbCall, VerbResult,
};

pub use fence::Fence;
pub use files::OsFiles;
use streams::Capture;

use super::{Cancel, Input, OutputSink, Stdio, Stream, active};

/// What the layers above do for a script: the verbs that are no programs, and the journal.
pub trait Verbs {
    /// Carries out a node verb or `auditrun …`, on the calling thread. What it prints goes to
    /// `io`; a reason to fail goes into the result.
    fn verb(&mut self, call: &VerbCall, io: &mut Streams<'_>) -> VerbResult;

    /// A statement ended.
    fn event(&mut self, record: StatementRecord);
}

/// Turns a program that was found at a path into what is started.
pub trait Launcher {
    /// For `program`, whose executable is `path`.
    fn launch(&self, program: &Program, path: &Path) -> Launch;
}

/// How a program is started.
pub enum Launch {
    /// As a child. Streams, process group, folder and environment are set by the host.
    Child(Command),
    /// By somebody who sees to its end too: called on a thread of its own.
    Elsewhere(Elsewhere),
}

/// Runs a program with these streams to its end, which a request brings about.
pub type Elsewhere = Box<dyn FnOnce(Stdio, &Cancel) -> StageEnd + Send>;

/// Starts the program itself.
#[derive(Debug, Default, Clone, Copy)]
pub struct Direct;

impl Launcher for Direct {
    fn launch(&self, program: &Program, path: &Path) -> Launch {
        let mut command = Command::new(path);
        command.args(program.argv.get(1..).unwrap_or(&[]));
        if let Some(name) = program.argv.first() {
            std::os::unix::process::CommandExt::arg0(&mut command, name);
        }
        Launch::Child(command)
    }
}

/// How a script is run.
pub struct ShellOptions {
    /// Takes standard output and error as they come; `None`: programs write to the
    /// harness's own (the mode `raw`).
    pub sink: Option<Arc<Mutex<dyn OutputSink>>>,
    /// Standard output and error share one pipe, so that the sink sees both in the exact order
    /// in which they were written, all of it as standard output.
    pub one_pipe: bool,
    /// Standard input of the script's programs.
    pub input: Input,
    /// Wall time for the whole script.
    pub timeout: Option<Duration>,
    /// Between SIGTERM and SIGKILL when the script is ended.
    pub grace: Duration,
    /// Ends the script.
    pub cancel: Cancel,
    /// What the script's own redirections and file commands must not lead out of.
    pub fence: Fence,
}

impl Default for ShellOptions {
    fn default() -> ShellOptions {
        ShellOptions {
            sink: None,
            one_pipe: false,
            input: Input::Null,
            timeout: None,
            grace: Duration::from_secs(10),
            cancel: Cancel::new(),
            fence: Fence::default(),
        }
    }
}

/// A [`Host`] on this machine.
pub struct ShellHost<'a> {
    verbs: &'a mut dyn Verbs,
    launcher: &'a dyn Launcher,
    options: ShellOptions,
    started: Instant,
    files: OsFiles,
    open: BTreeMap<u32, Opened>,
    next: u32,
}

/// An entry of the table of open files.
enum Opened {
    File(File),
    Capture(Capture),
}

/// When and by whom a script is ended.
#[derive(Clone)]
pub(super) struct Ending {
    cancel: Cancel,
    /// By the clock that stands still with the process.
    deadline: Option<Duration>,
}

impl Ending {
    fn now(&self) -> Option<Stop> {
        if self.cancel.requested() {
            return Some(Stop::Interrupt);
        }
        self.deadline.filter(|d| active() >= *d).map(|_| Stop::Deadline)
    }
}

impl<'a> ShellHost<'a> {
    /// A host whose timeout begins to run now.
    pub fn new(verbs: &'a mut dyn Verbs, launcher: &'a dyn Launcher, options: ShellOptions) -> ShellHost<'a> {
        let started = Instant::now();
        let deadline = options.timeout.map(|t| active().saturating_add(t));
        let ending = Ending { cancel: options.cancel.clone(), deadline };
        let files = OsFiles::new(ending, options.fence.clone());
        ShellHost { verbs, launcher, options, started, files, open: BTreeMap::new(), next: 0 }
    }

    fn add(&mut self, opened: Opened) -> FileId {
        self.next += 1;
        self.open.insert(self.next, opened);
        FileId(self.next)
    }

    /// Output of the host's own.
    fn print(&self, stream: Stream, bytes: &[u8]) {
        match (&self.options.sink, stream) {
            (Some(sink), _) => sink.lock().unwrap_or_else(PoisonError::into_inner).chunk(stream, bytes),
            // Where the terminal is gone there is nobody left to tell.
            (None, Stream::Stdout) => drop(io::stdout().write_all(bytes)),
            (None, Stream::Stderr) => drop(io::stderr().write_all(bytes)),
        }
    }
}

/// The platform's name of the device that swallows everything.
fn device(path: &str) -> &str {
    if cfg!(windows) && path == "/dev/null" { "NUL" } else { path }
}

impl Host for ShellHost<'_> {
    fn open(&mut self, cwd: &Path, path: &str, how: Open) -> io::Result<FileId> {
        let mut options = OpenOptions::new();
        match how {
            Open::Read => options.read(true),
            Open::Truncate => options.write(true).create(true).truncate(true),
            Open::Append => options.append(true).create(true),
        };
        let path = cwd.join(device(path));
        self.files.fence.check(&path, true)?;
        let file = options.open(path)?;
        if how == Open::Read && file.metadata()?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(self.add(Opened::File(file)))
    }

    fn capture(&mut self) -> io::Result<FileId> {
        let capture = Capture::new()?;
        Ok(self.add(Opened::Capture(capture)))
    }

    fn close(&mut self, id: FileId) -> io::Result<Vec<u8>> {
        match self.open.remove(&id.0) {
            Some(Opened::Capture(capture)) => capture.finish(),
            _ => Ok(Vec::new()),
        }
    }

    fn pipeline(&mut self, stages: Vec<Stage>) -> Vec<StageEnd> {
        self.run_stages(stages)
    }

    fn write(&mut self, to: Output, text: &str) {
        match to {
            Output::Stdout => self.print(Stream::Stdout, text.as_bytes()),
            Output::Stderr | Output::Pipe => self.print(Stream::Stderr, text.as_bytes()),
            Output::File(id) => {
                if let Ok(mut writer) = self.file_writer(id) {
                    // The message is about a command that failed already.
                    let _ = writer.write_all(text.as_bytes());
                }
            }
        }
    }

    fn enter(&mut self, cwd: &Path, to: &str) -> io::Result<PathBuf> {
        self.files.fence.check(&cwd.join(to), true)?;
        let path = std::fs::canonicalize(cwd.join(to))?;
        std::fs::read_dir(&path)?;
        Ok(path)
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn stopped(&self) -> Option<Stop> {
        self.files.ending.now()
    }

    fn event(&mut self, record: StatementRecord) {
        self.verbs.event(record);
    }

    fn files(&self) -> &dyn Files {
        &self.files
    }
}

/// A flag that readers look at: output that comes after its statement has ended is dropped.
#[derive(Clone, Default)]
struct Over(Arc<AtomicBool>);

impl Over {
    fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests;
