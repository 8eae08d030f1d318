//! From the replayed journal and the proof to the report as data.

use super::metrics::metrics;
use super::model::*;
use super::timeline::timeline;
use crate::base::text::{count, shell_quote};
use crate::event::{NodeStatus, NoticeLevel};
use crate::journal::{NodeState, Preflight, QuestionEnd, RunState};
use crate::proof::Proof;

/// The report of a run, wherever it ended.
pub fn audit_report(state: &RunState, proof: Option<&Proof>) -> AuditReport {
    AuditReport {
        schema: "auditrun.audit-report/1".to_owned(),
        verdict: verdict(state, proof),
        run: run_facts(state, proof),
        nodes: state.nodes.iter().map(node).collect(),
        gates: gates(state),
        remediation: state.nodes.iter().filter_map(remediation).collect(),
        questions: questions(state),
        baseline: state.baseline.clone(),
        notices: notices(state),
        cost: metrics(state).totals.overall,
        timeline: timeline(state),
        reproduce: reproduce(state, proof),
        proof: proof.cloned(),
    }
}

/// The verdict: the proof's where there is one, else why the run did not get there.
pub fn verdict(state: &RunState, proof: Option<&Proof>) -> Verdict {
    let verified = state.nodes.iter().filter(|n| n.status() == Some(NodeStatus::Verified)).count();
    let of = format!("{verified} of {} verified", count(state.nodes.len(), "node"));
    let (kind, sentence) = match (proof, &state.proof) {
        (Some(p), _) if p.complete => (VerdictKind::Proven, proven(&of)),
        (Some(p), _) => (VerdictKind::Incomplete, incomplete(p.gaps.len(), &of)),
        (None, Some(p)) if p.complete => (VerdictKind::Proven, proven(&of)),
        (None, Some(p)) => (VerdictKind::Incomplete, incomplete(p.gaps.len(), &of)),
        (None, None) => unproven(state, &of),
    };
    Verdict { kind, sentence }
}

fn proven(of: &str) -> String {
    format!("The audit is complete and proven: {of}, and everything holds at the head.")
}

fn incomplete(gaps: usize, of: &str) -> String {
    format!("The audit is not proven: {}, {of}.", count(gaps, "gap"))
}

fn unproven(state: &RunState, of: &str) -> (VerdictKind, String) {
    if let Preflight::Rejected(problems) = &state.preflight {
        let what = count(problems.len(), "problem");
        return (
            VerdictKind::Rejected,
            format!("Preflight rejected the bundle: {what}, nothing was dispatched."),
        );
    }
    let why = match (&state.halting, &state.finished) {
        (Some(halt), _) => Some((halt.reason, &halt.message)),
        (None, Some(end)) => Some((end.reason, &end.message)),
        (None, None) => None,
    };
    match why {
        Some((reason, message)) => {
            (VerdictKind::Halted, format!("The run halted ({}): {message}; {of}.", reason.name()))
        }
        None => (VerdictKind::Running, format!("The run is not over, or its process was killed: {of}.")),
    }
}

pub(super) fn run_facts(state: &RunState, proof: Option<&Proof>) -> RunFacts {
    let start = state.start.as_ref();
    RunFacts {
        run_id: state.run_id().to_owned(),
        auditrun_version: start.map(|s| s.version.clone()).unwrap_or_default(),
        command: start.map(|s| s.command.clone()).unwrap_or_default(),
        trigger: start.map(|s| s.trigger.clone()).unwrap_or_default(),
        github_event: start.and_then(|s| s.github_event.clone()),
        default_agent: start.map(|s| s.default_agent.clone()).unwrap_or_default(),
        branch: state.branch.clone(),
        base: state.base.clone(),
        head: proof.map(|p| p.head.clone()).or_else(|| state.head().cloned()),
        started_at: start.map(|s| s.at.clone()).unwrap_or_default(),
        last_at: state.last_at.clone(),
        active_ms: state.active_ms(),
        lifetimes: state.lifetimes.len(),
        iteration: state.iteration,
        max_iterations: state.max_iterations,
        termination_reason: state.finished.as_ref().map(|f| f.reason),
        exit_code: state.finished.as_ref().map(|f| f.exit_code),
    }
}

