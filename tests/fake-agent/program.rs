//! fake-agent: does what a script says, so that tests can have an agent of any behaviour
//! without a network. `cargo test` builds it as target/<profile>/examples/fake-agent;
//! `cargo test --test NAME` does not: `cargo build --examples` before it.
//!
//! The script is the file that `FAKE_AGENT_SCRIPT` names, else the first argument; all
//! other arguments are ignored, so it can stand in for any program. It is read as a whole
//! before the first line is done; a mistake in it ends with exit code 70 and the line's
//! number on standard error, and so does a command that fails unexpectedly.
//!
//! One command a line; empty lines and lines that begin with `#` are skipped. In TEXT, `\n`,
//! `\t`, `\e`, `\\` and `$NAME` (environment) are replaced. Paths are relative to the working
//! directory and hold no blanks.
//!
//! | command | does |
//! |---|---|
//! | `write PATH [TEXT]` | makes the file, with its folders; a line end follows the text |
//! | `append PATH TEXT` | adds a line |
//! | `lines PATH N` | makes a file of N different lines |
//! | `delete PATH` · `mkdir PATH` | a file or a whole folder |
//! | `rename FROM TO` · `symlink TARGET PATH` · `chmod OCTAL PATH` | |
//! | `print TEXT` · `raw TEXT` · `stderr TEXT` | a line, no line end, a line on standard error |
//! | `transcript FILE` | prints a file; its path is relative to the script's folder |
//! | `env NAME` | prints `NAME=value`, or `NAME is not set` |
//! | `flood BYTES` · `flood-stderr BYTES` | that many `x` in lines of 80 |
//! | `read-stdin` · `save-stdin PATH` · `print-stdin` · `close-stdin` | the prompt |
//! | `try-write PATH` · `try-read PATH` | prints `written`, `read` or `denied`, and the path |
//! | `sleep SECONDS` · `wait-for PATH` | the latter for at most 60 s, else exit 70 |
//! | `sh COMMAND` | prints what it prints; its exit code, if not 0, ends the program |
//! | `commit MESSAGE` | `git add -A` and `git commit`; prints `committed` or `commit refused` |
//! | `spawn-daemon SECONDS [MARK]` | a process in a session of its own, standard streams closed; prints `daemon PID`; MARK shows in its command line |
//! | `hold-stdout SECONDS [MARK]` | a child that keeps standard output open; prints `holder PID` |
//! | `ignore-term` | SIGTERM no longer ends it |
//! | `exit CODE` · `signal NAME` | ends it: TERM, KILL, INT, SEGV or ABRT |
//!
//! Sections choose by what the environment says: `[node A]`, `[role resolver]`,
//! `[attempt 2]`, `[call 2]`, and several of them in one: `[node A attempt 2]`. Of the sections
//! whose conditions all hold, the one with the most conditions is done, the first among
//! equals; lines before any section are the one with none. `[always]` is done first
//! whatever else holds. `call` counts the invocations with the same role, node and
//! attempt, in files beside the script, so that place must be writable.

mod script;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command as Program, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Signal, getpid, kill_process, setsid};
use script::{Command, Script, Situation};

/// EX_SOFTWARE: the script or the place it runs in is wrong, not the program under test.
const BROKEN: u8 = 70;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, seconds, ..] = args.as_slice()
        && first == "--linger"
    {
        return linger(seconds);
    }
    match run(&args) {
        Ok(code) => code,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "fake-agent: {problem}");
            ExitCode::from(BROKEN)
        }
    }
}

/// What `spawn-daemon` and `hold-stdout` start.
fn linger(seconds: &str) -> ExitCode {
    let _ = setsid();
    std::thread::sleep(Duration::from_secs_f64(seconds.parse().unwrap_or(0.0)));
    ExitCode::SUCCESS
}

fn run(args: &[String]) -> Result<ExitCode, String> {
    let path = std::env::var_os("FAKE_AGENT_SCRIPT").or_else(|| args.first().map(Into::into));
    let path = PathBuf::from(path.ok_or("no script: set FAKE_AGENT_SCRIPT")?);
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let script = Script::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))?;
    let situation = situation(&script, &path)?;
    let mut agent = Agent { folder: path.parent().unwrap_or(Path::new(".")).to_owned(), _runtime: None };
    for (line, command) in script.commands(&situation) {
        match agent.perform(command) {
            Ok(None) => {}
            Ok(Some(code)) => return Ok(ExitCode::from(code)),
            Err(error) => return Err(format!("{}:{line}: {error}", path.display())),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn situation(script: &Script, path: &Path) -> Result<Situation, String> {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let mut now = Situation {
        role: var("AUDITRUN_ROLE"),
        node: var("AUDITRUN_NODE_ID"),
        attempt: var("AUDITRUN_ATTEMPT"),
        call: String::new(),
    };
    if script.counts_calls() {
        now.call = count_call(path, &now)?;
    }
    Ok(now)
}

/// Claims the first free number: a file that nobody else could make.
fn count_call(path: &Path, now: &Situation) -> Result<String, String> {
    for number in 1.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".call-{}-{}-{}-{number}", now.role, now.node, now.attempt));
        match fs::OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(_) => return Ok(number.to_string()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(format!("can't count calls beside the script: {error}")),
        }
    }
    Err("too many calls".to_owned())
}

struct Agent {
    folder: PathBuf,
    /// Owns the handler that `ignore-term` installs.
    _runtime: Option<tokio::runtime::Runtime>,
}

