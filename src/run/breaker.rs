//! The run-wide breaker for rate limits: when no agent may start, for how long, and who
//! tries first. Pure: the time comes in, nothing waits here.

use std::time::Duration;

use jiff::Timestamp;

use crate::agent::Transient;

/// The first pause where nobody said how long to wait.
pub const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest such pause.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// How much jitter adds at most: to a guessed pause a quarter of it, to a known reset
/// this, so that several runs on one account don't come back in the same instant.
const RESET_JITTER: Duration = Duration::from_secs(5);

/// How long the fleet stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// No agent starts before this.
    pub until: Timestamp,
    /// The same from now on.
    pub wait: Duration,
    /// The service named the time; else it is the doubling guess.
    pub known: bool,
}

/// May an agent start?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// Yes.
    Ready,
    /// Not before this.
    Wait(Timestamp),
    /// Yes, this one alone, to find out: tell how it went with `probe: true`.
    Probe,
    /// No: a probe is out. Ask again once it has ended.
    Probing,
}

/// What was learned from a probe or another invocation decides the next state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Timestamp },
    Probing,
}

/// The breaker of one run.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    /// Pauses guessed in a row.
    guesses: u32,
    random: u64,
    run_ends: Option<Timestamp>,
}

impl Breaker {
    /// A closed breaker. `seed` decides the jitter; `run_ends` is when the run's timeout
    /// strikes (a reset beyond it is not waited for).
    pub fn new(seed: u64, run_ends: Option<Timestamp>) -> Breaker {
        Breaker { state: State::Closed, guesses: 0, random: seed, run_ends }
    }

    /// A rate limit or an overload was met. `probe`: by the invocation that
    /// [`Ready::Probe`] let go. Invocations that were under way when the fleet was stopped
    /// meet the same limit: they lengthen the pause if they know a later reset, and never
    /// double it.
    pub fn on_limit(&mut self, now: Timestamp, transient: &Transient, probe: bool) -> Pause {
        let known = self.known_reset(now, transient);
        match self.state {
            State::Open { until } if until > now => self.lengthen(now, until, known),
            State::Probing if !probe => {
                // The probe will tell more than an invocation from before the pause.
                Pause { until: now, wait: Duration::ZERO, known: false }
            }
            _ => self.open(now, known),
        }
    }

    /// May an agent start now? [`Ready::Probe`] is given to one caller only.
    pub fn ready(&mut self, now: Timestamp) -> Ready {
        match self.state {
            State::Closed => Ready::Ready,
            State::Probing => Ready::Probing,
            State::Open { until } if until > now => Ready::Wait(until),
            State::Open { .. } => {
                self.state = State::Probing;
                Ready::Probe
            }
        }
    }

    /// An invocation ended without meeting a limit. If it was the probe, the fleet goes on;
    /// another one began before the pause and proves nothing.
    pub fn on_success(&mut self, probe: bool) {
        if probe || self.state == State::Closed {
            self.state = State::Closed;
            self.guesses = 0;
        }
    }

    /// The probe ended and told nothing about the limit (it was cancelled, or could not be
    /// started): the next one to ask is the probe.
    pub fn on_failure(&mut self, now: Timestamp, probe: bool) {
        if probe && self.state == State::Probing {
            self.state = State::Open { until: now };
        }
    }

    fn open(&mut self, now: Timestamp, known: Option<Timestamp>) -> Pause {
        let until = known.unwrap_or_else(|| {
            let pause = self.guess();
            later(now, pause)
        });
        self.state = State::Open { until };
        pause(now, until, known.is_some())
    }

    fn lengthen(&mut self, now: Timestamp, until: Timestamp, known: Option<Timestamp>) -> Pause {
        let later = known.filter(|reset| *reset > until);
        let until = later.unwrap_or(until);
        self.state = State::Open { until };
        pause(now, until, later.is_some())
    }

    /// When the service says that it can be asked again, if that lies ahead and within the
    /// run; with a little jitter.
    fn known_reset(&mut self, now: Timestamp, transient: &Transient) -> Option<Timestamp> {
        let reset = transient.reset_at.or_else(|| now.checked_add(transient.retry_after?).ok())?;
        let reset = later(reset, self.jitter(RESET_JITTER));
        (reset > now && self.run_ends.is_none_or(|end| reset < end)).then_some(reset)
    }

    /// 30 s, doubled for each guess in a row, plus up to a quarter, at most 15 min.
    fn guess(&mut self) -> Duration {
        let base = FIRST_PAUSE.saturating_mul(1 << self.guesses.min(16)).min(LONGEST_PAUSE);
        self.guesses = self.guesses.saturating_add(1);
        (base + self.jitter(base / 4)).min(LONGEST_PAUSE)
    }

    /// A span from nothing to `most`, in whole milliseconds (splitmix64).
    fn jitter(&mut self, most: Duration) -> Duration {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX - 1);
        Duration::from_millis(z % (most + 1))
    }
}

/// How often one invocation may be started again because of transient trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    used: u32,
    allowed: u32,
}

impl Retries {
    /// `allowed` is the agent's `retries`: attempts beyond the first.
    pub fn new(allowed: u32) -> Retries {
        Retries { used: 0, allowed }
    }

    /// Takes one. False if none is left: the agent counts as unavailable.
    #[must_use]
    pub fn take(&mut self) -> bool {
        let left = self.used < self.allowed;
        self.used += u32::from(left);
        left
    }

