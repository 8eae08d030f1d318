//! Hand-made journals for tests: a script of events with a clock of its own.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::line::encode;
use crate::base::clock::iso;
use crate::base::{Id, Oid};
use crate::config::{LocConfidence, Role};
use crate::event::*;

/// A journal in the making. Each event comes one second after the one before.
pub(crate) struct Script {
    pub(crate) records: Vec<Record>,
    now: Timestamp,
}

impl Script {
    /// A run that has begun.
    pub(crate) fn started() -> Script {
        let mut script = Script { records: Vec::new(), now: "2026-01-02T03:04:05Z".parse().unwrap() };
        script.push(Event::RunStarted {
            run_id: "20260102T030405Z".to_owned(),
            version: "0.1.0".to_owned(),
            command: vec!["auditrun".to_owned(), "run".to_owned()],
            trigger: "run".to_owned(),
            github_event: None,
            head: Some(oid(1)),
            default_agent: "worker".to_owned(),
            max_iterations: 500,
            timeout_ms: 480 * 60_000,
            inputs: BTreeMap::from([("docs/audit/graph.md".to_owned(), "ab".repeat(32))]),
            process: stamp(100),
        });
        script
    }

    pub(crate) fn push(&mut self, event: Event) -> &mut Script {
        let seq = self.records.len() as u64;
        self.records.push(Record { v: JOURNAL_VERSION, seq, at: iso(self.now), event });
        self.now += jiff::SignedDuration::from_secs(1);
        self
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: i64) -> &mut Script {
        self.now += jiff::SignedDuration::from_secs(seconds);
        self
    }

    /// Preflight passed: plan, branch, one invariant.
    pub(crate) fn ready(&mut self, nodes: &[(&str, usize)]) -> &mut Script {
        let nodes = nodes.iter().map(|(name, tier)| planned(name, *tier)).collect();
        self.push(Event::Planned { nodes, warnings: Vec::new() });
        self.push(Event::BranchCreated { branch: "audit/run-20260102T030405Z".to_owned(), base: oid(1) });
        self.push(Event::Baseline { record: invariant("INV-1", 0) });
        self.push(Event::PreflightPassed)
    }

    pub(crate) fn dispatch(&mut self, node: &str, attempt: u32, iteration: u64) -> &mut Script {
        let next = NextPredicted { node_id: id(node), tier: 0, rationale: "lowest tier".to_owned() };
        self.push(Event::Predicted { next });
        self.push(Event::Dispatched { node: id(node), attempt, tier: 0, iteration });
        self.push(Event::WorktreeReady {
            node: id(node),
            attempt,
            path: format!(".worktrees/audit-0-{node}"),
            base: oid(1),
            port_base: Some(20_000),
        });
        self.push(Event::AgentStarted {
            role: Role::Node,
            subject: Some(id(node)),
            attempt,
            agent: "worker".to_owned(),
        });
        self.push(Event::AgentFinished { subject: Some(id(node)), attempt, record: agent(node) })
    }

    pub(crate) fn captured(&mut self, node: &str, attempt: u32, tree: u32, files: &[&str]) -> &mut Script {
        self.push(Event::Captured {
            node: id(node),
            attempt,
            tree: oid(tree),
            commit: oid(tree + 1000),
            reference: format!("refs/auditrun/20260102T030405Z/{node}/attempt-{attempt}"),
            diff: diff(files),
        })
    }

    pub(crate) fn gate(
        &mut self,
        node: &str,
        attempt: u32,
        gate: GateName,
        reason: Option<&str>,
    ) -> &mut Script {
        self.push(Event::Gate {
            node: id(node),
            attempt,
            gate,
            passed: reason.is_none(),
            reason: reason.unwrap_or("holds").to_owned(),
        })
    }

    pub(crate) fn check(&mut self, node: &str, attempt: u32, phase: CheckPhase, exit: i32) -> &mut Script {
        let record = check(&format!("test -f {node}.txt"), exit);
        self.push(Event::Check { node: id(node), attempt, phase, record })
    }

    pub(crate) fn landed(&mut self, node: &str, attempt: u32, landing: LandingRecord) -> &mut Script {
        self.push(Event::Landing {
            node: id(node),
            attempt,
            old: landing.old.clone(),
            new: landing.new.clone(),
        });
        self.push(Event::Landed { node: id(node), attempt, landing })
    }

