//! A program that a person talks to: on the terminal as it is, unsupervised.

use std::io::ErrorKind;
use std::process::Command;
use std::time::Instant;

use super::job::{EndCause, Ended, Exit, Job, SpawnError};

/// Runs a program in the foreground with the harness's own standard input, output and error
/// (`auditrun shell`). It stays in the terminal's foreground group and is not supervised:
/// the person ends it, and its background jobs are theirs. `input` and `limits` are not
/// looked at. A caller that is not to die of the terminal's Ctrl-C watches signals.
///
/// # Errors
/// [`SpawnError`]: it did not start.
pub fn run_interactive(job: &Job) -> Result<Ended, SpawnError> {
    let program = job.program.to_string_lossy().into_owned();
    let started = Instant::now();
    let mut command = Command::new(&job.program);
    command.args(&job.args).current_dir(&job.cwd).env_clear().envs(job.env.iter().cloned());
    let status = command.status().map_err(|source| match source.kind() {
        ErrorKind::NotFound if job.cwd.is_dir() => SpawnError::NotFound(program),
        ErrorKind::PermissionDenied => SpawnError::NotExecutable { program, source },
        _ => SpawnError::Other { program, source },
    })?;
    let exit = status.code().map_or_else(|| Exit::Signal(signal(status)), Exit::Code);
    Ok(Ended { exit, cause: EndCause::Own, duration: started.elapsed(), leaked: Vec::new() })
}

fn signal(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.signal().unwrap_or(libc::SIGKILL)
}
