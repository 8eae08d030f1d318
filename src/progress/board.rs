//! The board: every node's standing, and what runs right now.

use std::collections::BTreeMap;

use super::pace::{Pace, Work};
use crate::base::Id;
use crate::config::Role;
use crate::event::{CheckPhase, Event, Metrics, NodeStatus, PlannedSummary, Record};

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// To be done.
    Pending,
    /// Under way.
    Running,
    /// Judged.
    Judged(NodeStatus),
}

/// Something that runs: a node's attempt, or an agent that was asked about something else.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Task {
    /// Which attempt; 0 for what is no node's.
    pub attempt: u32,
    /// What it is doing, in a few words.
    pub phase: String,
    /// The agent at work; `None` when it is the harness's turn.
    pub agent: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub since: i64,
    /// When its phase began.
    pub phase_since: i64,
    /// USD of this node so far, without what is under way; null if no agent said.
    pub spent_usd: Option<f64>,
    /// USD of the agent at work.
    pub spending_usd: Option<f64>,
    /// What the agent said last.
    pub message: String,
    /// Checks that have ended in this attempt.
    checks: usize,
}

impl Task {
    /// USD in all; null if no agent said.
    pub fn cost_usd(&self) -> Option<f64> {
        match (self.spent_usd, self.spending_usd) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        }
    }

    fn work(&self) -> Work {
        if self.agent.is_some() { Work::Agent } else { Work::Harness }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    tier: usize,
    digest: String,
    standing: Standing,
    spent_usd: Option<f64>,
}

/// A run as far as its records have come.
#[derive(Debug, Clone, Default)]
pub struct Board {
    nodes: BTreeMap<Id, Entry>,
    tasks: BTreeMap<Id, Task>,
    pace: Pace,
    /// The most that has run at once.
    peak: usize,
    /// When the newest lifetime began, in milliseconds since 1970.
    pub since: i64,
    /// USD of all agents that have ended; null if none said.
    pub cost_usd: Option<f64>,
    /// All wait until then, because an agent met a rate limit.
    pub paused_until: Option<i64>,
    /// Nothing more is dispatched.
    pub halting: bool,
    /// The run is over.
    pub finished: bool,
}

fn millis(at: &str) -> i64 {
    at.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond)
}

fn between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or(0)
}

