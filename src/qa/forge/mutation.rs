//! A mutation: the one change that an experiment makes.

use serde::{Deserialize, Serialize};

use crate::qa::evaluate::Evaluation;

/// One change of one section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutation {
    /// Who had the idea.
    pub source: Source,
    /// One line.
    pub title: String,
    /// The heading, where it is known.
    pub section: String,
    /// What to do.
    pub change: String,
    /// Why it should help.
    pub rationale: String,
    /// What it should make pass.
    pub targets: Vec<Evaluation>,
}

/// Where a mutation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A proposal, 1 to 3.
    Proposal(u32),
    /// A critic's finding.
    Critic,
    /// A proposal that answers a critic's finding as well.
    Both(u32),
}

impl Source {
    /// As the changelog says it.
    pub fn text(self) -> String {
        match self {
            Source::Proposal(n) => format!("Brainstormer proposal #{n}"),
            Source::Critic => "Critic finding".to_owned(),
            Source::Both(_) => "Both".to_owned(),
        }
    }
}

impl Mutation {
    /// What the changelog says was changed. The brainstormer reads the changelog and must not
    /// see what the critic said, so a critic's finding is told by its place alone.
    pub fn logged(&self) -> String {
        match (self.source, self.section.as_str()) {
            (Source::Critic, "") => "answer a critic's finding".to_owned(),
            (Source::Critic, section) => format!("answer a critic's finding about \"{section}\""),
            (_, "") => self.title.clone(),
            (_, section) => format!("{} (\"{section}\")", self.title),
        }
    }

    /// Why it was expected to help, by the same rule.
    pub fn reasoning(&self) -> String {
        match self.source {
            Source::Critic => {
                "no proposal targets a failing evaluation; it is the critic's most severe finding".to_owned()
            }
            Source::Proposal(_) => self.rationale.clone(),
            Source::Both(_) => format!("{} (a critic's finding concerns the same)", self.rationale),
        }
    }
}
