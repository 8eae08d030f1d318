//! A node's log as it grows: what its agent said, or every line as it stands there.

use std::sync::Arc;

use serde_json::json;

use super::watch::Watch;
use crate::agent::{self, Signal, Transcript};
use crate::base::Id;
use crate::process::Stream;
use crate::serve::{Message, Source, Tail};

/// The end of a log that is shown when one begins to look: raw, and through its reader.
const RAW: u64 = 64 * 1024;
const READ: u64 = 1024 * 1024;
/// A line that is longer is shown in pieces.
const LINE: usize = 16 * 1024;

/// Follows one log.
pub(super) struct Log {
    watch: Arc<Watch>,
    node: Id,
    /// `None`: the newest, whichever that is.
    attempt: Option<u32>,
    raw: bool,
    tail: Option<Tail>,
    transcript: Option<Box<dyn Transcript>>,
    /// The beginning of a line whose end is not there yet.
    rest: Vec<u8>,
    trouble: String,
}

impl Log {
    pub(super) fn new(watch: Arc<Watch>, node: Id, attempt: Option<u32>, raw: bool) -> Log {
        Log {
            watch,
            node,
            attempt,
            raw,
            tail: None,
            transcript: None,
            rest: Vec::new(),
            trouble: String::new(),
        }
    }

    /// The agent whose output it is: of that attempt, else as planned.
    fn agent(&self) -> Option<String> {
        let held = self.watch.look();
        let node = held.state.node(&self.node)?;
        let asked = self.attempt.unwrap_or_else(|| node.last_attempt().map_or(0, |a| a.number));
        let subject = Some(&self.node);
        let mut calls = held.state.calls.iter().rev();
        let call = calls.find(|c| c.subject.as_ref() == subject && c.attempt == asked && asked > 0);
        call.map(|c| c.agent.clone()).or_else(|| Some(node.planned.as_ref()?.agent.clone()))
    }

    fn path(&self) -> std::path::PathBuf {
        let dir = self.watch.about().root().join("runs").join(self.node.as_str());
        // While an attempt runs, its log has not got the attempt's own name yet.
        let own = self.attempt.map(|n| dir.join(format!("attempt-{n}/agent.log")));
        own.filter(|path| path.exists()).unwrap_or_else(|| dir.join("agent.log"))
    }

    /// Whole lines, and pieces of those that are too long.
    fn lines(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut all = std::mem::take(&mut self.rest);
        all.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut left = all.as_slice();
        loop {
            let end = left.iter().position(|b| *b == b'\n').map(|at| at + 1);
            let end = end.or_else(|| (left.len() > LINE).then_some(left.len()));
            let Some((line, rest)) = end.and_then(|end| left.split_at_checked(end)) else { break };
            lines.extend(self.line(line));
            left = rest;
        }
        self.rest = left.to_vec();
        lines
    }

    fn line(&mut self, line: &[u8]) -> Option<String> {
        let about = self.watch.about();
        let Some(transcript) = &mut self.transcript else {
            return Some(about.shown(String::from_utf8_lossy(line).trim_end_matches(['\n', '\r'])));
        };
        let said = transcript.feed(Stream::Stdout, line).into_iter().rev();
        let mut texts = said.filter_map(|signal| match signal {
            Signal::Message(text) => Some(text),
            Signal::RateLimit(trouble) => Some(format!("[limit: {}]", trouble.reason)),
            Signal::Usage(_) => None,
        });
        texts.next().map(|text| about.shown(&text))
    }

    fn begin_reading(&mut self) {
        self.rest.clear();
        let about = self.watch.about();
        let agent = if self.raw { None } else { self.agent() };
        self.transcript = agent.and_then(|name| about.agents.get(&name)).map(agent::transcript);
    }
}

impl Source for Log {
    fn news(&mut self) -> Vec<Message> {
        let path = self.path();
        let before = if self.raw { RAW } else { READ };
        if self.tail.as_ref().is_none_or(|tail| tail.path() != path) {
            self.tail = Some(Tail::new(path, before));
        }
        let Some(tail) = &mut self.tail else { return Vec::new() };
        let piece = match tail.look() {
            Ok(piece) => piece,
            Err(e) => {
                let text = e.to_string();
                if self.trouble == text {
                    return Vec::new();
                }
                self.trouble.clone_from(&text);
                return vec![Message::new("trouble", text)];
            }
        };
        if piece.anew {
            self.begin_reading();
        }
        let lines = self.lines(&piece.bytes);
        if lines.is_empty() && !piece.anew {
            return Vec::new();
        }
        let data = json!({ "anew": piece.anew, "skipped": piece.skipped, "lines": lines });
        vec![Message::new("lines", data.to_string())]
    }
}
