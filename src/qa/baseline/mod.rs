//! The baseline report: the corpus told by the program, without any agent. Pure. What it does
//! not know stands among its assumptions.

mod failures;
pub(in crate::qa) mod lessons;

use std::fmt::Write as _;

use crate::base::text::count;
use crate::qa::corpus::{AuditCorpus, Mode, ScopeType, Slice};
use crate::qa::effectiveness::{printed, scores};
use crate::qa::findings::{Finding, Severity, day, findings, ids, short};
use crate::report::table::table;
use crate::report::{code, markdown};

/// The level-2 headings, in order.
pub const HEADINGS: [&str; 7] = [
    "Executive Summary",
    "Slices",
    "Findings",
    "Failure Analysis",
    "Lesson Effectiveness",
    "Recommendations",
    "Assumptions and Missing Data",
];

/// The report of a corpus.
pub fn report(corpus: &AuditCorpus) -> String {
    let found = findings(corpus);
    let sections = [
        summary(corpus, &found),
        slices(corpus, &found),
        all_findings(&found),
        failures::section(corpus),
        lessons::section(corpus),
        recommendations(&found),
        assumptions(corpus),
    ];
    let mut text = format!(
        "# Audit of {}\n",
        match corpus.scope.scope_type {
            ScopeType::Standalone => markdown(&corpus.scope.repo_id),
            _ => markdown(&corpus.scope.scope_ref),
        }
    );
    for (heading, section) in HEADINGS.iter().zip(sections) {
        let _ = write!(text, "\n## {heading}\n\n{}\n", section.trim_end());
    }
    text
}

/// A scope's type as data and reports say it.
pub(in crate::qa) fn scope_name(scope: ScopeType) -> &'static str {
    match scope {
        ScopeType::Loop => "LOOP",
        ScopeType::Repo => "REPO",
        ScopeType::Pipeline => "PIPELINE",
        ScopeType::Effectiveness => "EFFECTIVENESS",
        ScopeType::Standalone => "STANDALONE",
    }
}

/// `LOOP`, `REPO`, … with what it refers to.
pub fn scope_line(corpus: &AuditCorpus) -> String {
    let scope = &corpus.scope;
    let mode = match scope.mode {
        Mode::Db => "the control-plane database",
        Mode::Standalone => "git log and files",
    };
    format!(
        "{} {} of {}, read from {mode} at {}, depth {}",
        scope_name(scope.scope_type),
        code(&scope.scope_ref),
        code(&scope.repo_id),
        scope.queried_at,
        scope.recursion_depth
    )
}

fn summary(corpus: &AuditCorpus, found: &[Finding]) -> String {
    let failed = corpus.slices.iter().filter(|s| s.failed()).count();
    let range = match (&corpus.scope.earliest, &corpus.scope.latest) {
        (Some(from), Some(to)) => format!("from {} to {}", day(from), day(to)),
        _ => "without a time range".to_owned(),
    };
    let of = |severity| found.iter().filter(|f| f.severity == severity).count();
    let mut text = format!("Scope: {}.\n\n", scope_line(corpus));
    let _ = writeln!(
        text,
        "{} {range}: {failed} failed, {} did not. {}: {} critical, {} warning, {} info. {}.",
        count(corpus.slices.len(), "slice"),
        corpus.slices.len() - failed,
        count(found.len(), "finding"),
        of(Severity::Critical),
        of(Severity::Warning),
        of(Severity::Info),
        repairs(corpus),
    );
    let worst: Vec<String> = found
        .iter()
        .enumerate()
        .filter(|(_, f)| f.severity != Severity::Info)
        .take(3)
        .map(|(n, f)| format!("- F-{}: {}\n", n + 1, f.title))
        .collect();
    if worst.is_empty() {
        text.push_str("\nNothing critical and no warning was found.\n");
    } else {
        let _ = write!(text, "\nWhat matters most:\n\n{}", worst.concat());
    }
    let _ = write!(text, "\n{}\n", lesson_line(corpus));
    text
}

fn repairs(corpus: &AuditCorpus) -> String {
    let good = corpus.repairs.iter().filter(|r| r.outcome == "repaired").count();
    match corpus.repairs.len() {
        0 => "No repair was tried".to_owned(),
        n => format!("{}, {good} of them successful", count(n, "repair attempt")),
    }
}

