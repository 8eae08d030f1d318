//! `auditrun status`: where a run stands, as text and as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::build;
use super::model::{NodeReport, RunFacts, Verdict};
use super::table::duration;
use crate::base::text::neutral;
use crate::event::{IterationState, NodeStatus};
use crate::journal::{RunState, iteration_state};

/// The answer for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// `auditrun.status/1`.
    pub schema: String,
    /// In one sentence.
    pub verdict: Verdict,
    /// Which run.
    pub run: RunFacts,
    /// The loop guard's view.
    pub iteration: IterationState,
    /// The nodes in graph.md's order.
    pub nodes: Vec<NodeReport>,
    /// What the proof lacks; empty for a complete one, and before there is one.
    pub gaps: Vec<String>,
    /// The command that goes on from here; null if there is none.
    pub next: Option<String>,
}

/// Where a run stands.
pub fn status(state: &RunState) -> Status {
    let report = build::audit_report(state, None);
    Status {
        schema: "auditrun.status/1".to_owned(),
        verdict: report.verdict,
        run: report.run,
        iteration: iteration_state(state),
        nodes: report.nodes,
        gaps: state.proof.as_ref().map(|p| p.gaps.clone()).unwrap_or_default(),
        next: next(state),
    }
}

/// The same for people: facts, then the nodes, then what failed on its own account.
pub fn status_text(status: &Status) -> String {
    let run = &status.run;
    let mut out = format!("run {}\n{}\n\n", run.run_id, neutral(&status.verdict.sentence));
    if let Some(branch) = &run.branch {
        out.push_str(&format!("branch      {branch}\n"));
    }
    out.push_str(&format!("iterations  {} of {}\n", run.iteration, run.max_iterations));
    out.push_str(&format!("active      {}\n", duration(Some(run.active_ms))));
    if let (Some(reason), Some(exit)) = (run.termination_reason, run.exit_code) {
        out.push_str(&format!("ended       {} (exit {exit})\n", reason.name()));
    }
    out.push_str(&node_lines(&status.nodes));
    out.push_str(&causes(status));
    if let Some(next) = &status.next {
        out.push_str(&format!("\nnext: {next}\n"));
    }
    out
}

fn node_lines(nodes: &[NodeReport]) -> String {
    let wide = nodes.iter().map(|n| n.id.as_str().len()).max().unwrap_or(0);
    let mut out = String::new();
    let mut tier = None;
    let mut sorted: Vec<&NodeReport> = nodes.iter().collect();
    sorted.sort_by_key(|n| n.tier);
    for node in sorted {
        if tier != Some(node.tier) {
            tier = Some(node.tier);
            out.push_str(&format!("\ntier {}\n", node.tier));
        }
        let attempts =
            if node.attempts > 1 { format!(" ({} attempts)", node.attempts) } else { String::new() };
        let line = format!(
            "  {:<wide$}  {:<9}  {}{attempts}",
            node.id.as_str(),
            node.status,
            neutral(&node.deliverable).replace('\n', " ")
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Root causes come last, where they are seen; what only followed from them is in the list above.
fn causes(status: &Status) -> String {
    let mut out = String::new();
    let own = [NodeStatus::Failed.name(), NodeStatus::Oversized.name()];
    for node in status.nodes.iter().filter(|n| own.contains(&n.status.as_str())) {
        let reason = neutral(&node.reason).replace('\n', " ");
        out.push_str(&format!("\n{} {}: {reason}\n", node.id, node.status));
    }
    for gap in &status.gaps {
        out.push_str(&format!("\ngap: {}\n", neutral(gap).replace('\n', " ")));
    }
    out
}

fn next(state: &RunState) -> Option<String> {
    use crate::event::Termination as T;
    let Some(end) = &state.finished else {
        return state.start.as_ref().map(|_| "auditrun resume".to_owned());
    };
    Some(match end.reason {
        T::AllDone => "auditrun gate --base HEAD".to_owned(),
        T::MaxIterations => {
            format!("auditrun resume --max-iterations {}", state.max_iterations.saturating_mul(2))
        }
        T::Timeout => {
            format!("auditrun resume --timeout-minutes {}", (state.timeout_ms / 60_000).saturating_mul(2))
        }
        T::SelfCritiqueExhausted => {
            "auditrun resume --bundle-from REV (after the split is in the bundle)".to_owned()
        }
        T::OpenQuestion => "edit state.md, commit, then auditrun run".to_owned(),
        _ if state.branch.is_none() => "auditrun preflight (after the problems are solved)".to_owned(),
        _ => "auditrun resume".to_owned(),
    })
}