fn plus(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

impl Board {
    /// What runs, in the order of ids.
    pub fn tasks(&self) -> impl Iterator<Item = (&Id, &Task)> {
        self.tasks.iter()
    }

    /// Nodes in all.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// No plan yet.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Nodes that stand there.
    pub fn count(&self, standing: Standing) -> usize {
        self.nodes.values().filter(|n| n.standing == standing).count()
    }

    /// The agent at work on `subject` said something.
    pub fn said(&mut self, subject: &Id, message: &str) {
        if let Some(task) = self.tasks.get_mut(subject) {
            task.message = message.to_owned();
        }
    }

    /// The agent at work on `subject` has used this much so far.
    pub fn spending(&mut self, subject: &Id, figures: &Metrics) {
        if let Some(task) = self.tasks.get_mut(subject).filter(|t| t.agent.is_some()) {
            task.spending_usd = figures.cost_usd;
        }
    }

    /// USD of everything, what is under way included; null if no agent said.
    pub fn total_usd(&self) -> Option<f64> {
        self.tasks.values().fold(self.cost_usd, |sum, task| plus(sum, task.spending_usd))
    }

    /// How long the phase of a task has taken beyond what is slow for its kind, if it has:
    /// more than twice the median of at least three that ended, and at least a minute; an
    /// agent that can't be compared yet is slow after ten minutes.
    pub fn slow_ms(&self, task: &Task, now: i64) -> Option<u64> {
        let limit = self.pace.slow_after(task.work());
        let taken = between(task.phase_since, now);
        (taken >= limit && !self.is_paused(now)).then(|| taken - limit)
    }

    /// What its kind usually takes in this run.
    pub fn usual_ms(&self, task: &Task) -> Option<u64> {
        self.pace.usual(task.work())
    }

    /// Everybody waits for a rate limit to pass.
    pub fn is_paused(&self, now: i64) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }

    /// About how long the rest will take, in milliseconds: each tier by itself, since the next
    /// one waits for it, as many nodes at once as there have been so far, each as long as a
    /// verified one took on average. `None` before the first is verified.
    pub fn left_ms(&self, now: i64) -> Option<u64> {
        let each = self.pace.node_ms()?;
        if self.finished || self.halting {
            return None;
        }
        let mut tiers: BTreeMap<usize, (u64, u64, u64)> = BTreeMap::new();
        for (id, node) in &self.nodes {
            let left = match (node.standing, self.tasks.get(id)) {
                (Standing::Judged(_), _) => continue,
                (Standing::Running, Some(task)) => rest(each, between(task.since, now)),
                _ => each,
            };
            let (work, count, longest) = tiers.entry(node.tier).or_default();
            (*work, *count, *longest) = (work.saturating_add(left), *count + 1, left.max(*longest));
        }
        let lanes = u64::try_from(self.peak).unwrap_or(1).max(1);
        let pause = self.paused_until.map_or(0, |until| between(now, until));
        let time = |(work, count, longest): (u64, u64, u64)| (work / lanes.min(count.max(1))).max(longest);
        Some(tiers.into_values().map(time).fold(pause, u64::saturating_add))
    }

    /// Takes the next record in.
    pub fn follow(&mut self, record: &Record) {
        let at = millis(&record.at);
        match &record.event {
            Event::RunStarted { .. } => *self = Board { since: at, ..Board::default() },
            Event::RunResumed { .. } => self.resume(at),
            Event::Planned { nodes, .. } => self.plan(nodes),
            Event::RateLimited { pause_ms, .. } => {
                let until = at.saturating_add(i64::try_from(*pause_ms).unwrap_or(i64::MAX));
                self.paused_until = self.paused_until.max(Some(until));
            }
            Event::Halting { .. } => self.halting = true,
            Event::RunFinished { .. } => {
                self.finished = true;
                self.tasks.clear();
            }
            Event::AgentStarted { role, subject, attempt, agent } => {
                let Some(subject) = subject else { return };
                self.agent(subject, *role, *attempt, agent, at);
            }
            Event::AgentFinished { subject, record, .. } => {
                self.cost_usd = plus(self.cost_usd, record.metrics.cost_usd);
                if let Some(subject) = subject {
                    self.agent_ended(subject, record.metrics.cost_usd, at);
                }
            }
            event => self.node_event(event, at),
        }
    }

    fn resume(&mut self, at: i64) {
        self.tasks.clear();
        (self.since, self.halting, self.finished, self.paused_until) = (at, false, false, None);
        for node in self.nodes.values_mut() {
            let undone = Standing::Judged(NodeStatus::Blocked);
            let ended = Standing::Judged(NodeStatus::Cancelled);
            if [Standing::Running, undone, ended].contains(&node.standing) {
                node.standing = Standing::Pending;
            }
        }
    }

    fn plan(&mut self, planned: &[PlannedSummary]) {
        let mut before = std::mem::take(&mut self.nodes);
        for node in planned {
            let kept = before.remove(&node.id).filter(|old| old.digest == node.digest);
            let fresh = |tier| Entry {
                tier,
                digest: node.digest.clone(),
                standing: Standing::Pending,
                spent_usd: None,
            };
            let entry = kept.map_or_else(|| fresh(node.tier), |old| Entry { tier: node.tier, ..old });
            self.nodes.insert(node.id.clone(), entry);
        }
    }

    fn agent(&mut self, subject: &Id, role: Role, attempt: u32, agent: &str, at: i64) {
        let task = self.tasks.entry(subject.clone()).or_insert_with(|| Task { since: at, ..Task::default() });
        let what = if role == Role::Node { String::new() } else { format!("{} ", role.name()) };
        task.attempt = attempt;
        task.phase = format!("{what}{agent}");
        task.agent = Some(agent.to_owned());
        task.phase_since = at;
        task.message.clear();
    }

    fn agent_ended(&mut self, subject: &Id, cost: Option<f64>, at: i64) {
        let Some(task) = self.tasks.get_mut(subject) else { return };
        self.pace.ended(Work::Agent, between(task.phase_since, at));
        task.spending_usd = None;
        task.spent_usd = plus(task.spent_usd, cost);
        match self.nodes.get_mut(subject) {
            Some(node) if node.standing == Standing::Running => {
                node.spent_usd = plus(node.spent_usd, cost);
                task.agent = None;
                set_phase(task, "capture", at);
            }
            _ => {
                self.tasks.remove(subject);
            }
        }
    }

    fn node_event(&mut self, event: &Event, at: i64) {
        match event {
            Event::Dispatched { node, attempt, tier, .. } => self.dispatch(node, *attempt, *tier, at),
            Event::NodeReset { node, .. } => {
                if let Some(entry) = self.nodes.get_mut(node) {
                    entry.standing = Standing::Pending;
                }
            }
            Event::WorktreeReady { node, .. } => self.phase(node, at, |_| "prepare".to_owned()),
            Event::Captured { node, diff, .. } => {
                let lines = diff.loc;
                self.phase(node, at, |_| format!("gates, {lines} lines"));
            }
            Event::Check { node, phase, .. } | Event::Invariant { node: Some(node), phase, .. } => {
                let word = match phase {
                    CheckPhase::Retest => "test again",
                    CheckPhase::Verify | CheckPhase::Baseline => "check",
                    CheckPhase::Proof => return,
                };
                self.phase(node, at, |task| {
                    task.checks += 1;
                    format!("{word}, {} done", task.checks)
                });
            }
            Event::Landing { node, .. } => self.phase(node, at, |_| "land".to_owned()),
            Event::NodeFinished { node, attempt, status, duration_ms, .. } => {
                if let Some(entry) = self.nodes.get_mut(node) {
                    entry.standing = Standing::Judged(*status);
                }
                self.tasks.remove(node);
                // Who was never dispatched, or was ended from outside, says nothing of the pace.
                if *attempt > 0 && *status != NodeStatus::Cancelled {
                    self.pace.judged(*duration_ms, *status == NodeStatus::Verified);
                }
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, node: &Id, attempt: u32, tier: usize, at: i64) {
        let entry = self.nodes.entry(node.clone()).or_insert_with(|| Entry {
            tier,
            digest: String::new(),
            standing: Standing::Pending,
            spent_usd: None,
        });
        entry.standing = Standing::Running;
        let task = Task {
            attempt,
            phase: "worktree".to_owned(),
            since: at,
            phase_since: at,
            spent_usd: entry.spent_usd,
            ..Task::default()
        };
        self.tasks.insert(node.clone(), task);
        self.peak = self.peak.max(self.tasks.len());
    }

    fn phase(&mut self, node: &Id, at: i64, name: impl FnOnce(&mut Task) -> String) {
        let Some(task) = self.tasks.get_mut(node) else { return };
        if task.agent.is_none() {
            self.pace.ended(Work::Harness, between(task.phase_since, at));
        }
        let name = name(task);
        task.agent = None;
        set_phase(task, &name, at);
    }
}

fn set_phase(task: &mut Task, name: &str, at: i64) {
    name.clone_into(&mut task.phase);
    task.phase_since = at;
    task.message.clear();
}

/// What is left of something that takes `each` on average: who is over it takes a while longer.
fn rest(each: u64, taken: u64) -> u64 {
    each.max(taken.saturating_add(taken / 4)).saturating_sub(taken)
}
