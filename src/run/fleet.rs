//! The breaker that a rate limit trips, shared by every worker: the fleet slows down as
//! one, and one probe opens it again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::agent::Transient;
use crate::base::Clock;
use crate::process::Cancel;
use crate::run::breaker::{Breaker, Pause, Ready};

/// How often a waiting worker looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(100);

/// May an agent be started?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Yes; `probe` says that it is the one that finds out whether the limit is over.
    Go {
        /// To be handed back with the outcome.
        probe: bool,
    },
    /// The run is being ended.
    Cancelled,
}

/// The run's breaker with the clock it goes by.
pub struct Fleet {
    breaker: Mutex<Breaker>,
    changed: Condvar,
    clock: Arc<dyn Clock>,
}

impl Fleet {
    /// All lights green. `until` is when the run's time is up: no known reset past it is
    /// waited for.
    pub fn new(clock: Arc<dyn Clock>, until: Option<Timestamp>, seed: u64) -> Fleet {
        Fleet { breaker: Mutex::new(Breaker::new(seed, until)), changed: Condvar::new(), clock }
    }

    /// Waits until an agent may be started.
    pub fn admit(&self, cancel: &Cancel) -> Admission {
        let mut breaker = self.lock();
        loop {
            if cancel.requested() {
                return Admission::Cancelled;
            }
            match breaker.ready(self.clock.now()) {
                Ready::Ready => return Admission::Go { probe: false },
                Ready::Probe => return Admission::Go { probe: true },
                Ready::Wait(_) | Ready::Probing => {
                    let waited = self.changed.wait_timeout(breaker, LOOK);
                    breaker = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    /// An agent met a limit; says how long the fleet pauses.
    pub fn limited(&self, trouble: &Transient, probe: bool) -> Pause {
        let pause = self.lock().on_limit(self.clock.now(), trouble, probe);
        self.changed.notify_all();
        pause
    }

    /// An agent got through.
    pub fn succeeded(&self, probe: bool) {
        self.lock().on_success(probe);
        self.changed.notify_all();
    }

    /// An agent ended without telling anything about the limit.
    pub fn told_nothing(&self, probe: bool) {
        self.lock().on_failure(self.clock.now(), probe);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
