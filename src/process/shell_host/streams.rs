//! The ends of pipes and files as stages hold them, and the threads that read what
//! programs print.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::Over;
use crate::process::{OutputSink, Stream};

/// The most that one `$(…)` may print.
const CAPTURE_LIMIT: usize = 16 << 20;
/// How long output is waited for after the last program has ended: something that was left
/// behind may hold the pipe open for ever.
pub(super) const DRAIN: Duration = Duration::from_secs(1);

/// Where a stage reads from.
pub(super) enum Source {
    Null,
    Inherit,
    File(File),
    Pipe(PipeReader),
    Bytes(io::Cursor<Arc<[u8]>>),
}

impl Source {
    /// For a child.
    pub fn into_stdio(self) -> io::Result<Stdio> {
        match self {
            Source::Inherit => Ok(Stdio::inherit()),
            other => other.into_fd().map(Stdio::from),
        }
    }

    /// For a program. Bytes come through a pipe that a thread fills.
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        Ok(match self {
            Source::Null => File::open(super::device("/dev/null"))?.into(),
            Source::Inherit => io::stdin().as_fd().try_clone_to_owned()?,
            Source::File(file) => file.into(),
            Source::Pipe(pipe) => pipe.into(),
            Source::Bytes(bytes) => {
                let (reader, mut writer) = io::pipe()?;
                // A program may leave its input unread: that is no error.
                thread::spawn(move || writer.write_all(bytes.get_ref()));
                reader.into()
            }
        })
    }

    /// For a verb.
    pub fn into_read(self) -> Box<dyn Read + Send> {
        match self {
            Source::Null => Box::new(io::empty()),
            Source::Inherit => Box::new(io::stdin()),
            Source::File(file) => Box::new(file),
            Source::Pipe(pipe) => Box::new(pipe),
            Source::Bytes(bytes) => Box::new(bytes),
        }
    }
}

/// Where a stage writes to.
pub(super) enum Target {
    Inherit(Stream),
    File(File),
    Pipe(PipeWriter),
}

impl Target {
    pub fn try_clone(&self) -> io::Result<Target> {
        Ok(match self {
            Target::Inherit(stream) => Target::Inherit(*stream),
            Target::File(file) => Target::File(file.try_clone()?),
            Target::Pipe(pipe) => Target::Pipe(pipe.try_clone()?),
        })
    }

    /// For a child; `place` is the descriptor that it becomes.
    pub fn into_stdio(self, place: Stream) -> io::Result<Stdio> {
        match self {
            Target::Inherit(stream) if stream == place => Ok(Stdio::inherit()),
            other => other.into_fd().map(Stdio::from),
        }
    }

    /// For a program.
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        Ok(match self {
            Target::Inherit(Stream::Stdout) => io::stdout().as_fd().try_clone_to_owned()?,
            Target::Inherit(Stream::Stderr) => io::stderr().as_fd().try_clone_to_owned()?,
            Target::File(file) => file.into(),
            Target::Pipe(pipe) => pipe.into(),
        })
    }

    /// For a verb.
    pub fn into_write(self) -> Box<dyn Write + Send> {
        match self {
            Target::Inherit(Stream::Stdout) => Box::new(io::stdout()),
            Target::Inherit(Stream::Stderr) => Box::new(io::stderr()),
            Target::File(file) => Box::new(file),
            Target::Pipe(pipe) => Box::new(pipe),
        }
    }
}

/// A pipe into the sink; the thread that empties it says when it is at its end.
pub(super) struct Tap {
    pub target: Target,
    done: Receiver<()>,
}

impl Tap {
    pub fn new(sink: Arc<Mutex<dyn OutputSink>>, stream: Stream, over: Over) -> io::Result<Tap> {
        let (reader, writer) = io::pipe()?;
        let (tell, done) = channel();
        thread::spawn(move || {
            read_all(reader, |bytes| {
                if !over.is_set() {
                    sink.lock().unwrap_or_else(PoisonError::into_inner).chunk(stream, bytes);
                }
            });
            finished(&tell);
        });
        Ok(Tap { target: Target::Pipe(writer), done })
    }

    /// Closes this side and waits for the rest of the output.
    pub fn drain(self) {
        drop(self.target);
        // Timed out: a process that was left behind still holds the pipe.
        let _ = self.done.recv_timeout(DRAIN);
    }
}

fn finished(tell: &Sender<()>) {
    // Nobody waits any more if the statement is over.
    let _ = tell.send(());
}

fn read_all(mut from: PipeReader, mut take: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => take(buffer.get(..read).unwrap_or(&[])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// What a `$(…)` prints.
pub(super) struct Capture {
    target: PipeWriter,
    kept: Arc<Mutex<(Vec<u8>, bool)>>,
    done: Receiver<()>,
}

impl Capture {
    pub fn new() -> io::Result<Capture> {
        let (reader, target) = io::pipe()?;
        let kept = Arc::new(Mutex::new((Vec::new(), false)));
        let (tell, done) = channel();
        let inner = Arc::clone(&kept);
        thread::spawn(move || {
            read_all(reader, |bytes| {
                let mut kept = inner.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.0.len() + bytes.len() > CAPTURE_LIMIT {
                    kept.1 = true;
                } else {
                    kept.0.extend_from_slice(bytes);
                }
            });
            finished(&tell);
        });
        Ok(Capture { target, kept, done })
    }

    pub fn target(&self) -> io::Result<Target> {
        Ok(Target::Pipe(self.target.try_clone()?))
    }

    pub fn finish(self) -> io::Result<Vec<u8>> {
        drop(self.target);
        // Timed out: a process that was left behind still holds the pipe.
        let _ = self.done.recv_timeout(DRAIN);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.1 {
            return Err(io::Error::other(format!("it is longer than {} MiB", CAPTURE_LIMIT >> 20)));
        }
        Ok(std::mem::take(&mut kept.0))
    }
}
