//! The supervisor of one job: starts the leader, waits, and sees to it that the whole tree
//! ends. A process of its own with a single thread, forked from the host.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal};

use super::bell::Bell;
use super::job::Exit;
use super::wire::{self, Reply, Request, TreeEnd};
use super::{leader, tree};

/// How long programs may take to end by themselves after their leader: the tail of a
/// pipeline, a `tee` behind a process substitution. Who stays longer is a leak.
const SETTLE: Duration = Duration::from_millis(100);
/// Between two rounds of SIGKILL: time for the dead to hand their children over.
const KILL_ROUND: Duration = Duration::from_millis(5);
/// A process that SIGKILL has not ended by then (stuck in the kernel, or another user's) is
/// given up.
const GIVE_UP: Duration = Duration::from_secs(5);
/// Leaked programs that are named.
const NAMED: usize = 20;

/// What a supervisor is doing.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// The leader runs.
    Running,
    /// The leader has ended by itself; the rest has until then.
    Settling(Instant),
    /// SIGTERM was sent on request; everybody has until the harness says more.
    Terminating,
    /// SIGKILL in rounds: since when, and when the next one is due.
    Killing(Instant, Instant),
}

struct Supervisor {
    control: UnixStream,
    bell: Bell,
    leader: Pid,
    exit: Option<Exit>,
    told: bool,
    leaked: Vec<String>,
    phase: Phase,
}

/// Carries one job out. Returns the process's exit code: 0 if nothing is left of the tree.
pub fn main(control: OwnedFd, stdio: [OwnedFd; 3]) -> i32 {
    let mut control = UnixStream::from(control);
    let Some((request, bell)) = prepare(&mut control) else { return 0 };
    show(&format!("au:{}", request.label));
    let leader = match leader::start(&request, stdio) {
        Ok(leader) => leader,
        Err((stage, errno)) => {
            say(&mut control, &Reply::Refused(stage, errno));
            return 0;
        }
    };
    say(&mut control, &started());
    let phase = Phase::Running;
    Supervisor { control, bell, leader, exit: None, told: false, leaked: Vec::new(), phase }.watch()
}

/// Own session, adoption of orphans, and the request. `None`: the harness is gone already.
fn prepare(control: &mut UnixStream) -> Option<(Request, Bell)> {
    // Fails only for a group leader, which a forked process is not.
    let _ = rustix::process::setsid();
    adopt_orphans();
    let bell = Bell::hang().ok()?;
    let mut length = [0; 4];
    control.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    control.read_exact(&mut body).ok()?;
    Some((Request::decode(&body)?, bell))
}

/// From here on an orphan among this process's descendants becomes its child.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    // Known to every kernel since 3.4, and can't fail there.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Sets the name that the process list shows (its first 15 bytes).
pub fn show(name: &str) {
    #[cfg(target_os = "linux")]
    if let Ok(name) = std::ffi::CString::new(name) {
        // Only for people who look.
        let _ = rustix::thread::set_name(&name);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

/// By which the harness can end a supervisor that does not answer any more.
fn started() -> Reply {
    let pid = rustix::process::getpid().as_raw_pid();
    #[cfg(target_os = "linux")]
    let start = super::table::read(pid).map_or(0, |me| me.start);
    #[cfg(not(target_os = "linux"))]
    let start = 0;
    Reply::Started(pid, start)
}

/// If the harness is gone, the next reading of the control socket shows it.
fn say(control: &mut UnixStream, reply: &Reply) {
    let _ = control.write_all(&reply.encode());
}

impl Supervisor {
    fn watch(mut self) -> i32 {
        loop {
            if self.reap() {
                return self.report(0);
            }
            if self.advance(Instant::now()) {
                return self.report(1);
            }
            self.wait();
        }
    }

    /// True if nobody is left.
    fn reap(&mut self) -> bool {
        let reaped = tree::reap();
        let leader = reaped.ended.iter().find(|(pid, _)| *pid == self.leader);
        self.exit = leader.map(|(_, exit)| *exit).or(self.exit);
        reaped.none_left
    }

    /// Moves on where time or the leader's end asks for it; true when it gives up.
    fn advance(&mut self, now: Instant) -> bool {
        match self.phase {
            Phase::Running if self.exit.is_some() => self.phase = Phase::Settling(now + SETTLE),
            Phase::Settling(until) if now >= until => {
                self.leaked = tree::command_lines();
                self.leaked.truncate(NAMED);
                self.phase = Phase::Killing(now, now);
            }
            _ => {}
        }
        if let Phase::Killing(since, next) = self.phase
            && now >= next
        {
            self.signal(Signal::KILL);
            self.phase = Phase::Killing(since, now + KILL_ROUND);
            return now.duration_since(since) > GIVE_UP;
        }
        false
    }

    /// Until a child ends, the harness says something, or the phase's time is over.
    fn wait(&mut self) {
        let time = match self.phase {
            Phase::Running | Phase::Terminating => None,
            Phase::Settling(until) | Phase::Killing(_, until) => {
                Some(until.saturating_duration_since(Instant::now()))
            }
        };
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        let watched = PollFlags::IN;
        let mut files =
            [PollFd::new(&self.control, watched), PollFd::from_borrowed_fd(self.bell.fd(), watched)];
        // Interrupted or failed: the loop looks at everything again anyway.
        let _ = poll(&mut files, time.as_ref());
        let [control, bell] = files.map(|file| !file.revents().is_empty());
        if bell {
            self.bell.silence();
        }
        if control {
            // A leader that ended before a command came was not ended by it.
            self.reap();
            self.obey();
        }
    }

    /// Reads commands; the end of the socket is the end of the harness.
    fn obey(&mut self) {
        let mut commands = [0; 16];
        match rustix::io::read(self.control.as_fd(), &mut commands) {
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Ok(0) | Err(_) => self.kill(),
            Ok(n) => commands.iter().take(n).for_each(|command| self.command(*command)),
        }
    }

    fn command(&mut self, command: u8) {
        match command {
            wire::TERMINATE => self.terminate(),
            wire::KILL => self.kill(),
            wire::SUSPEND => self.signal(Signal::STOP),
            wire::CONTINUE => self.signal(Signal::CONT),
            _ => {}
        }
    }

    /// Survivors of a leader that has ended by itself are on their way out already.
    fn terminate(&mut self) {
        if self.exit.is_some() || matches!(self.phase, Phase::Killing(..)) {
            return;
        }
        self.told = true;
        self.phase = Phase::Terminating;
        self.signal(Signal::TERM);
        // A stopped program must run to hear it.
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        tree::signal(self.leader, signal, &[]);
    }

    fn kill(&mut self) {
        self.told |= self.exit.is_none();
        if !matches!(self.phase, Phase::Killing(..)) {
            let now = Instant::now();
            self.phase = Phase::Killing(now, now);
        }
    }

    fn report(mut self, code: i32) -> i32 {
        if cfg!(not(target_os = "linux")) {
            // Members of the group need not be children, so nobody was seen or reaped.
            self.signal(Signal::KILL);
        }
        let end = TreeEnd {
            exit: self.exit.unwrap_or(Exit::Signal(libc::SIGKILL)),
            told: self.told,
            leaked: std::mem::take(&mut self.leaked),
        };
        say(&mut self.control, &Reply::Ended(end));
        code
    }
}
