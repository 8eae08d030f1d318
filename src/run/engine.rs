//! Phases 1 to 3: carries out what the scheduler says, one thread for each running attempt,
//! until nothing is left to do or nothing more may be done.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};
use std::time::Instant;

use crate::base::{Oid, quantity};
use crate::event::{Event, NextPredicted, NodeStatus, Outcome, Termination, Verification};
use crate::lane::Workspace;
use crate::plan::{NodeIx, Plan};
use crate::run::context::{Context, Fault};
use crate::run::integration::Integration;
use crate::run::node::{self, End, Facts, Order};
use crate::run::prompt::{self, Failure};
use crate::run::scheduler::{Action, Job, Limits, Scheduler, State};
use crate::run::split::Measured;
use crate::run::splitting;

/// How dispatch ended.
#[derive(Debug)]
pub struct Dispatched {
    /// Why.
    pub reason: Termination,
    /// In one sentence.
    pub message: String,
}

/// What is kept of a node between two attempts.
#[derive(Default)]
pub struct Kept {
    /// The attempt's worktree; gone if the harness ended in between.
    pub workspace: Option<Box<dyn Workspace>>,
    /// The commit that the attempt stood on.
    pub base: Option<Oid>,
    /// What the attempt left, where its worktree is gone.
    pub tree: Option<Oid>,
    /// The next prompt.
    pub task: Option<Vec<u8>>,
    /// What all attempts changed.
    pub measured: Vec<Measured>,
}

/// Where dispatch begins: at nothing, or where an earlier process left off.
pub struct Start {
    /// What is done already, and how often.
    pub scheduler: Scheduler,
    /// By node, in the plan's order.
    pub kept: Vec<Kept>,
    /// Nodes that have used up their attempts, with the last verdict's reason.
    pub exhausted: Vec<(NodeIx, String)>,
}

impl Start {
    /// Nothing is done yet.
    pub fn anew(cx: &Context) -> Start {
        let limits = (cx.config.bounds.max_iterations.value, u32::from(cx.config.remediation.value));
        Start {
            scheduler: scheduler(&cx.plan, limits.0, limits.1),
            kept: cx.plan.nodes.iter().map(|_| Kept::default()).collect(),
            exhausted: Vec::new(),
        }
    }
}

/// Runs every node of the plan.
///
/// # Errors
/// The journal could not be written. Everything else ends the run in an orderly way.
pub fn dispatch<'a>(
    cx: &'a Context,
    start: Start,
    integration: &mut Integration<'a>,
) -> Result<Dispatched, Fault> {
    let Start { scheduler, kept, exhausted } = start;
    let (sender, inbox) = channel();
    let mut engine = Engine { cx, scheduler, integration, kept, slots: BTreeSet::new(), sender };
    for (node, reason) in exhausted {
        engine.propose_split(node, &reason)?;
    }
    thread::scope(|scope| {
        let ended = engine.work(scope, &inbox);
        if let Err(fault) = &ended {
            // What still runs can't be written down any more: its work would be for nothing.
            cx.cancel_all(&format!("the harness failed: {fault}"));
        }
        ended
    })
}

/// The scheduler for a plan with nothing done yet.
fn scheduler(plan: &Plan, max_iterations: u64, remediations: u32) -> Scheduler {
    let job = |n: &crate::plan::PlannedNode| Job {
        tier: n.tier,
        parallel_safe: n.settings.parallel_safe.value,
        waits_for: n.waits_for.clone(),
    };
    let limits = Limits { max_iterations, max_parallel: plan.max_parallel, remediations };
    Scheduler::new(plan.nodes.iter().map(job).collect(), limits)
}

struct Engine<'a, 'i> {
    cx: &'a Context,
    integration: &'i mut Integration<'a>,
    scheduler: Scheduler,
    kept: Vec<Kept>,
    slots: BTreeSet<usize>,
    sender: Sender<Box<End>>,
}

