//! `auditrun graph`: the plan in the format that was asked for.

use std::collections::{BTreeMap, HashMap};

use super::super::{EdgeKind, NodeIx, Plan, PlannedNode};
use super::{dot, json, mermaid, svg};
use crate::base::Id;
use crate::base::text::neutral;
use crate::event::NodeStatus;

/// The verdicts of a run so far, by node; empty before one.
pub type Statuses = BTreeMap<Id, NodeStatus>;

/// In which form the graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    /// For a terminal.
    Text,
    /// Graphviz.
    Dot,
    /// Mermaid's flowchart.
    Mermaid,
    /// A picture of its own, without outside resources.
    Svg,
    /// [`GraphDocument`](super::super::GraphDocument).
    Json,
}

/// The plan with its tiers, both kinds of edges and, after a run, the nodes' statuses.
/// Ends with a newline.
pub fn graph(plan: &Plan, format: GraphFormat, statuses: &Statuses) -> String {
    match format {
        GraphFormat::Text => text(plan, statuses),
        GraphFormat::Dot => dot::draw(plan, statuses),
        GraphFormat::Mermaid => mermaid::draw(plan, statuses),
        GraphFormat::Svg => svg::draw(plan, statuses),
        GraphFormat::Json => json::text(&json::graph_document(plan, statuses)),
    }
}

/// The colour of a status: fill and border.
pub(super) fn colours(status: Option<NodeStatus>) -> (&'static str, &'static str) {
    match status {
        Some(NodeStatus::Verified) => ("#d8f3dc", "#2d6a4f"),
        Some(NodeStatus::Failed) => ("#ffd6d6", "#b00020"),
        Some(NodeStatus::Oversized) => ("#ffe8cc", "#b35900"),
        Some(NodeStatus::Blocked) => ("#e9ecef", "#6c757d"),
        Some(NodeStatus::Cancelled) => ("#f3e8ff", "#6a4c93"),
        None => ("#ffffff", "#495057"),
    }
}

/// An edge as it is drawn: declared and synthetic ones between the same nodes are one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) from: NodeIx,
    pub(super) to: NodeIx,
    pub(super) declared: bool,
    pub(super) hotspot: Option<&'a str>,
}

/// The edges to draw, in the plan's order.
pub(super) fn lines(plan: &Plan) -> Vec<Line<'_>> {
    let mut at: HashMap<(NodeIx, NodeIx), usize> = HashMap::new();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for edge in &plan.edges {
        let fresh = lines.len();
        let place = *at.entry((edge.from, edge.to)).or_insert(fresh);
        if place == fresh {
            lines.push(Line { from: edge.from, to: edge.to, declared: false, hotspot: None });
        }
        if let Some(line) = lines.get_mut(place) {
            line.declared |= edge.kind == EdgeKind::DependsOn;
            line.hotspot = line.hotspot.or(edge.hotspot.as_deref());
        }
    }
    lines
}

fn text(plan: &Plan, statuses: &Statuses) -> String {
    let mut reasons: HashMap<NodeIx, Vec<Line<'_>>> = HashMap::new();
    lines(plan).into_iter().for_each(|l| reasons.entry(l.to).or_default().push(l));
    let mut out = String::new();
    for (number, tier) in plan.tiers.iter().enumerate() {
        out.push_str(&format!("tier {number}\n"));
        for (i, node) in tier.iter().filter_map(|i| Some((*i, plan.nodes.get(*i)?))) {
            out.push_str(&format!("  {}\n", of_node(node, statuses)));
            let lines = reasons.get(&i).map_or(&[][..], Vec::as_slice);
            lines.iter().filter_map(|l| waiting(plan, l)).for_each(|l| out.push_str(&format!("    {l}\n")));
        }
    }
    let path: Vec<&str> =
        plan.critical_path.iter().filter_map(|i| plan.nodes.get(*i)).map(|n| n.node.id.as_str()).collect();
    out.push_str(&format!(
        "critical path: {}\n",
        if path.is_empty() { "none".to_owned() } else { path.join(" → ") }
    ));
    out
}

fn of_node(node: &PlannedNode, statuses: &Statuses) -> String {
    let id = &node.node.id.value;
    let alone = if node.settings.parallel_safe.value { "" } else { " [alone]" };
    let status = statuses.get(id).map(|s| format!(" [{}]", s.name())).unwrap_or_default();
    format!("{id}: {}{alone}{status}", neutral(&node.node.deliverable.value).replace('\n', " "))
}

fn waiting(plan: &Plan, line: &Line<'_>) -> Option<String> {
    let from = plan.nodes.get(line.from)?.node.id.as_str();
    Some(match (line.declared, line.hotspot) {
        (true, None) | (false, None) => format!("after {from}"),
        (true, Some(hotspot)) => format!("after {from} (also hotspot {hotspot})"),
        (false, Some(hotspot)) => format!("after {from} (hotspot {hotspot})"),
    })
}
