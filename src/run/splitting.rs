//! Makes a split proposal: derived from the evidence, refined by an agent of role `splitter`
//! where one is bound, written only if it parses as graph.md.

use std::collections::BTreeSet;

use crate::agent::Report;
use crate::base::Id;
use crate::bundle::{self, Node};
use crate::config::Role;
use crate::event::NoticeLevel;
use crate::plan::NodeIx;
use crate::run::context::{Context, Fault};
use crate::run::invoke::{self, Place, Request};
use crate::run::split::{self, Answer, Measured, Part};
use crate::run::split_text;

/// Writes `remediation/<id>/split.md` and returns the ids of the proposed nodes.
///
/// # Errors
/// The harness failed; an agent that fails leaves the derived proposal standing.
pub fn propose(cx: &Context, node: NodeIx, measured: &[Measured], reason: &str) -> Result<Vec<Id>, Fault> {
    let planned = &cx.plan.nodes[node].node;
    let taken: BTreeSet<String> = cx.plan.nodes.iter().map(|n| n.node.id.value.to_string()).collect();
    let derived = split::derive(planned, measured, &taken);
    let (parts, origin) = match refined(cx, node, &derived, measured, reason, &taken)? {
        Some(parts) => (parts, "refined by an agent from the evidence of the attempts"),
        None => (derived, "derived from the evidence of the attempts"),
    };
    let text = split::render(planned, reason, measured, &parts, origin);
    cx.write(&format!("remediation/{}/split.md", planned.id.value), text.as_bytes())?;
    Ok(parts.iter().filter_map(|p| Id::parse(&p.id).ok()).collect())
}

fn refined(
    cx: &Context,
    node: NodeIx,
    derived: &[Part],
    measured: &[Measured],
    reason: &str,
    taken: &BTreeSet<String>,
) -> Result<Option<Vec<Part>>, Fault> {
    let (Some(bound), false) = (cx.config.roles.get(&Role::Splitter), cx.cancel.requested()) else {
        return Ok(None);
    };
    let Some(agent) = cx.config.agents.get(&bound.value) else { return Ok(None) };
    let planned = &cx.plan.nodes[node].node;
    let scratch = cx.scratch_dir("splitter-")?;
    let request = Request {
        role: Role::Splitter,
        subject: Some(&planned.id.value),
        attempt: 0,
        agent,
        prompt: prompt(cx, node, derived, measured, reason).into_bytes(),
        env: None,
        timeout: agent.timeout.value,
        retries: agent.retries.value,
        log: format!("remediation/{}/splitter.log", planned.id.value),
        port_base: cx.port_base(0),
        cancel: &cx.cancel,
    };
    let answer = invoke::call(&cx.caller(), &request, &mut Place::scratch(scratch.path()))?;
    let proposed = proposed(cx, planned, &request, &answer.report);
    match proposed.and_then(|parts| acceptable(cx, node, parts, taken)) {
        Ok(parts) => Ok(Some(parts)),
        Err(why) => {
            let message = format!("the splitter's proposal for {} was not used: {why}", planned.id.value);
            cx.notice(Some(&planned.id.value), NoticeLevel::Warning, message)?;
            Ok(None)
        }
    }
}

/// What the splitter answered: a JSON object, or nodes as graph.md writes them. A program that
/// does not stream has no final message of several lines, so its whole transcript is looked at.
fn proposed(cx: &Context, node: &Node, request: &Request<'_>, report: &Report) -> Result<Vec<Part>, String> {
    if let Some(value) = &report.answer
        && value.get("nodes").is_some()
    {
        return serde_json::from_value::<Answer>(value.clone()).map(|a| a.nodes).map_err(|e| e.to_string());
    }
    let said = report.final_message.clone().unwrap_or_default();
    let logged = std::fs::read(cx.artifact(&request.log)).unwrap_or_default();
    let read = |text: &str| split_text::parts(text, node, &cx.layout);
    read(&said).or_else(|| read(&String::from_utf8_lossy(&logged))).ok_or_else(|| {
        "its answer holds neither a JSON object with nodes nor nodes as graph.md writes them".to_owned()
    })
}

/// A proposal must be a bundle that would be accepted: it is rendered and parsed.
fn acceptable(
    cx: &Context,
    node: NodeIx,
    parts: Vec<Part>,
    taken: &BTreeSet<String>,
) -> Result<Vec<Part>, String> {
    if parts.len() < 2 {
        return Err(format!(
            "{} proposed; a split has at least 2",
            crate::base::text::count(parts.len(), "node")
        ));
    }
    if let Some(part) = parts.iter().find(|p| taken.contains(&p.id)) {
        return Err(format!("the id {} is taken", part.id));
    }
    let planned = &cx.plan.nodes[node].node;
    let text = split::render(planned, "", &[], &parts, "agent");
    let outer: BTreeSet<&str> = planned.depends_on.iter().map(|d| d.value.as_str()).collect();
    let graph = split_text::without_dependencies(&text, &outer);
    let files = split_text::stand_in(&graph, planned, &parts.iter().map(|p| p.id.as_str()).collect());
    match bundle::parse(&files, &cx.layout) {
        Ok(_) => Ok(parts),
        Err(diags) => {
            let errors = diags.iter().filter(|d| d.severity == crate::diag::Severity::Error);
            Err(errors.map(|d| d.message.clone()).collect::<Vec<_>>().join("; "))
        }
    }
}

fn prompt(cx: &Context, node: NodeIx, derived: &[Part], measured: &[Measured], reason: &str) -> String {
    let planned = &cx.plan.nodes[node].node;
    let mut text = format!(
        "A unit of work could not be done in one piece. Propose how to cut it into smaller ones.\n\nUnit: {}: {}\nWhy it failed: {reason}\n",
        planned.id.value, planned.deliverable.value
    );
    text.push_str("\nIts task:\n\n");
    text.push_str(&String::from_utf8_lossy(&planned.prompt.bytes));
    text.push_str("\n\nA proposal derived from the files that the attempts changed:\n\n");
    text.push_str(&split::render(planned, reason, measured, derived, "derived"));
    text.push_str(
        "\nAnswer with one JSON object and nothing after it:\n{\"nodes\": [{\"id\": \"…\", \"deliverable\": \"…\", \"touches\": [\"…\"], \"depends_on\": [\"…\"], \"estimated_loc\": 10, \"done_when\": [\"…\"]}]}\nThe ids must be new; together the parts must do what the unit was to do.\n",
    );
    text
}
