//! When a running program is overdue: pure arithmetic over instants.

use std::time::{Duration, Instant};

use super::job::{Deadline, Limits};

/// The clock of one running program.
#[derive(Debug)]
pub struct Deadlines {
    wall: Option<Instant>,
    first_output: Option<Instant>,
    stall: Option<Duration>,
    /// What the next silence is counted from.
    heard: Option<Instant>,
}

impl Deadlines {
    /// Starts counting. Silence before the first output counts as a stall only where no
    /// deadline of its own is set for the first output.
    pub fn new(limits: &Limits, started: Instant) -> Deadlines {
        let first_output = limits.first_output.and_then(|limit| started.checked_add(limit));
        Deadlines {
            wall: limits.timeout.and_then(|limit| started.checked_add(limit)),
            first_output,
            stall: limits.stall,
            heard: first_output.is_none().then_some(started),
        }
    }

    /// Output came.
    pub fn output(&mut self, now: Instant) {
        self.first_output = None;
        self.heard = Some(now);
    }

    /// The harness itself stood still for that long, so nobody is to blame for the time.
    pub fn pause(&mut self, time: Duration) {
        for instant in [&mut self.wall, &mut self.first_output, &mut self.heard].into_iter().flatten() {
            *instant += time;
        }
    }

    /// The nearest deadline.
    pub fn next(&self) -> Option<(Instant, Deadline)> {
        let stall = self.heard.zip(self.stall).and_then(|(heard, limit)| heard.checked_add(limit));
        let all = [
            (self.wall, Deadline::Wall),
            (self.first_output, Deadline::FirstOutput),
            (stall, Deadline::Stall),
        ];
        all.into_iter().filter_map(|(at, which)| Some((at?, which))).min_by_key(|(at, _)| *at)
    }

    /// The deadline that has passed, if one has.
    pub fn passed(&self, now: Instant) -> Option<Deadline> {
        self.next().filter(|(at, _)| *at <= now).map(|(_, which)| which)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn limits(timeout: u32, first: u32, stall: u32) -> Limits {
        let limit = |n: u32| (n > 0).then_some(S * n);
        Limits { timeout: limit(timeout), first_output: limit(first), stall: limit(stall), grace: S }
    }

    #[test]
    fn the_nearest_deadline_wins_and_output_moves_the_stall() {
        let t = Instant::now();
        let mut clock = Deadlines::new(&limits(100, 10, 30), t);
        assert_eq!(clock.passed(t + S * 9), None);
        assert_eq!(clock.passed(t + S * 10), Some(Deadline::FirstOutput));
        clock.output(t + S * 5);
        assert_eq!(clock.next(), Some((t + S * 35, Deadline::Stall)));
        clock.output(t + S * 80);
        assert_eq!(clock.next(), Some((t + S * 100, Deadline::Wall)));
    }

    #[test]
    fn silence_from_the_start_is_a_stall_only_without_a_first_output_deadline() {
        let t = Instant::now();
        assert_eq!(Deadlines::new(&limits(0, 0, 30), t).next(), Some((t + S * 30, Deadline::Stall)));
        assert_eq!(Deadlines::new(&limits(0, 60, 30), t).next(), Some((t + S * 60, Deadline::FirstOutput)));
        assert_eq!(Deadlines::new(&limits(0, 0, 0), t).next(), None);
    }

    #[test]
    fn a_pause_moves_everything() {
        let t = Instant::now();
        let mut clock = Deadlines::new(&limits(10, 5, 0), t);
        clock.pause(S * 3);
        assert_eq!(clock.passed(t + S * 7), None);
        assert_eq!(clock.passed(t + S * 8), Some(Deadline::FirstOutput));
        clock.output(t + S * 8);
        assert_eq!(clock.passed(t + S * 13), Some(Deadline::Wall));
    }

    #[test]
    fn a_limit_past_the_end_of_time_is_no_limit() {
        let endless = Limits { timeout: Some(Duration::MAX), ..limits(0, 0, 0) };
        assert_eq!(Deadlines::new(&endless, Instant::now()).next(), None);
    }
}