impl<'a> Engine<'a, '_> {
    fn work<'s>(&mut self, scope: &'s Scope<'s, '_>, inbox: &Receiver<Box<End>>) -> Result<Dispatched, Fault>
    where
        'a: 's,
    {
        loop {
            self.look_around()?;
            for action in self.scheduler.advance() {
                match action {
                    Action::Dispatch { node, attempt, iteration } => {
                        if let Err(fault) = self.start(scope, node, attempt, iteration) {
                            self.give_up(node, attempt, &fault)?;
                        }
                    }
                    Action::ProposeSplit { node } => self.propose_split(node, "")?,
                    Action::End { reason, message } => return self.end(reason, message),
                }
            }
            if self.scheduler.running().next().is_some() {
                match self.wait(inbox) {
                    Some(end) => self.ended(*end)?,
                    None => self.time_is_up()?,
                }
            }
        }
    }

    /// What may have come up from outside: an interrupt, the bound on time, a budget.
    fn look_around(&mut self) -> Result<(), Fault> {
        if self.cx.interrupted() {
            self.halt(Termination::Interrupted, "interrupted by the operator".to_owned())?;
        }
        if self.cx.deadline.is_some_and(|d| Instant::now() >= d) {
            self.time_is_up()?;
        }
        if let Some(message) = self.cx.spent().exceeds(&self.cx.config.bounds) {
            self.halt(Termination::BudgetExceeded, message)?;
        }
        Ok(())
    }

    fn wait(&self, inbox: &Receiver<Box<End>>) -> Option<Box<End>> {
        let left = match self.cx.deadline {
            Some(deadline) if !self.cx.cancel.requested() => {
                deadline.saturating_duration_since(Instant::now())
            }
            _ => return inbox.recv().ok(),
        };
        inbox.recv_timeout(left).ok()
    }

    fn time_is_up(&mut self) -> Result<(), Fault> {
        let time = quantity::format_duration(self.cx.config.bounds.timeout.value);
        let message = format!("the run's time of {time} is up");
        self.cx.cancel_all(&message);
        self.halt(Termination::Timeout, message)
    }

    fn halt(&mut self, reason: Termination, message: String) -> Result<(), Fault> {
        if self.scheduler.halt_reason().is_some() {
            return Ok(());
        }
        self.scheduler.halt(reason, message.clone());
        self.cx.announce(Event::Halting { reason, message })
    }

    /// Starts an attempt on a thread of its own.
    fn start<'s>(
        &mut self,
        scope: &'s Scope<'s, '_>,
        node: NodeIx,
        attempt: u32,
        iteration: u64,
    ) -> Result<(), Fault>
    where
        'a: 's,
    {
        let cx = self.cx;
        let planned = &cx.plan.nodes[node];
        let id = planned.node.id.value.clone();
        // Compared while it can't move, so that a sibling's landing is not taken for somebody else's.
        let head = cx.lock_head();
        cx.head_is(&head)?;
        drop(head);
        self.integration.assert_clean()?;
        let safe = planned.settings.parallel_safe.value;
        cx.tell(Event::Predicted { next: predicted(cx, node, safe) })?;
        cx.announce(Event::Dispatched { node: id, attempt, tier: planned.tier, iteration })?;
        let slot = (0..).find(|s| !self.slots.contains(s)).unwrap_or(0);
        self.slots.insert(slot);
        let kept = &mut self.kept[node];
        let order = Order {
            node,
            attempt,
            iteration,
            slot,
            task: kept.task.take().unwrap_or_else(|| planned.node.prompt.bytes.clone()),
            workspace: kept.workspace.take(),
            keep_base: kept.base.take(),
            keep_tree: kept.tree.take(),
        };
        let sender = self.sender.clone();
        let body = move || {
            let end = catch_unwind(AssertUnwindSafe(|| node::run(cx, order)));
            let end = end.unwrap_or_else(|_| lost(node, attempt, slot));
            // The receiver lives as long as the scope; there is nobody else to tell.
            let _ = sender.send(Box::new(end));
        };
        let spawned = thread::Builder::new().name(format!("node-{node}")).spawn_scoped(scope, body);
        spawned.map(drop).map_err(|e| Fault::Other(format!("can't start a thread: {e}")))
    }

    /// A dispatch that the harness could not begin.
    fn give_up(&mut self, node: NodeIx, attempt: u32, fault: &Fault) -> Result<(), Fault> {
        let end = End { reason: fault.to_string(), fault: None, ..lost(node, attempt, usize::MAX) };
        self.scheduler.finished(node, end.verdict);
        self.halt(Termination::InternalError, fault.to_string())
    }

    fn ended(&mut self, end: End) -> Result<(), Fault> {
        self.slots.remove(&end.slot);
        let split = self.scheduler.finished(end.node, end.verdict);
        merge(&mut self.kept[end.node].measured, &end.facts.measured);
        if let Some(fault) = &end.fault {
            self.halt(Termination::InternalError, fault.to_string())?;
        } else if let Some(why) = &end.unavailable {
            let agent = end.facts.agent.as_ref().map_or("", |a| a.name.as_str());
            self.halt(Termination::AgentUnavailable, format!("agent '{agent}' is unavailable: {why}"))?;
        }
        let again = self.scheduler.state(end.node) == State::Pending;
        let (node, reason) = (end.node, end.reason.clone());
        if again {
            self.remediate(end)?;
        } else if let Some(workspace) = end.workspace {
            workspace.release(true)?;
        }
        if split.is_some() {
            self.propose_split(node, &reason)?;
        }
        Ok(())
    }

    /// Writes the next cycle's prompt and keeps what it needs.
    fn remediate(&mut self, end: End) -> Result<(), Fault> {
        let id = &self.cx.plan.nodes[end.node].node.id.value;
        let facts: &Facts = &end.facts;
        let failure = Failure {
            reason: &end.reason,
            outside: facts.diff.as_ref().map_or(&[], |d| &d.violations),
            checks: &facts.checks,
            invariants: &facts.invariants,
            diff: &facts.patch,
            diff_path: "",
        };
        let cycle = end.attempt;
        let (path, text) = write_cycle(self.cx, end.node, cycle, &failure)?;
        let kept = &mut self.kept[end.node];
        kept.workspace = end.workspace;
        kept.base = end.base;
        kept.task = Some(text);
        self.cx.tell(Event::Remediation { node: id.clone(), cycle, prompt: path })
    }

    fn propose_split(&mut self, node: NodeIx, reason: &str) -> Result<(), Fault> {
        let parts = splitting::propose(self.cx, node, &self.kept[node].measured, reason)?;
        let id = &self.cx.plan.nodes[node].node.id.value;
        let path = format!("remediation/{id}/split.md");
        self.cx.tell(Event::SplitProposed { node: id.clone(), path: path.clone(), parts })?;
        let message = format!(
            "{id} could not be done in one piece ({reason}); a split is proposed in {}",
            self.cx.layout.in_out(&path)
        );
        self.halt(Termination::SelfCritiqueExhausted, message)
    }

    fn end(&mut self, reason: Termination, message: String) -> Result<Dispatched, Fault> {
        for kept in &mut self.kept {
            if let Some(workspace) = kept.workspace.take() {
                workspace.release(true)?;
            }
        }
        let deadlock = reason == Termination::DependencyDeadlock;
        for (node, because) in self.scheduler.blocked() {
            self.block(node, because)?;
        }
        let message = if deadlock { format!("{message}: {}", self.chain()) } else { message };
        if self
            .scheduler
            .halt_reason()
            .is_some_and(|(r, _)| matches!(r, Termination::MaxIterations | Termination::DependencyDeadlock))
        {
            self.cx.announce(Event::Halting { reason, message: message.clone() })?;
        }
        Ok(Dispatched { reason, message })
    }

    fn chain(&self) -> String {
        let nodes = &self.cx.plan.nodes;
        let pending = (0..nodes.len()).find(|n| self.scheduler.state(*n) == State::Pending);
        let chain = pending.map(|n| self.scheduler.missing_chain(n)).unwrap_or_default();
        chain.iter().map(|n| nodes[*n].node.id.as_str()).collect::<Vec<_>>().join(" waits for ")
    }

    fn block(&self, node: NodeIx, because: NodeIx) -> Result<(), Fault> {
        let nodes = &self.cx.plan.nodes;
        let (id, cause) = (&nodes[node].node.id.value, &nodes[because].node.id.value);
        let reason = format!("blocked: {cause} did not verify");
        let now = self.cx.now();
        let verification = Verification {
            schema: node::VERIFICATION_SCHEMA.to_owned(),
            run_id: self.cx.run_id.to_string(),
            node_id: id.clone(),
            attempt: 0,
            status: NodeStatus::Blocked,
            base: None,
            commit: None,
            tree: None,
            checks: Vec::new(),
            invariants: Vec::new(),
            diff_evidence: None,
            agent: None,
            landing: None,
            started_at: now.clone(),
            finished_at: now,
            reason: reason.clone(),
            notes: Vec::new(),
        };
        self.cx.write_json(&format!("runs/{id}/verification.json"), &verification)?;
        self.cx.tell(Event::NodeFinished {
            node: id.clone(),
            attempt: 0,
            status: NodeStatus::Blocked,
            outcome: Outcome::Skip,
            reason,
            duration_ms: 0,
        })
    }
}

