//! The one function that changes a run's state: each record moves it, in order. Replay, the
//! live engine and resume all go through it, so they can't disagree.

use super::node::*;
use super::state::*;
use crate::base::Id;
use crate::event::{
    CheckPhase, CheckRecord, Event, InvariantRecord, LandingRecord, NodeStatus, Outcome, PlannedSummary,
    ProcessStamp, Record,
};

impl RunState {
    /// Takes one record in. Records of one journal, in order; anything else gives a state that
    /// makes little sense, but never a panic.
    pub fn apply(&mut self, record: &Record) {
        self.records += 1;
        self.last_at.clone_from(&record.at);
        match &record.event {
            Event::RunStarted { .. } | Event::RunResumed { .. } => {}
            // The stage may run alone, days later: no time of the run's.
            Event::StageFinished { .. } => {}
            _ if self.finished.is_some() => {}
            _ => {
                if let Some(lifetime) = self.lifetimes.last_mut() {
                    lifetime.to.clone_from(&record.at);
                }
            }
        }
        self.take(&record.event, &record.at);
    }

    fn take(&mut self, event: &Event, at: &str) {
        match event {
            Event::RunStarted { .. } => self.start(event, at),
            Event::RunResumed { command, max_iterations, timeout_ms, process } => {
                self.max_iterations = *max_iterations;
                self.timeout_ms = *timeout_ms;
                self.resume(command, process, at);
            }
            Event::Planned { nodes, warnings } => {
                self.plan(nodes);
                self.replan_due = false;
                self.warnings.clone_from(warnings);
            }
            Event::PreflightRejected { problems } => self.preflight = Preflight::Rejected(problems.clone()),
            Event::PreflightPassed => self.preflight = Preflight::Passed,
            Event::BranchCreated { branch, base } => {
                self.branch = Some(branch.clone());
                self.base = Some(base.clone());
            }
            Event::Baseline { record } => {
                self.refer(record);
                self.baseline.push(record.clone());
            }
            Event::QuestionResolved { question, confidence, commit } => {
                self.moved_head = Some(commit.clone());
                let end = QuestionEnd::Resolved { confidence: *confidence, commit: commit.clone() };
                self.questions.push(QuestionState { id: question.clone(), end });
            }
            Event::QuestionEscalated { question, reason } => {
                let end = QuestionEnd::Escalated { reason: reason.clone() };
                self.questions.push(QuestionState { id: question.clone(), end });
            }
            Event::Rebundled { rev, commit, inputs } => {
                self.moved_head = Some(commit.clone());
                self.inputs.clone_from(inputs);
                self.replan_due = true;
                self.rebundles.push(Rebundle { rev: rev.clone(), commit: commit.clone() });
            }
            Event::Predicted { next } => self.predicted = Some(next.clone()),
            Event::RateLimited { agent, pause_ms, reason } => self.rate_limits.push(RateLimit {
                agent: agent.clone(),
                pause_ms: *pause_ms,
                reason: reason.clone(),
                at: at.to_owned(),
            }),
            Event::Notice { node, level, message } => self.notices.push(Notice {
                node: node.clone(),
                level: *level,
                message: message.clone(),
                at: at.to_owned(),
            }),
            Event::AgentStarted { .. } | Event::AgentFinished { .. } => self.agent(event, at),
            Event::Invariant { phase: CheckPhase::Proof, record, .. } => {
                self.head_invariants.push(record.clone());
            }
            Event::Check { node, phase: CheckPhase::Proof, record, .. } => {
                self.head_checks.push((node.clone(), record.clone()));
            }
            Event::Halting { .. }
            | Event::Proof { .. }
            | Event::RunFinished { .. }
            | Event::StageFinished { .. } => self.end(event, at),
            _ => self.node_event(event, at),
        }
    }

    fn start(&mut self, event: &Event, at: &str) {
        let Event::RunStarted {
            run_id,
            version,
            command,
            trigger,
            github_event,
            head,
            default_agent,
            max_iterations,
            timeout_ms,
            inputs,
            process,
        } = event
        else {
            return;
        };
        self.start = Some(Start {
            run_id: run_id.clone(),
            version: version.clone(),
            command: command.clone(),
            trigger: trigger.clone(),
            github_event: github_event.clone(),
            head: head.clone(),
            default_agent: default_agent.clone(),
            at: at.to_owned(),
        });
        self.max_iterations = *max_iterations;
        self.timeout_ms = *timeout_ms;
        self.inputs.clone_from(inputs);
        self.live(command, process, at);
    }

    fn live(&mut self, command: &[String], process: &ProcessStamp, at: &str) {
        self.lifetimes.push(Lifetime {
            command: command.to_vec(),
            process: process.clone(),
            from: at.to_owned(),
            to: at.to_owned(),
        });
    }

