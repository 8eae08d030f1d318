//! A diagnosis and what became of the failure issue, as Markdown: audit/diagnosis.md, and two
//! sections of audit/report.md.

use super::escape::{code, markdown};
use super::table::table;
use crate::event::{Diagnosis, DiagnosisAnswer, IssueAction, IssueDecision, IssueReport};

/// audit/diagnosis.md.
pub fn diagnosis_markdown(diagnosis: &Diagnosis) -> String {
    format!("# Diagnosis of run {}\n\n{}", code(&diagnosis.run_id), body(diagnosis))
}

/// The same without its heading: the section of report.md.
pub(super) fn body(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    match (&diagnosis.stand_in, &diagnosis.agent) {
        (None, Some(agent)) => {
            out.push_str(&format!("**Hypothesis** of agent {}: nobody has proven it.\n", code(agent)));
            out.push_str(&answer(&diagnosis.answer));
            out.push_str("\n**What the records say**\n");
        }
        (Some(why), Some(agent)) => out.push_str(&format!(
            "Agent {} was asked and gave no diagnosis ({}); what the records say stands in.\n",
            code(agent),
            markdown(why)
        )),
        (why, None) => out.push_str(&format!(
            "Made from the run's records alone{}.\n",
            why.as_ref().map_or_else(String::new, |why| format!(": {}", markdown(why)))
        )),
    }
    out.push_str(&answer(&diagnosis.deterministic));
    out
}

fn answer(answer: &DiagnosisAnswer) -> String {
    let mut out = String::new();
    for (name, text) in [("Error summary", &answer.error_summary), ("Root cause", &answer.root_cause)] {
        out.push_str(&format!("\n{name}: {}\n", markdown(text)));
    }
    let lists = [
        ("Evidence", &answer.evidence),
        ("Remediation steps", &answer.remediation_steps),
        ("Prevention", &answer.prevention),
    ];
    for (name, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
        let items: String = items.iter().map(|item| format!("- {}\n", markdown(item))).collect();
        out.push_str(&format!("\n{name}:\n\n{items}"));
    }
    out
}

/// The section of report.md about failure issues.
pub(super) fn issues(report: &IssueReport) -> String {
    let to = report.repository.as_deref().map_or_else(|| "no repository".to_owned(), code);
    let via = report.via.as_deref().map_or_else(String::new, |via| format!(", by {via}"));
    let mut out = format!("For {to}{via}.\n\n");
    out.push_str(&table(&["issue", "what became of it", "where", "why"], report.issues.iter().map(row)));
    if !report.how_to_send.is_empty() {
        out.push_str("\nTo send what was not sent:\n\n");
        let ways = report.how_to_send.iter();
        out.extend(
            ways.map(|way| format!("- {}\n", if way.starts_with("gh ") { code(way) } else { markdown(way) })),
        );
    }
    out
}

fn row(issue: &IssueDecision) -> Vec<String> {
    let what = match issue.action {
        IssueAction::Created => "made",
        IssueAction::Commented => "commented",
        IssueAction::Closed => "closed",
        IssueAction::Waiting => "none yet",
        IssueAction::Unsent => "**not sent**",
    };
    let place = match (&issue.url, &issue.number, &issue.file) {
        (Some(url), _, _) => code(url),
        (None, Some(number), _) => format!("no. {number}"),
        (None, None, Some(file)) => code(file),
        _ => String::new(),
    };
    vec![markdown(&issue.title), what.to_owned(), place, markdown(&issue.why)]
}
