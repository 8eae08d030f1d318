//! What a run created or changed, and which of its artifacts should be there and are not.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Id;
use crate::journal::{NodeState, Preflight, QuestionEnd, RunState};
use crate::proof::names;

/// A file of the repository that a node created or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Output {
    pub path: String,
    pub node: Id,
    /// `landed`, or `kept` under the attempt's ref.
    pub status: String,
    /// The commit, or the attempt's ref.
    pub at: String,
}

/// Every file of every node's newest capture.
pub fn outputs(state: &RunState) -> Vec<Output> {
    let mut all = Vec::new();
    for node in &state.nodes {
        let Some(captured) = node.attempts.iter().rev().find_map(|a| a.captured.as_ref()) else { continue };
        let (status, at) = match &node.landing {
            Some(landing) => ("landed", landing.new.to_string()),
            None => ("kept", captured.reference.clone()),
        };
        all.extend(captured.diff.files.iter().map(|path| Output {
            path: path.clone(),
            node: node.id.clone(),
            status: status.to_owned(),
            at: at.clone(),
        }));
    }
    all
}

/// Artifacts that the journal promises and `present` (paths relative to out) does not hold,
/// and agents whose end nobody recorded.
pub fn missing(state: &RunState, present: &BTreeSet<String>) -> Vec<String> {
    let mut wanted = vec![names::JOURNAL.to_owned(), names::ITERATION.to_owned()];
    if state.preflight == Preflight::Passed {
        let files = ["trace_matrix.md", "dispatch_plan.md", "dispatch_plan.json", "check_normalization.md"];
        wanted.extend(files.map(|f| format!("preflight/{f}")));
    }
    for question in &state.questions {
        wanted.push(format!("resolutions/{}.md", question.id));
        if matches!(question.end, QuestionEnd::Resolved { .. }) {
            wanted.push(format!("resolutions/{}.state.md.patch", question.id));
        }
    }
    for node in &state.nodes {
        wanted.extend(of_node(node));
    }
    if state.proof.is_some() {
        let files =
            [names::REPORT_MD, names::REPORT_JSON, names::COVERAGE, names::FINGERPRINT, names::STATEMENT];
        wanted.extend(files.map(str::to_owned));
    }
    let mut missing: Vec<String> = wanted.into_iter().filter(|path| !present.contains(path)).collect();
    for call in state.calls.iter().filter(|c| c.record.is_none()) {
        let what = call.subject.as_ref().map_or_else(String::new, |id| format!(" for {id}"));
        missing.push(format!("the end of agent {} ({}){what}", call.agent, call.role.name()));
    }
    missing
}

fn of_node(node: &NodeState) -> Vec<String> {
    let mut wanted = Vec::new();
    if node.attempts.iter().any(|a| a.status.is_some()) {
        wanted.push(names::verification(&node.id));
    }
    if node.attempts.iter().any(|a| a.captured.is_some()) {
        wanted.push(names::patch(&node.id));
        wanted.push(format!("runs/{}/files_touched.txt", node.id));
    }
    let logs: BTreeSet<&String> =
        node.attempts.iter().flat_map(|a| &a.agents).filter_map(|a| a.log.as_ref()).collect();
    wanted.extend(logs.into_iter().cloned());
    wanted.extend(node.remediation.iter().map(|(_, prompt)| prompt.clone()));
    wanted.extend(node.split.iter().map(|(path, _)| path.clone()));
    wanted
}