    /// What had stopped the run no longer holds. What was under way when it stopped, or was
    /// never tried because something else failed, is to be done again.
    fn resume(&mut self, command: &[String], process: &ProcessStamp, at: &str) {
        self.live(command, process, at);
        self.halting = None;
        self.finished = None;
        self.proof = None;
        self.stage = None;
        self.head_checks.clear();
        self.head_invariants.clear();
        for node in &mut self.nodes {
            let undone = matches!(
                node.progress,
                Progress::Running | Progress::Judged(NodeStatus::Blocked | NodeStatus::Cancelled)
            );
            if undone {
                node.progress = Progress::Pending;
                node.reason.clear();
            }
        }
    }

    /// Nodes take the plan's order. One that was planned before keeps what it has, unless its
    /// definition changed.
    fn plan(&mut self, planned: &[PlannedSummary]) {
        let mut before: Vec<Option<NodeState>> = self.nodes.drain(..).map(Some).collect();
        let was = std::mem::take(&mut self.index);
        for summary in planned {
            if self.index.contains_key(&summary.id) {
                continue;
            }
            let kept = was.get(&summary.id).and_then(|at| before.get_mut(*at)).and_then(Option::take);
            let mut node = kept.unwrap_or_else(|| NodeState::new(summary.id.clone()));
            if node.planned.as_ref().is_some_and(|p| p.digest != summary.digest) {
                node.reset(String::new());
            }
            node.planned = Some(summary.clone());
            self.index.insert(summary.id.clone(), self.nodes.len());
            self.nodes.push(node);
        }
    }

