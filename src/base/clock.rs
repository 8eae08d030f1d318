//! Time as a dependency: the real clock and a fixed one for tests.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Wall-clock time, UTC.
    fn now(&self) -> Timestamp;
    /// A monotonic reading for durations and deadlines.
    fn instant(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn instant(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct FixedClock(Mutex<(Timestamp, Instant)>);

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> FixedClock {
        FixedClock(Mutex::new((now, Instant::now())))
    }

    /// Moves both readings forward.
    pub fn advance(&self, by: Duration) {
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.0 = held.0.checked_add(by).unwrap_or(held.0);
        held.1 += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).0
    }
    fn instant(&self) -> Instant {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).1
    }
}

/// RFC 3339 in UTC with milliseconds: the form of every time in an artifact.
pub fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
