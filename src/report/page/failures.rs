//! What failed and why, with its evidence: the part of the page that is read first.

use maud::{Markup, html};

use super::tables::link;
use super::{prose, status};
use crate::base::names;
use crate::base::text::{count, neutral, tail};
use crate::event::{CheckRecord, NodeStatus};
use crate::journal::{Attempt, NodeState, Preflight, QuestionEnd};
use crate::report::junit::why;
use crate::report::stage::Staged;

/// Nodes that are told of; the table has the rest.
const NODES: usize = 20;
/// Checks of one node with their output.
const CHECKS: usize = 5;
/// Output of a check, in bytes.
const SHOWN: usize = 2048;
/// Nodes that are named as waiting.
const NAMED: usize = 12;

/// The section's body; `None` where nothing failed on its own account.
pub(super) fn body(stage: &Staged<'_>) -> Option<Markup> {
    let state = &stage.from.state;
    let own = |n: &&NodeState| matches!(n.status(), Some(NodeStatus::Failed | NodeStatus::Oversized));
    let failed: Vec<&NodeState> = state.nodes.iter().filter(own).collect();
    let rejected = match &state.preflight {
        Preflight::Rejected(problems) => problems.as_slice(),
        _ => &[],
    };
    let escalated = || {
        state.questions.iter().filter_map(|q| match &q.end {
            QuestionEnd::Escalated { reason } => Some((&q.id, reason)),
            QuestionEnd::Resolved { .. } => None,
        })
    };
    let gaps = state.proof.as_ref().map(|p| p.gaps.as_slice()).unwrap_or_default();
    let halted = state.halting.as_ref().filter(|_| failed.is_empty() && escalated().next().is_none());
    let nothing = failed.is_empty() && rejected.is_empty() && gaps.is_empty() && escalated().next().is_none();
    if nothing && halted.is_none() {
        return None;
    }
    Some(html! {
        @for problem in rejected { article.fail { h3 { "Preflight" } (output("problem", problem)) } }
        @for (id, reason) in escalated() {
            article.fail { h3 { "Question " code { (id) } } p { (prose(reason)) } }
        }
        @for node in failed.iter().take(NODES) { (one(stage, node)) }
        @if failed.len() > NODES {
            p.cut { (failed.len() - NODES) " more failed; " a href="#nodes" { "the nodes' table" } " has them." }
        }
        @if let Some(halt) = halted {
            article.fail { h3 { "The run was halted" } p { (halt.reason.name()) ": " (prose(&halt.message)) } }
        }
        @if !gaps.is_empty() {
            article.fail {
                h3 { (count(gaps.len(), "gap")) " of the proof" }
                ul { @for gap in gaps { li { (prose(gap)) } } }
            }
        }
    })
}

fn one(stage: &Staged<'_>, node: &NodeState) -> Markup {
    let waiting = waiting(stage, node);
    html! {
        article.fail {
            h3 {
                (status::chip(node.progress.name())) " " code { (node.id) } " "
                span.what { (neutral(node.deliverable())) }
            }
            p { (prose(&node.reason)) }
            @if let Some(attempt) = node.dispatched().last() { (evidence(attempt)) }
            @if node.dispatched().count() > 1 { (attempts(stage, node)) }
            @if !waiting.is_empty() {
                p.waiting {
                    "Waiting for it: "
                    @for (at, id) in waiting.iter().take(NAMED).enumerate() { @if at > 0 { ", " } code { (id) } }
                    @if waiting.len() > NAMED { " and " (waiting.len() - NAMED) " more" }
                }
            }
            (links(stage, node))
        }
    }
}

fn evidence(attempt: &Attempt) -> Markup {
    let failed: Vec<&CheckRecord> = attempt
        .checks
        .iter()
        .filter(|(_, c)| !c.passed)
        .map(|(_, c)| c)
        .chain(attempt.invariants.iter().filter(|(_, i)| i.regression).map(|(_, i)| &i.check))
        .collect();
    let outside = attempt.captured.iter().flat_map(|c| &c.diff.violations);
    html! {
        @for gate in attempt.gates.iter().filter(|g| !g.passed) {
            p.gate { strong { "Gate " (format!("{:?}", gate.gate).to_lowercase()) ": " } (prose(&gate.reason)) }
        }
        ul.paths { @for path in outside.take(NAMED) { li { code { (neutral(path)) } } } }
        @for check in failed.iter().take(CHECKS) {
            details open {
                summary { code { (neutral(&check.command)) } " — " (why(check)) }
                (output("standard output", &check.stdout_tail))
                (output("standard error", &check.stderr_tail))
            }
        }
        @if failed.len() > CHECKS { p.cut { (failed.len() - CHECKS) " more checks failed." } }
    }
}

fn output(name: &str, text: &str) -> Markup {
    html! {
        @if !text.trim().is_empty() {
            p.stream { (name) }
            pre tabindex="0" role="region" aria-label=(name) { (neutral(tail(text, SHOWN))) }
        }
    }
}

fn attempts(stage: &Staged<'_>, node: &NodeState) -> Markup {
    let prompt = |number: u32| {
        let (_, path) = node.remediation.iter().find(|(cycle, _)| cycle + 1 == number)?;
        link(stage, path)
    };
    html! {
        ol.attempts {
            @for attempt in node.dispatched() {
                li value=(attempt.number) {
                    (status::chip(attempt.status.map_or("running", NodeStatus::name))) " " (prose(&attempt.reason))
                    @if let Some(href) = prompt(attempt.number) { " " a href=(href) { "its prompt" } }
                }
            }
        }
    }
}

/// Nodes that were not done because of this one: blocked, or never begun.
fn waiting<'a>(stage: &'a Staged<'_>, node: &NodeState) -> Vec<&'a crate::base::Id> {
    let names = |n: &&NodeState| {
        n.status() != Some(NodeStatus::Verified)
            && n.planned.as_ref().is_some_and(|p| p.waits_for.contains(&node.id))
    };
    stage.from.state.nodes.iter().filter(names).map(|n| &n.id).collect()
}

fn links(stage: &Staged<'_>, node: &NodeState) -> Markup {
    let mut files = vec![
        ("agent's log".to_owned(), format!("runs/{}/agent.log", node.id)),
        ("verification.json".to_owned(), names::verification(&node.id)),
        ("diff.patch".to_owned(), names::patch(&node.id)),
    ];
    files.extend(node.split.iter().map(|(path, _)| ("split proposal".to_owned(), path.clone())));
    let found: Vec<_> =
        files.into_iter().filter_map(|(name, path)| Some((name, link(stage, &path)?))).collect();
    html! {
        @if !found.is_empty() {
            p.evidence { @for (name, href) in &found { a href=(href) { (name) } " " } }
        }
    }
}
