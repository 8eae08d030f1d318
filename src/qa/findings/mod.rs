//! What an audit finds by itself: findings derived from the corpus, most severe first. Pure.

mod rules;
mod text;

use serde::{Deserialize, Serialize};

use crate::qa::corpus::AuditCorpus;

pub use text::{day, excerpt, ids, short};

/// How bad it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Severity {
    Critical,
    Warning,
    Info,
}

impl Severity {
    /// Most severe first.
    pub const ALL: [Severity; 3] = [Severity::Critical, Severity::Warning, Severity::Info];

    /// As headings say it.
    pub fn title(self) -> &'static str {
        match self {
            Severity::Critical => "Critical",
            Severity::Warning => "Warning",
            Severity::Info => "Info",
        }
    }

    /// As data says it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// One finding. Texts are Markdown, escaped already.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// The slices that it is about.
    pub slices: Vec<String>,
    /// The problem, if it has a key.
    pub problem_key: Option<String>,
    /// What shows it: lines that cite records.
    pub evidence: Vec<String>,
    /// What to do about it; nothing for what is merely worth knowing.
    pub next: Option<NextStep>,
}

/// A concrete step.
#[derive(Debug, Clone, PartialEq)]
pub struct NextStep {
    /// What kind of step.
    pub kind: NextKind,
    /// The step, as Markdown.
    pub text: String,
}

/// Kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum NextKind {
    MetaSlice,
    Override,
    Investigation,
}

impl NextKind {
    /// As recommendations begin.
    pub fn title(self) -> &'static str {
        match self {
            NextKind::MetaSlice => "Meta-slice",
            NextKind::Override => "Override",
            NextKind::Investigation => "Investigation",
        }
    }
}

/// Every finding of the corpus, most severe first; its number is its place, from 1 on.
pub fn findings(corpus: &AuditCorpus) -> Vec<Finding> {
    let mut found = rules::all(corpus);
    found.sort_by_key(|f| f.severity);
    found
}
