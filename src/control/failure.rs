//! Why a loop failed, from its attempts: the class, the first lines of the decisive output,
//! the problem keys. Pure.

use crate::base::text::{head, neutral};
use crate::control::key::problem_key;
use crate::event::{CheckRecord, NodeStatus};
use crate::journal::{Attempt, NodeState};

/// Bytes of output that a summary keeps.
const SUMMARY: usize = 400;

/// Why a loop did not verify.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct LoopFailure {
    pub blocker_reason: String,
    pub error_summary: String,
    /// `touches`, `loc`, `signal`, `check`, `invariant`, `deadline`, `agent`, `landing`,
    /// `blocked`, `cancelled` or `other`.
    pub classification: String,
    /// none, repaired or exhausted.
    pub repair_outcome: String,
}

impl LoopFailure {
    /// Why a node did not verify; `None` if it did, or is not judged.
    pub fn of(node: &NodeState) -> Option<LoopFailure> {
        let status = node.status().filter(|s| *s != NodeStatus::Verified)?;
        let cause = node.last_attempt().map(cause).unwrap_or_default();
        let class = match status {
            NodeStatus::Blocked => "blocked",
            NodeStatus::Cancelled => "cancelled",
            NodeStatus::Oversized => "loc",
            _ => cause.class,
        };
        let tried = node.dispatched().any(|a| a.number > 1);
        let used_up = matches!(status, NodeStatus::Failed | NodeStatus::Oversized) && tried;
        Some(LoopFailure {
            blocker_reason: neutral(&node.reason),
            error_summary: if cause.said.is_empty() { neutral(&node.reason) } else { cause.said },
            classification: class.to_owned(),
            repair_outcome: if used_up { "exhausted" } else { "none" }.to_owned(),
        })
    }
}

/// The keys of every failed attempt of a node, those that were cured among them; each once, in
/// the order of their first time.
pub fn problem_keys(node: &NodeState) -> Vec<String> {
    let mut keys = Vec::new();
    for key in node.dispatched().filter_map(key_of) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The key of a failed attempt; `None` for one that did not fail by itself.
pub(super) fn key_of(attempt: &Attempt) -> Option<String> {
    let failed = matches!(attempt.status, Some(NodeStatus::Failed | NodeStatus::Oversized));
    failed.then(|| cause(attempt)).map(|cause| problem_key(cause.class, &cause.words))
}

/// What decided against an attempt.
struct Cause {
    class: &'static str,
    /// What the problem key is made of.
    words: String,
    /// The first lines of the decisive output; may be empty.
    said: String,
}

impl Default for Cause {
    fn default() -> Cause {
        Cause { class: "other", words: String::new(), said: String::new() }
    }
}

/// In the order in which an attempt is judged: the first that failed is the cause.
fn cause(attempt: &Attempt) -> Cause {
    let agent = attempt.agents.iter().rev().find(|a| a.role == crate::config::Role::Node);
    if let Some(deadline) = agent.and_then(|a| a.deadline.as_deref()) {
        return Cause { class: "deadline", words: deadline.to_owned(), said: String::new() };
    }
    if let Some(gate) = attempt.gates.iter().find(|g| !g.passed) {
        return Cause { class: gate.gate.name(), words: gate.reason.clone(), said: String::new() };
    }
    if attempt.status == Some(NodeStatus::Oversized) {
        return Cause { class: "loc", words: attempt.reason.clone(), said: String::new() };
    }
    if let Some((_, check)) = attempt.checks.iter().find(|(_, c)| !c.passed) {
        return Cause { class: "check", words: words(check), said: decisive(check) };
    }
    if let Some((_, record)) = attempt.invariants.iter().find(|(_, i)| i.regression) {
        let words = format!("{} {}", record.id, words(&record.check));
        return Cause { class: "invariant", words, said: decisive(&record.check) };
    }
    if let Some(fault) = agent.and_then(|a| a.fault.as_deref()) {
        return Cause { class: "agent", words: fault.to_owned(), said: neutral(head(fault, SUMMARY)) };
    }
    let conflict = attempt.reason.contains("conflict");
    let class = if conflict { "landing" } else { "other" };
    Cause { class, words: attempt.reason.clone(), said: String::new() }
}

/// A failed check in words: the command, then what it said first.
fn words(check: &CheckRecord) -> String {
    let command = check.command.lines().next().unwrap_or("");
    match error_line(check) {
        Some(line) => format!("{command}: {line}"),
        None => command.to_owned(),
    }
}

/// The line that says what is wrong: the first that names an error, else the first of standard
/// error.
fn error_line(check: &CheckRecord) -> Option<&str> {
    let telling = ["error", "fail", "panic", "assert", "fatal", "cannot", "not found", "no such"];
    let lines = || check.stderr_tail.lines().chain(check.stdout_tail.lines()).map(str::trim);
    let tells = |line: &&str| {
        let lower = line.to_lowercase();
        telling.iter().any(|word| lower.contains(word))
    };
    lines().find(tells).or_else(|| check.stderr_tail.lines().map(str::trim).find(|l| !l.is_empty()))
}

/// The first lines of a failed check's output, from the one that says what is wrong.
fn decisive(check: &CheckRecord) -> String {
    let Some(line) = error_line(check) else {
        return crate::base::text::neutral(&format!("{}: no output", check.command));
    };
    let text = if check.stderr_tail.contains(line) { &check.stderr_tail } else { &check.stdout_tail };
    let from = text.find(line).and_then(|at| text.get(at..)).unwrap_or(text);
    neutral(head(from.trim_end(), SUMMARY))
}