impl Agent {
    /// Does one command. `Some` is the exit code that ends the program.
    fn perform(&mut self, command: &Command) -> io::Result<Option<u8>> {
        match command {
            Command::Write(path, text) => write(path, text)?,
            Command::Append(path, text) => append(path, text)?,
            Command::Lines(path, count) => write(path, &numbered(*count))?,
            Command::Delete(path) => delete(path)?,
            Command::Mkdir(path) => fs::create_dir_all(path)?,
            Command::Rename(from, to) => rename(from, to)?,
            Command::Symlink(target, path) => std::os::unix::fs::symlink(target, path)?,
            Command::Chmod(mode, path) => chmod(*mode, path)?,
            Command::Print(text) => say(&format!("{text}\n"))?,
            Command::Raw(text) => say(text)?,
            Command::Stderr(text) => io::stderr().write_all(format!("{text}\n").as_bytes())?,
            Command::Transcript(file) => output(&fs::read(self.folder.join(file))?)?,
            Command::Env(name) => say(&variable(name))?,
            Command::Flood(bytes) => flood(&mut io::stdout().lock(), *bytes)?,
            Command::FloodStderr(bytes) => flood(&mut io::stderr().lock(), *bytes)?,
            Command::ReadStdin => drop(stdin()?),
            Command::SaveStdin(path) => fs::write(path, stdin()?)?,
            Command::PrintStdin => output(&stdin()?)?,
            Command::CloseStdin => rustix::stdio::dup2_stdin(fs::File::open("/dev/null")?)?,
            Command::TryWrite(path) => attempt(path, "written", fs::write(path, "tried\n"))?,
            Command::TryRead(path) => attempt(path, "read", fs::read(path).map(drop))?,
            Command::Sleep(seconds) => std::thread::sleep(Duration::from_secs_f64(*seconds)),
            Command::WaitFor(path) => wait_for(Path::new(path))?,
            Command::Sh(line) => return shell(line),
            Command::Commit(message) => commit(message)?,
            Command::SpawnDaemon(rest) => spawn("daemon", rest, Stdio::null())?,
            Command::HoldStdout(rest) => spawn("holder", rest, Stdio::inherit())?,
            Command::IgnoreTerm => self.ignore_term()?,
            Command::Exit(code) => return Ok(Some(*code)),
            Command::Signal(name) => return signal(name).map(Some),
        }
        Ok(None)
    }

    /// A handler in place of the default action; nobody ever asks it what came.
    fn ignore_term(&mut self) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let guard = runtime.enter();
        // The stream of arrivals is dropped; the handler stays for good.
        drop(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?);
        drop(guard);
        self._runtime = Some(runtime);
        Ok(())
    }
}

fn say(text: &str) -> io::Result<()> {
    output(text.as_bytes())
}

fn output(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

fn write(path: &str, text: &str) -> io::Result<()> {
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder)?;
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    fs::write(path, format!("{text}{end}"))
}

fn append(path: &str, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(format!("{text}\n").as_bytes())
}

fn numbered(count: u64) -> String {
    (1..=count).map(|n| format!("line {n}\n")).collect()
}

fn delete(path: &str) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

fn rename(from: &str, to: &str) -> io::Result<()> {
    if let Some(folder) = Path::new(to).parent() {
        fs::create_dir_all(folder)?;
    }
    fs::rename(from, to)
}

fn chmod(mode: u32, path: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn variable(name: &str) -> String {
    match std::env::var_os(name) {
        Some(value) => format!("{name}={}\n", value.to_string_lossy()),
        None => format!("{name} is not set\n"),
    }
}

fn flood(to: &mut dyn Write, mut bytes: u64) -> io::Result<()> {
    let line = [vec![b'x'; 79], vec![b'\n']].concat();
    while bytes > 0 {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(line.len());
        to.write_all(line.get(..length).unwrap_or(&line))?;
        bytes -= length as u64;
    }
    to.flush()
}

fn stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn attempt(path: &str, done: &str, result: io::Result<()>) -> io::Result<()> {
    say(&format!("{} {path}\n", if result.is_ok() { done } else { "denied" }))
}

fn wait_for(path: &Path) -> io::Result<()> {
    let start = Instant::now();
    while !path.exists() {
        if start.elapsed() > Duration::from_secs(60) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "waited in vain"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn shell(line: &str) -> io::Result<Option<u8>> {
    let status = Program::new("sh").args(["-c", line]).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(BROKEN);
    Ok((code != 0).then_some(code))
}

fn commit(message: &str) -> io::Result<()> {
    let identity =
        ["-c", "user.name=agent", "-c", "user.email=agent@localhost", "-c", "commit.gpgsign=false"];
    let git = |args: &[&str]| {
        let quiet = (Stdio::null(), Stdio::null());
        Program::new("git").args(identity).args(args).stdout(quiet.0).stderr(quiet.1).status()
    };
    let done =
        git(&["add", "-A"])?.success() && git(&["commit", "-q", "--allow-empty", "-m", message])?.success();
    say(if done { "committed\n" } else { "commit refused\n" })
}

/// Starts this program again as something that lingers; `rest` is SECONDS [MARK].
fn spawn(what: &str, rest: &str, stdout: Stdio) -> io::Result<()> {
    let child = Program::new(std::env::current_exe()?)
        .arg("--linger")
        .args(rest.split_whitespace())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::null())
        .spawn()?;
    say(&format!("{what} {}\n", child.id()))
}

/// Ends this program by a signal; returns only for a signal that was survived.
fn signal(name: &str) -> io::Result<u8> {
    let signal = match name {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "SEGV" => Signal::SEGV,
        "ABRT" => Signal::ABORT,
        _ => Signal::KILL,
    };
    kill_process(getpid(), signal)?;
    std::thread::sleep(Duration::from_secs(1));
    Ok(BROKEN)
}
