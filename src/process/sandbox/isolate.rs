//! No network: a network namespace of the program's own, in which there is nothing. Root
//! makes it directly, an ordinary user inside of a user namespace in which the user is the
//! same. Runs in a forked child with a single thread.

#[cfg(target_os = "linux")]
pub use linux::{isolate, possible};
#[cfg(not(target_os = "linux"))]
pub use other::possible;

#[cfg(target_os = "linux")]
mod linux {
    use std::fmt::Write;

    use rustix::fs::{Mode, OFlags, open};
    use rustix::io::Errno;
    use rustix::process::{WaitOptions, getgid, getuid, waitpid};

    /// Leaves the network. Neither allocates nor locks.
    pub fn isolate() -> Result<(), Errno> {
        match unshare(libc::CLONE_NEWNET) {
            Err(Errno::PERM) => {}
            done => return done,
        }
        let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
        unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
        // Without this the kernel lets nobody but root map groups.
        tell("/proc/self/setgroups", "deny")?;
        tell("/proc/self/uid_map", map(uid).text())?;
        tell("/proc/self/gid_map", map(gid).text())
    }

    /// Tries it, in a child that does nothing else.
    pub fn possible() -> bool {
        // SAFETY: the child makes system calls on constants and its own stack, and ends.
        #[allow(unsafe_code)]
        let child = unsafe {
            match libc::fork() {
                0 => libc::_exit(i32::from(isolate().is_err())),
                pid => rustix::process::Pid::from_raw(pid.max(0)),
            }
        };
        let Some(child) = child else { return false };
        loop {
            match waitpid(Some(child), WaitOptions::empty()) {
                Err(Errno::INTR) => {}
                Ok(Some((_, status))) => return status.exit_status() == Some(0),
                Ok(None) | Err(_) => return false,
            }
        }
    }

    fn unshare(what: libc::c_int) -> Result<(), Errno> {
        // SAFETY: a plain call with a number. It changes this thread alone, which is the only one.
        #[allow(unsafe_code)]
        let done = unsafe { libc::unshare(what) };
        if done == 0 {
            return Ok(());
        }
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    }

    fn tell(file: &str, text: &str) -> Result<(), Errno> {
        let file = open(file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&file, text.as_bytes()).map(drop)
    }

    /// A line of a map in which one id stands for itself.
    fn map(id: u32) -> Line {
        let mut line = Line { bytes: [0; 40], len: 0 };
        // Two numbers of ten digits fit.
        let _ = write!(line, "{id} {id} 1");
        line
    }

    struct Line {
        bytes: [u8; 40],
        len: usize,
    }

    impl Line {
        fn text(&self) -> &str {
            self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
        }
    }

    impl Write for Line {
        fn write_str(&mut self, s: &str) -> std::fmt::Result {
            let end = self.len + s.len();
            let place = self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?;
            place.copy_from_slice(s.as_bytes());
            self.len = end;
            Ok(())
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_map_s_line_is_made_without_memory() {
            assert_eq!(map(1000).text(), "1000 1000 1");
            assert_eq!(map(u32::MAX).text(), "4294967295 4294967295 1");
        }

        #[test]
        fn trying_changes_nothing_here() {
            let here = || std::fs::read_link("/proc/self/ns/net").unwrap();
            let before = here();
            possible();
            assert_eq!(before, here());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    /// Never: there are no namespaces.
    pub fn possible() -> bool {
        false
    }
}
