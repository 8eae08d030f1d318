//! Nodes that wait for each other: named in order, with the lines that tie them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::NodeIx;
use super::graph::Waiting;
use crate::bundle::Node;
use crate::diag::{Diag, Diags, Span};

/// Cycles that are spelled out for one knot of nodes; members beyond them are listed.
const SPELLED_OUT: usize = 50;

/// One error for each cycle of `nodes`, so that every node on a cycle is named.
pub fn cycles(nodes: &[Node]) -> Diags {
    let mut diags = Diags::new();
    report(nodes, &Waiting::declared(nodes, &mut Diags::new()), &mut diags);
    diags
}

pub(super) fn report(nodes: &[Node], waiting: &Waiting, diags: &mut Diags) {
    for knot in waiting.knots() {
        let inside: HashSet<NodeIx> = knot.iter().copied().collect();
        let mut named: HashSet<NodeIx> = HashSet::new();
        let mut spelled_out = 0;
        for start in &knot {
            if spelled_out == SPELLED_OUT || named.contains(start) {
                continue;
            }
            let cycle = shortest(waiting, &inside, *start);
            named.extend(&cycle);
            diags.push(one(nodes, &cycle));
            spelled_out += 1;
        }
        let rest: Vec<NodeIx> = knot.iter().copied().filter(|n| !named.contains(n)).collect();
        if !rest.is_empty() {
            diags.push(remainder(nodes, &rest));
        }
    }
}

/// The shortest cycle through `start`: each member waits for the next, the last for the first.
fn shortest(waiting: &Waiting, inside: &HashSet<NodeIx>, start: NodeIx) -> Vec<NodeIx> {
    let mut came_from: HashMap<NodeIx, NodeIx> = HashMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for next in waiting.waits_for(node).into_iter().filter(|n| inside.contains(n)) {
            if next == start {
                let back = std::iter::successors(Some(node), |n| came_from.get(n).copied());
                let mut cycle: Vec<NodeIx> = back.collect();
                cycle.reverse();
                return cycle;
            }
            if let Entry::Vacant(unseen) = came_from.entry(next) {
                unseen.insert(node);
                open.push_back(next);
            }
        }
    }
    vec![start]
}

fn one(nodes: &[Node], cycle: &[NodeIx]) -> Diag {
    let members: Vec<&Node> = cycle.iter().filter_map(|i| nodes.get(*i)).collect();
    let mut told: Vec<String> = members.iter().map(|n| with_line(n)).collect();
    told.extend(members.first().map(|n| n.id.to_string()));
    let mut diag =
        Diag::error("plan::cycle", format!("these nodes wait for each other: {}", told.join(" → ")));
    for (i, node) in members.iter().enumerate() {
        let next = members.get(i + 1).or(members.first());
        if let Some(next) = next {
            let text = format!("{} waits for {}", node.id.value, next.id.value);
            diag = diag.at(tie(node, next), text);
        }
    }
    diag.help("take one of these out of depends_on, or move what both need into a node of its own")
}

fn with_line(node: &Node) -> String {
    format!("{} (line {})", node.id.value, node.span.line_column().0)
}

/// Where `node` says that it waits for `next`.
fn tie<'a>(node: &'a Node, next: &Node) -> &'a Span {
    node.depends_on.iter().find(|d| d.value == next.id.value).map_or(&node.id.span, |d| &d.span)
}

fn remainder(nodes: &[Node], rest: &[NodeIx]) -> Diag {
    let told: Vec<String> = rest.iter().filter_map(|i| nodes.get(*i)).map(with_line).collect();
    Diag::error(
        "plan::cycle",
        format!("these nodes are on cycles with the ones named before: {}", told.join(", ")),
    )
    .help("take out the cycles named before first, then check again")
}
