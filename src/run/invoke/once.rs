//! One try of a call: private directories, environment, deadlines, the program itself, and
//! what it left.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::caller::Caller;
use super::reader::Reader;
use super::{Answer, Place, Request, private};
use crate::agent::{self, Call};
use crate::base::trace_context::{self, call_path};
use crate::base::{Id, TraceContext};
use crate::config::Role;
use crate::files::BoundedLog;
use crate::lane::RunError;
use crate::process::{Input, Job, Limits};
use crate::run::containment::AgentPlace;
use crate::run::context::{At, Fault};
use crate::run::environment::Environment;

/// Calls the program once. `retry` counts the tries before.
pub(super) fn once(
    caller: &Caller<'_>,
    request: &Request<'_>,
    place: &mut Place<'_>,
    retry: u32,
) -> Result<Answer, Fault> {
    let private = caller.scratch_dir("agent-")?;
    let prompt_file = private.path().join("prompt.md");
    fs::write(&prompt_file, &request.prompt).at(|| format!("can't write {}", prompt_file.display()))?;
    let home = private::config_home(caller, request.agent, private.path())?;
    let dir = place.dir().to_owned();
    let call = Call {
        agent: request.agent,
        role: request.role,
        prompt: &request.prompt,
        prompt_file: &prompt_file,
        cwd: &dir,
        sandboxed: caller.containment.enforced(),
        config_home: home.as_deref(),
    };
    let invocation = match agent::invocation(&call) {
        Ok(invocation) => invocation,
        Err(e) => return Ok(Answer::of_no_start(request, e.to_string())),
    };
    let mut env = match environment(caller, request, private.path(), &prompt_file, place) {
        Ok(env) => env.into_vec(),
        Err(e) => return Ok(Answer::of_no_start(request, e)),
    };
    env.extend(invocation.env);
    let program = caller.program(&invocation.program);
    let tmp = private.path().join("tmp");
    let at = AgentPlace {
        dir: &dir,
        writes: matches!(place, Place::Worktree(_)),
        reads: place.reads(),
        tmp: &tmp,
        home: home.as_deref(),
        prompt: &prompt_file,
        program: Path::new(&program),
        args: &invocation.args,
    };
    let confine = caller.containment.for_agent(request.agent, &at);
    let job = Job {
        program,
        confine,
        quota: caller.containment.quota(&[&dir, private.path()]),
        args: invocation.args,
        cwd: dir.clone(),
        env,
        input: if invocation.prompt_on_stdin {
            Input::Bytes(Arc::from(&request.prompt[..]))
        } else {
            Input::Null
        },
        limits: limits(caller, request, invocation.streams),
        label: format!("agent {}", request.agent.name),
    };
    let log_path = caller.transcript(&request.log);
    let log = open_log(caller, &log_path, retry)?;
    let mut reader = Reader::new(caller, request, log);
    let watch = match place {
        // A node is watched by its attempt, over all of its tries.
        Place::Worktree(_) => None,
        Place::Scratch { .. } => Some(caller.overseer.watch(&dir)?),
    };
    let ended = match place {
        Place::Worktree(workspace) => workspace.run(&job, &mut reader, request.cancel),
        Place::Scratch { .. } => caller.programs.run(&job, &mut reader, request.cancel),
    };
    match ended {
        Ok(ended) => {
            let report = reader.finish(&ended).at(|| format!("can't write {}", log_path.display()))?;
            let mut answer = Answer::of_end(request, report, &ended);
            if let Some(watch) = watch {
                answer.refuse_writer(&watch()?);
            }
            Ok(answer)
        }
        Err(RunError::Spawn(e)) => Ok(Answer::of_no_start(request, e.to_string())),
        Err(RunError::Lane(e)) => Err(e.into()),
    }
}

fn limits(caller: &Caller<'_>, request: &Request<'_>, streams: bool) -> Limits {
    let agent = request.agent;
    let streaming = |setting: &Option<crate::config::Setting<Duration>>| {
        setting.as_ref().filter(|_| streams).map(|s| s.value)
    };
    Limits {
        timeout: Some(request.timeout),
        first_output: streaming(&agent.first_output),
        stall: streaming(&agent.stall),
        grace: caller.config.grace.value,
    }
}

fn open_log(caller: &Caller<'_>, path: &Path, retry: u32) -> Result<BoundedLog, Fault> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).at(|| format!("can't make {}", dir.display()))?;
    }
    if retry > 0 {
        // Every try's transcript is kept: the earlier ones stand beside the last.
        let kept = path.with_extension(format!("try-{retry}.log"));
        fs::rename(path, &kept).at(|| format!("can't move {}", path.display()))?;
    } else if path.exists() {
        // The attempt before has a second name for this file: a new one must not write into it.
        fs::remove_file(path).at(|| format!("can't replace {}", path.display()))?;
    }
    BoundedLog::create(path, caller.config.log_limit.value).at(|| format!("can't write {}", path.display()))
}

fn environment(
    caller: &Caller<'_>,
    request: &Request<'_>,
    private: &Path,
    prompt_file: &Path,
    place: &Place<'_>,
) -> Result<Environment, String> {
    let mut env = caller.environment(request.env)?;
    env.apply(&request.agent.env, caller.operator)?;
    let tmp = private.join("tmp");
    fs::create_dir_all(&tmp).map_err(|e| format!("can't make {}: {e}", tmp.display()))?;
    for name in ["TMPDIR", "TMP", "TEMP"] {
        env.set_path(name, &tmp);
    }
    env.set("AUDITRUN_ROLE", request.role.name());
    // What a resolver or an arbiter is asked about is no node.
    let about_node = !matches!(request.role, Role::Resolver | Role::Arbiter);
    if let Some(subject) = request.subject.filter(|_| about_node) {
        env.set("AUDITRUN_NODE_ID", subject.as_str());
    }
    env.set("AUDITRUN_ATTEMPT", request.attempt.max(1).to_string());
    env.set("AUDITRUN_PORT_BASE", request.port_base.to_string());
    env.set_path("AUDITRUN_WORKTREE", place.dir());
    if let Place::Scratch { dir, .. } = place {
        // What has no access to the repository is not told where it is, either.
        env.set_path("GIT_CEILING_DIRECTORIES", dir);
    }
    if let Some(trace) = TraceContext::of(caller.operator, caller.run_id) {
        let subject = request.subject.map(Id::as_str);
        let span = trace.span(&call_path(request.role.name(), subject, request.attempt));
        env.set(trace_context::VARIABLE, trace.header(span));
    }
    env.set_path("AUDITRUN_PROMPT_FILE", prompt_file);
    Ok(env)
}
