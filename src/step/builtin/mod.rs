//! The portable verbs that need streams and files, in-process: the same on every platform.
//! Each is a function of its arguments; the effects come from [`Files`].

mod copy;
mod remove;
mod test;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use super::eval::describe;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileKind {
    File,
    Dir,
    /// Only where links are not followed.
    Link,
    /// A device, socket or pipe.
    Other,
}

/// The effects on files that portable verbs have. All paths are absolute.
#[allow(clippy::missing_errors_doc)] // Every error is the system's own.
pub trait Files: Sync {
    /// What stands at `path`; `None` for nothing. `follow`: through symbolic links.
    fn kind(&self, path: &Path, follow: bool) -> io::Result<Option<FileKind>>;
    /// Opens a file to read.
    fn read(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// Names in a folder, in byte order.
    fn list(&self, dir: &Path) -> io::Result<Vec<OsString>>;
    /// Makes one folder.
    fn make_dir(&self, path: &Path) -> io::Result<()>;
    /// Copies a file's bytes and mode, over what is there.
    fn copy_file(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes a symbolic link that points where `from` does.
    fn copy_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Renames over what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file or link.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// The path without links and `..`, if it exists.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;
    /// Waits; false if the script was stopped meanwhile.
    fn sleep(&self, time: Duration) -> bool;
}

/// The streams of a stage.
pub struct Streams<'a> {
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output.
    pub stdout: &'a mut dyn Write,
    /// Standard error.
    pub stderr: &'a mut dyn Write,
}

/// A call of a portable verb.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Builtin {
    pub name: String,
    pub args: Vec<String>,
    /// The script's current folder, absolute.
    pub cwd: PathBuf,
}

/// Why a verb failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Wrong arguments: exit code 2.
    Usage(String),
    /// Something went wrong with one thing: exit code 1.
    Failed(String),
    /// Nobody reads its output any more: as if ended by SIGPIPE.
    Closed,
}

/// What goes wrong on the way, message by message.
type Result<T> = std::result::Result<T, Trouble>;

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Trouble::Closed,
            _ => Trouble::Failed(describe(&error)),
        }
    }
}

/// The verb at work.
struct Call<'a, 's> {
    args: &'a [String],
    cwd: &'a Path,
    files: &'a dyn Files,
    io: &'a mut Streams<'s>,
}

impl Builtin {
    /// Carries the verb out and gives its exit code; messages go to standard error.
    pub fn run(&self, files: &dyn Files, io: &mut Streams<'_>) -> i32 {
        let mut call = Call { args: &self.args, cwd: &self.cwd, files, io };
        let result = match self.name.as_str() {
            "true" => Ok(0),
            "false" => Ok(1),
            "echo" => call.echo(),
            "cat" => call.cat(),
            "sleep" => call.sleep(),
            "test" => call.test(),
            "mkdir" => call.mkdir(),
            "cp" => call.cp(),
            "mv" => call.mv(),
            "rm" => call.rm(),
            _ => Err(Trouble::Usage("no such verb".to_owned())),
        };
        let (code, message) = match result {
            Ok(code) => return code,
            Err(Trouble::Closed) => return 141,
            Err(Trouble::Usage(message)) => (2, message),
            Err(Trouble::Failed(message)) => (1, message),
        };
        // Where standard error is closed too there is nobody left to tell.
        let _ = writeln!(io.stderr, "{}: {message}", self.name);
        code
    }
}

