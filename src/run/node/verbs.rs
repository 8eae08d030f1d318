//! Carries out the recipe: each node verb of the step language calls a method of the
//! attempt; programs between them run as in any script.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::base::MaskStream;
use crate::config::Role;
use crate::diag::Diag;
use crate::event::{Event, NoticeLevel};
use crate::plan::PlannedCheck;
use crate::process::shell_host::{ShellHost, ShellOptions, Verbs};
use crate::process::{Input, OutputSink, Stream};
use crate::run::checks::run_check;
use crate::run::context::{Context, Fault};
use crate::run::node::steps::Steps;
use crate::run::node::{End, Facts, NodeRun, Order, Stop};
use crate::step::builtin::Streams;
use crate::step::eval::{self, Env, StatementRecord, VerbCall, VerbResult};

/// Carries out one attempt from dispatch to verdict.
pub fn run(cx: &Context, order: Order) -> End {
    let planned = &cx.plan.nodes[order.node];
    let name = &planned.settings.agent.value;
    // Preflight has looked every agent up; the default one stands in for none.
    let agent = cx.config.agents.get(name).or_else(|| cx.config.agents.get(&cx.config.default_agent.value));
    let Some(agent) = agent else { return missing_agent(&order, name) };
    let mut attempt = NodeRun {
        cx,
        planned,
        agent,
        order,
        cancel: &cx.cancel,
        started: Instant::now(),
        started_at: cx.now(),
        base: None,
        capture: None,
        watch: None,
        foreign: Vec::new(),
        commit: None,
        unavailable: None,
        facts: Facts::default(),
        doubted: Vec::new(),
        only_verbs: only_verbs(&cx.config.recipe.text),
    };
    let stopped = attempt.carry_out();
    attempt.conclude(stopped)
}

/// True for a recipe of plain verbs: between two of them nothing else runs, so what one saw of
/// the worktree the next need not look at. Anything that could be more counts as more.
fn only_verbs(recipe: &str) -> bool {
    const VERBS: &[&str] = &["worktree", "agent", "capture", "gate", "check", "commit", "land"];
    let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c == ' ';
    let lines = recipe.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut words = lines.map(|line| (line, line.split(' ').next().unwrap_or_default()));
    words.all(|(line, verb)| VERBS.contains(&verb) && line.chars().all(plain))
}

/// What the recipe's own programs print, in a file that is made when there is something.
struct StepLog {
    path: PathBuf,
    file: Option<File>,
    mask: MaskStream,
}

impl StepLog {
    fn new(path: PathBuf, mask: MaskStream) -> StepLog {
        StepLog { path, file: None, mask }
    }

    fn put(&mut self, bytes: &[u8]) {
        // A log that can't be written must not end the work that it describes.
        let _ = self.file.as_mut().map(|f| f.write_all(bytes));
    }
}

/// What might have become a secret and did not.
impl Drop for StepLog {
    fn drop(&mut self) {
        let left = self.mask.finish();
        self.put(&left);
    }
}

impl OutputSink for StepLog {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        if self.file.is_none() {
            // A step before the worktree is entered is the first to write anything of the node.
            let _ = self.path.parent().map(std::fs::create_dir_all);
            self.file = File::create(&self.path).ok();
        }
        let shown = self.mask.feed(bytes).into_owned();
        self.put(&shown);
    }
}

/// What the script's verbs act on, and why it ended.
struct Recipe<'r, 'a> {
    attempt: &'r mut NodeRun<'a>,
    stopped: Option<Stop>,
    /// Starts the recipe's own programs.
    steps: &'r Steps,
    /// Their temporary directory.
    tmp: &'r Path,
}

