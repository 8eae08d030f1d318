//! A run over time as data: a row for each node that was tried, its attempts, their phases,
//! and how many attempts ran at once.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::axis::Axis;
use super::critical;
use crate::base::Id;
use crate::journal::{Attempt, RunState, StepRun};

/// The timeline of a run. All times are milliseconds of active time.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Gantt {
    /// The axis.
    pub axis: Axis,
    /// A row for each node that was dispatched, in order of the first dispatch.
    pub rows: Vec<Row>,
    /// Places in `rows`: the chain that decided how long the run took, in order.
    pub critical: Vec<usize>,
    /// Attempts at once, in equal parts of the axis.
    pub load: Vec<u32>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The node.
    pub id: Id,
    /// A verdict, or `running`.
    pub status: &'static str,
    /// It lies on the critical path.
    pub critical: bool,
    /// In order.
    pub bars: Vec<Bar>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// 1, 2 or 3.
    pub attempt: u32,
    /// Its dispatch.
    pub from: u64,
    /// Its verdict; without one the next attempt, or now.
    pub to: u64,
    /// A verdict, or `running`.
    pub status: &'static str,
    /// In order, none over another.
    pub phases: Vec<Phase>,
}

/// A part of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// Which.
    pub kind: PhaseKind,
    /// Its beginning.
    pub from: u64,
    /// Its end.
    pub to: u64,
}

/// What an attempt's time goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseKind {
    /// The worktree, and whatever the recipe does besides.
    Prepare,
    /// The agent.
    Agent,
    /// Capture and gates.
    Gates,
    /// done_when and invariants.
    Checks,
    /// Commit, rebase, tests after it, the branch.
    Landing,
}

impl PhaseKind {
    /// Every phase, in the recipe's order.
    pub const ALL: [PhaseKind; 5] =
        [PhaseKind::Prepare, PhaseKind::Agent, PhaseKind::Gates, PhaseKind::Checks, PhaseKind::Landing];

    /// The word; also the end of its class, `ph-<name>`.
    pub fn name(self) -> &'static str {
        match self {
            PhaseKind::Prepare => "prepare",
            PhaseKind::Agent => "agent",
            PhaseKind::Gates => "gates",
            PhaseKind::Checks => "checks",
            PhaseKind::Landing => "landing",
        }
    }

    /// The phase that a statement of the recipe belongs to.
    pub fn of(step: &StepRun) -> PhaseKind {
        match step.words.first().map(String::as_str) {
            Some("agent") => PhaseKind::Agent,
            Some("capture" | "gate") => PhaseKind::Gates,
            Some("check") => PhaseKind::Checks,
            Some("commit" | "land") => PhaseKind::Landing,
            _ => PhaseKind::Prepare,
        }
    }
}

/// Parts of the axis that [`Gantt::load`] has.
const PARTS: usize = 240;

impl Gantt {
    /// The timeline as the journal has it; what still runs reaches until `now`.
    pub fn of(state: &RunState, now: Option<&str>) -> Gantt {
        let axis = Axis::of(state, now);
        let end = now.filter(|_| state.finished.is_none()).unwrap_or(state.worked_until());
        let chain = critical::path(state);
        let on_chain: HashSet<usize> = chain.iter().map(|s| s.node).collect();
        let mut rows: Vec<(usize, Row)> = Vec::new();
        for (at, node) in state.nodes.iter().enumerate() {
            let bars: Vec<Bar> = node.spans(end).map(|(a, end)| bar(&axis, a, end)).collect();
            if bars.is_empty() {
                continue;
            }
            let critical = on_chain.contains(&at);
            rows.push((at, Row { id: node.id.clone(), status: node.progress.name(), critical, bars }));
        }
        rows.sort_by_key(|(at, r)| (r.bars.first().map(|b| b.from), *at));
        let place: HashMap<usize, usize> = rows.iter().enumerate().map(|(row, (at, _))| (*at, row)).collect();
        let critical = chain.iter().filter_map(|s| place.get(&s.node).copied()).collect();
        let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
        let load = load(&axis, &rows);
        Gantt { axis, rows, critical, load }
    }
}

