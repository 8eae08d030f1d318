//! Starts the leader of a tree: fork, its own process group and clean signals, then exec as
//! a shell would look the word up. Runs in the supervisor, which has a single thread, so
//! that the forked child may do anything a program may.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, waitpid};

use super::sandbox::{Prepared, Ruleset, restrict};
use super::wire::{Request, Stage};

/// Searched where a job's environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Above it there are only real-time signals, which nothing here ever sets.
const LAST_SIGNAL: libc::c_int = 31;

/// Why there is no leader.
pub type Refusal = (Stage, i32);

/// Starts the program with these as standard input, output and error.
///
/// # Errors
/// The stage that failed and its errno, from the child where it got that far.
pub fn start(request: &Request, stdio: [OwnedFd; 3]) -> Result<Pid, Refusal> {
    let call = Call::new(request);
    let (status, report) = pipe_with(PipeFlags::CLOEXEC).map_err(setup)?;
    let supervisor = rustix::process::getpid();
    match fork().map_err(setup)? {
        None => {
            drop(status);
            let (stage, errno) = become_program(&call, request, &stdio, supervisor);
            let mut told = vec![stage as u8];
            told.extend(errno.to_le_bytes());
            // If even this fails, the supervisor takes the silence for a start and then sees 127.
            let _ = rustix::io::write(&report, &told);
            exit_now(127)
        }
        Some(leader) => {
            drop((report, stdio));
            let mut told = Vec::new();
            // An unreadable pipe leaves `told` empty, which is what a started program does.
            let _ = File::from(status).read_to_end(&mut told);
            match refusal(&told) {
                None => Ok(leader),
                Some(refusal) => {
                    // It is ending; nothing else waits for it.
                    let _ = waitpid(Some(leader), WaitOptions::empty());
                    Err(refusal)
                }
            }
        }
    }
}

fn setup(errno: Errno) -> Refusal {
    (Stage::Setup, errno.raw_os_error())
}

fn refusal(told: &[u8]) -> Option<Refusal> {
    let (stage, errno) = told.split_first()?;
    Some((Stage::from_byte(*stage)?, i32::from_le_bytes(errno.try_into().ok()?)))
}

/// Everything that exec takes, made before the fork.
struct Call {
    /// Paths to try, in order.
    candidates: Vec<CString>,
    /// The word had a slash, so that there was no search.
    direct: bool,
    args: Vec<CString>,
    env: Vec<CString>,
    confine: Option<Prepared>,
}

impl Call {
    fn new(request: &Request) -> Call {
        let program = request.program.as_bytes();
        let path = request.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value);
        let path = path.map_or(DEFAULT_PATH.as_bytes(), |path| path.as_bytes());
        let env =
            request.env.iter().map(|(name, value)| c_string(&[name.as_bytes(), b"=", value.as_bytes()]));
        let args = std::iter::once(&request.program).chain(&request.args);
        Call {
            candidates: candidates(program, path),
            direct: program.contains(&b'/'),
            args: args.map(|arg| c_string(&[arg.as_bytes()])).collect(),
            env: env.collect(),
            confine: request.confine.as_ref().map(Ruleset::prepare),
        }
    }
}

/// An empty part of PATH is the working directory, as everywhere.
fn candidates(program: &[u8], path: &[u8]) -> Vec<CString> {
    if program.is_empty() {
        return Vec::new();
    }
    if program.contains(&b'/') {
        return vec![c_string(&[program])];
    }
    path.split(|b| *b == b':')
        .map(|dir| if dir.is_empty() { c_string(&[b"./", program]) } else { c_string(&[dir, b"/", program]) })
        .collect()
}

/// NULs were refused when the request was encoded.
fn c_string(parts: &[&[u8]]) -> CString {
    CString::new(parts.concat()).unwrap_or_default()
}

/// Only returns if it failed.
fn become_program(call: &Call, request: &Request, stdio: &[OwnedFd; 3], supervisor: Pid) -> Refusal {
    let [input, output, error] = stdio;
    let ready = rustix::process::setpgid(None, None)
        .and_then(|()| rustix::stdio::dup2_stdin(input))
        .and_then(|()| rustix::stdio::dup2_stdout(output))
        .and_then(|()| rustix::stdio::dup2_stderr(error));
    if let Err(errno) = ready {
        return setup(errno);
    }
    if let Err(errno) = rustix::process::chdir(&request.cwd) {
        return (Stage::Cwd, errno.raw_os_error());
    }
    die_with_supervisor(supervisor);
    restore_signals();
    // From here on nothing but the policy's places can be opened.
    if let Some(Err(errno)) = call.confine.as_ref().map(restrict) {
        return (Stage::Confine, errno.raw_os_error());
    }
    exec(call)
}

