//! SIGCHLD as something that can be polled, for the two single-threaded processes (host and
//! supervisor): the handler writes a byte into a pipe.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::pipe::{PipeFlags, pipe_with};

/// Where the handler writes: the process's newest bell.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// Readable when a child has ended since the last [`Bell::silence`].
#[derive(Debug)]
pub struct Bell {
    read: OwnedFd,
    /// Kept open for the handler.
    _write: OwnedFd,
}

extern "C" fn ring(_: libc::c_int) {
    // SAFETY: write is async-signal-safe, the buffer is a constant, and the descriptor is
    // that of a bell that lives as long as its process (or -1, which write refuses). errno
    // is put back, because the interrupted code may be about to read it.
    #[allow(unsafe_code)]
    unsafe {
        let errno = errno_place();
        let kept = *errno;
        libc::write(WRITE_END.load(Ordering::Relaxed), b"c".as_ptr().cast(), 1);
        *errno = kept;
    }
}

#[cfg(any(target_os = "netbsd", target_os = "openbsd", target_os = "android"))]
use libc::__errno as errno_place;
#[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox"))]
use libc::__errno_location as errno_place;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use libc::__error as errno_place;

impl Bell {
    /// Hangs up the process's bell; a second one takes over from the first.
    ///
    /// # Errors
    /// No pipe can be had, or the handler can't be set.
    pub fn hang() -> io::Result<Bell> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        WRITE_END.store(write.as_raw_fd(), Ordering::Relaxed);
        // SAFETY: the struct is plain data for which zero is a valid value, and the handler
        // is async-signal-safe.
        #[allow(unsafe_code)]
        let set = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ring as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART | libc::SA_NOCLDSTOP;
            libc::sigaction(libc::SIGCHLD, &raw const action, std::ptr::null_mut())
        };
        if set == 0 { Ok(Bell { read, _write: write }) } else { Err(io::Error::last_os_error()) }
    }

    /// What to poll.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }

    /// Takes the rings so far; reap after this, not before.
    pub fn silence(&self) {
        let mut rings = [0; 64];
        while rustix::io::read(&self.read, &mut rings).is_ok_and(|n| n == rings.len()) {}
    }
}
