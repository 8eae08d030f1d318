//! The way of a target's output to the reporter: secrets masked, in whole lines where that is
//! asked for.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::base::{MaskStream, Masker};
use crate::process::{OutputSink, Stream};

/// The longest line that is waited for.
const LINE_LIMIT: usize = 64 * 1024;

/// Takes pieces as they come. Sends nothing after [`finish`](Sink::finish).
pub(super) struct Sink {
    mask: MaskStream,
    by_line: bool,
    partial: Vec<u8>,
    to: Option<Sender<Vec<u8>>>,
}

impl Sink {
    pub fn new(masker: Arc<Masker>, by_line: bool, to: Sender<Vec<u8>>) -> Sink {
        Sink { mask: MaskStream::new(masker), by_line, partial: Vec::new(), to: Some(to) }
    }

    /// The rest, and the end.
    pub fn finish(&mut self) {
        let mut rest = std::mem::take(&mut self.partial);
        rest.extend(self.mask.finish());
        self.send(rest);
        self.to = None;
    }

    fn send(&self, bytes: Vec<u8>) {
        if let (Some(to), false) = (&self.to, bytes.is_empty()) {
            // Nobody listens any more once the target is over.
            let _ = to.send(bytes);
        }
    }
}

impl OutputSink for Sink {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        let shown = self.mask.feed(bytes);
        if !self.by_line {
            let shown = shown.into_owned();
            return self.send(shown);
        }
        self.partial.extend_from_slice(&shown);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(secrets: &[&str], by_line: bool, chunks: &[&str]) -> Vec<String> {
        let (tell, told) = std::sync::mpsc::channel();
        let masker = Masker::new(secrets.iter().map(|s| (String::new(), (*s).to_owned())));
        let mut sink = Sink::new(Arc::new(masker), by_line, tell);
        chunks.iter().for_each(|c| sink.chunk(Stream::Stdout, c.as_bytes()));
        sink.finish();
        told.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }

    #[test]
    fn a_secret_is_masked_even_where_a_chunk_cuts_it() {
        let cut = ["a hunter2", "hunter2 b\nc"];
        assert_eq!(sent(&["hunter2hunter2"], false, &cut), ["a ", "*** b\nc"]);
        assert_eq!(sent(&["hunter2hunter2"], true, &cut), ["a *** b\n", "c"]);
    }

    #[test]
    fn without_secrets_output_passes_as_it_comes() {
        assert_eq!(sent(&[], false, &["a", "b\nc"]), ["a", "b\nc"]);
        assert_eq!(sent(&[], true, &["a", "b\nc"]), ["ab\n", "c"]);
    }
}
