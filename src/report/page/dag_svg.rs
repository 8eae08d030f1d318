//! The graph as inline SVG: boxes and edges as long as one can read them, then a cell for each
//! node, then a bar for each group of tiers. A status is never told by colour alone.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::cut;
use super::dag::{Dag, DagEdge, DagNode};
use super::status::{self, STATUSES};
use crate::base::text::{count, neutral};

/// Nodes and edges that are drawn as boxes and lines.
const BOXES: usize = 120;
const EDGES: usize = 500;
/// Nodes that are drawn as cells.
const CELLS: usize = 3_000;
/// Rows of cells or bars.
const ROWS: usize = 100;
/// Cells side by side.
const WIDE: usize = 64;

const BOX: (usize, usize) = (206, 46);
const GAP: (usize, usize) = (54, 14);
const TOP: usize = 26;
const EDGE: usize = 4;
/// Characters that fit beside the mark.
const FIT: usize = 25;
const CELL: usize = 15;
const LABEL: usize = 150;

/// The picture, whatever the size. `linked`: each box leads to the row `#node-<id>`.
pub fn picture(dag: &Dag, linked: bool) -> Markup {
    if dag.nodes.is_empty() {
        return html! { p.empty { "No node was planned." } };
    }
    if dag.nodes.len() <= BOXES && dag.edges.len() <= EDGES {
        return boxes(dag, linked);
    }
    let tiers = Tiers::of(dag);
    if dag.nodes.len() <= CELLS && tiers.cell_rows() <= ROWS * 2 {
        cells(dag, &tiers)
    } else {
        bars(dag, &tiers)
    }
}

/// What the picture shows, for those who don't see it.
pub fn summary(dag: &Dag) -> String {
    let tiers = dag.nodes.iter().map(|n| n.tier + 1).max().unwrap_or(0);
    let counts = dag.counts();
    let said = STATUSES.iter().filter_map(|s| Some(format!("{} {}", counts.get(s.name)?, s.name)));
    format!(
        "{} in {}: {}.",
        count(dag.nodes.len(), "node"),
        count(tiers, "tier"),
        said.collect::<Vec<_>>().join(", ")
    )
}

fn boxes(dag: &Dag, linked: bool) -> Markup {
    let places = places(dag);
    let width = places.iter().map(|p| p.0 + BOX.0).max().unwrap_or(0) + 2 * EDGE;
    let height = places.iter().map(|p| p.1 + BOX.1).max().unwrap_or(0) + 2 * EDGE;
    let tiers = dag.nodes.iter().map(|n| n.tier + 1).max().unwrap_or(0);
    html! {
        svg.dag viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="group" aria-label=(summary(dag)) {
            defs {
                marker #dag-arrow viewBox="0 0 8 8" refX="8" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto" {
                    path.head d="M0 0 L8 4 L0 8 z" {}
                }
            }
            @for tier in 0..tiers {
                text.tier x=(EDGE + tier * (BOX.0 + GAP.0)) y="14" { "tier " (tier) }
            }
            @for edge in &dag.edges { (line(dag, edge, &places)) }
            @for (node, place) in dag.nodes.iter().zip(&places) {
                @if linked {
                    a href={ "#node-" (node.id) } aria-label=(described(node)) { (one_box(node, *place)) }
                } @else {
                    g role="img" aria-label=(described(node)) { (one_box(node, *place)) }
                }
            }
        }
    }
}

/// A column for each tier; in it, nodes stand near those they wait for.
fn places(dag: &Dag) -> Vec<(usize, usize)> {
    let mut columns: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    dag.nodes.iter().enumerate().for_each(|(i, n)| columns.entry(n.tier).or_default().push(i));
    let mut row = vec![0_usize; dag.nodes.len()];
    for (tier, column) in &mut columns {
        if *tier > 0 {
            column.sort_by_cached_key(|i| (middle_of_parents(dag, *i, &row), *i));
        }
        for (at, i) in column.iter().enumerate() {
            row[*i] = at;
        }
    }
    let at =
        |(i, node): (usize, &DagNode)| (EDGE + node.tier * (BOX.0 + GAP.0), TOP + row[i] * (BOX.1 + GAP.1));
    dag.nodes.iter().enumerate().map(at).collect()
}

/// Twice the mean row of what a node waits for; nodes that wait for nothing come last.
fn middle_of_parents(dag: &Dag, node: usize, row: &[usize]) -> usize {
    let parents: Vec<usize> = dag.edges.iter().filter(|e| e.to == node).map(|e| row[e.from]).collect();
    if parents.is_empty() { usize::MAX } else { parents.iter().sum::<usize>() * 2 / parents.len() }
}

fn line(dag: &Dag, edge: &DagEdge, places: &[(usize, usize)]) -> Markup {
    let (from, to) = (places[edge.from], places[edge.to]);
    let (x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2);
    let (x2, y2) = (to.0, to.1 + BOX.1 / 2);
    // Past the gap's middle only where the edge spans no further column.
    let (bend, back) = (x1 + GAP.0 / 2, x2.saturating_sub(GAP.0 / 2));
    let critical = dag.nodes[edge.from].critical && dag.nodes[edge.to].critical;
    let class = match (critical, edge.declared) {
        (true, _) => "edge critical",
        (false, true) => "edge",
        (false, false) => "edge added",
    };
    let why = edge.hotspot.as_ref().map(|h| format!(", both touch {h}")).unwrap_or_default();
    let title = format!("{} waits for {}{why}", dag.nodes[edge.to].id, dag.nodes[edge.from].id);
    html! {
        path class=(class) marker-end="url(#dag-arrow)"
            d={ "M" (x1) " " (y1) " C" (bend) " " (y1) " " (back) " " (y2) " " (x2) " " (y2) } {
            title { (neutral(&title)) }
        }
    }
}

