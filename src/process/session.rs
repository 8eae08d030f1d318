//! The conversation with one job's supervisor: feeds the program's input, delivers its
//! output, and asks for its end at a deadline or on request.

use std::future::pending;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, watch};

use super::deadline::Deadlines;
use super::job::{Cancel, Deadline, EndCause, Ended, Exit, Job, OutputSink, Stream};
use super::runner::Shared;
use super::sandbox::quota::{Excess, Watch};
use super::signals::Pause;
use super::stdio::{Feed, Ours, Stdio};
use super::wire::{self, Reply, Stage, TreeEnd};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
/// A supervisor that was told to kill has said that it is done, or that it gave up, long
/// before this is over; else somebody stopped it.
const SILENCE: Duration = Duration::from_secs(8);

/// What came of it.
pub enum Outcome {
    /// Nothing was started.
    Refused(Stage, i32),
    /// It ran.
    Ended(TreeEnd),
}

/// What the loop woke up for.
enum Event {
    Reply,
    Output(Stream),
    Input,
    Control,
    Cancel,
    Pause,
    Time,
    Quota(Excess),
}

/// A job under way.
pub struct Run<'a> {
    shared: &'a Shared,
    control: UnixStream,
    /// The request and commands that are not sent yet.
    outgoing: Vec<u8>,
    /// Process id and start time, once it has said so.
    supervisor: Option<(i32, u64)>,
    /// Bytes of replies that are not whole yet.
    replies: Vec<u8>,
    stdout: Option<Receiver>,
    stderr: Option<Receiver>,
    feed: Option<Feed>,
    buffer: Vec<u8>,
    started: Instant,
    deadlines: Deadlines,
    pauses: watch::Receiver<Pause>,
    paused: Pause,
    /// A suspension is to be passed on.
    suspending: bool,
    grace: Duration,
    /// The first reason to end it that came up.
    cause: Option<EndCause>,
    /// When SIGTERM turns into SIGKILL.
    kill_at: Option<Instant>,
    /// When a supervisor that was told to kill is given up.
    silent_at: Option<Instant>,
    /// The supervisor itself was killed.
    forced: bool,
    /// Measures what the job uses, where that is bounded.
    measured: Option<Watch>,
    excess: mpsc::Receiver<Excess>,
}

