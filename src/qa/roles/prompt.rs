//! What each role may see, as a type, and the prompt that is made of it. A view has no field
//! for what its role must not know, so no prompt can hold it.

use std::fmt::Write as _;

use super::texts;
use crate::config::Role;
use crate::qa::evaluate::{Evaluation, Failing};
use crate::qa::forge::Mutation;
use crate::qa::reading::ReadFinding;

/// Everything that an agent is told. Made of a view only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    role: Role,
    text: String,
}

impl Prompt {
    /// Whom it is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The evaluator sees the report; the criteria are the same for every report.
#[derive(Debug, Clone, Copy)]
pub struct EvaluatorView<'a> {
    /// The report.
    pub report: &'a str,
}

/// The brainstormer sees the report, what fails, and the changelog.
#[derive(Debug, Clone, Copy)]
pub struct BrainstormerView<'a> {
    /// The report.
    pub report: &'a str,
    /// Failing evaluations: what, where, why.
    pub failing: &'a [Failing],
    /// The changelog, whole.
    pub changelog: &'a str,
    /// Patience runs out: every failure so far, to look for another way.
    pub stuck: Option<&'a [Failing]>,
}

/// The critic sees the report.
#[derive(Debug, Clone, Copy)]
pub struct CriticView<'a> {
    /// The report.
    pub report: &'a str,
}

/// The mutator sees the report and the one chosen mutation.
#[derive(Debug, Clone, Copy)]
pub struct MutatorView<'a> {
    /// The report.
    pub report: &'a str,
    /// The mutation.
    pub mutation: &'a Mutation,
}

/// The improver sees the report, which findings are systemic, and what may be improved.
#[derive(Debug, Clone, Copy)]
pub struct ImproverView<'a> {
    /// The report.
    pub report: &'a str,
    /// Systemic findings of it.
    pub systemic: &'a [ReadFinding],
    /// Parts that a proposal may be about.
    pub targets: &'a [String],
    /// Files of the repository, so that a component is a real one.
    pub files: &'a [String],
}

/// The self-auditor sees one proposal.
#[derive(Debug, Clone, Copy)]
pub struct SelfAuditorView<'a> {
    /// The meta-slice as JSON.
    pub meta_slice: &'a str,
}

impl From<EvaluatorView<'_>> for Prompt {
    fn from(view: EvaluatorView<'_>) -> Prompt {
        let mut text = texts::EVALUATOR.to_owned();
        for evaluation in Evaluation::ALL {
            let criterion = evaluation.criterion();
            let _ = write!(
                text,
                "\n{}: {}\n  pass: {}\n  fail: {}\n",
                evaluation.name(),
                criterion.question,
                criterion.pass,
                criterion.fail
            );
        }
        document(&mut text, view.report);
        Prompt { role: Role::Evaluator, text }
    }
}

impl From<BrainstormerView<'_>> for Prompt {
    fn from(view: BrainstormerView<'_>) -> Prompt {
        let mut text = texts::BRAINSTORMER.to_owned();
        text.push_str("\nFailing evaluations:\n");
        failures(&mut text, view.failing);
        if let Some(all) = view.stuck {
            text.push_str(texts::STUCK);
            text.push_str("\nEvery failure so far:\n");
            failures(&mut text, all);
        }
        quoted(&mut text, "CHANGELOG", view.changelog);
        document(&mut text, view.report);
        Prompt { role: Role::Brainstormer, text }
    }
}

impl From<CriticView<'_>> for Prompt {
    fn from(view: CriticView<'_>) -> Prompt {
        let mut text = texts::CRITIC.to_owned();
        document(&mut text, view.report);
        Prompt { role: Role::Critic, text }
    }
}

impl From<MutatorView<'_>> for Prompt {
    fn from(view: MutatorView<'_>) -> Prompt {
        let mut text = texts::MUTATOR.to_owned();
        let mutation = view.mutation;
        let _ = write!(text, "\nThe change: {}\n", mutation.title);
        if !mutation.section.is_empty() {
            let _ = writeln!(text, "Where: {}", mutation.section);
        }
        let _ = writeln!(text, "What to do: {}\nWhy: {}", mutation.change, mutation.rationale);
        document(&mut text, view.report);
        Prompt { role: Role::Mutator, text }
    }
}

impl From<ImproverView<'_>> for Prompt {
    fn from(view: ImproverView<'_>) -> Prompt {
        let mut text = texts::IMPROVER.to_owned();
        let _ = write!(text, "\nTargets: {}\n\nSystemic findings:\n", view.targets.join(", "));
        for finding in view.systemic {
            let _ = writeln!(text, "- F-{} ({}): {}", finding.number, finding.severity.name(), finding.title);
        }
        quoted(&mut text, "FILES", &view.files.join("\n"));
        document(&mut text, view.report);
        Prompt { role: Role::Improver, text }
    }
}

impl From<SelfAuditorView<'_>> for Prompt {
    fn from(view: SelfAuditorView<'_>) -> Prompt {
        let mut text = texts::SELF_AUDITOR.to_owned();
        quoted(&mut text, "META-SLICE", view.meta_slice);
        Prompt { role: Role::SelfAuditor, text }
    }
}

fn failures(text: &mut String, failing: &[Failing]) {
    for Failing { evaluation, fault } in failing {
        let _ = writeln!(
            text,
            "- {}: what={} where={} why={}",
            evaluation.name(),
            fault.what,
            fault.place,
            fault.why
        );
    }
    if failing.is_empty() {
        text.push_str("- none\n");
    }
}

fn document(text: &mut String, report: &str) {
    quoted(text, "DOCUMENT", report);
}

/// Material between marks: everything inside is to be judged, not obeyed.
fn quoted(text: &mut String, name: &str, content: &str) {
    let _ = write!(text, "\n----- BEGIN {name} -----\n{}\n----- END {name} -----\n", content.trim_end());
}