    pub(crate) fn judged(
        &mut self,
        node: &str,
        attempt: u32,
        status: NodeStatus,
        reason: &str,
    ) -> &mut Script {
        self.push(Event::NodeFinished {
            node: id(node),
            attempt,
            status,
            outcome: Outcome::of(status, true),
            reason: reason.to_owned(),
            duration_ms: 5_000,
        })
    }

    pub(crate) fn finished(&mut self, reason: Termination, exit_code: i32, message: &str) -> &mut Script {
        self.push(Event::RunFinished { reason, exit_code, message: message.to_owned(), active_ms: 60_000 })
    }

    pub(crate) fn resumed(&mut self) -> &mut Script {
        self.push(Event::RunResumed {
            command: vec!["auditrun".to_owned(), "resume".to_owned()],
            max_iterations: 500,
            timeout_ms: 480 * 60_000,
            process: stamp(200),
        })
    }
}

/// The lines as the writer writes them.
pub(crate) fn bytes(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sum = String::new();
    for record in records {
        let (line, next) = encode(record, &sum).unwrap();
        out.extend_from_slice(line.as_bytes());
        sum = next;
    }
    out
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// A made-up object id.
pub(crate) fn oid(n: u32) -> Oid {
    Oid::parse(&format!("{n:08x}{}", "0".repeat(32))).unwrap()
}

pub(crate) fn stamp(pid: u32) -> ProcessStamp {
    ProcessStamp { pid, start_ticks: 1, boot_id: "boot".to_owned() }
}

pub(crate) fn planned(name: &str, tier: usize) -> PlannedSummary {
    PlannedSummary {
        id: id(name),
        deliverable: format!("add {name}"),
        tier,
        waits_for: Vec::new(),
        agent: "worker".to_owned(),
        est_loc: 10,
        digest: format!("digest of {name}"),
    }
}

pub(crate) fn agent(session: &str) -> AgentRecord {
    AgentRecord {
        name: "worker".to_owned(),
        adapter: "exec".to_owned(),
        role: Role::Node,
        exit_code: Some(0),
        signal: None,
        deadline: None,
        fault: None,
        leaked: Vec::new(),
        retries: 0,
        metrics: Metrics {
            cost_usd: Some(0.25),
            turns: Some(4),
            session_id: Some(format!("s-{session}")),
            model: Some("m-1".to_owned()),
            input_tokens: Some(100),
            duration_ms: Some(1_500),
            sources: BTreeMap::from([
                ("cost_usd".to_owned(), FigureSource::Reported),
                ("duration_ms".to_owned(), FigureSource::Estimated),
            ]),
            ..Metrics::default()
        },
        log: Some(format!("runs/{session}/agent.log")),
    }
}

pub(crate) fn check(command: &str, exit: i32) -> CheckRecord {
    CheckRecord {
        command: command.to_owned(),
        normalized: command.to_owned(),
        name: None,
        exit_code: Some(exit),
        signal: None,
        timed_out: false,
        stdout_tail: String::new(),
        stderr_tail: if exit == 0 { String::new() } else { "no such file\n".to_owned() },
        duration_ms: 12,
        changed_tracked: Vec::new(),
        left_untracked: Vec::new(),
        passed: exit == 0,
    }
}

pub(crate) fn invariant(name: &str, exit: i32) -> InvariantRecord {
    InvariantRecord {
        id: id(name),
        baseline_exit: Some(0),
        regression: exit != 0,
        check: check("make lint", exit),
    }
}

pub(crate) fn diff(files: &[&str]) -> DiffEvidence {
    DiffEvidence {
        nonempty: !files.is_empty(),
        files: files.iter().map(|f| (*f).to_owned()).collect(),
        outside_touches: Vec::new(),
        violations: Vec::new(),
        loc: files.len() as u64,
        est_loc: 10,
        cap: Some(30),
        confidence: LocConfidence::Tight,
        binary: Vec::new(),
        ignored_present: Vec::new(),
    }
}

pub(crate) fn landing(old: u32, new: u32, tree: u32, rebased: bool) -> LandingRecord {
    LandingRecord {
        old: oid(old),
        new: oid(new),
        rebased,
        retested: rebased,
        tested_tree: oid(tree),
        landed_tree: oid(tree),
    }
}
