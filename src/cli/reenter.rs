//! `auditrun …` in a step: the same program again, in this process, with the configuration of
//! the command around it. It sees the step's folder and environment, and writes where the
//! step writes.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::cli::args::{Common, Place};
use crate::cli::exit::Exit;
use crate::cli::output::Screen;
use crate::cli::{perform, typed};
use crate::process::{Cancel, Custody, Stream};
use crate::step::builtin::Streams;
use crate::step::eval::{VerbCall, VerbResult};
use crate::target::Reenter;

/// Commands inside of commands: more is a target that calls itself.
pub const MAX_DEPTH: u32 = 16;
/// How often it is looked whether the step around was ended.
const POLL: Duration = Duration::from_millis(20);

/// Runs commands of steps.
pub struct Inside {
    common: Common,
    color: bool,
    custody: Arc<Custody>,
    /// The folder of the audit.kdl whose run goes on.
    run: Option<PathBuf>,
    trigger: Option<String>,
}

impl Inside {
    /// For the steps of a command with these flags.
    pub fn new(common: &Common, color: bool, custody: Arc<Custody>) -> Inside {
        let trigger = common.place.trigger.clone();
        Inside { common: common.clone(), color, custody, run: None, trigger }
    }

    /// For the recipe of a run. Its commands are about that run and the operator's repository,
    /// not about the worktree in which the step stands.
    pub fn of_recipe(common: &Common, folder: PathBuf) -> Inside {
        Inside { run: Some(folder), ..Inside::new(common, false, Arc::default()) }
    }

    /// For the steps of these targets, unless they are themselves called by a step: what was
    /// typed first set everything off.
    #[must_use]
    pub fn triggered_by(mut self, targets: &[String]) -> Inside {
        self.trigger.get_or_insert_with(|| targets.join(" "));
        self
    }

    fn place(&self, call: &VerbCall, stop: &Cancel) -> Place {
        Place {
            dir: Some(self.run.clone().unwrap_or_else(|| call.cwd.clone())),
            in_run: self.run.is_some(),
            environment: Some(call.env.iter().cloned().collect()),
            stop: Some(stop.clone()),
            depth: self.common.place.depth + 1,
            trigger: self.trigger.clone(),
            custody: Some(Arc::clone(&self.custody)),
        }
    }

    fn carry_out(&self, call: &VerbCall, stop: &Cancel, to: &Sender<(Stream, Vec<u8>)>) -> Exit {
        let pipe = |stream| Arc::new(Mutex::new(Pipe { stream, to: to.clone() }));
        let (out, err) = (pipe(Stream::Stdout), pipe(Stream::Stderr));
        let args = std::iter::once("auditrun").chain(call.args.iter().map(String::as_str));
        let mut typed = match typed::read(args.map(OsString::from)) {
            Ok(typed) => typed,
            Err(e) => {
                let usage = e.use_stderr();
                let stream = if usage { Stream::Stderr } else { Stream::Stdout };
                // The step's reader may be gone.
                let _ = to.send((stream, e.to_string().into_bytes()));
                return if usage { Exit::Usage } else { Exit::Ok };
            }
        };
        let from = self.common.place.dir().unwrap_or_default();
        let common = typed.common_mut();
        common.inherit(&self.common, &from);
        common.place = self.place(call, stop);
        let screen = Screen::within(common, self.color, out, err);
        perform(&typed, &screen)
    }
}

impl Reenter for Inside {
    fn reenter(&self, call: &VerbCall, io: &mut Streams<'_>, stop: &Cancel) -> VerbResult {
        if self.common.place.depth >= MAX_DEPTH {
            let message = format!("called {MAX_DEPTH} levels deep: a target calls itself");
            return VerbResult::failed(i32::from(Exit::Usage.code()), message);
        }
        let (to, from) = channel();
        let exit = thread::scope(|scope| {
            let command = scope.spawn(move || self.carry_out(call, stop, &to));
            for (stream, bytes) in from {
                let writer: &mut dyn Write = match stream {
                    Stream::Stdout => &mut *io.stdout,
                    Stream::Stderr => &mut *io.stderr,
                };
                // A reader that went away does not end the command.
                let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
            }
            command.join()
        });
        match exit {
            Ok(Exit::Ok) => VerbResult::ok(),
            Ok(exit) => {
                let message = format!("{} ended with exit code {}", call.args.join(" "), exit.code());
                VerbResult::failed(i32::from(exit.code()), message)
            }
            Err(_) => VerbResult::failed(i32::from(Exit::Internal.code()), "the command failed inside"),
        }
    }
}

/// Writes into the channel to the step's streams.
struct Pipe {
    stream: Stream,
    to: Sender<(Stream, Vec<u8>)>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.to.send((self.stream, bytes.to_vec()));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes the end of the step around a command on, as long as this is kept.
pub struct PassingOn {
    _alive: Arc<()>,
}

impl Place {
    /// Ends `cancel` too when the step around this command is ended; `interrupted` is set
    /// before. Nothing happens for a command that was typed.
    pub fn pass_on(&self, cancel: &Cancel, interrupted: &Arc<AtomicBool>) -> PassingOn {
        let kept = Arc::new(());
        if let Some(stop) = self.stop.clone() {
            let (cancel, flag, alive) = (cancel.clone(), Arc::clone(interrupted), Arc::downgrade(&kept));
            thread::spawn(move || {
                while alive.strong_count() > 0 && !stop.requested() {
                    thread::sleep(POLL);
                }
                if stop.requested() {
                    flag.store(true, Ordering::SeqCst);
                    cancel.request();
                }
            });
        }
        PassingOn { _alive: kept }
    }
}
