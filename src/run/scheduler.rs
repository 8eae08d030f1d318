//! The scheduler: which node starts when, what follows a verdict, when a run is over.
//! Pure: it takes what happened and says what to do; time, processes and git are elsewhere.
//!
//! The rules: a node starts when everything it waits for is verified and every lower tier
//! is; within a tier the nodes that are not parallel_safe go first, one at a time and alone;
//! the bound on dispatches is looked at before each of them; after a halt nothing starts,
//! and what runs finishes and may land.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{NodeStatus, Termination};
use crate::plan::NodeIx;

/// What the scheduler knows of a node.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its tier.
    pub tier: usize,
    /// It may run beside others.
    pub parallel_safe: bool,
    /// Everything that must be verified first.
    pub waits_for: Vec<NodeIx>,
}

/// Where a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not dispatched yet, or due for another attempt (then `attempts` says how many there were).
    Pending,
    /// An attempt is under way.
    Running,
    /// Judged for good.
    Done(NodeStatus),
}

impl State {
    fn is_verified(self) -> bool {
        self == State::Done(NodeStatus::Verified)
    }
}

impl Job {
    /// Where a node stands in the order of dispatch.
    fn place(&self, node: NodeIx) -> (usize, bool, NodeIx) {
        (self.tier, self.parallel_safe, node)
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Landed.
    Verified,
    /// Failed; another attempt may mend it.
    Failed,
    /// Over the cap; another attempt may mend it.
    Oversized,
    /// So far over the cap that another attempt is pointless.
    Extreme,
    /// Ended because of something else.
    Cancelled,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start an attempt (1 for the first); `iteration` is the counter after the bump.
    Dispatch {
        /// Which node.
        node: NodeIx,
        /// 1, 2 or 3.
        attempt: u32,
        /// Dispatches so far, this one included.
        iteration: u64,
    },
    /// All attempts are used up, or another is pointless: write a split proposal.
    ProposeSplit {
        /// Which node.
        node: NodeIx,
    },
    /// The run is over.
    End {
        /// Why.
        reason: Termination,
        /// In one sentence.
        message: String,
    },
}

/// The scheduler's whole state. What the rules ask for is kept up to date with every change
/// of a node's state, so that a step costs no look at every node.
#[derive(Debug, Clone)]
pub struct Scheduler {
    jobs: Vec<Job>,
    states: Vec<State>,
    attempts: Vec<u32>,
    /// Who waits for a node.
    dependents: Vec<Vec<NodeIx>>,
    /// How many of the nodes that a node waits for are not verified.
    missing: Vec<usize>,
    /// Pending nodes that wait for nothing, in the order of dispatch: tier, then those that
    /// must be alone, then graph.md's order.
    ready: BTreeSet<(usize, bool, NodeIx)>,
    /// How many nodes of a tier are not verified; wholly verified tiers have no entry.
    open: BTreeMap<usize, usize>,
    running: BTreeSet<NodeIx>,
    /// Running nodes that must be alone.
    alone: usize,
    iteration: u64,
    max_iterations: u64,
    max_parallel: usize,
    remediations: u32,
    halt: Option<(Termination, String)>,
    ended: bool,
}

/// The bounds a scheduler works within.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Dispatches in all.
    pub max_iterations: u64,
    /// Nodes at once.
    pub max_parallel: usize,
    /// Further attempts after a failed one: 0, 1 or 2.
    pub remediations: u32,
}

impl Scheduler {
    /// Everything pending.
    pub fn new(jobs: Vec<Job>, limits: Limits) -> Scheduler {
        let n = jobs.len();
        let mut dependents = vec![Vec::new(); n];
        let (mut ready, mut open) = (BTreeSet::new(), BTreeMap::new());
        for (node, job) in jobs.iter().enumerate() {
            job.waits_for.iter().for_each(|d| dependents[*d].push(node));
            *open.entry(job.tier).or_default() += 1;
            if job.waits_for.is_empty() {
                ready.insert(job.place(node));
            }
        }
        Scheduler {
            missing: jobs.iter().map(|job| job.waits_for.len()).collect(),
            states: vec![State::Pending; n],
            attempts: vec![0; n],
            jobs,
            dependents,
            ready,
            open,
            running: BTreeSet::new(),
            alone: 0,
            iteration: 0,
            max_iterations: limits.max_iterations,
            max_parallel: limits.max_parallel.max(1),
            remediations: limits.remediations,
            halt: None,
            ended: false,
        }
    }

    /// Takes up an earlier run: dispatches so far, and nodes that have landed or have used
    /// attempts.
    pub fn restore(&mut self, iteration: u64, nodes: impl IntoIterator<Item = (NodeIx, State, u32)>) {
        self.iteration = iteration;
        for (node, state, attempts) in nodes {
            self.set(node, state);
            self.attempts[node] = attempts;
        }
    }

