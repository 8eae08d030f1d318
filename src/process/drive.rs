//! One job from the harness's side, from what was asked for to what is reported.

use std::io::{self, ErrorKind};

use super::job::{Cancel, Ended, Job, OutputSink, SpawnError};
use super::runner::Shared;
use super::session::{Outcome, Run};
use super::stamp::TOKEN;
use super::stdio::Stdio;
use super::wire::{Request, Stage};

/// Runs one job to its end.
pub async fn run(
    shared: &Shared,
    job: &Job,
    stdio: Option<Stdio>,
    sink: &mut dyn OutputSink,
    cancel: &Cancel,
) -> Result<Ended, SpawnError> {
    let other = |source| SpawnError::Other { program: name(job), source };
    let request = request(shared, job).map_err(other)?;
    let mut run = Run::start(shared, job, stdio, request).map_err(other)?;
    let outcome = run.watch(sink, cancel).await;
    run.drain(sink);
    match outcome.map_err(other)? {
        Outcome::Refused(stage, errno) => Err(refusal(job, stage, errno)),
        Outcome::Ended(end) => Ok(run.ended(end)),
    }
}

fn name(job: &Job) -> String {
    job.program.to_string_lossy().into_owned()
}

fn request(shared: &Shared, job: &Job) -> io::Result<Vec<u8>> {
    let mut env = job.env.clone();
    env.retain(|(name, _)| name != TOKEN);
    env.push((TOKEN.into(), shared.token.clone().into()));
    let request = Request {
        program: job.program.clone(),
        args: job.args.clone(),
        cwd: std::path::absolute(&job.cwd)?,
        env,
        label: job.label.clone(),
        confine: job.confine.as_ref().map(|policy| policy.ruleset()),
    };
    let nul = "a NUL byte stands in the program, an argument, a variable or the directory";
    request.encode().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, nul))
}

/// The errno as the error that a shell's exit code would stand for.
fn refusal(job: &Job, stage: Stage, errno: i32) -> SpawnError {
    let program = name(job);
    let source = io::Error::from_raw_os_error(errno);
    match stage {
        Stage::Lookup => SpawnError::NotFound(program),
        Stage::Exec if source.kind() == ErrorKind::NotFound => {
            let why = "the interpreter that it names, or its loader, was not found";
            SpawnError::NotExecutable { program, source: io::Error::new(ErrorKind::NotFound, why) }
        }
        Stage::Exec if source.kind() == ErrorKind::ArgumentListTooLong => {
            SpawnError::Other { program, source }
        }
        Stage::Exec => SpawnError::NotExecutable { program, source },
        Stage::Cwd => {
            let why = format!("can't enter {}: {source}", job.cwd.display());
            SpawnError::Other { program, source: io::Error::new(source.kind(), why) }
        }
        Stage::Confine => {
            let why = format!("can't enter the sandbox: {source}");
            SpawnError::Other { program, source: io::Error::new(source.kind(), why) }
        }
        Stage::Setup => SpawnError::Other { program, source },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Input, Limits};
    use super::*;
    use std::time::Duration;

    #[test]
    fn errnos_become_what_a_shell_would_say() {
        let job = Job {
            program: "x".into(),
            args: vec![],
            cwd: "/nowhere".into(),
            env: vec![],
            input: Input::Null,
            limits: Limits { timeout: None, first_output: None, stall: None, grace: Duration::ZERO },
            confine: None,
            quota: super::super::sandbox::Quota::default(),
            label: "test".into(),
        };
        let code = |stage, errno| refusal(&job, stage, errno).shell_code();
        assert_eq!(code(Stage::Lookup, libc::ENOENT), 127);
        assert_eq!(code(Stage::Exec, libc::EACCES), 126);
        assert_eq!(code(Stage::Exec, libc::ENOENT), 127);
        assert_eq!(code(Stage::Exec, libc::E2BIG), 126);
        let text = refusal(&job, Stage::Cwd, libc::ENOENT).to_string();
        assert!(text.contains("can't enter /nowhere"), "{text}");
    }
}
