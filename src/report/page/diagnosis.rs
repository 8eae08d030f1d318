//! Why a run failed, as an agent and as the records have it, and what became of the issue.

use maud::{Markup, html};

use super::prose;
use crate::base::text::neutral;
use crate::event::{Diagnosis, DiagnosisAnswer, IssueAction, IssueDecision, IssueReport};

/// The diagnosis: the agent's, labelled a hypothesis, above the deterministic one.
pub(super) fn body(diagnosis: &Diagnosis) -> Markup {
    html! {
        @if diagnosis.hypothesis {
            article {
                h3 { "Hypothesis of an agent" }
                p.lead { "Agent " code { (neutral(diagnosis.agent.as_deref().unwrap_or_default())) } " says so; nobody has proven it." }
                (answer(&diagnosis.answer))
            }
        }
        article {
            h3 { "What the records say" }
            @if let Some(why) = &diagnosis.stand_in { p.lead { "There is no agent's diagnosis: " (prose(why)) } }
            (answer(&diagnosis.deterministic))
        }
    }
}

fn answer(answer: &DiagnosisAnswer) -> Markup {
    let lists = [
        ("Evidence", &answer.evidence),
        ("Remediation steps", &answer.remediation_steps),
        ("Prevention", &answer.prevention),
    ];
    html! {
        p { (prose(&answer.error_summary)) }
        p { b { "Root cause: " } (prose(&answer.root_cause)) }
        @for (name, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
            h4 { (name) }
            ul { @for item in items { li { (prose(item)) } } }
        }
    }
}

/// What became of each failure issue.
pub(super) fn issues(told: &IssueReport) -> Markup {
    html! {
        ul { @for issue in &told.issues { li { (line(issue)) } } }
        @if !told.how_to_send.is_empty() {
            h3 { "To send what was not sent" }
            ul { @for way in &told.how_to_send { li { code { (neutral(way)) } } } }
        }
    }
}

fn line(issue: &IssueDecision) -> Markup {
    let word = match issue.action {
        IssueAction::Created => "made",
        IssueAction::Commented => "commented",
        IssueAction::Closed => "closed",
        IssueAction::Waiting => "none yet",
        IssueAction::Unsent => "not sent",
    };
    let url = issue.url.as_deref().filter(|url| url.starts_with("https://"));
    html! {
        b { (word) } ": " (neutral(&issue.title)) " "
        @if let Some(url) = url { a href=(url) { (neutral(url)) } " " }
        @if let Some(file) = &issue.file { code { (neutral(file)) } " " }
        "(" (prose(&issue.why)) ")"
    }
}