    /// How many were taken.
    pub fn used(&self) -> u32 {
        self.used
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn pause(now: Timestamp, until: Timestamp, known: bool) -> Pause {
    let wait = until.duration_since(now).try_into().unwrap_or(Duration::ZERO);
    Pause { until, wait, known }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn limit() -> Transient {
        Transient { reason: "429".into(), ..Transient::default() }
    }

    fn reset(seconds: i64) -> Transient {
        Transient { reset_at: Some(at(seconds)), ..limit() }
    }

    #[test]
    fn one_probe_reopens_the_fleet() {
        let mut breaker = Breaker::new(1, None);
        assert_eq!(breaker.ready(at(0)), Ready::Ready);
        let pause = breaker.on_limit(at(0), &limit(), false);
        assert!(!pause.known);
        assert!(pause.wait >= FIRST_PAUSE && pause.wait <= FIRST_PAUSE * 5 / 4, "{:?}", pause.wait);
        assert_eq!(breaker.ready(at(29)), Ready::Wait(pause.until));
        assert_eq!(breaker.ready(at(38)), Ready::Probe);
        assert_eq!(breaker.ready(at(38)), Ready::Probing);
        breaker.on_success(false);
        assert_eq!(breaker.ready(at(39)), Ready::Probing, "an earlier invocation proves nothing");
        breaker.on_success(true);
        assert_eq!(breaker.ready(at(39)), Ready::Ready);
    }

    #[test]
    fn a_known_reset_is_waited_for_if_the_run_lasts_that_long() {
        let mut breaker = Breaker::new(2, Some(at(3600)));
        let pause = breaker.on_limit(at(0), &reset(600), false);
        assert!(pause.known && pause.until >= at(600) && pause.until <= at(605));
        let mut short = Breaker::new(2, Some(at(300)));
        let pause = short.on_limit(at(0), &reset(600), false);
        assert!(!pause.known && pause.until < at(40), "else it is the guess");
        let mut past = Breaker::new(2, None);
        assert!(!past.on_limit(at(1000), &reset(10), false).known);
        let mut span = Breaker::new(2, None);
        let wait = Transient { retry_after: Some(Duration::from_secs(300)), ..limit() };
        let pause = span.on_limit(at(0), &wait, false);
        assert!(pause.known && pause.until >= at(300));
    }

    #[test]
    fn siblings_that_meet_the_same_limit_do_not_double_the_pause() {
        let mut breaker = Breaker::new(3, None);
        let first = breaker.on_limit(at(0), &limit(), false);
        let second = breaker.on_limit(at(1), &limit(), false);
        assert_eq!(second.until, first.until);
        let third = breaker.on_limit(at(2), &reset(120), false);
        assert!(third.until >= at(120) && third.known, "a later reset counts");
        assert!(breaker.on_limit(at(3), &reset(60), false).until >= at(120), "and is never shortened");
        assert_eq!(breaker.ready(at(200)), Ready::Probe);
        breaker.on_limit(at(201), &limit(), false);
        assert_eq!(breaker.ready(at(202)), Ready::Probing, "a straggler does not end the probe");
    }

    #[test]
    fn a_probe_that_tells_nothing_hands_on_its_turn() {
        let mut breaker = Breaker::new(4, None);
        let pause = breaker.on_limit(at(0), &limit(), false);
        assert_eq!(breaker.ready(pause.until), Ready::Probe);
        breaker.on_failure(pause.until, false);
        assert_eq!(breaker.ready(pause.until), Ready::Probing);
        breaker.on_failure(pause.until, true);
        assert_eq!(breaker.ready(pause.until), Ready::Probe);
    }

    #[test]
    fn retries_are_counted_beyond_the_first_attempt() {
        let mut retries = Retries::new(2);
        assert_eq!([retries.take(), retries.take(), retries.take()], [true, true, false]);
        assert_eq!(retries.used(), 2);
        assert!(!Retries::new(0).take());
    }

    proptest! {
        #[test]
        fn guessed_pauses_grow_to_the_cap_and_no_further(seed: u64, failures in 1..40_usize) {
            let mut breaker = Breaker::new(seed, None);
            let mut now = at(0);
            let mut last = Duration::ZERO;
            for round in 0..failures {
                let pause = breaker.on_limit(now, &limit(), round > 0);
                prop_assert!(pause.wait >= last && pause.wait <= LONGEST_PAUSE);
                prop_assert!(pause.wait >= FIRST_PAUSE);
                last = pause.wait;
                now = pause.until;
                prop_assert_eq!(breaker.ready(now), Ready::Probe);
            }
            prop_assert!(failures < 6 || last == LONGEST_PAUSE);
        }

        /// Any order of events: at most one probe is out, and nothing starts freely between
        /// a limit and the probe's success.
        #[test]
        fn never_two_probes(seed: u64, events in prop::collection::vec((0..6_u8, 0..2_000_i64), 0..80)) {
            let mut breaker = Breaker::new(seed, Some(at(40_000)));
            let (mut now, mut probe_out, mut limited) = (0, false, false);
            for (kind, step) in events {
                now += step;
                match kind {
                    0 | 1 => match breaker.ready(at(now)) {
                        Ready::Probe => {
                            prop_assert!(!probe_out && limited);
                            probe_out = true;
                        }
                        Ready::Ready => prop_assert!(!limited && !probe_out),
                        Ready::Wait(until) => prop_assert!(until > at(now) && limited && !probe_out),
                        Ready::Probing => prop_assert!(probe_out),
                    },
                    2 => {
                        breaker.on_limit(at(now), &limit(), false);
                        limited = true;
                    }
                    3 => {
                        let pause = breaker.on_limit(at(now), &reset(now + step * 7), probe_out);
                        prop_assert!(pause.until >= at(now));
                        (probe_out, limited) = (false, true);
                    }
                    4 => {
                        breaker.on_success(probe_out);
                        limited &= !probe_out;
                        probe_out = false;
                    }
                    _ => {
                        breaker.on_failure(at(now), probe_out);
                        probe_out = false;
                    }
                }
            }
        }
    }
}
