//! What the agents that are at work said last: the journal does not know, their logs do.

use std::collections::BTreeMap;
use std::path::Path;

use super::About;
use crate::agent::{self, Signal, Transcript};
use crate::base::Id;
use crate::event::Metrics;
use crate::process::Stream;
use crate::progress::Board;
use crate::serve::Tail;

/// A log up to this size is read from its beginning, so that its figures are whole.
const WHOLE: u64 = 4 * 1024 * 1024;
/// Of a longer one, this much of its end.
const END: u64 = 256 * 1024;
/// Pieces that are read in one go: a flood of output must not hold up the rest.
const PIECES: usize = 32;

/// An ear at each log that is being written.
#[derive(Default)]
pub(super) struct Ears(BTreeMap<Id, Ear>);

struct Ear {
    attempt: u32,
    tail: Tail,
    transcript: Option<Box<dyn Transcript>>,
    message: String,
    figures: Option<Metrics>,
    whole: bool,
}

impl Ears {
    /// Reads what is new and tells the board.
    pub(super) fn listen(&mut self, board: &mut Board, root: &Path, about: &About) {
        let at_work: Vec<(Id, u32, String)> = board
            .tasks()
            .filter(|(_, task)| task.attempt > 0)
            .filter_map(|(id, task)| Some((id.clone(), task.attempt, task.agent.clone()?)))
            .collect();
        let still = |id: &Id, ear: &Ear| at_work.iter().any(|(i, n, _)| i == id && *n == ear.attempt);
        self.0.retain(|id, ear| still(id, ear));
        for (id, attempt, agent) in at_work {
            let ear = self.0.entry(id.clone()).or_insert_with(|| Ear::at(&id, attempt, root));
            ear.listen(&agent, about);
            board.said(&id, &about.shown(&ear.message));
            if let Some(figures) = ear.figures.as_ref().filter(|_| ear.whole) {
                board.spending(&id, figures);
            }
        }
    }
}

impl Ear {
    fn at(id: &Id, attempt: u32, root: &Path) -> Ear {
        let path = root.join("runs").join(id.as_str()).join("agent.log");
        let long = std::fs::metadata(&path).is_ok_and(|meta| meta.len() > WHOLE);
        let tail = Tail::new(path, if long { END } else { WHOLE });
        Ear { attempt, tail, transcript: None, message: String::new(), figures: None, whole: true }
    }

    fn listen(&mut self, agent: &str, about: &About) {
        for _ in 0..PIECES {
            // A log that can't be read says nothing; the page of the log tells why.
            let Ok(piece) = self.tail.look() else { return };
            if piece.anew || self.transcript.is_none() {
                self.transcript = about.agents.get(agent).map(agent::transcript);
                self.whole = piece.skipped == 0;
            }
            if piece.bytes.is_empty() {
                return;
            }
            let Some(transcript) = &mut self.transcript else { return };
            for signal in transcript.feed(Stream::Stdout, &piece.bytes) {
                match signal {
                    Signal::Message(text) => self.message = text,
                    Signal::Usage(figures) => self.figures = Some(figures),
                    Signal::RateLimit(_) => {}
                }
            }
        }
    }
}