/// Writes `remediation/<id>/cycle-<n>.md` for a failed attempt `n`; returns its path relative
/// to out and its text.
///
/// # Errors
/// It could not be written.
pub fn write_cycle(
    cx: &Context,
    node: NodeIx,
    cycle: u32,
    failure: &Failure<'_>,
) -> Result<(String, Vec<u8>), Fault> {
    let planned = &cx.plan.nodes[node].node;
    let id = &planned.id.value;
    let diff_path = cx.layout.in_out(&format!("runs/{id}/attempt-{cycle}/diff.patch"));
    let failure = Failure { diff_path: &diff_path, ..*failure };
    let text = prompt::remediation(planned, cycle, u32::from(cx.config.remediation.value), &failure);
    // A diff that was refused for a secret is quoted in it.
    let text = cx.containment.masker().bytes(&text).into_owned();
    let path = format!("remediation/{id}/cycle-{cycle}.md");
    cx.write(&path, &text)?;
    Ok((path, text))
}

fn predicted(cx: &Context, node: NodeIx, safe: bool) -> NextPredicted {
    let planned = &cx.plan.nodes[node];
    let what = if safe {
        "no node that must be alone is pending there"
    } else {
        "it is not parallel_safe, and those go first"
    };
    NextPredicted {
        node_id: planned.node.id.value.clone(),
        tier: planned.tier,
        rationale: format!(
            "First in graph.md's order in the lowest open tier ({}) among those whose dependencies are verified; {what}.",
            planned.tier
        ),
    }
}

/// The end of an attempt whose thread died.
fn lost(node: NodeIx, attempt: u32, slot: usize) -> End {
    End {
        node,
        attempt,
        slot,
        verdict: crate::run::scheduler::Verdict::Cancelled,
        reason: "the harness failed".to_owned(),
        facts: Facts::default(),
        workspace: None,
        base: None,
        unavailable: None,
        fault: Some(Fault::Other("a worker of the harness panicked; this is a bug of auditrun".to_owned())),
    }
}

/// Keeps, for each file, the most lines that any attempt changed.
fn merge(all: &mut Vec<Measured>, new: &[Measured]) {
    for file in new {
        match all.iter_mut().find(|f| f.path == file.path) {
            Some(known) => {
                known.loc = known.loc.max(file.loc);
                known.removed = file.removed;
            }
            None => all.push(file.clone()),
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
}
