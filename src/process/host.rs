//! The harness's end of the supervisor host: started with the first job, started again if
//! somebody killed it, waited for at the end.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal};

use super::passing;
use super::supervise::ENTRY;

/// Starts the host when it is needed and hands jobs to it.
#[derive(Debug)]
pub struct Hosts {
    program: PathBuf,
    current: Mutex<Option<Arc<Host>>>,
}

/// A running host. Dropped with its socket, upon which it ends.
#[derive(Debug)]
struct Host {
    socket: Option<UnixStream>,
    child: Mutex<Child>,
}

impl Hosts {
    /// `program` is a binary whose `main` begins with
    /// [`main_if_asked`](super::supervise::main_if_asked).
    pub fn new(program: PathBuf) -> Hosts {
        Hosts { program, current: Mutex::new(None) }
    }

    /// Hands a job's files over. A host that is gone is replaced once.
    pub fn hand_over(&self, files: [BorrowedFd<'_>; passing::FILES]) -> io::Result<()> {
        let host = self.get()?;
        if host.hand_over(files).is_ok() {
            return Ok(());
        }
        self.forget(&host);
        self.get()?.hand_over(files)
    }

    fn get(&self) -> io::Result<Arc<Host>> {
        let mut current = self.lock();
        if let Some(host) = &*current {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(Host::start(&self.program)?);
        *current = Some(Arc::clone(&host));
        Ok(host)
    }

    /// Kills a host that no longer does anything; the next job starts another.
    pub fn give_up(&self) {
        if let Some(host) = self.lock().take() {
            host.kill();
        }
    }

    /// Continues the host if a program has stopped it.
    pub fn wake(&self) {
        if let Some(host) = &*self.lock() {
            host.wake();
        }
    }

    fn forget(&self, dead: &Arc<Host>) {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|host| Arc::ptr_eq(host, dead)) {
            *current = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Host>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// A group of its own keeps the terminal's Ctrl-C away; an empty environment keeps the
    /// operator's secrets out of processes that live as long as the run.
    fn start(program: &PathBuf) -> io::Result<Host> {
        let (socket, theirs) = UnixStream::pair()?;
        let child = Command::new(program)
            .arg0("auditrun")
            .arg(ENTRY)
            .env_clear()
            .process_group(0)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Host { socket: Some(socket), child: Mutex::new(child) })
    }

    fn hand_over(&self, files: [BorrowedFd<'_>; passing::FILES]) -> io::Result<()> {
        self.wake();
        match &self.socket {
            Some(socket) => Ok(passing::send(socket.as_fd(), files)?),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// A program may have stopped it, which must not hold anybody up.
    fn wake(&self) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // The child is not reaped before this value is dropped, so the number is its own.
        let _ = rustix::process::kill_process(Pid::from_child(&child), Signal::CONT);
    }

    fn kill(&self) {
        // It may have ended, which is all that is wanted.
        let _ = self.child.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.socket = None;
        self.wake();
        // It ends as soon as its last supervisor has; a zombie must not stay behind.
        let _ = self.child.get_mut().unwrap_or_else(PoisonError::into_inner).wait();
    }
}
