//! One call of an agent, whatever its role: private directories, environment, deadlines,
//! transcript, retries on passing trouble, and the record of it all.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::agent::{self, Call, Report, Signal, Transcript};
use crate::base::{Id, MaskStream};
use crate::config::{Agent, EnvBlock, Role};
use crate::event::{AgentRecord, Event, FigureSource};
use crate::files::{self, BoundedLog};
use crate::git::GuardClass;
use crate::lane::{RunError, Workspace};
use crate::process::{Cancel, Deadline, EndCause, Ended, Exit, Input, Job, Limits, OutputSink, Stream};
use crate::run::breaker::Retries;
use crate::run::containment::AgentPlace;
use crate::run::context::{At, Context, Fault};
use crate::run::environment::Environment;
use crate::run::fleet::Admission;
use crate::run::watch::Watch;

/// Where an agent works.
pub enum Place<'a> {
    /// In a node's worktree.
    Worktree(&'a mut dyn Workspace),
    /// In a private directory.
    Scratch(&'a Path),
}

impl Place<'_> {
    fn dir(&self) -> &Path {
        match self {
            Place::Worktree(workspace) => workspace.dir(),
            Place::Scratch(dir) => dir,
        }
    }
}

/// What is asked of an agent.
pub struct Request<'a> {
    /// What for.
    pub role: Role,
    /// The node or question.
    pub subject: Option<&'a Id>,
    /// 1, 2 or 3 for a node; 0 elsewhere.
    pub attempt: u32,
    /// Who.
    pub agent: &'a Agent,
    /// The whole prompt.
    pub prompt: Vec<u8>,
    /// The node's own additions to the environment.
    pub env: Option<&'a EnvBlock>,
    /// Wall time.
    pub timeout: Duration,
    /// Further tries on passing trouble.
    pub retries: u32,
    /// The transcript, relative to out.
    pub log: String,
    /// First of ten ports that are its own.
    pub port_base: u16,
    /// Ends it.
    pub cancel: &'a Cancel,
}

/// What came of it.
pub struct Answer {
    /// For the journal and verification.json.
    pub record: AgentRecord,
    /// What the transcript said.
    pub report: Report,
    /// Who ended the last try.
    pub cause: EndCause,
    /// Passing trouble outlasted the retries, or the credentials are bad: trying other
    /// nodes with this agent is pointless.
    pub unavailable: Option<String>,
}

/// Calls an agent and waits for its end. The journal gets its start and its end.
///
/// # Errors
/// The harness failed; an agent that fails, or can't be started, is an [`Answer`].
pub fn call(cx: &Context, request: &Request<'_>, place: &mut Place<'_>) -> Result<Answer, Fault> {
    cx.announce(Event::AgentStarted {
        role: request.role,
        subject: request.subject.cloned(),
        attempt: request.attempt,
        agent: request.agent.name.clone(),
    })?;
    let mut retries = Retries::new(request.retries);
    let mut answer = loop {
        let Admission::Go { probe } = cx.fleet.admit(request.cancel) else { break cancelled(request) };
        let mut answer = match once(cx, request, place, retries.used()) {
            Ok(answer) => answer,
            Err(fault) => {
                cx.fleet.told_nothing(probe);
                return Err(fault);
            }
        };
        cx.spend(&answer.record.metrics);
        match answer.report.transient.clone() {
            None => {
                match answer.cause {
                    EndCause::Cancelled => cx.fleet.told_nothing(probe),
                    _ => cx.fleet.succeeded(probe),
                }
                if answer.report.auth {
                    answer.unavailable =
                        Some(answer.record.fault.clone().unwrap_or_else(|| "authentication failed".into()));
                }
                break answer;
            }
            Some(trouble) => {
                let again = retries.take();
                let pause = cx.fleet.limited(&trouble, probe);
                if !again {
                    answer.unavailable =
                        Some(format!("{} (after {})", trouble.reason, tries(retries.used() + 1)));
                    break answer;
                }
                cx.tell(Event::RateLimited {
                    agent: request.agent.name.clone(),
                    pause_ms: u64::try_from(pause.wait.as_millis()).unwrap_or(u64::MAX),
                    reason: trouble.reason,
                })?;
            }
        }
    };
    answer.record.retries = retries.used();
    cx.tell(Event::AgentFinished {
        subject: request.subject.cloned(),
        attempt: request.attempt,
        record: answer.record.clone(),
    })?;
    Ok(answer)
}

fn tries(n: u32) -> String {
    if n == 1 { "1 try".to_owned() } else { format!("{n} tries") }
}

fn cancelled(request: &Request<'_>) -> Answer {
    let mut record = blank(request);
    record.fault = Some("ended before it was started".to_owned());
    Answer { record, report: Report::default(), cause: EndCause::Cancelled, unavailable: None }
}