impl NodeRun<'_> {
    fn carry_out(&mut self) -> Option<Stop> {
        let cx = self.cx;
        let script = &cx.config.recipe;
        let variables = self.variables();
        let environment = match cx.environment(Some(&self.planned.settings.env)) {
            Ok(env) => env,
            Err(why) => return Some(Stop::failed(why)),
        };
        let mut env = Env::new(cx.repo.root().join(&cx.config.folder));
        environment.iter().for_each(|(name, value)| env.export(name, value));
        variables.into_iter().for_each(|(name, value)| env.export(name, value));
        let tmp = match cx.scratch_dir("steps-") {
            Ok(tmp) => tmp,
            Err(fault) => return Some(Stop::Fault(fault)),
        };
        for name in ["TMPDIR", "TMP", "TEMP"] {
            env.export(name, tmp.path().to_string_lossy());
        }
        let log = Arc::new(Mutex::new(StepLog::new(
            cx.artifact(&format!("{}/steps.log", Context::node_dir(self.id()))),
            MaskStream::new(Arc::clone(cx.containment.masker())),
        )));
        let sink: Arc<Mutex<dyn OutputSink>> = log;
        let steps = Steps::new(cx, tmp.path());
        let options = ShellOptions {
            one_pipe: false,
            sink: Some(sink),
            input: Input::Null,
            timeout: None,
            grace: cx.config.grace.value,
            cancel: self.cancel.clone(),
            fence: steps.fence(),
        };
        let mut recipe = Recipe { attempt: self, stopped: None, steps: &steps, tmp: tmp.path() };
        let outcome = {
            let mut host = ShellHost::new(&mut recipe, &steps, options);
            eval::run(&script.ast, &script.source, &mut host, env)
        };
        let stopped = recipe.stopped.take();
        let seen = steps.seen();
        let leaks = seen
            .leaked
            .iter()
            .map(|line| format!("a step of the recipe left a process behind, which was ended: {line}"));
        self.facts.notes.extend(leaks.chain(seen.ended.iter().cloned()));
        if stopped.is_some() || outcome.exit_code == 0 {
            return stopped;
        }
        if self.cancel.requested() {
            return Some(Stop::Cancelled(cx.why_cancelled()));
        }
        let told = outcome.diags.iter().map(Diag::told);
        let why: Vec<String> = seen.ended.into_iter().chain(told).collect();
        Some(Stop::failed(format!(
            "a step of the recipe failed with exit code {}: {}",
            outcome.exit_code,
            why.join("; ")
        )))
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let cx = self.cx;
        let base = cx.lock_head().clone();
        vec![
            ("NODE_ID", self.id().to_string()),
            ("DELIVERABLE", self.planned.node.deliverable.value.clone()),
            ("TIER", self.planned.tier.to_string()),
            ("ATTEMPT", self.order.attempt.to_string()),
            ("WORKTREE", String::new()),
            ("BASE", base.to_string()),
            ("BRANCH", cx.run_id.branch()),
            ("RUN_DIR", cx.artifact(&Context::node_dir(self.id())).to_string_lossy().into_owned()),
            (
                "PROMPT",
                cx.repo
                    .root()
                    .join(cx.layout.in_bundle(&format!("prompts/{}.md", self.id())))
                    .to_string_lossy()
                    .into_owned(),
            ),
        ]
    }
}

impl Verbs for Recipe<'_, '_> {
    fn verb(&mut self, call: &VerbCall, io: &mut Streams<'_>) -> VerbResult {
        if call.name == crate::step::verbs::AUDITRUN {
            return self.attempt.cx.reenter.reenter(call, io, self.attempt.cancel);
        }
        let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let attempt = &mut *self.attempt;
        let done = match (call.name.as_str(), &args[..]) {
            ("worktree", ["enter"]) => return self.entered(),
            ("worktree", ["leave"]) => return self.left(),
            ("worktree", ["reset"]) | ("revert", []) => attempt.reset(),
            ("agent", ["run"]) => attempt.agent_run(),
            ("agent", ["run", options @ ..]) => attempt.agent_run_with(options),
            ("capture", []) => attempt.capture(),
            ("gate", ["touches"]) => attempt.gate_touches(),
            ("gate", ["loc"]) => attempt.gate_loc(),
            ("gate", ["signal"]) => attempt.gate_signal(),
            ("check", ["done_when"]) => attempt.check_done_when(),
            ("check", ["invariants"]) => attempt.check_invariants(),
            ("check", [command]) => attempt.check_one(command),
            ("commit", []) => attempt.commit(),
            ("land", []) => attempt.land(),
            ("fail", words) => Err(Stop::failed(words.join(" "))),
            ("note", words) => attempt.note(NoticeLevel::Notice, words.join(" ")),
            (name, _) => Err(Stop::failed(format!("'{name} {}' is not a verb of a recipe", args.join(" ")))),
        };
        self.result(done)
    }

    fn event(&mut self, record: StatementRecord) {
        let attempt = &self.attempt;
        let told = attempt.cx.tell(Event::Step {
            node: attempt.id().clone(),
            attempt: attempt.order.attempt,
            text: record.text,
            words: record.words,
            exit_code: record.exit_code,
            duration_ms: u64::try_from(record.duration.as_millis()).unwrap_or(u64::MAX),
        });
        // `verb || other` took the verdict of the verb upon itself; an interrupt it can't take.
        if record.exit_code == 0 && matches!(self.stopped, Some(Stop::Judged { .. })) {
            self.stopped = None;
        }
        if let Err(fault) = told {
            self.stopped.get_or_insert(Stop::Fault(fault));
        }
    }
}