fn lesson_line(corpus: &AuditCorpus) -> String {
    let mut all = scores(corpus);
    all.sort_by(|a, b| b.effectiveness.score.total_cmp(&a.effectiveness.score));
    let (Some(best), Some(worst)) = (all.first(), all.last()) else {
        return "No lesson is in force in this scope, so nothing can be said about their effect.".to_owned();
    };
    let one = |s: &crate::qa::effectiveness::Scored<'_>| {
        format!("{} ({}, {})", code(&s.lesson.lesson_id), printed(s.effectiveness.score), s.label().name())
    };
    match all.len() {
        1 => format!("One lesson is in force: {}.", one(best)),
        n => format!("{n} lessons are in force; best {}, worst {}.", one(best), one(worst)),
    }
}

fn slices(corpus: &AuditCorpus, found: &[Finding]) -> String {
    let row = |s: &Slice| {
        let title = match &s.plan_slice {
            Some(plan) => format!("{} (plan slice {})", markdown(&s.title), code(plan)),
            None => markdown(&s.title),
        };
        vec![
            code(short(&s.slice_id)),
            s.node_id.as_deref().map_or_else(|| "–".to_owned(), code),
            title,
            markdown(&s.at),
            markdown(&s.status),
            markdown(&s.verifier_status),
            markdown(&s.cleanup_status),
            numbers(found, &s.slice_id),
        ]
    };
    table(
        &["slice", "node", "what", "finished", "status", "verifier", "cleanup", "findings"],
        corpus.slices.iter().map(row),
    )
}

/// The findings that name a slice.
fn numbers(found: &[Finding], slice: &str) -> String {
    let of: Vec<String> = found
        .iter()
        .enumerate()
        .filter(|(_, f)| f.slices.iter().any(|s| s == slice))
        .map(|(n, _)| format!("F-{}", n + 1))
        .collect();
    if of.is_empty() { "no issues found".to_owned() } else { of.join(", ") }
}

fn all_findings(found: &[Finding]) -> String {
    let mut text = String::new();
    for severity in Severity::ALL {
        let of: Vec<(usize, &Finding)> =
            found.iter().enumerate().filter(|(_, f)| f.severity == severity).collect();
        let _ = write!(text, "### {} ({})\n\n", severity.title(), of.len());
        if of.is_empty() {
            text.push_str("None.\n\n");
        }
        for (n, finding) in of {
            let _ = write!(text, "#### F-{}: {}\n\n", n + 1, finding.title);
            if finding.slices.is_empty() {
                text.push_str("- Slice: none; it is about the lessons\n");
            } else {
                let _ = writeln!(text, "- Slice: {}", ids(&finding.slices));
            }
            finding.evidence.iter().for_each(|line| _ = writeln!(text, "- Evidence: {line}"));
            if let Some(key) = &finding.problem_key {
                let _ = writeln!(text, "- Problem: {}", code(key));
            }
            text.push('\n');
        }
    }
    text
}

fn recommendations(found: &[Finding]) -> String {
    let steps: Vec<String> = found
        .iter()
        .enumerate()
        .filter_map(|(n, f)| Some((n, f.next.as_ref()?)))
        .enumerate()
        .map(|(at, (n, next))| {
            format!("{}. **{}** (F-{}): {}\n", at + 1, next.kind.title(), n + 1, next.text)
        })
        .collect();
    if steps.is_empty() {
        return "None: nothing was found that calls for a change.".to_owned();
    }
    steps.concat()
}

fn assumptions(corpus: &AuditCorpus) -> String {
    let mut text = String::new();
    for missing in &corpus.missing {
        let _ = writeln!(
            text,
            "- {} had nothing to say. Assumed in its place: {}",
            code(&missing.source),
            markdown(&missing.assumption)
        );
    }
    if corpus.missing.is_empty() {
        text.push_str("- Every source answered; nothing had to be assumed in the place of data.\n");
    }
    if corpus.scope.mode == Mode::Standalone && !corpus.lessons.is_empty() {
        text.push_str("- Every slice counts as of each lesson's verifier type.\n");
    }
    text.push_str(
        "- Findings are derived by rules from the records that are cited; what left no record is not in them.\n",
    );
    text
}

#[cfg(test)]
mod tests;
