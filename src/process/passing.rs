//! Hands open files from the harness to the supervisor host over a Unix socket.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Control socket, standard input, output and error.
pub const FILES: usize = 4;

/// Sends one job's files. A message is a single byte, so it goes whole or not at all and
/// threads need no lock between them.
pub fn send(socket: BorrowedFd<'_>, files: [BorrowedFd<'_>; FILES]) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&files));
    loop {
        match sendmsg(socket, &[IoSlice::new(b"j")], &mut ancillary, SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => return Ok(()),
        }
    }
}

/// Receives one job's files, close-on-exec. `None` at the end of the socket.
pub fn receive(socket: BorrowedFd<'_>) -> Result<Option<[OwnedFd; FILES]>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received = recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags())?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut files = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            files.extend(passed);
        }
    }
    files.try_into().map(Some).map_err(|_| Errno::PROTO)
}

#[cfg(not(target_vendor = "apple"))]
fn flags() -> RecvFlags {
    RecvFlags::CMSG_CLOEXEC
}

/// Apple has no such flag; the leader's closing of everything above 2 covers it there.
#[cfg(target_vendor = "apple")]
fn flags() -> RecvFlags {
    RecvFlags::empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixStream;

    #[test]
    fn files_arrive_in_order_and_the_end_is_seen() {
        let (harness, host) = UnixStream::pair().unwrap();
        let (mut mine, theirs) = UnixStream::pair().unwrap();
        let null = std::fs::File::open("/dev/null").unwrap();
        send(harness.as_fd(), [theirs.as_fd(), null.as_fd(), null.as_fd(), null.as_fd()]).unwrap();
        drop((harness, theirs));
        let [first, ..] = receive(host.as_fd()).unwrap().unwrap();
        UnixStream::from(first).write_all(b"hello").unwrap();
        let mut text = String::new();
        mine.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        assert!(receive(host.as_fd()).unwrap().is_none());
    }
}
