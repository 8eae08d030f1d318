//! A run as a list of jobs, the way a CI shows one: preflight, each question, each node, the
//! proof.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Id;
use crate::event::{CheckRecord, NodeStatus};
use crate::journal::{NodeState, Preflight, Progress, QuestionEnd, RunState};

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobResult {
    /// It did what it was for.
    Success,
    /// It did not.
    Failure,
    /// It was never begun.
    Skipped,
    /// It was ended because of something else, or its process was killed.
    Cancelled,
}

impl JobResult {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            JobResult::Success => "success",
            JobResult::Failure => "failure",
            JobResult::Skipped => "skipped",
            JobResult::Cancelled => "cancelled",
        }
    }
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// `preflight`, `question Q-1`, `node A`, `proof`.
    pub name: String,
    /// How it ended.
    pub result: JobResult,
    /// Why, in one sentence; empty if there is nothing to add.
    pub detail: String,
}

/// Every job of a run, in the order in which they come.
pub fn jobs(state: &RunState) -> Vec<Job> {
    let mut jobs = vec![preflight(state)];
    for question in &state.questions {
        let (result, detail) = match &question.end {
            QuestionEnd::Resolved { .. } => (JobResult::Success, String::new()),
            QuestionEnd::Escalated { reason } => (JobResult::Failure, reason.clone()),
        };
        jobs.push(Job { name: format!("question {}", question.id), result, detail });
    }
    jobs.extend(state.nodes.iter().map(|n| node(state, n)));
    jobs.push(proof(state));
    jobs
}

/// True if the audit stage has something to diagnose: a job that did not succeed, be it only
/// because another one failed.
pub fn any_failed(state: &RunState) -> bool {
    jobs(state).iter().any(|j| j.result != JobResult::Success)
}

/// True if a command that failed at the head is held against the run: what a later node
/// superseded, and what is only advisory, stands in no gap of the proof.
pub(super) fn counts_at_head(state: &RunState, subject: &Id, check: &CheckRecord) -> bool {
    let Some(proof) = &state.proof else { return !check.passed };
    let named = |gap: &String| gap.contains(subject.as_str()) && gap.contains(check.command.as_str());
    !check.passed && proof.gaps.iter().any(named)
}

fn preflight(state: &RunState) -> Job {
    let (result, detail) = match &state.preflight {
        Preflight::Passed => (JobResult::Success, String::new()),
        Preflight::Rejected(problems) => (JobResult::Failure, problems.join("; ")),
        Preflight::Pending => (JobResult::Cancelled, "it did not come to its end".to_owned()),
    };
    Job { name: "preflight".to_owned(), result, detail }
}

fn node(state: &RunState, node: &NodeState) -> Job {
    let result = match node.progress {
        Progress::Judged(NodeStatus::Verified) => JobResult::Success,
        Progress::Judged(NodeStatus::Failed | NodeStatus::Oversized) => JobResult::Failure,
        Progress::Judged(NodeStatus::Blocked) | Progress::Pending => JobResult::Skipped,
        Progress::Judged(NodeStatus::Cancelled) | Progress::Running => JobResult::Cancelled,
    };
    let detail = match (node.progress, &state.halting) {
        (Progress::Pending, Some(halt)) if node.reason.is_empty() => {
            format!("not dispatched: {}", halt.reason.name())
        }
        (Progress::Running, _) => "its end was never recorded".to_owned(),
        _ => node.reason.clone(),
    };
    Job { name: format!("node {}", node.id), result, detail }
}

fn proof(state: &RunState) -> Job {
    let (result, detail) = match &state.proof {
        Some(p) if p.complete => (JobResult::Success, String::new()),
        Some(p) => (JobResult::Failure, p.gaps.join("; ")),
        None => (JobResult::Skipped, "the run did not get that far".to_owned()),
    };
    Job { name: "proof".to_owned(), result, detail }
}
