//! dispatch_plan.md: what will run when, and by which settings.

use std::borrow::Cow;

use super::super::{EdgeKind, NodeIx, Plan, PlannedNode};
use super::json;
use super::markdown::{cell_code, code, head, plain, row};
use crate::base::text::count;

/// preflight/dispatch_plan.md.
pub fn dispatch_plan(plan: &Plan, run_id: &str) -> String {
    let mut out = format!(
        "# Dispatch plan\n\nRun {}: {} in {}, at most {} at once. A tier begins when the one before it is verified.\n",
        code(run_id),
        count(plan.nodes.len(), "node"),
        count(plan.tiers.len(), "tier"),
        plan.max_parallel
    );
    critical_path(plan, &mut out);
    out.push_str("\n## Tiers\n");
    plan.tiers.iter().enumerate().for_each(|(i, tier)| self::tier(plan, i, tier, &mut out));
    synthetic_edges(plan, &mut out);
    hotspots(plan, &mut out);
    out.push_str("\n## Settings\n");
    plan.nodes.iter().for_each(|n| settings(n, &mut out));
    out
}

fn names(plan: &Plan, nodes: &[NodeIx], between: &str) -> String {
    let all: Vec<String> =
        nodes.iter().filter_map(|i| plan.nodes.get(*i)).map(|n| cell_code(n.node.id.as_str())).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(between) }
}

fn critical_path(plan: &Plan, out: &mut String) {
    let nodes = plan.critical_path.iter().filter_map(|i| plan.nodes.get(*i));
    let lines: u128 = nodes.map(|n| u128::from(n.settings.estimated_loc.value)).sum();
    out.push_str(&format!(
        "\n## Critical path\n\n{} ({}, {lines} estimated lines)\n",
        names(plan, &plan.critical_path, " → "),
        count(plan.critical_path.len(), "node")
    ));
}

fn tier(plan: &Plan, number: usize, tier: &[NodeIx], out: &mut String) {
    let safe = |i: &NodeIx| plan.nodes.get(*i).is_some_and(|n| n.settings.parallel_safe.value);
    let (together, alone): (Vec<NodeIx>, Vec<NodeIx>) = tier.iter().partition(|i| safe(i));
    out.push_str(&format!("\n### Tier {number}\n\n"));
    if !alone.is_empty() {
        out.push_str(&format!("- alone, concurrency 1: {}\n", names(plan, &alone, ", ")));
    }
    if !together.is_empty() {
        let most = together.len().min(plan.max_parallel);
        out.push_str(&format!("- together, concurrency {most}: {}\n", names(plan, &together, ", ")));
    }
    out.push('\n');
    out.push_str(&head(&["node", "deliverable", "waits for", "estimated_loc", "cap"]));
    for node in tier.iter().filter_map(|i| plan.nodes.get(*i)) {
        out.push_str(&row(&[
            cell_code(node.node.id.as_str()),
            plain(&node.node.deliverable.value),
            names(plan, &node.waits_for, ", "),
            node.settings.estimated_loc.value.to_string(),
            node.settings.loc_cap.map_or("none".to_owned(), |c| c.to_string()),
        ]));
    }
}

fn synthetic_edges(plan: &Plan, out: &mut String) {
    out.push_str("\n## Synthetic edges\n\n");
    let synthetic: Vec<_> = plan.edges.iter().filter(|e| e.kind == EdgeKind::Hotspot).collect();
    if synthetic.is_empty() {
        out.push_str("None: no two nodes share a hotspot.\n");
        return;
    }
    out.push_str(&head(&["from", "to", "hotspot"]));
    for edge in synthetic {
        let hotspot = edge.hotspot.as_deref().map_or("none".to_owned(), cell_code);
        out.push_str(&row(&[names(plan, &[edge.from], ""), names(plan, &[edge.to], ""), hotspot]));
    }
}

fn hotspots(plan: &Plan, out: &mut String) {
    if plan.hotspots.is_empty() {
        return;
    }
    out.push_str("\n## Hotspots\n\n");
    out.push_str(&head(&["hotspot", "nodes in the order of their turns"]));
    for hotspot in &plan.hotspots {
        out.push_str(&row(&[cell_code(&hotspot.name), names(plan, &hotspot.sharers, " → ")]));
    }
}

fn settings(node: &PlannedNode, out: &mut String) {
    out.push_str(&format!("\n### {}\n\n", code(node.node.id.as_str())));
    out.push_str(&head(&["setting", "value", "source"]));
    for (name, setting) in json::settings::<Cow<'_, str>>(&node.settings) {
        let value = match &setting.value {
            serde_json::Value::Null => "none".to_owned(),
            serde_json::Value::String(text) => cell_code(text),
            other => other.to_string(),
        };
        out.push_str(&row(&[plain(&name), value, plain(&setting.source)]));
    }
}