impl Recipe<'_, '_> {
    fn result(&mut self, done: Result<(), Stop>) -> VerbResult {
        match done {
            Ok(()) => VerbResult::ok(),
            Err(stop) => {
                let message = match &stop {
                    Stop::Judged { reason, .. } | Stop::Cancelled(reason) => reason.clone(),
                    Stop::Fault(fault) => fault.to_string(),
                };
                self.stopped.get_or_insert(stop);
                VerbResult::failed(1, message)
            }
        }
    }

    fn entered(&mut self) -> VerbResult {
        let done = self.attempt.enter();
        let mut result = self.result(done);
        if result.code == 0
            && let Some(workspace) = &self.attempt.order.workspace
        {
            let dir = workspace.dir().to_owned();
            self.steps.enter(self.attempt.cx, &dir, self.tmp);
            result.set.push(("WORKTREE".to_owned(), dir.to_string_lossy().into_owned()));
            result.cwd = Some(dir);
            if let Some(base) = &self.attempt.base {
                result.set.push(("BASE".to_owned(), base.to_string()));
            }
        }
        result
    }

    fn left(&mut self) -> VerbResult {
        let cx = self.attempt.cx;
        VerbResult { cwd: Some(cx.repo.root().join(&cx.config.folder)), ..VerbResult::ok() }
    }
}

impl NodeRun<'_> {
    /// `worktree reset`, `revert`: the files are those of the base again.
    fn reset(&mut self) -> Result<(), Stop> {
        let base = self.base()?;
        Ok(self.workspace()?.reset(&base)?)
    }

    /// `agent run --role R --prompt FILE`: the node's agent with another prompt, or a
    /// read-only role beside it, in a private directory.
    fn agent_run_with(&mut self, options: &[&str]) -> Result<(), Stop> {
        let (mut role, mut prompt) = (Role::Node, None);
        for pair in options.chunks(2) {
            match pair {
                ["--role", name] => {
                    let known = Role::ALL.into_iter().find(|r| r.name() == *name);
                    role =
                        known.ok_or_else(|| Stop::failed(format!("agent run: there is no role '{name}'")))?;
                }
                ["--prompt", file] => {
                    let path = self.cx.repo.root().join(&self.cx.config.folder).join(file);
                    let read = std::fs::read(&path)
                        .map_err(|e| Stop::failed(format!("agent run: can't read {file}: {e}")));
                    prompt = Some(read?);
                }
                _ => {
                    return Err(Stop::failed(format!(
                        "agent run: '{}' is not understood",
                        options.join(" ")
                    )));
                }
            }
        }
        if role != Role::Node {
            return self.consult(role, prompt.unwrap_or_else(|| self.order.task.clone()));
        }
        if let Some(task) = prompt {
            self.order.task = task;
        }
        self.agent_run()
    }

    /// `check "CMD"`: one more check of the operator's.
    fn check_one(&mut self, command: &str) -> Result<(), Stop> {
        self.interrupted()?;
        let judged = self.judged(crate::event::CheckPhase::Verify)?;
        let planned = PlannedCheck::verbatim(command, &self.cx.config.recipe.span);
        let (cx, timeout) = (self.cx, self.cx.config.check_timeout.value);
        let record = run_check(cx.bench(), self.workspace()?.as_mut(), &judged, &planned, timeout, false)?;
        let (node, attempt) = (self.id().clone(), self.order.attempt);
        cx.tell(Event::Check { node, attempt, phase: judged.phase, record: record.clone() })?;
        let verdict = super::judge::done_when_verdict(std::slice::from_ref(&record));
        match verdict {
            Ok(()) => self.facts.checks.push(record),
            Err(_) => self.doubted.push(record),
        }
        verdict.map_err(Stop::failed)
    }
}

/// The end of an attempt that has no agent: preflight should have said so.
fn missing_agent(order: &Order, name: &str) -> End {
    End {
        node: order.node,
        attempt: order.attempt,
        slot: order.slot,
        verdict: crate::run::scheduler::Verdict::Cancelled,
        reason: format!("no agent is named '{name}'"),
        facts: Facts::default(),
        workspace: None,
        base: None,
        unavailable: None,
        fault: Some(Fault::Other(format!("no agent '{name}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::only_verbs;

    #[test]
    fn a_recipe_with_anything_but_plain_verbs_is_told_apart() {
        assert!(only_verbs("worktree enter\n  agent run\ncapture\n\ncheck done_when\nland"));
        for more in
            ["cargo fmt", "capture; rm a", "capture && x", "check \"true\"", "capture | tee x", "if true"]
        {
            assert!(!only_verbs(&format!("worktree enter\n{more}\nland")), "{more}");
        }
    }
}
