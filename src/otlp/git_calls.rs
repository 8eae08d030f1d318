//! Git's calls as they end, taken from the process's tracing events: the journal does not hold
//! them. There is one subscriber in a process, so there is one collection.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

/// What is kept at most; a run of thousands of nodes makes more calls than anybody looks at.
const MOST: usize = 20_000;

/// One call of git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitCall {
    /// The subcommand.
    pub title: String,
    /// When it ended.
    pub end: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// Its exit code; `None` if a signal ended it or it was never started.
    pub code: Option<i64>,
}

static CALLS: Mutex<Vec<GitCall>> = Mutex::new(Vec::new());

fn calls() -> MutexGuard<'static, Vec<GitCall>> {
    CALLS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every call since the last time.
pub fn take() -> Vec<GitCall> {
    std::mem::take(&mut calls())
}

/// The part of a subscriber that collects.
pub fn layer<S: Subscriber + for<'s> LookupSpan<'s>>() -> impl Layer<S> {
    Collect.with_filter(OnlyGit)
}

struct Collect;

impl<S: Subscriber> Layer<S> for Collect {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut read = Read::default();
        event.record(&mut read);
        let mut held = calls();
        if let (Some(title), true) = (read.call, held.len() < MOST) {
            let took = Duration::from_micros(read.us);
            // The subcommand says what it was; paths and refs are many, and nobody's business.
            let title = title.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            held.push(GitCall { title, end: Timestamp::now(), took, code: read.code });
        }
    }
}

struct OnlyGit;

impl<S> Filter<S> for OnlyGit {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        meta.is_event() && meta.target().starts_with("auditrun::git")
    }
}

#[derive(Default)]
struct Read {
    call: Option<String>,
    us: u64,
    code: Option<i64>,
}

impl Visit for Read {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "call" {
            self.call = Some(value.to_owned());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "us" {
            self.us = value;
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == "code" {
            self.code = Some(value);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
