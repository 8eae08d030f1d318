//! trace_matrix.md: what each prompt is for.

use std::collections::BTreeMap;

use super::super::{Plan, PlannedNode};
use super::markdown::{cell_code, head, plain, row};
use crate::base::Id;

/// preflight/trace_matrix.md: prompt → node → delta_to_done items → invariants, then each
/// item and each invariant with the nodes that answer for it.
pub fn trace_matrix(plan: &Plan) -> String {
    let mut out = String::from("# Trace matrix\n\n");
    out.push_str(&head(&["prompt", "node", "deliverable", "delta_to_done", "invariants"]));
    for node in plan.nodes.iter().map(|n| &n.node) {
        out.push_str(&row(&[
            cell_code(&format!("prompts/{}.md", node.id.value)),
            cell_code(node.id.as_str()),
            plain(&node.deliverable.value),
            ids(node.closes.iter().map(|d| &d.value)),
            ids(node.invariants.iter().map(|d| &d.value)),
        ]));
    }
    out.push_str("\n## delta_to_done\n\n");
    out.push_str(&head(&["item", "text", "closed by"]));
    let closers = by_id(plan, |n| n.node.closes.iter().map(|d| &d.value).collect());
    for item in &plan.deltas {
        let by = closers.get(&item.id.value).map_or(&[][..], Vec::as_slice);
        out.push_str(&row(&[cell_code(item.id.as_str()), plain(&item.text.value), ids(by.iter().copied())]));
    }
    out.push_str("\n## Invariants\n\n");
    out.push_str(&head(&["invariant", "text", "checks", "cited by"]));
    let citers = by_id(plan, |n| n.node.invariants.iter().map(|i| &i.value).collect());
    for invariant in &plan.invariants {
        let by = citers.get(&invariant.id).map_or(&[][..], Vec::as_slice);
        let checks = match (invariant.checks.len(), invariant.advisory) {
            (0, _) => "advisory".to_owned(),
            (n, true) => format!("{n}, advisory"),
            (n, false) => n.to_string(),
        };
        out.push_str(&row(&[
            cell_code(invariant.id.as_str()),
            plain(&invariant.text),
            checks,
            ids(by.iter().copied()),
        ]));
    }
    out
}

/// For each id that nodes name: these nodes in graph.md's order.
fn by_id<'a>(
    plan: &'a Plan,
    named: impl Fn(&'a PlannedNode) -> Vec<&'a Id>,
) -> BTreeMap<&'a Id, Vec<&'a Id>> {
    let mut all: BTreeMap<&Id, Vec<&Id>> = BTreeMap::new();
    for node in &plan.nodes {
        for id in named(node) {
            all.entry(id).or_default().push(&node.node.id.value);
        }
    }
    all
}

fn ids<'a>(all: impl Iterator<Item = &'a Id>) -> String {
    let all: Vec<String> = all.map(|id| cell_code(id.as_str())).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}
