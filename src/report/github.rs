//! What a run tells GitHub Actions: annotations on its standard output and lines for the
//! file that GITHUB_OUTPUT names. The job summary is audit/report.md, cut to what GitHub takes.

use crate::base::text::{head, neutral};
use crate::event::NodeStatus;
use crate::journal::{Preflight, Progress, RunState};
use crate::proof::Proof;

use super::build::verdict;

/// A workflow shows ten annotations of a kind; one more says how many were left out.
const SHOWN: usize = 9;

/// GitHub shows a job's summary up to 1 MiB and drops a longer one whole.
const SUMMARY: usize = 1024 * 1024 - 4096;

/// The job's summary: the report, cut at the end of a line if it is too long.
pub fn summary(report: &str) -> String {
    if report.len() <= SUMMARY {
        return report.to_owned();
    }
    let kept = head(report, SUMMARY);
    let kept = kept.rsplit_once('\n').map_or(kept, |(lines, _)| lines);
    format!("{kept}\n\nCut here: the rest is in audit/report.md.\n")
}

/// Workflow commands, a line each: an error for whatever failed on its own account, a warning
/// for each warning of the run.
pub fn annotations(state: &RunState) -> String {
    let mut errors = Vec::new();
    if let Preflight::Rejected(problems) = &state.preflight {
        errors.extend(problems.iter().map(|p| ("preflight".to_owned(), p.clone())));
    }
    for node in &state.nodes {
        if matches!(node.progress, Progress::Judged(NodeStatus::Failed | NodeStatus::Oversized)) {
            errors.push((format!("node {} {}", node.id, node.progress.name()), node.reason.clone()));
        }
    }
    for gap in state.proof.iter().flat_map(|p| &p.gaps) {
        errors.push(("proof".to_owned(), gap.clone()));
    }
    let warnings = state.warnings.iter().map(|w| ("preflight".to_owned(), w.clone())).collect::<Vec<_>>();
    commands("error", &errors) + &commands("warning", &warnings)
}

fn commands(kind: &str, list: &[(String, String)]) -> String {
    let mut out = String::new();
    for (title, message) in list.iter().take(SHOWN) {
        out.push_str(&format!("::{kind} title={}::{}\n", property(title), data(message)));
    }
    if list.len() > SHOWN {
        out.push_str(&format!("::{kind}::{} more in the report\n", list.len() - SHOWN));
    }
    out
}

fn data(text: &str) -> String {
    neutral(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `name=value` lines: verdict, run-id, branch, head, fingerprint, exit-code, cost-usd. A value
/// that is not known is empty; none can hold a line break.
pub fn step_outputs(state: &RunState, proof: Option<&Proof>) -> String {
    let kind = serde_json::to_value(verdict(state, proof).kind).unwrap_or_default();
    let cost = super::metrics::metrics(state).totals.overall.cost_usd;
    let head = proof.map(|p| &p.head).or_else(|| state.head());
    let values = [
        ("verdict", kind.as_str().unwrap_or_default().to_owned()),
        ("run-id", state.run_id().to_owned()),
        ("branch", state.branch.clone().unwrap_or_default()),
        ("head", head.map(ToString::to_string).unwrap_or_default()),
        ("fingerprint", proof.map(|p| p.fingerprint.clone()).unwrap_or_default()),
        ("exit-code", state.finished.as_ref().map(|f| f.exit_code.to_string()).unwrap_or_default()),
        ("cost-usd", cost.map(|c| c.to_string()).unwrap_or_default()),
    ];
    values.iter().map(|(name, value)| format!("{name}={}\n", neutral(value).replace('\n', " "))).collect()
}
