//! Loops: the rows of `loop_runs` and `landing_results`, from a run's replayed state. Pure, so
//! that writing as a run goes on and filling from its journal later come to the same.

use crate::base::digest::sha256_hex;
use crate::base::text::{head, neutral};
use crate::control::failure::{LoopFailure, problem_keys};
use crate::event::{CheckRecord, Metrics, NodeStatus};
use crate::gate::checks;
use crate::journal::{Attempt, NodeState, RunState};

/// Hex digits of a loop id.
const DIGITS: usize = 12;
/// Excerpts that a loop keeps, and the bytes of each.
const EXCERPTS: usize = 3;
const EXCERPT: usize = 200;

/// The id of a node's loop in a run: the beginning of SHA-256 over both, a newline between.
pub fn loop_id(run_id: &str, node: &str) -> String {
    let mut hex = sha256_hex(format!("{run_id}\n{node}").as_bytes());
    hex.truncate(DIGITS);
    hex
}

/// A row of `loop_runs`: a node of a run.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct LoopRow {
    pub repo_id: String,
    pub loop_id: String,
    pub run_id: String,
    pub node_id: String,
    /// The deliverable.
    pub title: String,
    /// pending, running, or the verdict.
    pub status: String,
    /// passed, failed or unknown.
    pub verifier_status: String,
    /// The program of the first check that judged it; `None` if none ran.
    pub verifier_type: Option<String>,
    /// clean, kept or unknown.
    pub cleanup_status: String,
    /// Why it did not verify.
    pub failure: Option<LoopFailure>,
    /// Of every failed attempt, those that were cured among them.
    pub problem_keys: Vec<String>,
    pub excerpts: Vec<String>,
    /// The commit that landed it.
    pub commit_id: Option<String>,
    /// Attempts that were dispatched.
    pub attempts: u32,
    /// RFC 3339, UTC; `None` before its first dispatch.
    pub started_at: Option<String>,
    /// Of its newest verdict.
    pub finished_at: Option<String>,
}

/// A row of `landing_results`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub(super) struct LandingRow {
    pub loop_id: String,
    pub node_id: String,
    pub commit_id: String,
    pub old_head: String,
    pub tree: String,
    pub rebased: bool,
    pub retested: bool,
    pub landed_at: String,
}

/// A row of `facts`; `loop_id` is empty for a fact of the run.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub(super) struct FactRow {
    pub loop_id: String,
    pub name: String,
    pub value: String,
    pub at: String,
}

/// Every loop of a run, in graph.md's order.
pub fn loops(repo_id: &str, state: &RunState) -> Vec<LoopRow> {
    state.nodes.iter().map(|node| row(repo_id, state.run_id(), node)).collect()
}

/// One loop.
pub(super) fn row(repo_id: &str, run_id: &str, node: &NodeState) -> LoopRow {
    let status = node.status();
    let newest = node.dispatched().last();
    LoopRow {
        repo_id: repo_id.to_owned(),
        loop_id: loop_id(run_id, node.id.as_str()),
        run_id: run_id.to_owned(),
        node_id: node.id.to_string(),
        title: neutral(node.deliverable()),
        status: node.progress.name().to_owned(),
        verifier_status: verifier_status(status, newest).to_owned(),
        verifier_type: node.dispatched().find_map(verifier_type),
        cleanup_status: cleanup_status(status, newest).to_owned(),
        failure: LoopFailure::of(node),
        problem_keys: problem_keys(node),
        excerpts: newest.map(excerpts).unwrap_or_default(),
        commit_id: node.landing.as_ref().map(|l| l.new.to_string()),
        attempts: u32::try_from(node.dispatched().count()).unwrap_or(u32::MAX),
        started_at: node.dispatched().next().map(|a| a.started_at.clone()),
        finished_at: node.attempts.iter().rev().find_map(|a| a.finished_at.clone()),
    }
}

fn verifier_status(status: Option<NodeStatus>, newest: Option<&Attempt>) -> &'static str {
    if status == Some(NodeStatus::Verified) {
        return "passed";
    }
    let Some(attempt) = newest else { return "unknown" };
    let failed =
        attempt.checks.iter().any(|(_, c)| !c.passed) || attempt.invariants.iter().any(|(_, i)| i.regression);
    match (failed, attempt.checks.is_empty()) {
        (true, _) => "failed",
        (false, false) => "passed",
        (false, true) => "unknown",
    }
}

/// The program of the first check: what a command begins with, past `!` and assignments.
fn verifier_type(attempt: &Attempt) -> Option<String> {
    let command = &attempt.checks.first()?.1.command;
    let mut words = command.split_whitespace().filter(|w| *w != "!" && !w.contains('='));
    let program = words.next()?.trim_matches(|c| "\"'(){};".contains(c));
    let name = program.rsplit('/').next().unwrap_or(program);
    (!name.is_empty()).then(|| name.to_owned())
}

