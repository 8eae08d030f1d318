//! What the audit stage finds out about a failed run and does about it: plain data, the
//! content of audit/failures.json, audit/diagnosis.json and audit/issue.json.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Id;

/// Whether a failure is one of the work or of the services around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// It is there again when the same is tried again.
    Lasting,
    /// Too many requests.
    RateLimit,
    /// A service that can't keep up.
    Overload,
    /// Credentials, or the account behind them.
    Auth,
    /// A service that was not reached.
    Network,
}

impl FailureClass {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            FailureClass::Lasting => "lasting",
            FailureClass::RateLimit => "rate limit",
            FailureClass::Overload => "overload",
            FailureClass::Auth => "authentication",
            FailureClass::Network => "network",
        }
    }
}

/// A failure that is no consequence of another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// 64 hex digits, the same for the same failure in every run.
    pub fingerprint: String,
    /// `node A`, `preflight`, `question Q-1`, `proof` or `run`.
    pub subject: String,
    /// The node, if it is one's.
    pub node: Option<Id>,
    /// The gate or check: `gate touches`, `check make test`, `invariant INV-1`, `agent`.
    pub what: String,
    /// The first line that tells of an error, as it was printed.
    pub error: String,
    /// The same without what differs from run to run: numbers, hashes, places.
    pub normalized: String,
    /// Its class.
    pub class: FailureClass,
    /// The agent at work, or the default agent.
    pub agent: String,
    /// The end of what was printed; empty if nothing was.
    pub output: String,
    /// Files that the newest attempt changed.
    pub changed: Vec<String>,
    /// Where to read more, relative to out.
    pub evidence: Vec<String>,
}

/// audit/failures.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failures {
    /// `auditrun.failures/1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// Every failure that is no consequence of another one.
    pub failures: Vec<Failure>,
}

/// What is said about a failure: the answer of an agent of role `diagnostic`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiagnosisAnswer {
    /// What went wrong, in a sentence or two.
    pub error_summary: String,
    /// Why.
    pub root_cause: String,
    /// What speaks for it.
    pub evidence: Vec<String>,
    /// What to do now.
    pub remediation_steps: Vec<String>,
    /// What keeps it from coming back.
    pub prevention: Vec<String>,
}

/// Who made a diagnosis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiagnosisSource {
    /// An agent; what it says is a hypothesis.
    Agent,
    /// auditrun itself, from what the gates and checks recorded.
    Deterministic,
}

/// audit/diagnosis.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// `auditrun.diagnosis/1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// When that run ended, RFC 3339; null if its end was never recorded.
    pub ended_at: Option<String>,
    /// Whose words `error_summary` and what follows are.
    pub source: DiagnosisSource,
    /// True for an agent's: nobody has proven it.
    pub hypothesis: bool,
    /// The agent that was asked, if one was.
    pub agent: Option<String>,
    /// Why there is no agent's diagnosis; null if there is one.
    pub stand_in: Option<String>,
    /// The diagnosis.
    #[serde(flatten)]
    pub answer: DiagnosisAnswer,
    /// What the records say by themselves; beside an agent's diagnosis, and equal to it where
    /// it stands in.
    pub deterministic: DiagnosisAnswer,
}

/// What became of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IssueAction {
    /// A new one.
    Created,
    /// An open one got a comment and a row in its table.
    Commented,
    /// An open one was closed.
    Closed,
    /// None yet: trouble that passes by itself has not come often enough.
    Waiting,
    /// It lies in a file, and was not sent.
    Unsent,
}

/// One issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueDecision {
    /// What became of it.
    pub action: IssueAction,
    /// The failures that it is about.
    pub fingerprints: Vec<String>,
    /// Its title.
    pub title: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// Its number.
    pub number: Option<u64>,
    /// Its page.
    pub url: Option<String>,
    /// Its text, relative to out, where it was not sent.
    pub file: Option<String>,
    /// Why, in one sentence.
    pub why: String,
}

/// audit/issue.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueReport {
    /// `auditrun.issue/1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// When that run ended, RFC 3339; null if its end was never recorded.
    pub ended_at: Option<String>,
    /// `owner/name`, if one is named.
    pub repository: Option<String>,
    /// What was sent by `api` or `gh`; null if nothing was.
    pub via: Option<String>,
    /// Every issue that was thought of.
    pub issues: Vec<IssueDecision>,
    /// What sends those that were not; one command or sentence each.
    pub how_to_send: Vec<String>,
}
