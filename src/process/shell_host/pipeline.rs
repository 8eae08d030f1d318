//! One pipeline: its pipes, its programs in one process group, its verbs on threads, and the
//! end of all of them.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::streams::{Source, Tap, Target};
use super::{Launch, Opened, Over, ShellHost};
use crate::process::standstill::Follower;
use crate::process::{Cancel, Input as ScriptInput, Stdio, Stream};
use crate::step::builtin::{Builtin, Streams};
use crate::step::eval::{FileId, Input, Output, Program, Stage, StageEnd, Stop, VerbCall, VerbResult, Work};

/// How often it is looked whether the script was ended.
const POLL: Duration = Duration::from_millis(20);
/// How often a program that is open for writing is tried again.
const BUSY_TRIES: u32 = 50;
/// How a shell reports what is there and can't be started.
const COULD_NOT_START: i32 = 126;

/// The ends that a stage holds.
struct Ends {
    stdin: Source,
    stdout: Target,
    stderr: Target,
}

impl Ends {
    fn into_fds(self) -> io::Result<Stdio> {
        Ok([self.stdin.into_fd()?, self.stdout.into_fd()?, self.stderr.into_fd()?])
    }
}

/// A pipeline at work.
struct Running {
    ends: Vec<Option<StageEnd>>,
    children: Vec<(usize, Child)>,
    /// Stages whose programs somebody else sees to, and the request to end them.
    elsewhere: Vec<usize>,
    cancel: Cancel,
    group: Option<(i32, Follower)>,
    tell: Sender<(usize, StageEnd)>,
    told: Receiver<(usize, StageEnd)>,
}

