//! What failed and why, consequences first, so that the root cause stands last, beside the
//! path to its evidence.

use super::line::{Tone, paint};
use crate::base::text::neutral;
use crate::event::NodeStatus;
use crate::journal::RunState;

/// A few lines for the end of a run that did not succeed.
pub fn failures(state: &RunState, out: &str, color: bool) -> String {
    let mut text = String::new();
    let order = [NodeStatus::Blocked, NodeStatus::Cancelled, NodeStatus::Oversized, NodeStatus::Failed];
    for wanted in order {
        for node in state.nodes.iter().filter(|n| n.status() == Some(wanted)) {
            let tone = if wanted == NodeStatus::Blocked { Tone::Warn } else { Tone::Bad };
            let reason = &node.reason;
            let line = neutral(&format!("{} {}: {reason}", node.id, wanted.name())).replace('\n', " ");
            text.push_str(&paint(tone, &line, color));
            text.push_str(&format!("\n  {out}/runs/{}/verification.json", node.id));
            if matches!(wanted, NodeStatus::Failed | NodeStatus::Oversized) {
                text.push_str(&format!("; its worktree is kept: auditrun shell {}", node.id));
            }
            text.push('\n');
        }
    }
    text
}