/// Should the supervisor be killed, its program must not run on unwatched.
fn die_with_supervisor(supervisor: Pid) {
    #[cfg(target_os = "linux")]
    // A kernel that can't is one where the host alone catches this case.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    // It may have been killed before that was asked for, and nobody would ever send the signal.
    if rustix::process::getppid() != Some(supervisor) {
        exit_now(1);
    }
}

/// The supervisor ignores most signals, and exec would hand that on.
fn restore_signals() {
    // SAFETY: plain calls with constant arguments; a number that is no signal is refused.
    #[allow(unsafe_code)]
    unsafe {
        for signal in 1..=LAST_SIGNAL {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Tries each candidate; the most telling failure wins, as in a shell: something that is
/// there and can't be run over nothing there.
fn exec(call: &Call) -> Refusal {
    let mut refusal = (Stage::Lookup, Errno::NOENT.raw_os_error());
    for candidate in &call.candidates {
        match execve(candidate, &call.args, &call.env) {
            Errno::NOEXEC => return interpret(candidate, call),
            Errno::NOENT | Errno::NOTDIR if !is_file(candidate) => {}
            Errno::ACCESS if !call.direct && !is_file(candidate) => {}
            errno @ (Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {
                refusal = (Stage::Exec, errno.raw_os_error());
            }
            errno => return (Stage::Exec, errno.raw_os_error()),
        }
    }
    refusal
}

/// A text without `#!` is a shell script to every shell; a binary of another machine is not.
fn interpret(script: &CString, call: &Call) -> Refusal {
    if !looks_like_text(script) {
        return (Stage::Exec, Errno::NOEXEC.raw_os_error());
    }
    let mut args = vec![c_string(&[b"/bin/sh"]), script.clone()];
    args.extend(call.args.iter().skip(1).cloned());
    (Stage::Exec, execve(&c_string(&[b"/bin/sh"]), &args, &call.env).raw_os_error())
}

fn looks_like_text(path: &CString) -> bool {
    let mut start = [0; 128];
    let read = File::open(OsStr::from_bytes(path.as_bytes())).and_then(|mut file| file.read(&mut start));
    let start = start.get(..read.unwrap_or(0)).unwrap_or_default();
    !start.split(|b| *b == b'\n').next().unwrap_or_default().contains(&0)
}

fn is_file(path: &CString) -> bool {
    std::fs::metadata(OsStr::from_bytes(path.as_bytes())).is_ok_and(|found| found.is_file())
}

/// Only returns if it failed.
fn execve(path: &CString, args: &[CString], env: &[CString]) -> Errno {
    let pointers = |texts: &[CString]| -> Vec<*const libc::c_char> {
        texts.iter().map(|text| text.as_ptr()).chain(std::iter::once(std::ptr::null())).collect()
    };
    let (args, env) = (pointers(args), pointers(env));
    // SAFETY: both lists end in a null pointer and point to C strings that outlive the call.
    #[allow(unsafe_code)]
    unsafe {
        libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr());
    }
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// Forks; `None` in the child. Only for processes with a single thread.
pub fn fork() -> Result<Option<Pid>, Errno> {
    // SAFETY: the callers (host, supervisor) never start a thread, so the child's memory is
    // that of a program in a consistent state.
    #[allow(unsafe_code)]
    let pid = unsafe { libc::fork() };
    match pid {
        0 => Ok(None),
        pid if pid > 0 => Ok(Pid::from_raw(pid)),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::AGAIN)),
    }
}

/// Ends a forked process without running what its parent left to run at exit.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns and touches no memory of ours.
    #[allow(unsafe_code)]
    unsafe {
        libc::_exit(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(program: &str, path: &str) -> Vec<String> {
        let found = candidates(program.as_bytes(), path.as_bytes());
        found.into_iter().map(|c| c.into_string().unwrap()).collect()
    }

    #[test]
    fn words_are_looked_up_as_a_shell_does() {
        assert_eq!(paths("ls", "/bin::/usr/bin"), ["/bin/ls", "./ls", "/usr/bin/ls"]);
        assert_eq!(paths("./ls", "/bin"), ["./ls"]);
        assert_eq!(paths("a/b", "/bin"), ["a/b"]);
        assert!(paths("", "/bin").is_empty());
    }

    #[test]
    fn a_refusal_is_read_back_and_silence_means_started() {
        assert_eq!(refusal(&[]), None);
        let told = [&[Stage::Cwd as u8][..], &2_i32.to_le_bytes()].concat();
        assert_eq!(refusal(&told), Some((Stage::Cwd, 2)));
    }
}