/// A worktree goes once its node has landed, and stays for inspection where it did not.
fn cleanup_status(status: Option<NodeStatus>, newest: Option<&Attempt>) -> &'static str {
    let had_one = newest.is_some_and(|a| a.worktree.is_some());
    match status {
        Some(NodeStatus::Verified) => "clean",
        Some(_) if had_one => "kept",
        _ => "unknown",
    }
}

/// How the newest attempt's checks went, the failed ones first.
fn excerpts(attempt: &Attempt) -> Vec<String> {
    let checks = attempt.checks.iter().map(|(_, c)| c);
    let invariants = attempt.invariants.iter().map(|(_, i)| &i.check);
    let mut all: Vec<&CheckRecord> = checks.chain(invariants).collect();
    all.sort_by_key(|c| c.passed);
    all.into_iter().take(EXCERPTS).map(excerpt).collect()
}

fn excerpt(check: &CheckRecord) -> String {
    let how = if check.passed { "exit code 0".to_owned() } else { checks::failure(check) };
    let command = check.command.lines().next().unwrap_or("");
    neutral(&format!("`{}`: {how}", head(command, EXCERPT)))
}

/// Every landing of a run, in order.
pub(super) fn landings(state: &RunState) -> Vec<LandingRow> {
    let row = |landed: &crate::journal::Landed| LandingRow {
        loop_id: loop_id(state.run_id(), landed.node.as_str()),
        node_id: landed.node.to_string(),
        commit_id: landed.landing.new.to_string(),
        old_head: landed.landing.old.to_string(),
        tree: landed.landing.landed_tree.to_string(),
        rebased: landed.landing.rebased,
        retested: landed.landing.retested,
        landed_at: landed.at.clone(),
    };
    state.landings.iter().map(row).collect()
}

/// Facts of the run itself. The same names at every time; what is not known is empty.
pub(super) fn run_facts(state: &RunState) -> Vec<FactRow> {
    let Some(start) = &state.start else { return Vec::new() };
    let text = |found: Option<String>| found.unwrap_or_default();
    let proof = state.proof.as_ref();
    let facts = [
        ("version", start.version.clone()),
        ("default_agent", start.default_agent.clone()),
        ("branch", text(state.branch.clone())),
        ("base", text(state.base.as_ref().map(ToString::to_string))),
        ("head", text(state.head().map(ToString::to_string))),
        ("iteration", state.iteration.to_string()),
        ("termination_reason", text(state.finished.as_ref().map(|f| f.reason.name().to_owned()))),
        ("exit_code", text(state.finished.as_ref().map(|f| f.exit_code.to_string()))),
        ("proof", text(proof.map(|p| if p.complete { "complete" } else { "incomplete" }.to_owned()))),
        ("fingerprint", text(proof.and_then(|p| p.fingerprint.clone()))),
    ];
    let row = |(name, value): (&str, String)| FactRow {
        loop_id: String::new(),
        name: name.to_owned(),
        value,
        at: start.at.clone(),
    };
    facts.into_iter().map(row).collect()
}

/// Facts of one loop, likewise.
pub(super) fn loop_facts(run_id: &str, node: &NodeState) -> Vec<FactRow> {
    let diff = node.attempts.iter().rev().find_map(|a| a.captured.as_ref()).map(|c| &c.diff);
    let calls = || node.attempts.iter().flat_map(|a| &a.agents);
    let sum = |figure: fn(&Metrics) -> Option<f64>| {
        calls().filter_map(|a| figure(&a.metrics)).reduce(|a, b| a + b).map(|n| n.to_string())
    };
    let tokens = |m: &Metrics| {
        let all = [m.input_tokens, m.output_tokens].into_iter().flatten().reduce(u64::saturating_add)?;
        Some(all as f64)
    };
    let text = |found: Option<String>| found.unwrap_or_default();
    let facts = [
        ("tier", node.tier().to_string()),
        ("agent", text(calls().last().map(|a| a.name.clone()))),
        ("est_loc", text(node.planned.as_ref().map(|p| p.est_loc.to_string()))),
        ("loc", text(diff.map(|d| d.loc.to_string()))),
        ("cost_usd", text(sum(|m| m.cost_usd))),
        ("tokens", text(sum(tokens))),
        ("split", text(node.split.as_ref().map(|(path, _)| path.clone()))),
    ];
    let at = node.dispatched().next().map(|a| a.started_at.clone()).unwrap_or_default();
    let row = |(name, value): (&str, String)| FactRow {
        loop_id: loop_id(run_id, node.id.as_str()),
        name: name.to_owned(),
        value,
        at: at.clone(),
    };
    facts.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_id_is_what_anybody_can_compute() {
        // printf '20260101T000000Z\nA' | sha256sum | cut -c-12
        assert_eq!(loop_id("20260101T000000Z", "A"), sha256_hex(b"20260101T000000Z\nA")[..12]);
        assert_eq!(loop_id("20260101T000000Z", "A").len(), 12);
    }
}
