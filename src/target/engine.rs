//! Carries the targets out, several at once: worker threads take from the schedule what may
//! start. Decides nothing about terminals, exit codes or questions.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::decide::{Judge, Judged};
use super::report::{Ended, Reporter, Told};
use super::schedule::{Schedule, State};
use super::silence::Silence;
use super::sink::Sink;
use super::work::{Reenter, Work};
use super::{Ready, Yard};
use crate::base::quantity::format_duration;
use crate::config::Script;
use crate::diag::{Diag, Diags};
use crate::process::{Cancel, Custody, Input, OutputSink, active};
use crate::step::eval::{Outcome, StatementRecord, Stop};

/// How often it is looked whether somebody is silent.
const TICK: Duration = Duration::from_secs(1);

/// What is to be done and with what.
#[allow(missing_docs)]
pub struct Job<'a> {
    pub yard: &'a Yard<'a>,
    /// From [`prepare`](super::prepare).
    pub ready: &'a [Ready<'a>],
    /// At most this many at once.
    pub jobs: usize,
    /// After a failure, only what needs the failed one is left out.
    pub keep_going: bool,
    /// Up to date or not.
    pub force: bool,
    /// Programs write to this process's own output.
    pub raw: bool,
    /// What programs read.
    pub input: Input,
    /// Variables that programs get on top: colours, the depth of calls.
    pub extra: Vec<(String, String)>,
    pub reporter: &'a dyn Reporter,
    pub reenter: &'a dyn Reenter,
    pub custody: &'a Custody,
    /// Requested to end everything that runs: by the operator, and here after a failure.
    pub cancel: Cancel,
    /// Set before `cancel` is requested if it was the operator.
    pub interrupted: &'a AtomicBool,
}

/// How everything ended.
#[derive(Debug)]
pub struct Summary {
    /// Every target that was chosen, with its end, in the order of the plan.
    pub ended: Vec<(String, Ended)>,
    /// The first failure.
    pub root: Option<usize>,
    /// The operator ended it.
    pub interrupted: bool,
}

/// Runs the targets. Every one of them has exactly one end.
pub fn run(job: &Job) -> Summary {
    let engine = Engine::new(job);
    let workers = job.jobs.clamp(1, job.ready.len().max(1));
    thread::scope(|scope| {
        let ticker = scope.spawn(|| engine.tick());
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(|| engine.work())).collect();
        engine.work();
        others.into_iter().for_each(|worker| _ = worker.join());
        engine.over.store(true, Ordering::SeqCst);
        ticker.thread().unpark();
    });
    engine.summary()
}