fn node(node: &NodeState) -> NodeReport {
    let diff = node.attempts.iter().rev().find_map(|a| a.captured.as_ref()).map(|c| &c.diff);
    let calls = || node.attempts.iter().flat_map(|a| &a.agents);
    NodeReport {
        id: node.id.clone(),
        deliverable: node.deliverable().to_owned(),
        tier: node.tier(),
        status: node.progress.name().to_owned(),
        reason: node.reason.clone(),
        attempts: node.dispatched().count(),
        agent: calls()
            .last()
            .map(|a| a.name.clone())
            .or_else(|| node.planned.as_ref().map(|p| p.agent.clone())),
        commit: node.landing.as_ref().map(|l| l.new.clone()),
        loc: diff.map(|d| d.loc),
        est_loc: node.planned.as_ref().map(|p| p.est_loc),
        cap: diff.and_then(|d| d.cap),
        files: diff.map(|d| d.files.clone()).unwrap_or_default(),
        duration_ms: node.attempts.iter().filter_map(|a| a.duration_ms).fold(0, u64::saturating_add),
        cost_usd: calls().filter_map(|a| a.metrics.cost_usd).reduce(|a, b| a + b),
        lessons: lessons(node),
    }
}

/// Each once, in the order in which they were first given.
fn lessons(node: &NodeState) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for id in node.attempts.iter().flat_map(|a| &a.lessons) {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    ids
}

fn gates(state: &RunState) -> Vec<GateReport> {
    let mut all = Vec::new();
    for node in &state.nodes {
        for attempt in &node.attempts {
            all.extend(attempt.gates.iter().map(|g| GateReport {
                node: node.id.clone(),
                attempt: attempt.number,
                gate: g.gate,
                passed: g.passed,
                reason: g.reason.clone(),
            }));
        }
    }
    all
}

fn remediation(node: &NodeState) -> Option<RemediationReport> {
    let (split, parts) = node.split.clone().map_or((None, Vec::new()), |(path, parts)| (Some(path), parts));
    let some = !node.remediation.is_empty() || split.is_some();
    some.then(|| RemediationReport {
        node: node.id.clone(),
        cycles: node.remediation.iter().map(|(_, prompt)| prompt.clone()).collect(),
        split,
        parts,
    })
}

fn questions(state: &RunState) -> Vec<QuestionReport> {
    let report = |q: &crate::journal::QuestionState| {
        let (confidence, commit, escalated) = match &q.end {
            QuestionEnd::Resolved { confidence, commit } => (Some(*confidence), Some(commit.clone()), None),
            QuestionEnd::Escalated { reason } => (None, None, Some(reason.clone())),
        };
        QuestionReport { id: q.id.clone(), confidence, commit, escalated }
    };
    state.questions.iter().map(report).collect()
}

fn notices(state: &RunState) -> Vec<NoticeReport> {
    let warnings = state.warnings.iter().map(|w| NoticeReport {
        node: None,
        level: NoticeLevel::Warning,
        message: w.clone(),
    });
    let rest = state.notices.iter().map(|n| NoticeReport {
        node: n.node.clone(),
        level: n.level,
        message: n.message.clone(),
    });
    warnings.chain(rest).collect()
}

fn reproduce(state: &RunState, proof: Option<&Proof>) -> Vec<String> {
    let Some(branch) = &state.branch else { return Vec::new() };
    let branch = shell_quote(branch);
    let mut lines = vec![format!("git log --reverse {}..{branch}", base(state))];
    if let Some(proof) = proof {
        lines.push(format!("auditrun verify {}", proof.fingerprint));
        lines.push("auditrun gate --base HEAD".to_owned());
    }
    lines
}

fn base(state: &RunState) -> &str {
    state.base.as_ref().map_or("HEAD", |b| b.as_str())
}
