//! How long things usually take in this run, and from when on one of them is slow.

/// Kinds of work that are compared with their own kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// An agent.
    Agent,
    /// Everything else that an attempt does: its worktree, gates, checks, landing.
    Harness,
}

/// Nothing is slow before this.
const FLOOR_MS: u64 = 60_000;
/// What counts as slow while there is nothing to compare an agent with.
const AGENT_MS: u64 = 600_000;
/// Ends that it takes to say what is usual.
const ENOUGH: usize = 3;

/// What was measured so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    agents: Vec<u64>,
    harness: Vec<u64>,
    attempts_ms: u64,
    verified: u64,
}

impl Pace {
    /// A piece of work has ended after so many milliseconds.
    pub(super) fn ended(&mut self, work: Work, ms: u64) {
        let sorted = match work {
            Work::Agent => &mut self.agents,
            Work::Harness => &mut self.harness,
        };
        let at = sorted.partition_point(|other| *other < ms);
        sorted.insert(at, ms);
    }

    /// An attempt was judged.
    pub(super) fn judged(&mut self, ms: u64, verified: bool) {
        self.attempts_ms = self.attempts_ms.saturating_add(ms);
        self.verified += u64::from(verified);
    }

    /// The median, once there are enough to speak of one.
    pub(super) fn usual(&self, work: Work) -> Option<u64> {
        let sorted = match work {
            Work::Agent => &self.agents,
            Work::Harness => &self.harness,
        };
        if sorted.len() < ENOUGH { None } else { sorted.get(sorted.len() / 2).copied() }
    }

    /// Slow is more than twice the usual, and never less than a minute.
    pub(super) fn slow_after(&self, work: Work) -> u64 {
        let unknown = if work == Work::Agent { AGENT_MS } else { FLOOR_MS };
        self.usual(work).map_or(unknown, |ms| ms.saturating_mul(2).max(FLOOR_MS))
    }

    /// What a verified node costs in time, its failed attempts included.
    pub(super) fn node_ms(&self) -> Option<u64> {
        self.attempts_ms.checked_div(self.verified)
    }
}

/// `0:07`, `12:34`, `1:02:03`.
pub fn clock(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
