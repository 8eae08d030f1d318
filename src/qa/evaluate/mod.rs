//! The seven evaluations: what they ask, and the parts that the program decides. An
//! evaluator's pass falls where the program finds a fault; its fail always stands.

mod actionability;
mod causal_accuracy;
mod coverage;
mod evidence_grounded;
mod lesson_effectiveness;
mod regression_sensitivity;
mod self_consistency;

use serde::{Deserialize, Serialize};

use crate::qa::corpus::AuditCorpus;
use crate::qa::reading::{self, ReadFinding};
use crate::qa::records::Records;

/// One of the seven.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // Each has a file of its own.
pub enum Evaluation {
    Coverage,
    EvidenceGrounded,
    CausalAccuracy,
    RegressionSensitivity,
    LessonEffectiveness,
    Actionability,
    SelfConsistency,
}

/// What an evaluation asks.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs)]
pub struct Criterion {
    pub question: &'static str,
    pub pass: &'static str,
    pub fail: &'static str,
}

impl Evaluation {
    /// All seven, in order.
    pub const ALL: [Evaluation; 7] = [
        Evaluation::Coverage,
        Evaluation::EvidenceGrounded,
        Evaluation::CausalAccuracy,
        Evaluation::RegressionSensitivity,
        Evaluation::LessonEffectiveness,
        Evaluation::Actionability,
        Evaluation::SelfConsistency,
    ];

    /// The name in answers and logs.
    pub fn name(self) -> &'static str {
        match self {
            Evaluation::Coverage => "coverage",
            Evaluation::EvidenceGrounded => "evidence_grounded",
            Evaluation::CausalAccuracy => "causal_accuracy",
            Evaluation::RegressionSensitivity => "regression_sensitivity",
            Evaluation::LessonEffectiveness => "lesson_effectiveness",
            Evaluation::Actionability => "actionability",
            Evaluation::SelfConsistency => "self_consistency",
        }
    }

    /// The evaluation of that name.
    pub fn named(name: &str) -> Option<Evaluation> {
        Evaluation::ALL.into_iter().find(|e| e.name() == name)
    }

    /// What it asks.
    pub fn criterion(self) -> Criterion {
        match self {
            Evaluation::Coverage => coverage::CRITERION,
            Evaluation::EvidenceGrounded => evidence_grounded::CRITERION,
            Evaluation::CausalAccuracy => causal_accuracy::CRITERION,
            Evaluation::RegressionSensitivity => regression_sensitivity::CRITERION,
            Evaluation::LessonEffectiveness => lesson_effectiveness::CRITERION,
            Evaluation::Actionability => actionability::CRITERION,
            Evaluation::SelfConsistency => self_consistency::CRITERION,
        }
    }

    /// The fault that the program finds, where it can decide.
    fn decide(self, read: &Read<'_>) -> Option<Fault> {
        match self {
            Evaluation::Coverage => coverage::decide(read),
            Evaluation::EvidenceGrounded => evidence_grounded::decide(read),
            Evaluation::CausalAccuracy => causal_accuracy::decide(read),
            Evaluation::LessonEffectiveness => lesson_effectiveness::decide(read),
            Evaluation::RegressionSensitivity | Evaluation::Actionability | Evaluation::SelfConsistency => {
                None
            }
        }
    }
}

/// Why an evaluation fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// One sentence.
    pub what: String,
    /// The section or element.
    #[serde(rename = "where")]
    pub place: String,
    /// The reason.
    pub why: String,
}

impl Fault {
    fn new(what: impl Into<String>, place: impl Into<String>, why: impl Into<String>) -> Fault {
        Fault { what: what.into(), place: place.into(), why: why.into() }
    }
}

/// An evaluation that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Which.
    pub evaluation: Evaluation,
    /// Why.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The outcome of all seven: those that fail, in order; the others pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scorecard {
    /// At most seven, each once.
    pub failing: Vec<Failing>,
}

impl Scorecard {
    /// How many pass, 0 to 7.
    pub fn score(&self) -> usize {
        Evaluation::ALL.len().saturating_sub(self.failing.len())
    }

    /// The score in whole per cent.
    pub fn percent(&self) -> u32 {
        percent(self.score())
    }

    /// Everything passes.
    pub fn perfect(&self) -> bool {
        self.failing.is_empty()
    }

    /// Why this one fails, if it does.
    pub fn fault(&self, evaluation: Evaluation) -> Option<&Fault> {
        self.failing.iter().find(|f| f.evaluation == evaluation).map(|f| &f.fault)
    }
}

/// `passed / 7` in whole per cent.
pub fn percent(passed: usize) -> u32 {
    let all = Evaluation::ALL.len();
    u32::try_from((passed * 200 + all) / (2 * all)).unwrap_or(100)
}

/// A report with what is needed to judge it.
struct Read<'a> {
    report: &'a str,
    findings: Vec<ReadFinding>,
    corpus: &'a AuditCorpus,
    records: &'a Records,
}

/// The evaluator's verdicts with the program's in the place of every pass that does not hold.
pub fn judge(report: &str, corpus: &AuditCorpus, records: &Records, evaluator: &Scorecard) -> Scorecard {
    let read = Read { report, findings: reading::findings(report), corpus, records };
    let fault = |evaluation: Evaluation| {
        let own = evaluation.decide(&read).or_else(|| evaluator.fault(evaluation).cloned());
        own.map(|fault| Failing { evaluation, fault })
    };
    Scorecard { failing: Evaluation::ALL.into_iter().filter_map(fault).collect() }
}

/// A few of many, for a fault's text.
fn few<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    let more = all.len().saturating_sub(5);
    let shown = all.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[cfg(test)]
mod tests;