impl ShellHost<'_> {
    pub(super) fn run_stages(&mut self, stages: Vec<Stage>) -> Vec<StageEnd> {
        if let Some(stop) = self.files.ending.now() {
            return stages.iter().map(|_| StageEnd::Stopped(stop)).collect();
        }
        let over = Over::default();
        let count = stages.len();
        let result = self.taps(&over).and_then(|taps| {
            let ends = self.connect(&stages, &taps);
            Ok((taps, ends?))
        });
        let (taps, ends) = match result {
            Ok(made) => made,
            Err(error) => return self.cannot_connect(count, &error),
        };
        let ended = self.run_connected(stages, ends);
        taps.into_iter().flatten().for_each(Tap::drain);
        over.set();
        ended
    }

    fn cannot_connect(&self, count: usize, error: &io::Error) -> Vec<StageEnd> {
        self.print(Stream::Stderr, format!("can't connect the pipeline: {error}\n").as_bytes());
        vec![StageEnd::Code(COULD_NOT_START); count]
    }

    /// The pipes into the sink: standard output, standard error.
    fn taps(&self, over: &Over) -> io::Result<[Option<Tap>; 2]> {
        let tap = |stream| {
            let sink = self.options.sink.as_ref();
            sink.map(|sink| Tap::new(sink.clone(), stream, over.clone())).transpose()
        };
        let errors = if self.options.one_pipe { None } else { tap(Stream::Stderr)? };
        Ok([tap(Stream::Stdout)?, errors])
    }

    fn connect(&self, stages: &[Stage], taps: &[Option<Tap>; 2]) -> io::Result<Vec<Ends>> {
        let mut all = Vec::new();
        let mut before = None;
        for (i, stage) in stages.iter().enumerate() {
            let (reader, writer) = if i + 1 < stages.len() {
                let (reader, writer) = io::pipe()?;
                (Some(reader), Some(Target::Pipe(writer)))
            } else {
                (None, None)
            };
            let stdin = match stage.wiring.stdin {
                Input::Pipe => before.take().map_or(Source::Null, Source::Pipe),
                Input::Inherit => self.script_input(),
                Input::File(id) => self.file_reader(id)?,
            };
            let target = |output| self.target(output, writer.as_ref(), taps);
            all.push(Ends {
                stdin,
                stdout: target(stage.wiring.stdout)?,
                stderr: target(stage.wiring.stderr)?,
            });
            before = reader;
        }
        Ok(all)
    }

    fn script_input(&self) -> Source {
        match &self.options.input {
            ScriptInput::Null => Source::Null,
            ScriptInput::Inherit => Source::Inherit,
            ScriptInput::Bytes(bytes) => Source::Bytes(io::Cursor::new(bytes.clone())),
        }
    }

    fn file_reader(&self, id: FileId) -> io::Result<Source> {
        match self.open.get(&id.0) {
            Some(Opened::File(file)) => Ok(Source::File(file.try_clone()?)),
            _ => Ok(Source::Null),
        }
    }

    fn target(&self, output: Output, pipe: Option<&Target>, taps: &[Option<Tap>; 2]) -> io::Result<Target> {
        let [out, err] = taps;
        let err = if self.options.one_pipe { out } else { err };
        match (output, pipe) {
            (Output::File(id), _) => self.file_target(id),
            (Output::Pipe, Some(pipe)) => pipe.try_clone(),
            (Output::Stderr, _) => tapped(err, Stream::Stderr),
            (Output::Stdout | Output::Pipe, _) => tapped(out, Stream::Stdout),
        }
    }

    fn file_target(&self, id: FileId) -> io::Result<Target> {
        match self.open.get(&id.0) {
            Some(Opened::File(file)) => Ok(Target::File(file.try_clone()?)),
            Some(Opened::Capture(capture)) => capture.target(),
            None => Err(io::Error::other("the file is closed")),
        }
    }

    pub(super) fn file_writer(&self, id: FileId) -> io::Result<Box<dyn Write + Send>> {
        Ok(self.file_target(id)?.into_write())
    }

    fn run_connected(&mut self, stages: Vec<Stage>, ends: Vec<Ends>) -> Vec<StageEnd> {
        let (tell, told) = channel();
        let mut running = Running {
            ends: vec![None; stages.len()],
            children: Vec::new(),
            elsewhere: Vec::new(),
            cancel: Cancel::new(),
            group: None,
            tell,
            told,
        };
        let mut verbs = Vec::new();
        for (i, (stage, ends)) in stages.into_iter().zip(ends).enumerate() {
            match stage.work {
                Work::Done(code) => running.ended(i, StageEnd::Code(code)),
                Work::Program(program) => self.start(i, &program, ends, &mut running),
                Work::Builtin(builtin) => self.start_builtin(i, builtin, ends, &running),
                Work::Verb(call) => verbs.push((i, call, ends)),
            }
        }
        for (i, call, ends) in verbs {
            let end = StageEnd::Verb(self.verb(&call, ends));
            running.ended(i, end);
        }
        self.wait(running)
    }

    fn verb(&mut self, call: &VerbCall, ends: Ends) -> VerbResult {
        let (mut stdin, mut stdout, mut stderr) =
            (ends.stdin.into_read(), ends.stdout.into_write(), ends.stderr.into_write());
        let mut io = Streams { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr };
        self.verbs.verb(call, &mut io)
    }

    /// On a thread: it may have to wait for its neighbours.
    fn start_builtin(&self, i: usize, builtin: Builtin, ends: Ends, running: &Running) {
        let files = self.files.clone();
        let tell = running.tell.clone();
        thread::spawn(move || {
            let (mut stdin, mut stdout, mut stderr) =
                (ends.stdin.into_read(), ends.stdout.into_write(), ends.stderr.into_write());
            let mut io = Streams { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr };
            let code = builtin.run(&files, &mut io);
            drop((stdin, stdout, stderr));
            // Nobody listens any more if the script was ended.
            let _ = tell.send((i, StageEnd::Code(code)));
        });
    }

    fn start(&self, i: usize, program: &Program, ends: Ends, running: &mut Running) {
        match self.spawn(i, program, ends, running) {
            Ok(None) => running.elsewhere.push(i),
            Ok(Some(child)) => {
                let pid = i32::try_from(child.id()).unwrap_or(0);
                if !self.talks_to_terminal() && running.group.is_none() {
                    running.group = Some((pid, Follower::new(pid)));
                }
                watch(i, pid, running.tell.clone());
                running.children.push((i, child));
            }
            Err(end) => running.ended(i, end),
        }
    }

    /// A child, or `None` where somebody else sees to the program.
    fn spawn(
        &self,
        i: usize,
        program: &Program,
        ends: Ends,
        running: &Running,
    ) -> Result<Option<Child>, StageEnd> {
        let path = locate(program)?;
        let failed = |error: io::Error| match error.raw_os_error() {
            Some(code) if code == libc::ENOEXEC => StageEnd::NotExecutable(
                "it is no program: a script begins with a line like #!/bin/sh".to_owned(),
            ),
            _ => StageEnd::NotExecutable(crate::step::eval::describe(&error)),
        };
        let mut command = match self.launcher.launch(program, &path) {
            Launch::Child(command) => command,
            Launch::Elsewhere(work) => {
                let (tell, cancel) = (running.tell.clone(), running.cancel.clone());
                let stdio = ends.into_fds().map_err(failed)?;
                // Nobody listens any more if the script was ended.
                thread::spawn(move || drop(tell.send((i, work(stdio, &cancel)))));
                return Ok(None);
            }
        };
        command.current_dir(&program.cwd).env_clear().envs(program.env.iter().map(|(k, v)| (k, v)));
        command.stdin(ends.stdin.into_stdio().map_err(failed)?);
        command.stdout(ends.stdout.into_stdio(Stream::Stdout).map_err(failed)?);
        command.stderr(ends.stderr.into_stdio(Stream::Stderr).map_err(failed)?);
        if !self.talks_to_terminal() {
            std::os::unix::process::CommandExt::process_group(&mut command, running.leader().unwrap_or(0));
        }
        spawn_patiently(&mut command).map(Some).map_err(failed)
    }

    /// Programs that read from the operator's terminal stay in its foreground group: any
    /// other would be stopped as soon as it reads.
    fn talks_to_terminal(&self) -> bool {
        matches!(self.options.input, ScriptInput::Inherit) && io::stdin().is_terminal()
    }

    /// Until all stages have ended; ends them itself if the script is ended.
    fn wait(&self, mut running: Running) -> Vec<StageEnd> {
        let mut stop: Option<(Stop, Instant)> = None;
        let mut killed = false;
        while running.ends.iter().any(Option::is_none) {
            match running.told.recv_timeout(POLL) {
                Ok((i, end)) => running.ended(i, end),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            match stop {
                None => {
                    if let Some(by) = self.files.ending.now() {
                        stop = Some((by, Instant::now()));
                        running.signal(Signal::TERM);
                        running.cancel.request();
                    }
                }
                Some((_, since)) => {
                    let late = since.elapsed() >= self.options.grace || self.options.cancel.requested_now();
                    if late && !killed {
                        running.signal(Signal::KILL);
                        running.cancel.request_now();
                        killed = true;
                    }
                    // Only verbs that wait for something unreachable are left: they are abandoned.
                    if running.only_verbs_left() {
                        break;
                    }
                }
            }
        }
        if stop.is_some() {
            // Whatever the programs have started and left behind goes too; the group's id is
            // ours as long as its leader has not been reaped.
            running.signal(Signal::KILL);
        }
        running.reap(stop.map(|(by, _)| by))
    }
}

