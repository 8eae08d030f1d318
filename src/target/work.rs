//! Carries one script out: its programs marked so that nothing of them stays, its output to
//! the reporter, `auditrun …` handed to whoever can re-enter the program.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::Variables;
use crate::config::Script;
use crate::process::shell_host::{Direct, Fence, Launch, Launcher, ShellHost, ShellOptions, Verbs};
use crate::process::{Cancel, Custody, Input, OutputSink, Ward, active};
use crate::step::builtin::Streams;
use crate::step::eval::{self, Outcome, Program, StatementRecord, Stop, VerbCall, VerbResult};

/// How often a re-entered command is told that its script was ended.
const POLL: Duration = Duration::from_millis(20);

/// Runs `auditrun SUBCOMMAND …` of a step inside of this process.
pub trait Reenter: Sync {
    /// Carries the call out; what it prints goes to `io`. Ends early once `stop` is requested.
    fn reenter(&self, call: &VerbCall, io: &mut Streams<'_>, stop: &Cancel) -> VerbResult;
}

/// A script and everything that it runs with.
pub(super) struct Work<'a> {
    pub script: &'a Script,
    pub variables: &'a Variables,
    /// Where it starts, absolute.
    pub cwd: PathBuf,
    /// Variables for its programs that are nobody's concern otherwise.
    pub extra: Vec<(String, String)>,
    /// What programs read.
    pub input: Input,
    /// Takes the output; `None`: programs write to this process's own.
    pub sink: Option<Arc<Mutex<dyn OutputSink>>>,
    pub timeout: Option<Duration>,
    pub grace: Duration,
    pub cancel: Cancel,
    pub custody: &'a Custody,
    pub reenter: &'a dyn Reenter,
    pub event: &'a (dyn Fn(StatementRecord) + Sync),
}

impl Work<'_> {
    /// To the end of the script. Whatever a script that did not succeed has left behind is
    /// ended; what a successful one started on purpose may stay, as with make.
    pub fn carry_out(self) -> Outcome {
        let ward = self.custody.ward(|name| self.variables.get(name).map(str::to_owned));
        let mut env = self.variables.env(&self.cwd);
        self.extra.iter().for_each(|(name, value)| env.export(name.clone(), value.clone()));
        let (name, value) = ward.variable();
        env.export(name, value);
        let deadline = self.timeout.map(|t| active().saturating_add(t));
        let mut verbs =
            Hands { reenter: self.reenter, cancel: self.cancel.clone(), deadline, event: self.event };
        let options = ShellOptions {
            input: self.input,
            one_pipe: true,
            sink: self.sink,
            timeout: self.timeout,
            grace: self.grace,
            cancel: self.cancel,
            fence: Fence::default(),
        };
        let launcher = Marked(&ward);
        let mut host = ShellHost::new(&mut verbs, &launcher, options);
        let mut outcome = eval::run(&self.script.ast, &self.script.source, &mut host, env);
        drop(host);
        if !outcome.success() {
            let late = deadline.is_some_and(|d| active() >= d);
            outcome.stopped = outcome.stopped.or(late.then_some(Stop::Deadline));
            ward.end();
        }
        outcome
    }
}

/// Starts programs only once there is somebody who would end them.
struct Marked<'a>(&'a Ward<'a>);

impl Launcher for Marked<'_> {
    fn launch(&self, program: &Program, path: &Path) -> Launch {
        self.0.begin();
        Direct.launch(program, path)
    }
}

struct Hands<'a> {
    reenter: &'a dyn Reenter,
    cancel: Cancel,
    deadline: Option<Duration>,
    event: &'a (dyn Fn(StatementRecord) + Sync),
}

impl Verbs for Hands<'_> {
    fn verb(&mut self, call: &VerbCall, io: &mut Streams<'_>) -> VerbResult {
        if call.name != crate::step::verbs::AUDITRUN {
            return VerbResult::failed(2, format!("'{}' exists in recipe \"node\" only", call.name));
        }
        let stop = Cancel::new();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| self.pass_on(&stop, &over));
            let result = self.reenter.reenter(call, io, &stop);
            over.store(true, Ordering::SeqCst);
            result
        })
    }

    fn event(&mut self, record: StatementRecord) {
        (self.event)(record);
    }
}

impl Hands<'_> {
    /// The re-entered command has a request of its own: a deadline of this script must not
    /// end anybody else.
    fn pass_on(&self, stop: &Cancel, over: &AtomicBool) {
        while !over.load(Ordering::SeqCst) {
            if self.cancel.requested() || self.deadline.is_some_and(|d| active() >= d) {
                stop.request();
            }
            if self.cancel.requested_now() {
                stop.request_now();
            }
            thread::sleep(POLL);
        }
    }
}
