//! The page's stream: everything once, then only what changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::view::{LiveView, NodeView, RunView};
use super::watch::{Held, Mark, Watch};
use crate::base::{Clock, SystemClock};
use crate::serve::{Message, Source};

/// How often the time that is left is told anew while nothing else is.
const FORECAST: Duration = Duration::from_secs(5);

/// One reader's stream.
pub(super) struct Updates {
    watch: Arc<Watch>,
    /// What it has; `None`: nothing.
    sent: Option<Mark>,
    trouble: Option<String>,
    live: String,
    live_at: Option<Instant>,
}

/// `whole`: forget everything else. `changed`: these rows, by their places.
#[derive(Serialize)]
struct Rows<T> {
    run: RunView,
    nodes: T,
}

#[derive(Serialize)]
struct Live<'a> {
    left_ms: Option<u64>,
    #[serde(flatten)]
    live: &'a LiveView,
}

impl Updates {
    /// For a reader that had got as far as `last`, if it had.
    pub(super) fn new(watch: Arc<Watch>, last: Option<&str>) -> Updates {
        let sent = last.and_then(Mark::read);
        Updates { watch, sent, trouble: None, live: String::new(), live_at: None }
    }

    fn rows(&self, held: &Held, mark: &Mark) -> Option<Message> {
        let about = self.watch.about();
        let (run, state) = (RunView::of(held, about), &held.state);
        let view = |node| NodeView::of(node, state, about);
        let same = |sent: &&Mark| {
            (sent.run.as_str(), sent.plans) == (mark.run.as_str(), mark.plans) && sent.records <= mark.records
        };
        let message = match self.sent.as_ref().filter(same) {
            Some(sent) => {
                let places = held.changed_since(sent);
                let nodes: Vec<_> = places.filter_map(|p| Some((p, view(state.nodes.get(p)?)))).collect();
                Message::new("changed", serde_json::to_string(&Rows { run, nodes }).ok()?)
            }
            None => {
                let nodes: Vec<_> = state.nodes.iter().map(view).collect();
                Message::new("whole", serde_json::to_string(&Rows { run, nodes }).ok()?)
            }
        };
        Some(message.with_id(mark.text()))
    }

    fn live(&mut self, held: &Held) -> Option<Message> {
        let now = SystemClock.now().as_millisecond();
        let live = LiveView::of(held, now);
        let text = serde_json::to_string(&live).ok()?;
        let due = self.live_at.is_none_or(|at| at.elapsed() >= FORECAST) && held.working;
        if text == self.live && !due {
            return None;
        }
        (self.live, self.live_at) = (text, Some(Instant::now()));
        let left_ms = held.board.left_ms(now).filter(|_| held.working);
        Some(Message::new("live", serde_json::to_string(&Live { left_ms, live: &live }).ok()?))
    }
}

impl Source for Updates {
    fn news(&mut self) -> Vec<Message> {
        let watch = Arc::clone(&self.watch);
        let held = watch.look();
        let mark = held.mark();
        let mut news = Vec::new();
        if self.sent.as_ref() != Some(&mark) || self.trouble != held.trouble {
            news.extend(self.rows(&held, &mark));
            self.sent = Some(mark);
            self.trouble.clone_from(&held.trouble);
        }
        news.extend(self.live(&held));
        news
    }
}
