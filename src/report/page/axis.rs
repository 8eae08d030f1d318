//! A run's active time as one axis: what lies between two processes that worked on it takes no
//! room. All places are milliseconds from the axis' beginning.

use serde::Serialize;

use crate::journal::RunState;

/// The axis of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Axis {
    /// How long the run was worked on.
    pub total_ms: u64,
    /// Where a later process took it up.
    pub resumed_at: Vec<u64>,
    #[serde(skip)]
    spans: Vec<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Span {
    from: i64,
    to: i64,
    at: u64,
}

impl Axis {
    /// The axis of a run; one that still goes on reaches until `now`.
    pub fn of(state: &RunState, now: Option<&str>) -> Axis {
        let mut axis = Axis::default();
        let last = state.lifetimes.len().saturating_sub(1);
        for (nth, lifetime) in state.lifetimes.iter().enumerate() {
            let to = now.filter(|_| nth == last && state.finished.is_none()).unwrap_or(&lifetime.to);
            let (Some(from), Some(to)) = (millis(&lifetime.from), millis(to)) else { continue };
            if nth > 0 {
                axis.resumed_at.push(axis.total_ms);
            }
            axis.spans.push(Span { from, to: to.max(from), at: axis.total_ms });
            axis.total_ms += to.max(from).abs_diff(from);
        }
        axis
    }

    /// Where a time lies. What is outside of every process's part lies at the nearest edge before it.
    pub fn at(&self, time: &str) -> u64 {
        let Some(time) = millis(time) else { return 0 };
        let later = self.spans.partition_point(|s| s.from <= time);
        match later.checked_sub(1).and_then(|i| self.spans.get(i)) {
            Some(span) => span.at + time.min(span.to).abs_diff(span.from),
            None => 0,
        }
    }

    /// Marks at even distances: about `wanted` of them, each at a whole number of a unit people use.
    pub fn ticks(&self, wanted: u64) -> Vec<u64> {
        const STEPS: [u64; 24] = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000,
            300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
        ];
        let least = self.total_ms / wanted.max(1);
        let step = STEPS.into_iter().find(|s| *s > least).unwrap_or(least.max(1));
        (0..=self.total_ms / step).map(|n| n * step).collect()
    }
}

fn millis(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Termination;
    use crate::journal::replay;
    use crate::journal::sample::Script;

    #[test]
    fn a_pause_of_days_takes_no_room() {
        let mut s = Script::started();
        s.wait(9).finished(Termination::Interrupted, 130, "x");
        s.wait(86_400).resumed().wait(4).finished(Termination::AllDone, 0, "done");
        let state = replay(&s.records);
        let axis = Axis::of(&state, Some("2030-01-01T00:00:00Z"));
        assert_eq!((axis.total_ms, axis.resumed_at.clone()), (15_000, vec![10_000]));
        assert_eq!(axis.at("2026-01-02T03:04:06Z"), 1_000);
        assert_eq!(axis.at("2026-01-02T12:00:00Z"), 10_000, "between the two");
        assert_eq!(axis.at("2025-01-01T00:00:00Z"), 0);
        assert_eq!(axis.at("2031-01-01T00:00:00Z"), 15_000);
        assert_eq!(axis.ticks(4), [0, 5_000, 10_000, 15_000]);
    }

    #[test]
    fn a_run_that_goes_on_reaches_until_now() {
        let s = Script::started();
        let axis = Axis::of(&replay(&s.records), Some("2026-01-02T03:05:05Z"));
        assert_eq!(axis.total_ms, 60_000);
        assert_eq!(Axis::of(&RunState::default(), None).ticks(8), [0]);
    }
}