struct Engine<'a> {
    job: &'a Job<'a>,
    judge: Judge<'a>,
    schedule: Mutex<Schedule>,
    changed: Condvar,
    /// Workers that wait for a change; it changes under the schedule's lock alone.
    waiting: AtomicUsize,
    ends: Mutex<BTreeMap<usize, Ended>>,
    prints: Mutex<Vec<String>>,
    silence: Silence,
    /// The request to end comes from here, after a failure.
    failing: AtomicBool,
    over: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Engine<'a> {
    fn new(job: &'a Job<'a>) -> Engine<'a> {
        let needs: Vec<Vec<usize>> = job.ready.iter().map(|r| r.chosen.needs.clone()).collect();
        Engine {
            job,
            judge: Judge::new(job.yard, job.force),
            schedule: Mutex::new(Schedule::new(&needs, job.keep_going)),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            ends: Mutex::default(),
            prints: Mutex::new(vec![String::new(); job.ready.len()]),
            silence: Silence::default(),
            failing: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// The operator, or the command around this one, wants an end.
    fn interrupted(&self) -> bool {
        let asked = self.job.cancel.requested() && !self.failing.load(Ordering::SeqCst);
        asked || self.job.interrupted.load(Ordering::SeqCst)
    }

    /// One worker, until every target has its end.
    fn work(&self) {
        let mut schedule = lock(&self.schedule);
        loop {
            if self.interrupted() {
                schedule.interrupt();
            }
            if schedule.is_over() {
                self.changed.notify_all();
                return;
            }
            let Some(i) = schedule.next() else {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                schedule = self.changed.wait(schedule).unwrap_or_else(PoisonError::into_inner);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                continue;
            };
            drop(schedule);
            let ended = self.one(i);
            schedule = lock(&self.schedule);
            self.settle(&mut schedule, i, ended);
            // One target is this worker's own. A call for each end would cost more than most
            // targets that are up to date.
            let others = schedule.ready().saturating_sub(1);
            (0..others.min(self.waiting.load(Ordering::Relaxed))).for_each(|_| self.changed.notify_one());
        }
    }

    /// Tells the schedule how a target ended and, after a failure, everybody who runs.
    fn settle(&self, schedule: &mut Schedule, i: usize, ended: Ended) {
        match &ended {
            Ended::Ran | Ended::UpToDate | Ended::Excused(_) => schedule.done(i),
            Ended::Failed(..) => {
                schedule.failed(i);
                if !self.job.keep_going {
                    self.failing.store(true, Ordering::SeqCst);
                    self.job.cancel.request();
                }
            }
            Ended::Skipped(_) | Ended::Cancelled(_) | Ended::Interrupted => {
                if self.interrupted() {
                    schedule.interrupt();
                }
                schedule.stopped(i);
            }
        }
        lock(&self.ends).insert(i, ended);
    }

    fn one(&self, i: usize) -> Ended {
        let Some(ready) = self.job.ready.get(i) else { return Ended::Ran };
        let name = &ready.chosen.target.name.value;
        let started = Instant::now();
        let ended = match &ready.excused {
            Some(why) => {
                self.keep_print(i, "not applicable".to_owned());
                Ended::Excused(why.clone())
            }
            None => self.applies(i, ready),
        };
        let gathers = ready.chosen.target.steps.is_none() && matches!(ended, Ended::Ran);
        if !gathers {
            self.job.reporter.tell(&Told::Ended { target: name, ended: &ended, took: started.elapsed() });
        }
        ended
    }

    fn applies(&self, i: usize, ready: &Ready) -> Ended {
        let target = ready.chosen.target;
        let name = &target.name.value;
        let judged = match self.judge.judge(ready, &self.needs(ready)) {
            Ok(judged) => judged,
            Err(e) => return unreadable(ready, &e),
        };
        self.keep_print(i, judged.fingerprint.clone());
        let Some(script) = &target.steps else { return Ended::Ran };
        let Some(why) = &judged.why else {
            if judged.refresh {
                self.keep(name, judged);
            }
            return Ended::UpToDate;
        };
        if let Err(e) = self.judge.records.forget(name) {
            return unreadable(ready, &e);
        }
        self.job.reporter.tell(&Told::Started { target: name, why });
        self.judge.disk.begin();
        let outcome = self.steps(i, ready, script);
        self.judge.disk.end();
        let ended = self.verdict(ready, outcome);
        if matches!(ended, Ended::Ran) && !target.inputs.is_empty() {
            self.succeeded(ready, judged);
        }
        ended
    }

    fn needs<'r>(&self, ready: &Ready<'r>) -> Vec<(&'r str, String)>
    where
        'a: 'r,
    {
        let prints = lock(&self.prints);
        let need = |n: &usize| {
            let name = self.job.ready.get(*n)?.chosen.target.name.value.as_str();
            Some((name, prints.get(*n)?.clone()))
        };
        ready.chosen.needs.iter().filter_map(need).collect()
    }

    fn keep_print(&self, i: usize, print: String) {
        if let Some(slot) = lock(&self.prints).get_mut(i) {
            *slot = print;
        }
    }

    fn keep(&self, name: &str, judged: Judged) {
        if let Err(e) = self.judge.records.keep(name, judged.success) {
            self.warn(name, &format!("its success could not be recorded: {e}"));
        }
    }

    fn warn(&self, target: &str, text: &str) {
        self.job.reporter.tell(&Told::Warning { target, text });
    }

    /// A target that does not make what it declares can't be relied upon, so it runs again
    /// the next time.
    fn succeeded(&self, ready: &Ready, judged: Judged) {
        let target = ready.chosen.target;
        let missing = target.outputs.iter().find(|o| !self.judge.disk.exists(&o.value));
        match missing {
            Some(output) => {
                let text = format!("it did not make its output {}, so it will run again", output.value);
                self.warn(&target.name.value, &text);
            }
            None => self.keep(&target.name.value, judged),
        }
    }

    fn steps(&self, i: usize, ready: &Ready, script: &Script) -> Outcome {
        let name = &ready.chosen.target.name.value;
        let heard = self.silence.begin(i, active());
        let event = |record: StatementRecord| {
            let StatementRecord { words, exit_code, duration, .. } = &record;
            let told = Told::Statement { target: name, words, exit_code: *exit_code, duration: *duration };
            self.job.reporter.tell(&told);
        };
        let (tell, lines) = std::sync::mpsc::channel::<Vec<u8>>();
        let sink = Sink::new(ready.variables.masker(), self.job.reporter.by_line(), tell);
        let sink = Arc::new(Mutex::new(sink));
        let work = Work {
            script,
            variables: &ready.variables,
            cwd: self.cwd(ready),
            extra: self.job.extra.clone(),
            input: self.job.input.clone(),
            // What is declared to be secret is masked even where programs would write for themselves.
            sink: (!self.job.raw || ready.variables.confidential())
                .then(|| Arc::clone(&sink) as Arc<Mutex<dyn OutputSink>>),
            timeout: ready.chosen.target.timeout.as_ref().map(|t| t.value),
            grace: self.job.yard.config.grace.value,
            cancel: self.job.cancel.clone(),
            custody: self.job.custody,
            reenter: self.job.reenter,
            event: &event,
        };
        let outcome = thread::scope(|scope| {
            scope.spawn(|| {
                for bytes in lines {
                    *lock(&heard) = active();
                    self.job.reporter.tell(&Told::Output { target: name, bytes: &bytes });
                }
            });
            let outcome = work.carry_out();
            // The last of the output, and the end of the channel.
            lock(&sink).finish();
            outcome
        });
        self.silence.end(i);
        outcome
    }

    fn cwd(&self, ready: &Ready) -> PathBuf {
        let folder = &self.job.yard.folder;
        ready.chosen.target.cwd.as_ref().map_or_else(|| folder.clone(), |cwd| folder.join(&cwd.value))
    }

    fn verdict(&self, ready: &Ready, outcome: Outcome) -> Ended {
        if outcome.success() {
            return Ended::Ran;
        }
        if self.interrupted() {
            return Ended::Interrupted;
        }
        match outcome.stopped {
            // Somebody else's failure: the schedule knows whose.
            Some(Stop::Interrupt) => Ended::Cancelled(self.root().unwrap_or_default()),
            Some(Stop::Deadline) => {
                let limit = ready.chosen.target.timeout.as_ref().map(|t| format_duration(t.value));
                let text = format!("timed out after {}", limit.unwrap_or_default());
                Ended::Failed(text, outcome.diags)
            }
            None => Ended::Failed(format!("exit code {}", outcome.exit_code), outcome.diags),
        }
    }

    fn root(&self) -> Option<String> {
        let first = lock(&self.schedule).first_failure()?;
        self.name(first)
    }

    fn name(&self, i: usize) -> Option<String> {
        Some(self.job.ready.get(i)?.chosen.target.name.value.clone())
    }

    /// Mentions those who are silent, so that nobody has to guess whether they hang.
    fn tick(&self) {
        while !self.over.load(Ordering::SeqCst) {
            thread::park_timeout(TICK);
            for (i, running) in self.silence.due(active()) {
                if let Some(target) = self.name(i) {
                    self.job.reporter.tell(&Told::Still { target: &target, running });
                }
            }
        }
    }

    fn summary(self) -> Summary {
        let interrupted = self.interrupted();
        let schedule = self.schedule.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut ends = self.ends.into_inner().unwrap_or_else(PoisonError::into_inner);
        let name =
            |i: usize| self.job.ready.get(i).map(|r| r.chosen.target.name.value.clone()).unwrap_or_default();
        let ended = schedule.states().iter().enumerate().map(|(i, state)| {
            let ended = match (*state, ends.remove(&i)) {
                (State::Skipped(cause), _) => Ended::Skipped(name(cause)),
                (State::Cancelled(cause), _) => Ended::Cancelled(name(cause)),
                (_, Some(ended)) => ended,
                (_, None) => Ended::Interrupted,
            };
            (name(i), ended)
        });
        let ended = ended.collect();
        // A log that could not be shortened is as good as before.
        let _ = self.judge.records.tidy();
        Summary { ended, root: schedule.first_failure(), interrupted }
    }
}

fn unreadable(ready: &Ready, e: &std::io::Error) -> Ended {
    let mut diags = Diags::new();
    let target = ready.chosen.target;
    let span = target.inputs.first().map_or(&target.name.span, |p| &p.span);
    let message = format!("can't tell whether '{}' is up to date: {e}", target.name.value);
    diags.push(Diag::error("target::inputs", message).at(span, "of this target"));
    Ended::Failed(e.to_string(), diags)
}