impl<'a> Call<'a, '_> {
    fn path(&self, arg: &str) -> PathBuf {
        self.cwd.join(arg)
    }

    /// Arguments without their options; `known` are the letters that an option may have.
    fn options(&self, known: &str, what: &str) -> Result<(String, Vec<&'a str>)> {
        let (mut letters, mut operands, mut only_operands) = (String::new(), Vec::new(), false);
        for arg in self.args {
            if !only_operands && arg == "--" {
                only_operands = true;
            } else if !only_operands && arg.len() > 1 && arg.starts_with('-') {
                if let Some(bad) = arg[1..].chars().find(|c| !known.contains(*c)) {
                    let bad = if arg.starts_with("--") { arg.clone() } else { format!("-{bad}") };
                    return Err(Trouble::Usage(format!(
                        "option {bad} is not built in; the program has it: command {what} …"
                    )));
                }
                letters.push_str(&arg[1..]);
            } else {
                operands.push(arg.as_str());
            }
        }
        Ok((letters, operands))
    }

    /// Says what went wrong with one operand and goes on.
    fn complain(&mut self, verb: &str, message: &str) -> Result<()> {
        Ok(writeln!(self.io.stderr, "{verb}: {message}")?)
    }

    fn echo(&mut self) -> Result<i32> {
        let (newline, words) = match self.args.split_first() {
            Some((first, rest)) if first == "-n" => ("", rest),
            _ => ("\n", self.args),
        };
        self.io.stdout.write_all(format!("{}{newline}", words.join(" ")).as_bytes())?;
        self.io.stdout.flush()?;
        Ok(0)
    }

    fn cat(&mut self) -> Result<i32> {
        let (_, operands) = self.options("", "cat")?;
        let operands = if operands.is_empty() { vec!["-"] } else { operands };
        let mut code = 0;
        for operand in operands {
            if operand == "-" {
                pump(self.io.stdin, self.io.stdout)?;
                continue;
            }
            let path = self.path(operand);
            let opened = match self.files.kind(&path, true) {
                Ok(Some(FileKind::Dir)) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
                _ => self.files.read(&path),
            };
            match opened {
                Ok(mut file) => pump(&mut *file, self.io.stdout)?,
                Err(error) => {
                    self.complain("cat", &missing(operand, &error))?;
                    code = 1;
                }
            }
        }
        Ok(code)
    }

    fn sleep(&mut self) -> Result<i32> {
        let [time] = self.args else {
            return Err(Trouble::Usage("takes one time: sleep 2, sleep 0.5, sleep 3m".to_owned()));
        };
        let time = seconds(time)
            .ok_or_else(|| Trouble::Usage(format!("'{time}' is not a time: write 2, 0.5, 30s, 3m or 1h")))?;
        Ok(if self.files.sleep(time) { 0 } else { 130 })
    }

    fn mkdir(&mut self) -> Result<i32> {
        let (options, operands) = self.options("p", "mkdir")?;
        if operands.is_empty() {
            return Err(Trouble::Usage("needs a folder".to_owned()));
        }
        let parents = options.contains('p');
        let mut code = 0;
        for operand in operands {
            let path = self.path(operand);
            let made = if parents { self.make_all(&path) } else { self.files.make_dir(&path) };
            if let Err(error) = made {
                self.complain("mkdir", &format!("{operand}: {}", describe(&error)))?;
                code = 1;
            }
        }
        Ok(code)
    }

    /// Makes a folder and those above it; fine if it is there.
    fn make_all(&self, path: &Path) -> io::Result<()> {
        let mut missing = Vec::new();
        for dir in path.ancestors().filter(|d| !d.as_os_str().is_empty()) {
            match self.files.kind(dir, true)? {
                Some(FileKind::Dir) => break,
                Some(_) if dir == path => return Err(io::ErrorKind::AlreadyExists.into()),
                Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
                None => missing.push(dir),
            }
        }
        for dir in missing.into_iter().rev() {
            match self.files.make_dir(dir) {
                // Somebody else was faster: that is what was wanted.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        Ok(())
    }
}

/// Copies everything; stops quietly at the end of the input.
fn pump(from: &mut dyn Read, to: &mut dyn Write) -> Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(to.flush()?),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Trouble::Failed(describe(&error))),
        };
        to.write_all(buffer.get(..read).unwrap_or(&[]))?;
    }
}

/// `2`, `0.5`, `30s`, `3m`, `1h`, `1d`.
fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd']) {
        Some(number) => (number, text.get(number.len()..)?),
        None => (text, "s"),
    };
    if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.') || number.contains(['e', 'E']) {
        return None;
    }
    let factor = match unit {
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => 1.0,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * factor).ok()
}

/// `name: why`, with a word on patterns where the name looks like one.
fn missing(name: &str, error: &io::Error) -> String {
    let note = if error.kind() == io::ErrorKind::NotFound && name.contains(['*', '?', '[']) {
        " (patterns are not expanded: sh -c '…' does that)"
    } else {
        ""
    };
    format!("{name}: {}{note}", describe(error))
}

#[cfg(test)]
mod tests;