fn tapped(tap: &Option<Tap>, stream: Stream) -> io::Result<Target> {
    match tap {
        Some(tap) => tap.target.try_clone(),
        None => Ok(Target::Inherit(stream)),
    }
}

impl Running {
    fn ended(&mut self, i: usize, end: StageEnd) {
        if let Some(slot) = self.ends.get_mut(i) {
            slot.get_or_insert(end);
        }
    }

    /// The group's id.
    fn leader(&self) -> Option<i32> {
        self.group.as_ref().map(|(id, _)| *id)
    }

    /// To every process of the group, or to each program where there is none. None of them
    /// has been reaped, so the ids are still theirs; one that is gone needs no signal.
    fn signal(&self, number: Signal) {
        if let Some(group) = self.leader().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, number);
            return;
        }
        for (_, child) in &self.children {
            if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, number);
            }
        }
    }

    fn only_verbs_left(&self) -> bool {
        let open = |i: &usize| self.ends.get(*i).is_some_and(Option::is_none);
        !self.children.iter().map(|(i, _)| i).chain(&self.elsewhere).any(open)
    }

    /// Collects what the programs left in the process table.
    fn reap(mut self, stop: Option<Stop>) -> Vec<StageEnd> {
        self.group = None;
        for (i, child) in &mut self.children {
            if let (Ok(status), Some(slot)) = (child.wait(), self.ends.get_mut(*i)) {
                *slot = Some(end_of(status));
            }
        }
        let ends = self.ends.into_iter();
        match stop {
            Some(stop) => ends.map(|_| StageEnd::Stopped(stop)).collect(),
            None => ends.map(|end| end.unwrap_or(StageEnd::Code(1))).collect(),
        }
    }
}

fn end_of(status: std::process::ExitStatus) -> StageEnd {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(signal) => StageEnd::Signal(signal),
        None => StageEnd::Code(status.code().unwrap_or(1)),
    }
}

/// Says when a child has ended, without reaping it: its group's id stays ours.
fn watch(i: usize, pid: i32, tell: Sender<(usize, StageEnd)>) {
    thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        if let Some(pid) = Pid::from_raw(pid) {
            while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
        }
        // The real status is read when it is reaped; nobody may listen any more.
        let _ = tell.send((i, StageEnd::Code(0)));
    });
}

/// Starts a command. A program that a statement before has just written may still be open
/// for writing in a child that another thread is about to start: that passes by itself.
fn spawn_patiently(command: &mut Command) -> io::Result<Child> {
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy && tries < BUSY_TRIES => {
                tries += 1;
                thread::sleep(POLL);
            }
            result => return result,
        }
    }
}

/// The program's file: by its path if it has a slash, else on the PATH that it will see.
fn locate(program: &Program) -> Result<PathBuf, StageEnd> {
    let name = program.argv.first().map_or("", String::as_str);
    let search = program.env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_str());
    if name.is_empty() {
        return Err(StageEnd::NotFound);
    }
    if let Ok(found) = which::which_in(name, search, &program.cwd) {
        return Ok(found);
    }
    let candidates = if name.contains('/') {
        vec![program.cwd.join(name)]
    } else {
        let dirs = std::env::split_paths(search.unwrap_or(""));
        dirs.map(|dir| program.cwd.join(dir).join(name)).collect()
    };
    let there = candidates.iter().find_map(|path| path.metadata().ok());
    Err(match there {
        Some(meta) if meta.is_dir() && name.contains('/') => {
            StageEnd::NotExecutable("is a folder".to_owned())
        }
        Some(meta) if meta.is_file() => StageEnd::NotExecutable("permission denied".to_owned()),
        _ => StageEnd::NotFound,
    })
}