    /// The one way to change a node's state: everything that is derived from states follows.
    fn set(&mut self, node: NodeIx, state: State) {
        let old = std::mem::replace(&mut self.states[node], state);
        let alone = usize::from(!self.jobs[node].parallel_safe);
        if old == State::Running && self.running.remove(&node) {
            self.alone -= alone;
        }
        if state == State::Running && self.running.insert(node) {
            self.alone += alone;
        }
        if state.is_verified() != old.is_verified() {
            self.count(node, state.is_verified());
        }
        self.sort_in(node);
    }

    /// A node became verified, or is no longer: its tier and its dependents take note.
    fn count(&mut self, node: NodeIx, verified: bool) {
        let tier = self.jobs[node].tier;
        let open = self.open.entry(tier).or_default();
        *open = if verified { open.saturating_sub(1) } else { *open + 1 };
        if *open == 0 {
            self.open.remove(&tier);
        }
        for at in 0..self.dependents[node].len() {
            let dependent = self.dependents[node][at];
            let missing = &mut self.missing[dependent];
            *missing = if verified { missing.saturating_sub(1) } else { *missing + 1 };
            self.sort_in(dependent);
        }
    }

    fn sort_in(&mut self, node: NodeIx) {
        let place = self.jobs[node].place(node);
        if self.states[node] == State::Pending && self.missing[node] == 0 {
            self.ready.insert(place);
        } else {
            self.ready.remove(&place);
        }
    }

    /// The state of a node.
    pub fn state(&self, node: NodeIx) -> State {
        self.states[node]
    }

    /// Attempts begun so far.
    pub fn attempts(&self, node: NodeIx) -> u32 {
        self.attempts[node]
    }

