//! Calls of the git command line: no configuration but the repository's own, no prompts.

use std::ffi::OsStr;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What went wrong, as a sentence.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(what: impl Into<String>) -> Failure {
        Failure(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Turns an I/O error into a failure that says what was tried.
pub trait At<T> {
    fn at(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|e| Failure::new(format!("{}: {e}", what())))
    }
}

/// A command with nothing of the caller's git environment: it may run inside a hook.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// A repository to ask.
#[derive(Debug, Clone)]
pub struct Git {
    dir: PathBuf,
}

impl Git {
    pub fn at(dir: impl Into<PathBuf>) -> Git {
        Git { dir: dir.into() }
    }

    /// The working directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A call that reads no configuration of the user or the system.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = command("git");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        command.arg("-C").arg(&self.dir).args(args);
        command
    }

    /// Standard output of a call that must succeed.
    pub fn bytes<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Vec<u8>, Failure> {
        succeed(self.command(args), b"")
    }

    /// The same with something on standard input.
    pub fn ask<S: AsRef<OsStr>>(&self, args: &[S], input: &[u8]) -> Result<Vec<u8>, Failure> {
        succeed(self.command(args), input)
    }

    /// Standard output as one line of text.
    pub fn line<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&self.bytes(args)?).trim_end().to_owned())
    }
}

/// Runs a command to its end and gives its output, which is an error if it fails.
pub fn succeed(mut command: Command, input: &[u8]) -> Result<Vec<u8>, Failure> {
    let output = run(&mut command, input)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
    let said = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    Err(Failure::new(format!("git {} failed: {said}", args.join(" "))))
}

/// Runs a command to its end, whatever that is.
pub fn run(command: &mut Command, input: &[u8]) -> Result<Output, Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().at(|| "can't start git".to_owned())?;
    let stdin = child.stdin.take();
    // Both ends can fill up, so one of them gets a thread.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read its input to the end says why by itself.
            stdin.map(|mut pipe| pipe.write_all(input))
        });
        child.wait_with_output()
    });
    output.at(|| "can't read from git".to_owned())
}

/// The fields of a `-z` output.
pub fn fields(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\0").unwrap_or(bytes).split(|b| *b == 0).filter(move |_| !bytes.is_empty())
}
