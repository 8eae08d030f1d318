//! Who is silent for so long that somebody might think that it hangs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After this much silence a running target is mentioned, and every so often.
const SILENCE: Duration = Duration::from_secs(30);

/// Signs of life of a running target, by the clock that the caller uses.
struct Pulse {
    started: Duration,
    /// When it was last heard of, or mentioned.
    heard: Heard,
}

/// The moment of the last sign of life.
pub(super) type Heard = Arc<Mutex<Duration>>;

/// The running targets by their places.
#[derive(Default)]
pub(super) struct Silence(Mutex<BTreeMap<usize, Pulse>>);

impl Silence {
    /// A target starts; its output is to be noted in what is given.
    pub fn begin(&self, i: usize, now: Duration) -> Heard {
        let heard = Arc::new(Mutex::new(now));
        self.lock().insert(i, Pulse { started: now, heard: Arc::clone(&heard) });
        heard
    }

    /// It has ended.
    pub fn end(&self, i: usize) {
        self.lock().remove(&i);
    }

    /// Those who are to be mentioned now, each with the time that it has been running.
    pub fn due(&self, now: Duration) -> Vec<(usize, Duration)> {
        let mut due = Vec::new();
        for (i, pulse) in self.lock().iter() {
            let mut heard = pulse.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if now.saturating_sub(*heard) >= SILENCE {
                *heard = now;
                due.push((*i, now.saturating_sub(pulse.started)));
            }
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<usize, Pulse>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silent_are_mentioned_again_and_again_until_they_say_something() {
        let at = Duration::from_secs;
        let silence = Silence::default();
        let heard = silence.begin(7, at(100));
        assert!(silence.due(at(129)).is_empty());
        assert_eq!(silence.due(at(130)), [(7, at(30))]);
        assert!(silence.due(at(159)).is_empty());
        assert_eq!(silence.due(at(161)), [(7, at(61))]);
        *heard.lock().unwrap() = at(180);
        assert!(silence.due(at(209)).is_empty());
        silence.end(7);
        assert!(silence.due(at(1000)).is_empty());
    }
}
