//! The supervisor host: this binary started again as a small single-threaded process that
//! forks one supervisor for each job. Also the last resort for orphans of a supervisor
//! that was killed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use super::bell::Bell;
use super::job::Exit;
use super::{leader, passing, supervisor, tree};

/// The argument that asks for the host.
pub const ENTRY: &str = "__supervise";
/// Between two rounds of ending orphans.
const ROUND: Duration = Duration::from_millis(10);
/// After the harness is gone, supervisors have this long.
const FAREWELL: Duration = Duration::from_secs(10);

/// Becomes the supervisor host if the command line asks for it, else returns at once. To be
/// called first thing in `main`: the host must not have threads, and starting it must cost
/// nothing but the start of a process.
pub fn main_if_asked() -> Option<ExitCode> {
    let asked = std::env::args_os().nth(1)?;
    if asked == super::custody::ENTRY {
        super::custody::watch();
        return Some(ExitCode::SUCCESS);
    }
    if asked != ENTRY {
        return None;
    }
    // Nobody reads a message of it; the harness sees the end of the socket.
    Some(if serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::from(7) })
}

fn serve() -> io::Result<()> {
    close_inherited();
    let socket = std::io::stdin().as_fd().try_clone_to_owned()?;
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    drop(null);
    rustix::process::chdir("/")?;
    ignore_signals();
    supervisor::show("auditrun");
    supervisor::adopt_orphans();
    let bell = Bell::hang()?;
    Host { socket: Some(socket), bell, supervisors: Vec::new(), orphans: false }.run();
    Ok(())
}

/// What the harness's parent left open must not stay open in here.
fn close_inherited() {
    #[cfg(target_os = "linux")]
    // SAFETY: nothing in this process has opened a file yet; a kernel without the call
    // refuses it, and then the files stay open, which is untidy and nothing worse.
    #[allow(unsafe_code)]
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
    }
}

/// Host and supervisors end when the harness ends and at no other time: what is sent to a
/// terminal's group or to everybody is not meant for them.
pub(super) fn ignore_signals() {
    let ignored = [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGPIPE,
        libc::SIGALRM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ];
    for signal in ignored {
        // SAFETY: a plain call that sets a disposition; there is no handler to run.
        #[allow(unsafe_code)]
        unsafe {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}

struct Host {
    /// `None` once the harness is gone.
    socket: Option<OwnedFd>,
    bell: Bell,
    supervisors: Vec<Pid>,
    /// A supervisor left a tree behind, which this process has adopted.
    orphans: bool,
}

impl Host {
    fn run(mut self) {
        let mut farewell = None;
        loop {
            let none_left = self.reap();
            if self.socket.is_none() {
                let until = *farewell.get_or_insert_with(|| Instant::now() + FAREWELL);
                if none_left || Instant::now() > until {
                    return;
                }
                // One that a program has stopped would never see that the harness is gone.
                for supervisor in &self.supervisors {
                    let _ = kill_process(*supervisor, Signal::CONT);
                }
            }
            self.wait();
        }
    }

    /// True if this process has no children.
    fn reap(&mut self) -> bool {
        let reaped = tree::reap();
        for (pid, exit) in &reaped.ended {
            if let Some(at) = self.supervisors.iter().position(|known| known == pid) {
                self.supervisors.swap_remove(at);
                self.orphans |= *exit != Exit::Code(0);
            }
        }
        if self.orphans {
            self.end_orphans();
        }
        reaped.none_left
    }

    /// One round; more follow until none is seen. Only where orphans are adopted at all.
    fn end_orphans(&mut self) {
        let known: Vec<i32> = self.supervisors.iter().map(|pid| pid.as_raw_pid()).collect();
        let me = rustix::process::getpid();
        self.orphans = cfg!(target_os = "linux") && tree::signal(me, Signal::KILL, &known) > 0;
    }

    fn wait(&mut self) {
        let rounds = self.orphans || self.socket.is_none();
        let time = rounds.then(|| Timespec::try_from(ROUND).ok()).flatten();
        let mut files = vec![PollFd::from_borrowed_fd(self.bell.fd(), PollFlags::IN)];
        files.extend(self.socket.iter().map(|socket| PollFd::new(socket, PollFlags::IN)));
        // Interrupted or failed: the loop looks at everything again anyway.
        let _ = poll(&mut files, time.as_ref());
        let ready: Vec<bool> = files.iter().map(|file| !file.revents().is_empty()).collect();
        if ready.first() == Some(&true) {
            self.bell.silence();
        }
        if ready.get(1) == Some(&true) {
            self.accept();
        }
    }

    /// Takes one job, or sees that the harness is gone.
    fn accept(&mut self) {
        let Some(socket) = &self.socket else { return };
        match passing::receive(socket.as_fd()) {
            Ok(Some([control, input, output, error])) => self.supervise(control, [input, output, error]),
            // Too many open files here: the job's control socket is closed with the rest,
            // so its caller learns of it.
            Err(rustix::io::Errno::PROTO | rustix::io::Errno::INTR) => {}
            Ok(None) | Err(_) => self.socket = None,
        }
    }

    /// A failed fork drops the control socket, so the caller learns of it.
    fn supervise(&mut self, control: OwnedFd, stdio: [OwnedFd; 3]) {
        match leader::fork() {
            Ok(None) => {
                self.socket = None;
                leader::exit_now(supervisor::main(control, stdio))
            }
            Ok(Some(pid)) => self.supervisors.push(pid),
            Err(_) => {}
        }
    }
}
