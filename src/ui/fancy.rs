//! A line for each running node and a bar for the whole, on a terminal.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line::{describe, paint};
use crate::base::Id;
use crate::base::text::neutral;
use crate::event::{CheckPhase, Event, Record, Sink};

/// The moving screen.
pub struct Fancy {
    color: bool,
    width: usize,
    held: Mutex<Held>,
}

struct Held {
    screen: MultiProgress,
    total: Option<ProgressBar>,
    running: BTreeMap<Id, ProgressBar>,
}

impl Fancy {
    /// For a terminal of `width` columns.
    pub fn new(color: bool, width: usize) -> Fancy {
        let held = Held { screen: MultiProgress::new(), total: None, running: BTreeMap::new() };
        Fancy { color, width, held: Mutex::new(held) }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Held) -> T) -> T {
        f(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn begin(&mut self, nodes: usize) {
        let bar = self.screen.add(ProgressBar::new(nodes as u64));
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos}/{len} nodes  {elapsed} elapsed, about {eta} left")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        self.total = Some(bar);
    }

    fn add(&mut self, node: &Id) {
        let bar = ProgressBar::new_spinner();
        let bar = match &self.total {
            Some(total) => self.screen.insert_before(total, bar),
            None => self.screen.add(bar),
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(node.to_string());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.running.insert(node.clone(), bar);
    }

    fn phase(&self, node: &Id, text: &str) {
        if let Some(bar) = self.running.get(node) {
            bar.set_message(text.to_owned());
        }
    }

    fn remove(&mut self, node: &Id) {
        if let Some(bar) = self.running.remove(node) {
            bar.finish_and_clear();
        }
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::Planned { nodes, .. } => self.begin(nodes.len()),
            Event::Dispatched { node, .. } => self.add(node),
            Event::AgentStarted { subject: Some(node), agent, .. } => {
                self.phase(node, &format!("agent {agent}"))
            }
            Event::Captured { node, diff, .. } => self.phase(node, &format!("captured {} lines", diff.loc)),
            Event::Check { node, phase, record, .. } => {
                let what = if *phase == CheckPhase::Retest { "retest" } else { "check" };
                self.phase(node, &format!("{what} {}", neutral(&record.command)));
            }
            Event::Landing { node, .. } => self.phase(node, "landing"),
            Event::NodeFinished { node, status, .. } => {
                self.remove(node);
                if *status == crate::event::NodeStatus::Verified
                    && let Some(total) = &self.total
                {
                    total.inc(1);
                }
            }
            Event::RunFinished { .. } => {
                if let Some(total) = self.total.take() {
                    total.finish_and_clear();
                }
            }
            _ => {}
        }
    }
}

impl Sink for Fancy {
    fn record(&self, record: &Record) {
        self.with(|held| {
            held.follow(&record.event);
            if let Some((tone, text)) = describe(&record.event) {
                // The screen may be gone; the journal has it all.
                let _ = held.screen.println(paint(tone, &text, self.color));
            }
        });
    }

    fn live(&self, subject: Option<&Id>, text: &str) {
        let Some(node) = subject else { return };
        let line = neutral(text).replace('\n', " ");
        self.with(|held| held.phase(node, crate::base::text::head(&line, self.width)));
    }
}
