//! The graph as a picture: a column for each tier, drawn here, nothing loaded from elsewhere.

use std::collections::HashSet;

use super::super::{NodeIx, Plan, PlannedNode};
use super::graph::{Line, Statuses, colours, lines};
use crate::base::text::neutral;

const BOX: (usize, usize) = (220, 46);
const GAP: (usize, usize) = (90, 18);
const MARGIN: usize = 24;
const TOP: usize = 56;
/// Characters of a label that fit into a box.
const FIT: usize = 30;

pub(super) fn draw(plan: &Plan, statuses: &Statuses) -> String {
    let places = places(plan);
    let rows = plan.tiers.iter().map(Vec::len).max().unwrap_or(0);
    let width = 2 * MARGIN + plan.tiers.len().max(1) * (BOX.0 + GAP.0) - GAP.0;
    let height = TOP + MARGIN + rows.max(1) * (BOX.1 + GAP.1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\" fill=\"#495057\"/></marker></defs>\n"
    );
    for number in 0..plan.tiers.len() {
        let x = MARGIN + number * (BOX.0 + GAP.0) + BOX.0 / 2;
        out.push_str(&format!(
            "<text x=\"{x}\" y=\"{MARGIN}\" text-anchor=\"middle\" font-weight=\"bold\">tier {number}</text>\n"
        ));
    }
    lines(plan).iter().filter_map(|l| edge(plan, &places, l)).for_each(|e| out.push_str(&e));
    let critical: HashSet<NodeIx> = plan.critical_path.iter().copied().collect();
    for (i, node) in plan.nodes.iter().enumerate() {
        if let Some(place) = places.get(i) {
            out.push_str(&self::node(node, *place, critical.contains(&i), statuses));
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The upper left corner of each node's box.
fn places(plan: &Plan) -> Vec<(usize, usize)> {
    let mut places = vec![(0, 0); plan.nodes.len()];
    for (column, tier) in plan.tiers.iter().enumerate() {
        for (row, i) in tier.iter().enumerate() {
            if let Some(place) = places.get_mut(*i) {
                *place = (MARGIN + column * (BOX.0 + GAP.0), TOP + row * (BOX.1 + GAP.1));
            }
        }
    }
    places
}

fn id(plan: &Plan, node: NodeIx) -> &str {
    plan.nodes.get(node).map_or("", |n| n.node.id.as_str())
}

fn edge(plan: &Plan, places: &[(usize, usize)], line: &Line<'_>) -> Option<String> {
    let (from, to) = (places.get(line.from)?, places.get(line.to)?);
    let (x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2);
    let (x2, y2) = (to.0, to.1 + BOX.1 / 2);
    let bend = GAP.0 / 2;
    let dashes = if line.declared { "" } else { " stroke-dasharray=\"5 4\"" };
    let why = match line.hotspot {
        Some(hotspot) => format!(" (hotspot {hotspot})"),
        None => String::new(),
    };
    let title = xml(&format!("{} after {}{why}", id(plan, line.to), id(plan, line.from)));
    Some(format!(
        "<path d=\"M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#495057\"{dashes} marker-end=\"url(#arrow)\"><title>{title}</title></path>\n",
        x1 + bend,
        x2.saturating_sub(bend)
    ))
}

fn node(node: &PlannedNode, (x, y): (usize, usize), critical: bool, statuses: &Statuses) -> String {
    let id = &node.node.id.value;
    let status = statuses.get(id).copied();
    let (fill, border) = colours(status);
    let width = if critical { 3 } else { 1 };
    let mut notes: Vec<&str> = status.iter().map(|s| s.name()).collect();
    if !node.settings.parallel_safe.value {
        notes.push("alone");
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" [{}]", notes.join(", ")) };
    let deliverable = &node.node.deliverable.value;
    let (w, h) = BOX;
    format!(
        "<g><title>{title}</title><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"6\" fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"{width}\"/><text x=\"{tx}\" y=\"{y1}\" font-weight=\"bold\">{id}{notes}</text><text x=\"{tx}\" y=\"{y2}\">{shown}</text></g>\n",
        title = xml(&format!("{id}: {deliverable}{notes}")),
        tx = x + 10,
        y1 = y + 19,
        y2 = y + 36,
        id = xml(&cut(id.as_str())),
        shown = xml(&cut(deliverable)),
    )
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FIT {
        return text.to_owned();
    }
    text.chars().take(FIT - 1).chain(['…']).collect()
}

fn xml(text: &str) -> String {
    let mut out = String::new();
    for c in neutral(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            // Not characters in XML.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
