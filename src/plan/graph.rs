//! The graph of waiting: built from the bundle, layered, its longest chain.

use std::collections::{HashMap, HashSet};

use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::{Edge, EdgeKind, NodeIx};
use crate::base::Id;
use crate::bundle::Node;
use crate::diag::{Diag, Diags};

/// An edge runs from a node to one that waits for it. Its weight is the cause, as an index
/// into `edges`.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) edges: Vec<Edge>,
    graph: DiGraph<(), usize, u32>,
}

impl Waiting {
    /// The declared dependencies of `nodes`, none twice. One on a node that does not exist
    /// is reported.
    pub(super) fn declared(nodes: &[Node], diags: &mut Diags) -> Waiting {
        let by_id: HashMap<&Id, NodeIx> = nodes.iter().enumerate().map(|(i, n)| (&n.id.value, i)).collect();
        let mut waiting = Waiting::over(nodes.len());
        for (to, node) in nodes.iter().enumerate() {
            let mut known: HashSet<NodeIx> = HashSet::new();
            for dep in &node.depends_on {
                match by_id.get(&dep.value) {
                    Some(from) if known.insert(*from) => {
                        waiting.add(*from, to, EdgeKind::DependsOn, None);
                    }
                    Some(_) => {}
                    None => diags.push(
                        Diag::error("plan::unknown-dependency", format!("no node is called '{}'", dep.value))
                            .at(&dep.span, "needed here")
                            .help("name a node of graph.md, or take it out")
                            .suggest(dep.value.as_str(), by_id.keys().map(|id| id.as_str())),
                    ),
                }
            }
        }
        waiting
    }

    fn over(nodes: usize) -> Waiting {
        let mut graph = DiGraph::with_capacity(nodes, nodes);
        (0..nodes).for_each(|_| _ = graph.add_node(()));
        Waiting { edges: Vec::new(), graph }
    }

    pub(super) fn add(&mut self, from: NodeIx, to: NodeIx, kind: EdgeKind, hotspot: Option<String>) {
        self.graph.add_edge(index(from), index(to), self.edges.len());
        self.edges.push(Edge { from, to, kind, hotspot });
    }

    pub(super) fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// What `node` waits for, ascending, none twice.
    pub(super) fn waits_for(&self, node: NodeIx) -> Vec<NodeIx> {
        let incoming = self.graph.edges_directed(index(node), petgraph::Incoming);
        let mut all: Vec<NodeIx> = incoming.map(|e| e.source().index()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Groups of nodes that all wait for each other, each ascending: empty if there is no cycle.
    pub(super) fn knots(&self) -> Vec<Vec<NodeIx>> {
        if petgraph::algo::toposort(&self.graph, None).is_ok() {
            return Vec::new();
        }
        // Kosaraju's way, because petgraph's Tarjan recurses and a chain may be 50,000 long.
        let mut knots: Vec<Vec<NodeIx>> = petgraph::algo::kosaraju_scc(&self.graph)
            .into_iter()
            .filter(|group| match group.as_slice() {
                [one] => self.graph.contains_edge(*one, *one),
                _ => true,
            })
            .map(|group| {
                let mut members: Vec<NodeIx> = group.into_iter().map(NodeIndex::index).collect();
                members.sort_unstable();
                members
            })
            .collect();
        knots.sort_unstable();
        knots
    }

    /// The longest-path layer of each node; 0 for every node of a graph with a cycle.
    pub(super) fn layers(&self) -> Vec<usize> {
        let mut layers = vec![0; self.len()];
        for node in petgraph::algo::toposort(&self.graph, None).unwrap_or_default() {
            let waited = self.graph.neighbors_directed(node, petgraph::Incoming);
            let layer = waited.map(|from| layer_of(&layers, from) + 1).max().unwrap_or(0);
            if let Some(slot) = layers.get_mut(node.index()) {
                *slot = layer;
            }
        }
        layers
    }

    /// The chain with the most nodes; of these the one with the most lines by `weight`, of
    /// these the first in graph.md. Tiers start one after the other, so how many of them
    /// there are says more about the length of a run than how large one node is.
    pub(super) fn critical_path(&self, layers: &[usize], weight: &[u64]) -> Vec<NodeIx> {
        let mut order: Vec<NodeIx> = (0..self.len()).collect();
        order.sort_by_key(|n| layers.get(*n));
        let mut lines: Vec<u128> = vec![0; self.len()];
        let mut before: Vec<Option<NodeIx>> = vec![None; self.len()];
        for node in order.iter().copied() {
            let parents = self.waits_for(node).into_iter();
            let deepest = parents.filter(|p| layers.get(*p).map(|l| l + 1) == layers.get(node).copied());
            let best = deepest.max_by_key(|p| (lines.get(*p).copied(), std::cmp::Reverse(*p)));
            let own = u128::from(weight.get(node).copied().unwrap_or(0));
            let so_far = best.and_then(|p| lines.get(p).copied()).unwrap_or(0);
            if let (Some(l), Some(b)) = (lines.get_mut(node), before.get_mut(node)) {
                (*l, *b) = (so_far + own, best);
            }
        }
        let key = |n: &NodeIx| (layers.get(*n).copied(), lines.get(*n).copied(), std::cmp::Reverse(*n));
        let mut path: Vec<NodeIx> = std::iter::successors(order.iter().copied().max_by_key(key), |n| {
            before.get(*n).copied().flatten()
        })
        .collect();
        path.reverse();
        path
    }
}

fn index(node: NodeIx) -> NodeIndex<u32> {
    NodeIndex::new(node)
}

fn layer_of(layers: &[usize], node: NodeIndex<u32>) -> usize {
    layers.get(node.index()).copied().unwrap_or(0)
}
