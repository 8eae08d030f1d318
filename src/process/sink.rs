//! Ready-made sinks: tails in memory, the whole output up to a bound, two sinks at once,
//! and a bounded log on disk.

use std::collections::VecDeque;

use super::job::{OutputSink, Stream};
use crate::files::BoundedLog;

/// Keeps the last bytes of each stream.
#[derive(Debug)]
pub struct Tails {
    limit: usize,
    stdout: VecDeque<u8>,
    stderr: VecDeque<u8>,
}

impl Tails {
    /// `limit` bytes of each stream.
    pub fn new(limit: usize) -> Tails {
        Tails { limit, stdout: VecDeque::new(), stderr: VecDeque::new() }
    }

    /// The end of standard output, beginning at a whole character.
    pub fn stdout(&self) -> String {
        text(&self.stdout, self.limit)
    }

    /// The end of standard error, beginning at a whole character.
    pub fn stderr(&self) -> String {
        text(&self.stderr, self.limit)
    }
}

/// A character that the cut has split is dropped; what is not UTF-8 is replaced, and the
/// replacement must not make it longer than the limit.
fn text(bytes: &VecDeque<u8>, limit: usize) -> String {
    let cut = bytes.len() == limit;
    let broken = bytes.iter().take(if cut { 3 } else { 0 }).take_while(|b| *b & 0xc0 == 0x80).count();
    let whole: Vec<u8> = bytes.iter().skip(broken).copied().collect();
    let text = String::from_utf8_lossy(&whole).into_owned();
    crate::base::text::tail(&text, limit).to_owned()
}

impl OutputSink for Tails {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let new = bytes.get(bytes.len().saturating_sub(self.limit)..).unwrap_or_default();
        kept.drain(..(kept.len() + new.len()).saturating_sub(self.limit));
        kept.extend(new);
    }
}

/// Keeps both streams from their beginning, up to a number of bytes each.
#[derive(Debug)]
pub struct Bounded {
    limit: usize,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// There was more than the limit of one of them.
    pub truncated: bool,
}

impl Bounded {
    /// At most `limit` bytes of each stream.
    pub fn new(limit: usize) -> Bounded {
        Bounded { limit, stdout: Vec::new(), stderr: Vec::new(), truncated: false }
    }
}

impl OutputSink for Bounded {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let room = self.limit.saturating_sub(kept.len()).min(bytes.len());
        self.truncated |= room < bytes.len();
        kept.extend(bytes.iter().take(room));
    }
}

/// Hands everything to two sinks.
pub struct Tee<'a>(pub &'a mut dyn OutputSink, pub &'a mut dyn OutputSink);

impl OutputSink for Tee<'_> {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        self.0.chunk(stream, bytes);
        self.1.chunk(stream, bytes);
    }
}

/// Both streams go into the log in the order in which they came. A disk that is full does
/// not stop the program: the log remembers the error and `finish` reports it.
impl OutputSink for BoundedLog {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        self.write(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_keep_the_end_of_each_stream_apart() {
        let mut tails = Tails::new(4);
        for piece in ["ab", "cdefg", "h"] {
            tails.chunk(Stream::Stdout, piece.as_bytes());
        }
        tails.chunk(Stream::Stderr, b"x");
        assert_eq!((tails.stdout().as_str(), tails.stderr().as_str()), ("efgh", "x"));
    }

    #[test]
    fn a_tail_begins_at_a_whole_character_and_stays_within_its_limit() {
        let mut tails = Tails::new(3);
        tails.chunk(Stream::Stdout, "aüb€".as_bytes());
        assert_eq!(tails.stdout(), "€");
        tails.chunk(Stream::Stdout, "aüb".as_bytes());
        assert_eq!(tails.stdout(), "üb");
        tails.chunk(Stream::Stdout, b"\xff\xff\xff");
        assert!(tails.stdout().len() <= 3);
    }

    #[test]
    fn what_exceeds_the_bound_is_counted_out_and_said() {
        let mut bounded = Bounded::new(3);
        bounded.chunk(Stream::Stdout, b"ab");
        assert!(!bounded.truncated);
        bounded.chunk(Stream::Stdout, b"cd");
        assert_eq!((bounded.stdout.as_slice(), bounded.truncated), (&b"abc"[..], true));
    }
}
