//! A program's standard input, output and error: the ends that it is given, and those that
//! stay here.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::job::Input;

/// Standard input, output and error of a program.
pub type Stdio = [OwnedFd; 3];

/// This side of a program's standard input, output and error.
#[derive(Default)]
pub struct Ours {
    pub feed: Option<Feed>,
    pub stdout: Option<Receiver>,
    pub stderr: Option<Receiver>,
}

impl Ours {
    /// Pipes for the output, and what the job says for the input.
    pub fn connect(given: &Input) -> io::Result<(Stdio, Ours)> {
        let (input, feed) = input(given)?;
        let (stdout, output) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, error) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stdout, stderr) = (Receiver::from_owned_fd(stdout)?, Receiver::from_owned_fd(stderr)?);
        Ok(([input, output, error], Ours { feed, stdout: Some(stdout), stderr: Some(stderr) }))
    }
}

/// Bytes on their way to the program.
pub struct Feed {
    pub pipe: Sender,
    pub bytes: Arc<[u8]>,
    pub sent: usize,
}

fn input(input: &Input) -> io::Result<(OwnedFd, Option<Feed>)> {
    match input {
        Input::Null => Ok((OwnedFd::from(std::fs::File::open("/dev/null")?), None)),
        Input::Inherit => Ok((io::stdin().as_fd().try_clone_to_owned()?, None)),
        Input::Bytes(bytes) => {
            let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
            let feed = Feed { pipe: Sender::from_owned_fd(ours)?, bytes: Arc::clone(bytes), sent: 0 };
            Ok((theirs, (!bytes.is_empty()).then_some(feed)))
        }
    }
}
