//! A terminal with a program in it, as a person would sit before it: what is shown is read,
//! what is typed goes through the terminal's own keys.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::wait_until;

pub struct Terminal {
    keys: File,
    pub child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts the program as the leader of a session that this terminal controls.
    pub fn start(mut command: Command) -> Terminal {
        let (ours, theirs) = pair();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
        let fd = theirs.as_raw_fd();
        // SAFETY: only calls that may stand between fork and exec, on a descriptor that is open.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(move || {
                if libc::setsid() < 0 || libc::ioctl(fd, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop((command, theirs));
        let mut from = File::from(ours.try_clone().unwrap());
        let shown = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // A terminal without programs ends with an error.
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap().extend_from_slice(&buffer[..n]);
            }
        });
        Terminal { keys: File::from(ours), child, shown, reader }
    }

    /// Everything that was shown so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).replace("\r\n", "\n")
    }

    pub fn wait_for(&self, text: &str) {
        let told = std::time::Instant::now();
        wait_until(&format!("the terminal shows {text:?}"), || {
            let late = told.elapsed().as_secs() > 50;
            assert!(!late, "the terminal shows no {text:?} but\n{}", self.shown());
            self.shown().contains(text)
        });
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// The exit code, and everything that was shown.
    pub fn end(mut self) -> (i32, String) {
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        // What was written before the end may still be on its way.
        wait_until("nobody holds the terminal", || self.reader.is_finished());
        (code, self.shown())
    }
}

fn pair() -> (OwnedFd, OwnedFd) {
    let (mut ours, mut theirs) = (0, 0);
    // SAFETY: fills two integers; where it succeeds they are descriptors that nobody else owns.
    #[allow(unsafe_code)]
    unsafe {
        let none = std::ptr::null_mut();
        assert_eq!(libc::openpty(&raw mut ours, &raw mut theirs, none, none.cast(), none.cast()), 0);
        libc::fcntl(ours, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(theirs, libc::F_SETFD, libc::FD_CLOEXEC);
        (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs))
    }
}