fn one_box(node: &DagNode, (x, y): (usize, usize)) -> Markup {
    let status = status::of(node.status);
    let mark = if node.critical { "◆ " } else { "" };
    let again = if node.attempts > 1 { format!(" · {} attempts", node.attempts) } else { String::new() };
    html! {
        g class={ "node st-" (status.name) @if node.critical { " critical" } } {
            title { (described(node)) }
            rect.box x=(x) y=(y) width=(BOX.0) height=(BOX.1) rx="8" {}
            circle.mark cx=(x + 19) cy=(y + BOX.1 / 2) r="9" {}
            text.glyph x=(x + 19) y=(y + BOX.1 / 2 + 4) text-anchor="middle" { (status.glyph) }
            text.id x=(x + 36) y=(y + 19) { (cut(&format!("{mark}{}{again}", node.id), FIT)) }
            text.what x=(x + 36) y=(y + 35) { (cut(&node.deliverable, FIT)) }
        }
    }
}

fn described(node: &DagNode) -> String {
    let critical = if node.critical { ", on the critical path" } else { "" };
    let attempts = count(node.attempts, "attempt");
    neutral(&format!("{}: {}, {attempts}{critical}. {}", node.id, node.status, node.deliverable))
        .replace('\n', " ")
}

/// Nodes by tier, neighbouring tiers put together where there are too many.
struct Tiers<'a>(Vec<(String, Vec<&'a DagNode>)>);

impl<'a> Tiers<'a> {
    fn of(dag: &'a Dag) -> Tiers<'a> {
        let all = dag.nodes.iter().map(|n| n.tier + 1).max().unwrap_or(0);
        let each = all.div_ceil(ROWS).max(1);
        let mut rows: BTreeMap<usize, Vec<&DagNode>> = BTreeMap::new();
        dag.nodes.iter().for_each(|n| rows.entry(n.tier / each).or_default().push(n));
        let name = |row: usize| match each {
            1 => format!("tier {row}"),
            _ => format!("tiers {}–{}", row * each, ((row + 1) * each).min(all) - 1),
        };
        let label = |(row, nodes): (usize, Vec<&'a DagNode>)| {
            (format!("{} · {}", name(row), count(nodes.len(), "node")), nodes)
        };
        Tiers(rows.into_iter().map(label).collect())
    }

    fn cell_rows(&self) -> usize {
        self.0.iter().map(|(_, nodes)| nodes.len().div_ceil(WIDE)).sum()
    }
}

fn cells(dag: &Dag, tiers: &Tiers<'_>) -> Markup {
    let mut drawn = Vec::new();
    let mut y = 0;
    for (label, nodes) in &tiers.0 {
        drawn.push((label, nodes, y));
        y += nodes.len().div_ceil(WIDE) * CELL + 7;
    }
    let wide = tiers.0.iter().map(|(_, n)| n.len().min(WIDE)).max().unwrap_or(1);
    let (width, height) = (LABEL + wide * CELL, y);
    html! {
        svg.dag.cells viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label=(summary(dag)) {
            @for (label, nodes, top) in drawn {
                text.tier x="0" y=(top + 11) { (label) }
                @for (at, node) in nodes.iter().enumerate() {
                    (cell(node, LABEL + at % WIDE * CELL, top + at / WIDE * CELL))
                }
            }
        }
    }
}

fn cell(node: &DagNode, x: usize, y: usize) -> Markup {
    let status = status::of(node.status);
    html! {
        g class={ "cell st-" (status.name) @if node.critical { " critical" } } {
            title { (node.id) ": " (status.name) }
            rect x=(x) y=(y) width="13" height="13" rx="3" {}
            @if node.critical || status.name != "verified" {
                text x=(x + 6) y=(y + 10) text-anchor="middle" {
                    @if node.critical { "◆" } @else { (status.glyph) }
                }
            }
        }
    }
}

fn bars(dag: &Dag, tiers: &Tiers<'_>) -> Markup {
    const WIDTH: usize = 700;
    const ROW: usize = 20;
    let most = tiers.0.iter().map(|(_, n)| n.len()).max().unwrap_or(1);
    let (width, height) = (LABEL + WIDTH + 20, tiers.0.len() * ROW);
    html! {
        svg.dag.bars viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label=(summary(dag)) {
            @for (row, (label, nodes)) in tiers.0.iter().enumerate() {
                text.tier x="0" y=(row * ROW + 13) { (label) }
                @for (name, from, n) in shares(nodes) {
                    @let x = LABEL + from * WIDTH / most;
                    @let w = (n * WIDTH / most).max(1);
                    g class={ "cell st-" (name) } {
                        title { (label) ": " (n) " " (name) }
                        rect x=(x) y=(row * ROW + 2) width=(w) height="14" rx="2" {}
                        @if w > 34 {
                            text x=(x + w / 2) y=(row * ROW + 13) text-anchor="middle" {
                                (status::of(name).glyph) " " (n)
                            }
                        }
                    }
                }
            }
        }
    }
}

/// (status, how many come before it, how many have it), in the order of the statuses.
fn shares(nodes: &[&DagNode]) -> Vec<(&'static str, usize, usize)> {
    let mut before = 0;
    let mut shares = Vec::new();
    for status in STATUSES {
        let n = nodes.iter().filter(|n| n.status == status.name).count();
        if n > 0 {
            shares.push((status.name, before, n));
        }
        before += n;
    }
    shares
}
