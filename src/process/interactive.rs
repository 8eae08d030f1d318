//! A program that a person talks to: on the terminal as it is, unsupervised.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

use super::job::{EndCause, Ended, Exit, Job, SpawnError};
use super::sandbox::{Policy, restrict};

/// Runs a program in the foreground with the harness's own standard input, output and error
/// (`auditrun shell`). It stays in the terminal's foreground group and is not supervised:
/// the person ends it, and its background jobs are theirs. `input`, `limits` and `quota` are
/// not looked at. A caller that is not to die of the terminal's Ctrl-C watches signals.
///
/// # Errors
/// [`SpawnError`]: it did not start.
pub fn run_interactive(job: &Job) -> Result<Ended, SpawnError> {
    let program = job.program.to_string_lossy().into_owned();
    let started = Instant::now();
    let mut command = Command::new(&job.program);
    command.args(&job.args).current_dir(&job.cwd).env_clear().envs(job.env.iter().cloned());
    if let Some(policy) = &job.confine {
        confine(&mut command, policy);
    }
    let status = command.status().map_err(|source| match source.kind() {
        ErrorKind::NotFound if job.cwd.is_dir() => SpawnError::NotFound(program),
        ErrorKind::PermissionDenied => SpawnError::NotExecutable { program, source },
        _ => SpawnError::Other { program, source },
    })?;
    let exit = status.code().map_or_else(|| Exit::Signal(signal(status)), Exit::Code);
    Ok(Ended { exit, cause: EndCause::Own, duration: started.elapsed(), leaked: Vec::new() })
}

fn confine(command: &mut Command, policy: &Policy) {
    let prepared = policy.ruleset().prepare();
    // SAFETY: the closure makes system calls on what was prepared above and neither allocates
    // nor takes a lock, which is what the child of a process with threads is limited to.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || Ok(restrict(&prepared)?));
    }
}

fn signal(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.signal().unwrap_or(libc::SIGKILL)
}