    /// Dispatches so far.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Nodes that are running.
    pub fn running(&self) -> impl Iterator<Item = NodeIx> + '_ {
        self.running.iter().copied()
    }

    /// Why nothing starts any more, if so.
    pub fn halt_reason(&self) -> Option<&(Termination, String)> {
        self.halt.as_ref()
    }

    /// Stops all further dispatches. The first reason stands.
    pub fn halt(&mut self, reason: Termination, message: impl Into<String>) {
        self.halt.get_or_insert_with(|| (reason, message.into()));
    }

    /// An attempt of a running node was judged.
    pub fn finished(&mut self, node: NodeIx, verdict: Verdict) -> Option<Action> {
        if self.states[node] != State::Running {
            return None;
        }
        let left = self.attempts[node] <= self.remediations;
        let (state, split) = match verdict {
            Verdict::Verified => (State::Done(NodeStatus::Verified), false),
            Verdict::Cancelled => (State::Done(NodeStatus::Cancelled), false),
            Verdict::Failed if left => (State::Pending, false),
            Verdict::Oversized if left => (State::Pending, false),
            Verdict::Failed => (State::Done(NodeStatus::Failed), true),
            Verdict::Oversized | Verdict::Extreme => (State::Done(NodeStatus::Oversized), true),
        };
        self.set(node, state);
        split.then_some(Action::ProposeSplit { node })
    }

    /// Everything that can be done now. Call again after each `finished` or `halt`.
    pub fn advance(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        while !self.ended {
            match self.next() {
                Some(action) => actions.push(action),
                None => break,
            }
        }
        actions
    }

    /// The node that comes next by the rule of prediction, whether or not there is room for
    /// it now: lowest tier, then not parallel_safe first, then graph.md's order.
    pub fn predicted(&self) -> Option<NodeIx> {
        let (lowest, _) = self.open.first_key_value()?;
        let (tier, _, node) = self.ready.range((*lowest, false, 0)..).next()?;
        (tier == lowest).then_some(*node)
    }

    fn next(&mut self) -> Option<Action> {
        let running = self.running.len();
        if self.open.is_empty() {
            self.ended = true;
            let message = "every node is verified".to_owned();
            return Some(Action::End { reason: Termination::AllDone, message });
        }
        if self.halt.is_none() {
            if let Some(node) = self.startable(running) {
                if self.iteration < self.max_iterations {
                    return Some(self.dispatch(node));
                }
                let message = format!("the bound of {} dispatches is reached", self.max_iterations);
                self.halt(Termination::MaxIterations, message);
            } else if running == 0 {
                self.halt(Termination::DependencyDeadlock, self.deadlock());
            }
        }
        if running > 0 {
            return None;
        }
        let (reason, message) = self.halt.clone()?;
        self.ended = true;
        Some(Action::End { reason, message })
    }

    fn dispatch(&mut self, node: NodeIx) -> Action {
        self.iteration += 1;
        self.attempts[node] += 1;
        self.set(node, State::Running);
        Action::Dispatch { node, attempt: self.attempts[node], iteration: self.iteration }
    }

    fn startable(&self, running: usize) -> Option<NodeIx> {
        let node = self.predicted()?;
        let room = if self.jobs[node].parallel_safe {
            self.alone == 0 && running < self.max_parallel
        } else {
            running == 0
        };
        room.then_some(node)
    }

    /// What a pending node waits for that will not come: the chain, as indices.
    pub fn missing_chain(&self, node: NodeIx) -> Vec<NodeIx> {
        let mut chain = vec![node];
        let mut at = node;
        while let Some(next) =
            self.jobs[at].waits_for.iter().copied().find(|d| !self.states[*d].is_verified())
        {
            if chain.contains(&next) {
                break;
            }
            chain.push(next);
            at = next;
        }
        chain
    }

    fn deadlock(&self) -> String {
        let pending = self.states.iter().filter(|s| **s == State::Pending).count();
        format!("nothing can start, nothing runs and {pending} of {} nodes are pending", self.jobs.len())
    }

    /// Pending nodes that can't start any more because a node before them ended without
    /// being verified, each with the nearest such node.
    pub fn blocked(&self) -> Vec<(NodeIx, NodeIx)> {
        let mut cause: Vec<Option<NodeIx>> = (0..self.jobs.len())
            .map(|n| matches!(self.states[n], State::Done(s) if s != NodeStatus::Verified).then_some(n))
            .collect();
        let mut order: Vec<NodeIx> = (0..self.jobs.len()).collect();
        order.sort_by_key(|n| (self.jobs[*n].tier, *n));
        let mut found = Vec::new();
        for node in order {
            if self.states[node] != State::Pending {
                continue;
            }
            let because = self.jobs[node].waits_for.iter().find_map(|d| cause[*d]);
            cause[node] = because;
            found.extend(because.map(|b| (node, b)));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(tier: usize, parallel_safe: bool, waits_for: &[NodeIx]) -> Job {
        Job { tier, parallel_safe, waits_for: waits_for.to_vec() }
    }

    fn limits(max_iterations: u64, max_parallel: usize, remediations: u32) -> Limits {
        Limits { max_iterations, max_parallel, remediations }
    }

    fn dispatched(actions: &[Action]) -> Vec<NodeIx> {
        actions
            .iter()
            .filter_map(|a| if let Action::Dispatch { node, .. } = a { Some(*node) } else { None })
            .collect()
    }

    #[test]
    fn the_ones_that_must_be_alone_go_first() {
        let mut s =
            Scheduler::new(vec![job(0, true, &[]), job(0, false, &[]), job(0, true, &[])], limits(9, 4, 2));
        assert_eq!(dispatched(&s.advance()), [1]);
        s.finished(1, Verdict::Verified);
        assert_eq!(dispatched(&s.advance()), [0, 2]);
    }

    #[test]
    fn a_tier_waits_for_the_whole_tier_before_it() {
        let mut s =
            Scheduler::new(vec![job(0, true, &[]), job(0, true, &[]), job(1, true, &[0])], limits(9, 4, 2));
        assert_eq!(dispatched(&s.advance()), [0, 1]);
        s.finished(0, Verdict::Verified);
        assert_eq!(s.advance(), []);
        s.finished(1, Verdict::Verified);
        assert_eq!(dispatched(&s.advance()), [2]);
    }

    #[test]
    fn two_remediations_then_a_split_and_running_siblings_finish() {
        let mut s =
            Scheduler::new(vec![job(0, true, &[]), job(0, true, &[]), job(1, true, &[0])], limits(9, 4, 2));
        s.advance();
        for attempt in 2..=3 {
            assert_eq!(s.finished(0, Verdict::Failed), None);
            assert_eq!(
                s.advance(),
                [Action::Dispatch { node: 0, attempt, iteration: u64::from(attempt) + 1 }]
            );
        }
        assert_eq!(s.finished(0, Verdict::Oversized), Some(Action::ProposeSplit { node: 0 }));
        s.halt(Termination::SelfCritiqueExhausted, "split");
        assert_eq!(s.advance(), []);
        s.finished(1, Verdict::Verified);
        assert!(matches!(&s.advance()[..], [Action::End { reason: Termination::SelfCritiqueExhausted, .. }]));
        assert_eq!(s.blocked(), [(2, 0)]);
    }

    #[test]
    fn exactly_max_iterations_dispatches_and_a_graph_that_fits_is_done() {
        let two = || vec![job(0, true, &[]), job(1, true, &[0])];
        let mut s = Scheduler::new(two(), limits(1, 4, 2));
        assert_eq!(dispatched(&s.advance()), [0]);
        s.finished(0, Verdict::Verified);
        assert!(matches!(&s.advance()[..], [Action::End { reason: Termination::MaxIterations, .. }]));
        let mut s = Scheduler::new(two(), limits(2, 4, 2));
        s.advance();
        s.finished(0, Verdict::Verified);
        s.advance();
        s.finished(1, Verdict::Verified);
        assert!(matches!(&s.advance()[..], [Action::End { reason: Termination::AllDone, .. }]));
    }

    #[test]
    fn a_cancelled_dependency_without_a_halt_is_a_deadlock_that_is_named() {
        let mut s = Scheduler::new(vec![job(0, true, &[]), job(1, true, &[0])], limits(9, 4, 2));
        s.advance();
        s.finished(0, Verdict::Cancelled);
        assert!(matches!(&s.advance()[..], [Action::End { reason: Termination::DependencyDeadlock, .. }]));
        assert_eq!(s.missing_chain(1), [1, 0]);
    }

    /// A random graph: node n may wait for nodes below it; tiers are longest paths.
    fn graphs() -> impl Strategy<Value = Vec<Job>> {
        proptest::collection::vec((any::<bool>(), any::<u32>()), 1..14).prop_map(|raw| {
            let mut jobs: Vec<Job> = Vec::new();
            for (n, (parallel_safe, bits)) in raw.into_iter().enumerate() {
                let waits_for: Vec<NodeIx> = (0..n).filter(|d| bits >> (d % 32) & 5 == 5).collect();
                let tier = waits_for.iter().map(|d| jobs[*d].tier + 1).max().unwrap_or(0);
                jobs.push(Job { tier, parallel_safe, waits_for });
            }
            jobs
        })
    }

    proptest! {
        #[test]
        fn no_rule_is_ever_broken(
            jobs in graphs(),
            max_iterations in 1u64..30,
            max_parallel in 1usize..5,
            remediations in 0u32..3,
            script in proptest::collection::vec((0u8..12, any::<u8>()), 0..200),
        ) {
            let mut s = Scheduler::new(jobs.clone(), limits(max_iterations, max_parallel, remediations));
            let mut running: Vec<NodeIx> = Vec::new();
            let mut verified = vec![false; jobs.len()];
            let mut tries = vec![0u32; jobs.len()];
            let mut dispatches = 0;
            let mut halted = false;
            let mut end = None;
            let mut script = script.into_iter();
            loop {
                for action in s.advance() {
                    match action {
                        Action::Dispatch { node, attempt, iteration } => {
                            prop_assert!(end.is_none() && !halted);
                            dispatches += 1;
                            tries[node] += 1;
                            prop_assert_eq!(iteration, dispatches);
                            prop_assert_eq!(attempt, tries[node]);
                            prop_assert!(attempt <= remediations + 1);
                            prop_assert!(jobs[node].waits_for.iter().all(|d| verified[*d]));
                            prop_assert!((0..jobs.len()).all(|o| jobs[o].tier >= jobs[node].tier || verified[o]));
                            if !jobs[node].parallel_safe { prop_assert!(running.is_empty()); }
                            prop_assert!(running.iter().all(|r| jobs[*r].parallel_safe));
                            running.push(node);
                            prop_assert!(running.len() <= max_parallel);
                            prop_assert!(dispatches <= max_iterations);
                        }
                        Action::End { reason, .. } => end = Some(reason),
                        Action::ProposeSplit { .. } => prop_assert!(false, "only a verdict proposes a split"),
                    }
                }
                if end.is_some() || running.is_empty() { break; }
                let (what, which) = script.next().unwrap_or((0, 0));
                let node = running.remove(usize::from(which) % running.len());
                let verdict = match what {
                    8 | 9 => Verdict::Failed,
                    10 => Verdict::Oversized,
                    11 if which < 20 => Verdict::Extreme,
                    11 if which < 30 => Verdict::Cancelled,
                    _ => Verdict::Verified,
                };
                verified[node] = verdict == Verdict::Verified;
                if let Some(Action::ProposeSplit { node: split }) = s.finished(node, verdict) {
                    prop_assert_eq!(split, node);
                    prop_assert!(verdict == Verdict::Extreme || tries[node] == remediations + 1);
                    s.halt(Termination::SelfCritiqueExhausted, "split");
                    halted = true;
                }
            }
            prop_assert!(running.is_empty());
            let end = end.expect("a run ends");
            prop_assert_eq!(end == Termination::AllDone, verified.iter().all(|v| *v));
            if end == Termination::MaxIterations { prop_assert_eq!(dispatches, max_iterations); }
        }
    }
}
