//! The graph for Graphviz.

use super::super::Plan;
use super::graph::{Statuses, colours, lines};
use crate::base::text::neutral;

pub(super) fn draw(plan: &Plan, statuses: &Statuses) -> String {
    let mut out = String::from(
        "digraph plan {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
    );
    for (number, tier) in plan.tiers.iter().enumerate() {
        out.push_str(&format!("  subgraph cluster_{number} {{\n    label=\"tier {number}\";\n"));
        for (i, node) in tier.iter().filter_map(|i| Some((*i, plan.nodes.get(*i)?))) {
            let id = &node.node.id.value;
            let status = statuses.get(id).copied();
            let (fill, border) = colours(status);
            let word = status.map(|s| format!("\\n{}", s.name())).unwrap_or_default();
            let deliverable = quoted(&node.node.deliverable.value);
            let peripheries = if node.settings.parallel_safe.value { 1 } else { 2 };
            out.push_str(&format!(
                "    n{i} [label=\"{id}\\n{deliverable}{word}\", fillcolor=\"{fill}\", color=\"{border}\", peripheries={peripheries}];\n"
            ));
        }
        out.push_str("  }\n");
    }
    for line in lines(plan) {
        let attributes = match (line.declared, line.hotspot) {
            (true, None) | (false, None) => String::new(),
            (true, Some(hotspot)) => format!(" [label=\"{}\"]", quoted(hotspot)),
            (false, Some(hotspot)) => format!(" [style=dashed, label=\"{}\"]", quoted(hotspot)),
        };
        out.push_str(&format!("  n{} -> n{}{attributes};\n", line.from, line.to));
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    neutral(text).replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\t'], " ")
}