fn blank(request: &Request<'_>) -> AgentRecord {
    AgentRecord {
        name: request.agent.name.clone(),
        adapter: request.agent.adapter.name().to_owned(),
        role: request.role,
        exit_code: None,
        signal: None,
        deadline: None,
        fault: None,
        leaked: Vec::new(),
        retries: 0,
        metrics: crate::event::Metrics::default(),
        log: Some(request.log.clone()),
    }
}

fn once(cx: &Context, request: &Request<'_>, place: &mut Place<'_>, retry: u32) -> Result<Answer, Fault> {
    let private = cx.scratch_dir("agent-")?;
    let prompt_file = private.path().join("prompt.md");
    fs::write(&prompt_file, &request.prompt).at(|| format!("can't write {}", prompt_file.display()))?;
    let home = config_home(request.agent, private.path(), cx)?;
    let dir = place.dir().to_owned();
    let call = Call {
        agent: request.agent,
        role: request.role,
        prompt: &request.prompt,
        prompt_file: &prompt_file,
        cwd: &dir,
        sandboxed: cx.containment.enforced(),
        config_home: home.as_deref(),
    };
    let invocation = match agent::invocation(&call) {
        Ok(invocation) => invocation,
        Err(e) => return Ok(failed_to_start(request, e.to_string())),
    };
    let mut env = match environment(cx, request, private.path(), &prompt_file, place) {
        Ok(env) => env.into_vec(),
        Err(e) => return Ok(failed_to_start(request, e)),
    };
    env.extend(invocation.env);
    let program = program(cx, &invocation.program);
    let tmp = private.path().join("tmp");
    let at = AgentPlace {
        dir: &dir,
        writes: matches!(place, Place::Worktree(_)),
        tmp: &tmp,
        home: home.as_deref(),
        prompt: &prompt_file,
        program: Path::new(&program),
        args: &invocation.args,
    };
    let confine = cx.containment.for_agent(request.agent, &at);
    let job = Job {
        program,
        confine,
        quota: cx.containment.quota(&[&dir, private.path()]),
        args: invocation.args,
        cwd: dir.clone(),
        env,
        input: if invocation.prompt_on_stdin {
            Input::Bytes(Arc::from(&request.prompt[..]))
        } else {
            Input::Null
        },
        limits: limits(cx, request, invocation.streams),
        label: format!("agent {}", request.agent.name),
    };
    let log_path = cx.artifact(&request.log);
    let log = open_log(cx, &log_path, retry)?;
    let masks = [(); 2].map(|()| MaskStream::new(Arc::clone(cx.containment.masker())));
    let mut reader = Reader { cx, request, log, masks, transcript: agent::transcript(request.agent) };
    let watch = match place {
        // A node is watched by its attempt, over all of its tries.
        Place::Worktree(_) => None,
        Place::Scratch(_) => Some(Watch::begin(cx, Some(&dir))?),
    };
    let ended = match place {
        Place::Worktree(workspace) => workspace.run(&job, &mut reader, request.cancel),
        Place::Scratch(_) => cx.lane.run(&job, &mut reader, request.cancel),
    };
    match ended {
        Ok(ended) => {
            let mut answer = finish(request, reader, &ended, &log_path)?;
            if let Some(watch) = watch {
                refuse_writer(cx, &mut answer, &watch)?;
            }
            Ok(answer)
        }
        Err(RunError::Spawn(e)) => Ok(failed_to_start(request, e.to_string())),
        Err(RunError::Lane(e)) => Err(e.into()),
    }
}

fn finish(
    request: &Request<'_>,
    mut reader: Reader<'_>,
    ended: &Ended,
    log_path: &Path,
) -> Result<Answer, Fault> {
    reader.flush();
    reader.log.finish().at(|| format!("can't write {}", log_path.display()))?;
    let mut report = reader.transcript.finish(ended.exit, ended.cause);
    if report.metrics.duration_ms.is_none() {
        report.metrics.duration_ms = u64::try_from(ended.duration.as_millis()).ok();
        report.metrics.sources.insert("duration_ms".to_owned(), FigureSource::Estimated);
    }
    let mut record = blank(request);
    (record.exit_code, record.signal) = match ended.exit {
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    };
    record.deadline = match ended.cause {
        EndCause::Deadline(deadline) => Some(deadline.name().to_owned()),
        _ => None,
    };
    record.fault = report.fault.clone().or_else(|| unclean(ended));
    record.leaked.clone_from(&ended.leaked);
    record.metrics = report.metrics.clone();
    Ok(Answer { record, report, cause: ended.cause, unavailable: None })
}

/// The answer of a role that only reads is void if it wrote.
fn refuse_writer(cx: &Context, answer: &mut Answer, watch: &Watch) -> Result<(), Fault> {
    let foreign = watch.foreign(cx)?.into_iter().filter(|f| f.class == GuardClass::Harness);
    let names: Vec<String> = foreign.map(|f| f.name).take(5).collect();
    if !names.is_empty() {
        let why = format!("it may only read, and changed {}", names.join(", "));
        answer.record.fault = Some(why.clone());
        answer.report.fault = Some(why);
        answer.report.answer = None;
    }
    Ok(())
}

