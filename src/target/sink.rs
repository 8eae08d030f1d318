//! The way of a target's output to the reporter: secrets masked, in whole lines where that is
//! asked for or where a secret could be cut in two.

use std::sync::mpsc::Sender;

use crate::process::{OutputSink, Stream};

/// The longest line that is waited for.
const LINE_LIMIT: usize = 64 * 1024;
/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// Takes pieces as they come. Sends nothing after [`finish`](Sink::finish).
pub(super) struct Sink {
    secrets: Vec<Vec<u8>>,
    by_line: bool,
    partial: Vec<u8>,
    to: Option<Sender<Vec<u8>>>,
}

impl Sink {
    pub fn new(secrets: Vec<String>, by_line: bool, to: Sender<Vec<u8>>) -> Sink {
        let secrets: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
        Sink { by_line: by_line || !secrets.is_empty(), secrets, partial: Vec::new(), to: Some(to) }
    }

    /// The rest, and the end.
    pub fn finish(&mut self) {
        let rest = std::mem::take(&mut self.partial);
        self.send(rest);
        self.to = None;
    }

    fn send(&self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let masked = self.secrets.iter().fold(bytes, |bytes, secret| replaced(bytes, secret));
        if let Some(to) = &self.to {
            // Nobody listens any more once the target is over.
            let _ = to.send(masked);
        }
    }
}

impl OutputSink for Sink {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        if !self.by_line {
            return self.send(bytes.to_vec());
        }
        self.partial.extend_from_slice(bytes);
        let whole = match self.partial.iter().rposition(|b| *b == b'\n') {
            Some(end) => end + 1,
            None if self.partial.len() > LINE_LIMIT => self.partial.len(),
            None => return,
        };
        let rest = self.partial.split_off(whole);
        let lines = std::mem::replace(&mut self.partial, rest);
        self.send(lines);
    }
}

fn replaced(bytes: Vec<u8>, secret: &[u8]) -> Vec<u8> {
    let found = |rest: &[u8]| rest.windows(secret.len().max(1)).position(|w| w == secret);
    if found(&bytes).is_none() {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some(at) = found(rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(MASK);
        rest = rest.get(at + secret.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(secrets: &[&str], by_line: bool, chunks: &[&str]) -> Vec<String> {
        let (tell, told) = std::sync::mpsc::channel();
        let mut sink = Sink::new(secrets.iter().map(|s| (*s).to_owned()).collect(), by_line, tell);
        chunks.iter().for_each(|c| sink.chunk(Stream::Stdout, c.as_bytes()));
        sink.finish();
        told.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }

    #[test]
    fn a_secret_is_masked_even_where_a_chunk_cuts_it() {
        assert_eq!(sent(&["hunter2hunter2"], false, &["a hunter2", "hunter2 b\nc"]), ["a *** b\n", "c"]);
    }

    #[test]
    fn without_secrets_output_passes_as_it_comes() {
        assert_eq!(sent(&[], false, &["a", "b\nc"]), ["a", "b\nc"]);
        assert_eq!(sent(&[], true, &["a", "b\nc"]), ["ab\n", "c"]);
    }
}
