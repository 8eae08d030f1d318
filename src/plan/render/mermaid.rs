//! The graph for Mermaid.

use super::super::Plan;
use super::graph::{Statuses, colours, lines};
use crate::base::text::neutral;
use crate::event::NodeStatus;

const STATUSES: [NodeStatus; 5] = [
    NodeStatus::Verified,
    NodeStatus::Failed,
    NodeStatus::Oversized,
    NodeStatus::Blocked,
    NodeStatus::Cancelled,
];

pub(super) fn draw(plan: &Plan, statuses: &Statuses) -> String {
    let mut out = String::from("flowchart LR\n");
    for (number, tier) in plan.tiers.iter().enumerate() {
        out.push_str(&format!("  subgraph tier{number}[\"tier {number}\"]\n"));
        for (i, node) in tier.iter().filter_map(|i| Some((*i, plan.nodes.get(*i)?))) {
            let id = &node.node.id.value;
            let label = format!("{}<br/>{}", entities(id.as_str()), entities(&node.node.deliverable.value));
            let (open, close) = if node.settings.parallel_safe.value { ("[", "]") } else { ("[[", "]]") };
            let class = statuses.get(id).map(|s| format!(":::{}", s.name())).unwrap_or_default();
            out.push_str(&format!("    n{i}{open}\"{label}\"{close}{class}\n"));
        }
        out.push_str("  end\n");
    }
    for line in lines(plan) {
        let (from, to) = (line.from, line.to);
        out.push_str(&match (line.declared, line.hotspot) {
            (true, None) | (false, None) => format!("  n{from} --> n{to}\n"),
            (true, Some(hotspot)) => format!("  n{from} -->|\"{}\"| n{to}\n", entities(hotspot)),
            (false, Some(hotspot)) => format!("  n{from} -.->|\"{}\"| n{to}\n", entities(hotspot)),
        });
    }
    for status in STATUSES.iter().filter(|s| statuses.values().any(|v| v == *s)) {
        let (fill, border) = colours(Some(*status));
        out.push_str(&format!("  classDef {} fill:{fill},stroke:{border}\n", status.name()));
    }
    out
}

/// Mermaid's own form of entities: what could end a label or begin markup.
fn entities(text: &str) -> String {
    let mut out = String::new();
    for c in neutral(text).chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | '|' | '*' | '_' | '[' | ']' | '{' | '}' | ';' => {
                out.push_str(&format!("#{};", c as u32));
            }
            c => out.push(c),
        }
    }
    out
}