/// What the end itself says against an invocation that names no fault of its own.
fn unclean(ended: &Ended) -> Option<String> {
    match (ended.cause, ended.exit) {
        (EndCause::Deadline(Deadline::Wall), _) => Some("ended at its timeout".to_owned()),
        (EndCause::Deadline(Deadline::FirstOutput), _) => {
            Some("printed nothing before the first-output deadline".to_owned())
        }
        (EndCause::Deadline(Deadline::Stall), _) => Some("fell silent past the stall deadline".to_owned()),
        (EndCause::Quota(excess), _) => Some(excess.to_string()),
        (EndCause::Cancelled, _) => Some("ended by the harness".to_owned()),
        (EndCause::Own, Exit::Code(0)) => None,
        (EndCause::Own, Exit::Code(code)) => Some(format!("exit code {code}")),
        (EndCause::Own, Exit::Signal(signal)) => Some(format!("ended by signal {signal}")),
    }
}

fn failed_to_start(request: &Request<'_>, why: String) -> Answer {
    let mut record = blank(request);
    record.fault = Some(why.clone());
    record.exit_code = Some(127);
    Answer {
        record,
        report: Report { fault: Some(why), ..Report::default() },
        cause: EndCause::Own,
        unavailable: None,
    }
}

/// A program with a slash is relative to audit.kdl's folder; one without is looked up.
fn program(cx: &Context, program: &std::ffi::OsStr) -> std::ffi::OsString {
    let path = Path::new(program);
    if path.is_relative() && path.components().count() > 1 {
        cx.repo.root().join(&cx.config.folder).join(path).into_os_string()
    } else {
        program.to_owned()
    }
}

fn limits(cx: &Context, request: &Request<'_>, streams: bool) -> Limits {
    let agent = request.agent;
    let streaming = |setting: &Option<crate::config::Setting<Duration>>| {
        setting.as_ref().filter(|_| streams).map(|s| s.value)
    };
    Limits {
        timeout: Some(request.timeout),
        first_output: streaming(&agent.first_output),
        stall: streaming(&agent.stall),
        grace: cx.config.grace.value,
    }
}

fn open_log(cx: &Context, path: &Path, retry: u32) -> Result<BoundedLog, Fault> {
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
    BoundedLog::create(path, cx.config.log_limit.value).at(|| format!("can't write {}", path.display()))
}

fn environment(
    cx: &Context,
    request: &Request<'_>,
    private: &Path,
    prompt_file: &Path,
    place: &Place<'_>,
) -> Result<Environment, String> {
    let mut env = cx.environment(request.env)?;
    env.apply(&request.agent.env, &cx.operator)?;
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
    env.set_path("AUDITRUN_PROMPT_FILE", prompt_file);
    Ok(env)
}

/// A private configuration home with the operator's credentials and settings copied in, so
/// that an agent can't plant anything for the operator's next session.
fn config_home(agent: &Agent, private: &Path, cx: &Context) -> Result<Option<PathBuf>, Fault> {
    let copies = agent::config_copies(agent.adapter);
    if agent.shared_config_home || copies.is_empty() {
        return Ok(None);
    }
    let home = private.join("config");
    fs::create_dir_all(&home).at(|| format!("can't make {}", home.display()))?;
    let Some(operator_home) = cx.operator.get("HOME") else { return Ok(Some(home)) };
    for copy in copies {
        let from = Path::new(operator_home).join(&copy.from);
        if from.exists() {
            files::copy_tree(&from, &home.join(&copy.to)).at(|| format!("can't copy {}", from.display()))?;
        }
    }
    Ok(Some(home))
}

/// Takes the output as it comes: into the log, through the parser, to whoever watches.
struct Reader<'a> {
    cx: &'a Context,
    request: &'a Request<'a>,
    log: BoundedLog,
    /// Of standard output and error.
    masks: [MaskStream; 2],
    transcript: Box<dyn Transcript>,
}

impl OutputSink for Reader<'_> {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        let [out, err] = &mut self.masks;
        let mask = if stream == Stream::Stdout { out } else { err };
        let shown = mask.feed(bytes).into_owned();
        self.take(stream, &shown);
    }
}

impl Reader<'_> {
    /// What a secret could still have come of.
    fn flush(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let [out, err] = &mut self.masks;
            let left = if stream == Stream::Stdout { out.finish() } else { err.finish() };
            if !left.is_empty() {
                self.take(stream, &left);
            }
        }
    }

    /// Nobody gets to see a secret, the reader of the transcript included: what it reads
    /// there goes into prompts, reports and commits.
    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        self.log.write(bytes);
        for signal in self.transcript.feed(stream, bytes) {
            match signal {
                Signal::Message(text) => self.cx.recorder.live(self.request.subject, &text),
                Signal::RateLimit(trouble) => {
                    self.cx.fleet.limited(&trouble, false);
                }
                Signal::Usage(_) => {}
            }
        }
    }
}