impl<'a> Run<'a> {
    /// Hands the job to a supervisor. Without `stdio` its output comes here.
    pub fn start(
        shared: &'a Shared,
        job: &Job,
        stdio: Option<Stdio>,
        request: Vec<u8>,
    ) -> io::Result<Run<'a>> {
        let (stdio, ours) = match stdio {
            Some(stdio) => (stdio, Ours::default()),
            None => Ours::connect(&job.input)?,
        };
        let (control, control_end) = std::os::unix::net::UnixStream::pair()?;
        control.set_nonblocking(true)?;
        let [input, output, error] = &stdio;
        shared.hosts.hand_over([control_end.as_fd(), input.as_fd(), output.as_fd(), error.as_fd()])?;
        let started = Instant::now();
        let pauses = shared.suspension.subscribe();
        let paused = *pauses.borrow();
        let (tell, excess) = mpsc::channel(1);
        let measured = Watch::begin(&job.quota, move |excess| {
            // Only the first counts, and nobody listens to a job that is over.
            let _ = tell.try_send(excess);
        });
        Ok(Run {
            shared,
            control: UnixStream::from_std(control)?,
            outgoing: request,
            supervisor: None,
            replies: Vec::new(),
            stdout: ours.stdout,
            stderr: ours.stderr,
            feed: ours.feed,
            buffer: vec![0; CHUNK],
            started,
            deadlines: Deadlines::new(&job.limits, started),
            pauses,
            paused,
            suspending: false,
            grace: job.limits.grace,
            cause: None,
            kill_at: None,
            silent_at: None,
            forced: false,
            measured,
            excess,
        })
        // The program's ends are closed here, so that it alone holds them and their end is seen.
    }

    /// Sees it to its end.
    pub async fn watch(&mut self, sink: &mut dyn OutputSink, cancel: &Cancel) -> io::Result<Outcome> {
        loop {
            match self.event(cancel).await {
                Event::Reply => {
                    if let Some(outcome) = self.reply()? {
                        return Ok(outcome);
                    }
                }
                Event::Output(stream) => self.output(stream, sink),
                Event::Input => self.input(),
                Event::Pause => self.pause(),
                Event::Quota(excess) => self.exceeded(excess),
                Event::Control | Event::Cancel | Event::Time => {}
            }
            self.decide(cancel)?;
            self.send();
        }
    }

    async fn event(&mut self, cancel: &Cancel) -> Event {
        let level = match self.cause {
            _ if self.silent_at.is_some() => u8::MAX,
            Some(_) => 2,
            None => 1,
        };
        let at = self.alarm();
        tokio::select! {
            _ = self.control.readable() => Event::Reply,
            () = readable(self.stdout.as_ref()) => Event::Output(Stream::Stdout),
            () = readable(self.stderr.as_ref()) => Event::Output(Stream::Stderr),
            () = writable(self.feed.as_ref()) => Event::Input,
            _ = self.control.writable(), if !self.outgoing.is_empty() => Event::Control,
            () = cancel.wait(level) => Event::Cancel,
            _ = self.pauses.changed() => Event::Pause,
            () = sleep_until(at) => Event::Time,
            Some(excess) = self.excess.recv() => Event::Quota(excess),
        }
    }

    /// When time alone asks for something. Nothing does while the harness stands still.
    fn alarm(&self) -> Option<Instant> {
        if self.paused.now {
            return None;
        }
        let deadline = || self.deadlines.next().map(|(at, _)| at);
        self.silent_at.or(self.kill_at).or_else(deadline)
    }

    /// Asks for the end where a request, a deadline or the end of the grace time says so.
    /// A request for the end at once kills also within the grace time.
    fn decide(&mut self, cancel: &Cancel) -> io::Result<()> {
        let now = Instant::now();
        if let Some(at) = self.silent_at {
            return if at <= now && !self.paused.now { self.force(now) } else { Ok(()) };
        }
        if cancel.requested_now() {
            self.cause.get_or_insert(EndCause::Cancelled);
            self.kill(now);
        } else if self.cause.is_none() && cancel.requested() {
            self.terminate(EndCause::Cancelled, now);
        } else if self.paused.now {
            // Time counts again when the harness does.
        } else if let Some(at) = self.kill_at {
            if at <= now {
                self.kill(now);
            }
        } else {
            self.check_deadlines(now);
        }
        Ok(())
    }

    /// Output that waits unread (the harness was busy) is no silence.
    fn check_deadlines(&mut self, now: Instant) {
        match self.deadlines.passed(now) {
            None => {}
            Some(Deadline::FirstOutput | Deadline::Stall) if self.output_waits() => {
                self.deadlines.output(now)
            }
            Some(deadline) => self.terminate(EndCause::Deadline(deadline), now),
        }
    }

    fn output_waits(&self) -> bool {
        [&self.stdout, &self.stderr].into_iter().flatten().any(|pipe| waiting(pipe) > 0)
    }

    /// Whoever takes too much is not asked to stop: it would take more meanwhile.
    fn exceeded(&mut self, excess: Excess) {
        if self.cause.is_none() {
            self.cause = Some(EndCause::Quota(excess));
            self.kill(Instant::now());
        }
    }

    fn terminate(&mut self, cause: EndCause, now: Instant) {
        self.cause = Some(cause);
        self.kill_at = now.checked_add(self.grace).or(Some(now));
        self.outgoing.push(wire::TERMINATE);
    }

    /// The program may have stopped its supervisor and the host.
    fn kill(&mut self, now: Instant) {
        self.silent_at = Some(now + SILENCE);
        self.outgoing.push(wire::KILL);
        self.signal_supervisor(Signal::CONT);
        self.shared.hosts.wake();
    }

    /// Ends a supervisor that does not answer. Its program dies with it, and the host ends
    /// the rest; a host that never made one goes instead.
    fn force(&mut self, now: Instant) -> io::Result<()> {
        if self.forced {
            return Err(io::Error::other("its supervisor does not answer and can't be ended"));
        }
        self.forced = true;
        self.silent_at = Some(now + SILENCE);
        match self.supervisor {
            Some(_) => self.signal_supervisor(Signal::KILL),
            None => self.shared.hosts.give_up(),
        }
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn signal_supervisor(&self, signal: Signal) {
        if let Some((pid, start)) = self.supervisor {
            super::table::signal(
                &super::table::Process { pid, parent: 0, group: 0, start, zombie: false },
                signal,
            );
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn signal_supervisor(&self, signal: Signal) {
        let pid = self.supervisor.and_then(|(pid, _)| rustix::process::Pid::from_raw(pid));
        // While its socket is open the host has not reaped it, so the number is its own.
        let _ = pid.map(|pid| rustix::process::kill_process(pid, signal));
    }

    /// Sends what is waiting, as far as it goes. A supervisor that is gone shows in the reply
    /// that never comes.
    fn send(&mut self) {
        if self.outgoing.is_empty() {
            return;
        }
        match self.control.try_write(&self.outgoing) {
            Ok(n) => drop(self.outgoing.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.outgoing.clear(),
        }
        if self.suspending && self.outgoing.is_empty() {
            self.suspending = false;
            self.shared.suspension.passed_on();
        }
    }

    fn pause(&mut self) {
        let pause = *self.pauses.borrow_and_update();
        let time = pause.total.saturating_sub(self.paused.total);
        self.deadlines.pause(time);
        for at in [&mut self.kill_at, &mut self.silent_at].into_iter().flatten() {
            *at += time;
        }
        if pause.now != self.paused.now {
            self.outgoing.push(if pause.now { wire::SUSPEND } else { wire::CONTINUE });
        }
        self.suspending = pause.now;
        self.paused = pause;
    }

    /// Reads what the supervisor said.
    fn reply(&mut self) -> io::Result<Option<Outcome>> {
        let mut bytes = [0; 4096];
        match self.control.try_read(&mut bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Ok(0) | Err(_) => return self.deserted().map(Some),
            Ok(n) => self.replies.extend(bytes.iter().take(n)),
        }
        while let Some(frame) = wire::next_frame(&mut self.replies) {
            match Reply::decode(&frame) {
                Some(Reply::Started(pid, start)) => {
                    self.supervisor = Some((pid, start));
                    self.measured.iter().for_each(|watch| watch.supervisor(pid));
                }
                Some(Reply::Refused(stage, errno)) => return Ok(Some(Outcome::Refused(stage, errno))),
                Some(Reply::Ended(end)) => return Ok(Some(Outcome::Ended(end))),
                None => return Err(io::Error::other("its supervisor is of another version")),
            }
        }
        Ok(None)
    }

    /// The supervisor died without a word, which is never taken for a success.
    fn deserted(&self) -> io::Result<Outcome> {
        if self.forced {
            let exit = Exit::Signal(libc::SIGKILL);
            return Ok(Outcome::Ended(TreeEnd { exit, told: true, leaked: Vec::new() }));
        }
        Err(io::Error::other("its supervisor ended without a word: something killed it, or it never was one"))
    }

    fn output(&mut self, stream: Stream, sink: &mut dyn OutputSink) {
        let pipe = self.pipe(stream);
        let Some(receiver) = pipe.take() else { return };
        match receiver.try_read(&mut self.buffer) {
            Ok(0) => return,
            Ok(n) => {
                sink.chunk(stream, self.buffer.get(..n).unwrap_or_default());
                // Counted from here, so that a slow sink is not the program's silence.
                self.deadlines.output(Instant::now());
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        *self.pipe(stream) = Some(receiver);
    }

    fn pipe(&mut self, stream: Stream) -> &mut Option<Receiver> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Writes on; a program that has closed its input is left in peace.
    fn input(&mut self) {
        let Some(mut feed) = self.feed.take() else { return };
        match feed.pipe.try_write(feed.bytes.get(feed.sent..).unwrap_or_default()) {
            Ok(n) => feed.sent += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        if feed.sent < feed.bytes.len() {
            self.feed = Some(feed);
        }
    }

    /// Delivers what is still in the pipes. Nobody of the tree is left to write more, and
    /// whoever else may hold them open is not waited for.
    pub fn drain(&mut self, sink: &mut dyn OutputSink) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let Some(receiver) = self.pipe(stream).take() else { continue };
            let mut left = waiting(&receiver);
            while left > 0 {
                match rustix::io::read(&receiver, &mut self.buffer[..]) {
                    Err(rustix::io::Errno::INTR) => {}
                    Ok(0) | Err(_) => break,
                    Ok(n) => {
                        sink.chunk(stream, self.buffer.get(..n).unwrap_or_default());
                        left = left.saturating_sub(n as u64);
                    }
                }
            }
        }
    }

    /// A request that came when the leader had ended by itself changed nothing.
    pub fn ended(&self, end: TreeEnd) -> Ended {
        let cause = self.cause.filter(|_| end.told).unwrap_or(EndCause::Own);
        Ended { exit: end.exit, cause, duration: self.started.elapsed(), leaked: end.leaked }
    }
}

/// Bytes in a pipe.
fn waiting(pipe: &Receiver) -> u64 {
    rustix::io::ioctl_fionread(pipe).unwrap_or(0)
}

async fn readable(pipe: Option<&Receiver>) {
    match pipe {
        // Trouble shows when it is read.
        Some(pipe) => pipe.readable().await.unwrap_or_default(),
        None => pending().await,
    }
}

async fn writable(feed: Option<&Feed>) {
    match feed {
        // Trouble shows when it is written.
        Some(feed) => feed.pipe.writable().await.unwrap_or_default(),
        None => pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => pending().await,
    }
}