fn bar(axis: &Axis, attempt: &Attempt, end: &str) -> Bar {
    let from = axis.at(&attempt.started_at);
    let to = axis.at(end).max(from);
    let mut done = from;
    let mut phases: Vec<Phase> = Vec::new();
    for step in &attempt.steps {
        let end = axis.at(&step.at).clamp(done, to);
        let begin = end.saturating_sub(step.duration_ms).max(done);
        done = end;
        let kind = PhaseKind::of(step);
        match phases.last_mut() {
            Some(last) if last.kind == kind => last.to = end,
            _ if end > begin => phases.push(Phase { kind, from: begin, to: end }),
            _ => {}
        }
    }
    let status = attempt.status.map_or("running", |s| s.name());
    Bar { attempt: attempt.number, from, to, status, phases }
}

/// Attempts at once: the most in each part of the axis.
fn load(axis: &Axis, rows: &[Row]) -> Vec<u32> {
    if rows.is_empty() || axis.total_ms == 0 {
        return Vec::new();
    }
    let part = |ms: u64| {
        let at = u128::from(ms) * PARTS as u128 / u128::from(axis.total_ms);
        usize::try_from(at).unwrap_or(PARTS).min(PARTS - 1)
    };
    // At one time an end comes before a beginning: one attempt after another is never two.
    let bars = rows.iter().flat_map(|r| &r.bars);
    let mut turns: Vec<(u64, bool)> = bars.flat_map(|b| [(b.from, true), (b.to, false)]).collect();
    turns.sort_unstable();
    let (mut load, mut now, mut at) = (vec![0_u32; PARTS], 0_u32, 0);
    for (time, begins) in turns {
        let here = part(time);
        // Parts without a turn have what the one before had at its end.
        load.iter_mut().take(here + 1).skip(at + 1).for_each(|l| *l = now);
        at = here;
        now = if begins { now + 1 } else { now.saturating_sub(1) };
        if let Some(most) = load.get_mut(here) {
            *most = (*most).max(now);
        }
    }
    load
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, NodeStatus};
    use crate::journal::replay;
    use crate::journal::sample::{Script, id};

    #[test]
    fn attempts_have_phases_in_order_and_a_retry_is_a_second_bar() {
        let mut s = Script::started();
        s.ready(&[("A", 0), ("B", 0)]);
        for attempt in [1, 2] {
            s.dispatch("A", attempt, u64::from(attempt)).wait(9);
            for (words, ms) in
                [(["agent", "run"], 8_000), (["gate", "loc"], 0), (["check", "done_when"], 900)]
            {
                let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
                let (node, text) = (id("A"), words.join(" "));
                s.push(Event::Step { node, attempt, text, words, exit_code: 0, duration_ms: ms });
            }
            s.judged("A", attempt, NodeStatus::Failed, "no");
        }
        let gantt = Gantt::of(&replay(&s.records), None);
        let [row] = gantt.rows.as_slice() else { panic!("{:?}", gantt.rows) };
        assert_eq!((row.status, row.critical, row.bars.len()), ("failed", true, 2));
        for bar in &row.bars {
            let kinds: Vec<PhaseKind> = bar.phases.iter().map(|p| p.kind).collect();
            assert_eq!(kinds, [PhaseKind::Agent, PhaseKind::Checks]);
            assert_eq!(bar.phases[0].to - bar.phases[0].from, 8_000);
            let mut edge = bar.from;
            for phase in &bar.phases {
                assert!(edge <= phase.from && phase.from < phase.to && phase.to <= bar.to, "{bar:?}");
                edge = phase.to;
            }
        }
        assert_eq!(gantt.load.iter().max(), Some(&1), "one attempt after another is never two");
        assert_eq!(gantt.critical, [0]);
    }
}