    fn agent(&mut self, event: &Event, at: &str) {
        match event {
            Event::AgentStarted { role, subject, attempt, agent } => self.calls.push(AgentCall {
                role: *role,
                subject: subject.clone(),
                attempt: *attempt,
                agent: agent.clone(),
                started_at: at.to_owned(),
                finished_at: None,
                record: None,
            }),
            Event::AgentFinished { subject, attempt, record } => {
                let open = self.calls.iter_mut().rev().find(|c| {
                    c.finished_at.is_none()
                        && c.subject == *subject
                        && c.attempt == *attempt
                        && c.role == record.role
                        && c.agent == record.name
                });
                let call = AgentCall {
                    role: record.role,
                    subject: subject.clone(),
                    attempt: *attempt,
                    agent: record.name.clone(),
                    started_at: open.as_ref().map_or_else(|| at.to_owned(), |c| c.started_at.clone()),
                    finished_at: Some(at.to_owned()),
                    record: Some(record.clone()),
                };
                match open {
                    Some(open) => *open = call,
                    None => self.calls.push(call),
                }
                if let Some(id) = subject.as_ref().filter(|id| self.index.contains_key(*id))
                    && *attempt > 0
                {
                    let id = id.clone();
                    self.attempt(&id, *attempt).agents.push(record.clone());
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, event: &Event, at: &str) {
        let at = at.to_owned();
        match event {
            Event::Halting { reason, message } => {
                // The first reason is the cause; later ones follow from it.
                self.halting.get_or_insert(Halt { reason: *reason, message: message.clone(), at });
            }
            Event::Proof { complete, gaps, fingerprint, head } => {
                self.proof = Some(ProofVerdict {
                    complete: *complete,
                    gaps: gaps.clone(),
                    fingerprint: fingerprint.clone(),
                    head: head.clone(),
                    at,
                });
            }
            Event::RunFinished { reason, exit_code, message, active_ms } => {
                self.finished = Some(Finished {
                    reason: *reason,
                    exit_code: *exit_code,
                    message: message.clone(),
                    active_ms: *active_ms,
                    at,
                });
            }
            Event::StageFinished { files, problems } => {
                self.stage = Some(Stage { files: files.clone(), problems: problems.clone(), at });
            }
            _ => {}
        }
    }

    fn node_event(&mut self, event: &Event, at: &str) {
        match event {
            Event::NodeReset { node, reason } => self.entry(node).reset(reason.clone()),
            Event::Dispatched { node, attempt, iteration, .. } => {
                self.iteration = *iteration;
                self.last_step_at = Some(at.to_owned());
                self.dispatch(node, *attempt, at);
            }
            Event::Landing { node, attempt, old, new } => {
                self.pending_landing = Some(PendingLanding {
                    node: node.clone(),
                    attempt: *attempt,
                    old: old.clone(),
                    new: new.clone(),
                });
            }
            Event::Landed { node, attempt, landing } => self.land(node, *attempt, landing, at),
            Event::NodeFinished { node, attempt, status, outcome, reason, duration_ms } => {
                self.step_ended(*attempt, *outcome, at);
                let entry = self.entry(node);
                entry.progress = Progress::Judged(*status);
                entry.reason.clone_from(reason);
                let attempt = self.attempt(node, *attempt);
                attempt.status = Some(*status);
                attempt.reason.clone_from(reason);
                attempt.finished_at = Some(at.to_owned());
                attempt.duration_ms = Some(*duration_ms);
            }
            Event::Remediation { node, cycle, prompt } => {
                self.entry(node).remediation.push((*cycle, prompt.clone()));
            }
            Event::SplitProposed { node, path, parts } => {
                self.entry(node).split = Some((path.clone(), parts.clone()));
            }
            _ => self.attempt_event(event, at),
        }
    }

    fn attempt_event(&mut self, event: &Event, at: &str) {
        match event {
            Event::WorktreeReady { node, attempt, path, base, port_base } => {
                let attempt = self.attempt(node, *attempt);
                attempt.worktree = Some(path.clone());
                attempt.base = Some(base.clone());
                attempt.port_base = *port_base;
            }
            Event::LessonsOffered { node, attempt, lessons } => {
                self.attempt(node, *attempt).lessons.clone_from(lessons);
            }
            Event::Step { node, attempt, text, words, exit_code, duration_ms } => {
                self.attempt(node, *attempt).steps.push(StepRun {
                    text: text.clone(),
                    words: words.clone(),
                    exit_code: *exit_code,
                    duration_ms: *duration_ms,
                    at: at.to_owned(),
                });
            }
            Event::Captured { node, attempt, tree, commit, reference, diff } => {
                self.attempt(node, *attempt).captured = Some(Captured {
                    tree: tree.clone(),
                    commit: commit.clone(),
                    reference: reference.clone(),
                    diff: diff.clone(),
                });
            }
            Event::Gate { node, attempt, gate, passed, reason } => {
                let run = GateRun { gate: *gate, passed: *passed, reason: reason.clone() };
                self.attempt(node, *attempt).gates.push(run);
            }
            Event::Check { node, attempt, phase, record } => {
                self.attempt(node, *attempt).checks.push((*phase, record.clone()));
            }
            Event::Invariant { node: Some(node), attempt, phase, record } => {
                self.attempt(node, *attempt).invariants.push((*phase, record.clone()));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, node: &Id, number: u32, at: &str) {
        let iteration = self.iteration;
        let entry = self.entry(node);
        entry.progress = Progress::Running;
        entry.reason.clear();
        entry.attempts.push(Attempt { number, iteration, started_at: at.to_owned(), ..Attempt::default() });
    }

    fn land(&mut self, node: &Id, number: u32, landing: &LandingRecord, at: &str) {
        self.pending_landing = None;
        self.moved_head = Some(landing.new.clone());
        self.landings.push(Landed {
            node: node.clone(),
            attempt: number,
            landing: landing.clone(),
            at: at.to_owned(),
        });
        self.entry(node).landing = Some(landing.clone());
        let attempt = self.attempt(node, number);
        attempt.landing = Some(landing.clone());
        // Given up because the landing could not be confirmed, and confirmed after all: the
        // verdict is still to come.
        let given_up = attempt.status == Some(NodeStatus::Cancelled);
        if given_up {
            attempt.status = None;
        }
        let ran: Vec<InvariantRecord> = attempt.invariants.iter().map(|(_, r)| r.clone()).collect();
        for record in &ran {
            self.refer(record);
        }
        if given_up {
            self.entry(node).progress = Progress::Pending;
        }
    }

    /// A node that was blocked without ever being dispatched counts only while nothing else does.
    fn step_ended(&mut self, attempt: u32, outcome: Outcome, at: &str) {
        self.last_step_at = Some(at.to_owned());
        if attempt > 0 || !self.outcome_was_dispatched {
            self.last_outcome = Some(outcome);
            self.outcome_was_dispatched |= attempt > 0;
        }
    }

    fn refer(&mut self, record: &InvariantRecord) {
        self.reference_exits
            .insert((record.id.clone(), record.check.command.clone()), exit_of(&record.check));
    }

    fn entry(&mut self, id: &Id) -> &mut NodeState {
        let fresh = self.nodes.len();
        let at = *self.index.entry(id.clone()).or_insert(fresh);
        if at == fresh {
            self.nodes.push(NodeState::new(id.clone()));
        }
        &mut self.nodes[at]
    }

    /// The newest attempt of that number. One that was never dispatched (a blocked node's
    /// number 0) begins here.
    fn attempt(&mut self, id: &Id, number: u32) -> &mut Attempt {
        let at = self.last_at.clone();
        let attempts = &mut self.entry(id).attempts;
        let found = attempts.iter().rposition(|a| a.number == number).unwrap_or(attempts.len());
        if found == attempts.len() {
            attempts.push(Attempt { number, started_at: at, ..Attempt::default() });
        }
        &mut attempts[found]
    }
}

impl NodeState {
    fn reset(&mut self, reason: String) {
        self.progress = Progress::Pending;
        self.reason = reason;
        self.before_reset = self.attempts.len();
        self.remediation.clear();
        self.split = None;
        self.landing = None;
    }
}

/// Null for a run that ended by a signal or a time limit: it neither passed nor failed by itself.
fn exit_of(check: &CheckRecord) -> Option<i32> {
    if check.timed_out { None } else { check.exit_code }
}
