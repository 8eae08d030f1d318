//! What failed and why, consequences first, so that the root cause stands last, beside the
//! path to its evidence.

use super::line::{Tone, paint};
use crate::base::text::neutral;
use crate::event::{CheckRecord, NodeStatus};
use crate::journal::{NodeState, RunState};

/// Nodes of one status that are named; the report has them all.
const NAMED: usize = 10;
/// Last lines of a failed check that are shown.
const LINES: usize = 4;

/// A few lines for the end of a run that did not succeed.
pub fn failures(state: &RunState, out: &str, color: bool) -> String {
    let mut text = String::new();
    let order = [NodeStatus::Blocked, NodeStatus::Cancelled, NodeStatus::Oversized, NodeStatus::Failed];
    for wanted in order {
        let nodes: Vec<&NodeState> = state.nodes.iter().filter(|n| n.status() == Some(wanted)).collect();
        let more = nodes.len().saturating_sub(NAMED);
        if more > 0 {
            let line = format!("and {more} more {}, in {out}/audit/report.md", wanted.name());
            text.push_str(&format!("{}\n", paint(Tone::Warn, &line, color)));
        }
        nodes.iter().take(NAMED).for_each(|node| text.push_str(&one(node, wanted, out, color)));
    }
    text
}

fn one(node: &NodeState, status: NodeStatus, out: &str, color: bool) -> String {
    let tone = if status == NodeStatus::Blocked { Tone::Warn } else { Tone::Bad };
    let word = status.name();
    let said = node.reason.strip_prefix(word).and_then(|rest| rest.strip_prefix(": "));
    let reason = said.unwrap_or(&node.reason);
    let line = neutral(&format!("{} {word}: {reason}", node.id)).replace('\n', " ");
    let mut text = format!("{}\n", paint(tone, &line, color));
    if !matches!(status, NodeStatus::Failed | NodeStatus::Oversized) {
        return text;
    }
    let attempt = node.last_attempt();
    let checks = attempt.iter().flat_map(|a| &a.checks).map(|(_, check)| check);
    let invariants = attempt.iter().flat_map(|a| &a.invariants).map(|(_, record)| &record.check);
    checks.chain(invariants).filter(|c| !c.passed).for_each(|check| text.push_str(&printed(check)));
    text.push_str(&format!("  {out}/runs/{}/verification.json", node.id));
    text.push_str(&format!("; its worktree is kept: auditrun shell {}\n", node.id));
    text
}

/// The end of what a failed check printed.
fn printed(check: &CheckRecord) -> String {
    let said = if check.stderr_tail.trim().is_empty() { &check.stdout_tail } else { &check.stderr_tail };
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
    last.iter().map(|line| format!("  | {}\n", neutral(line))).collect()
}
