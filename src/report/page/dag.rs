//! The graph of a run as data: what the picture, the live page and programs are given.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::critical::{self, Span};
use crate::base::Id;
use crate::journal::RunState;
use crate::plan::{DispatchPlan, EdgeKind};

/// The graph with where each node stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Dag {
    /// In graph.md's order.
    pub nodes: Vec<DagNode>,
    /// Each by the places of its ends in `nodes`; one for each pair.
    pub edges: Vec<DagEdge>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DagNode {
    /// Its id.
    pub id: Id,
    /// What it is to deliver.
    pub deliverable: String,
    /// Its tier.
    pub tier: usize,
    /// A verdict, or `pending` or `running`.
    pub status: &'static str,
    /// Attempts so far.
    pub attempts: usize,
    /// It lies on the chain of nodes that decided how long the run took.
    pub critical: bool,
}

/// `to` waits for `from`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DagEdge {
    /// A place in `nodes`.
    pub from: usize,
    /// A place in `nodes`.
    pub to: usize,
    /// False: added by the plan, because both touch the same file.
    pub declared: bool,
    /// The file that both touch.
    pub hotspot: Option<String>,
}

impl Dag {
    /// The graph as the journal has it; `plan` says which edges were declared.
    pub fn of(state: &RunState, plan: Option<&DispatchPlan>) -> Dag {
        let critical: HashSet<usize> = critical::path(state).iter().map(|s: &Span| s.node).collect();
        let node = |(at, n): (usize, &crate::journal::NodeState)| DagNode {
            id: n.id.clone(),
            deliverable: n.deliverable().to_owned(),
            tier: n.tier(),
            status: n.progress.name(),
            attempts: n.dispatched().count(),
            critical: critical.contains(&at),
        };
        Dag { nodes: state.nodes.iter().enumerate().map(node).collect(), edges: edges(state, plan) }
    }

    /// How many nodes stand where.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        self.nodes.iter().for_each(|n| *counts.entry(n.status).or_default() += 1);
        counts
    }
}

fn edges(state: &RunState, plan: Option<&DispatchPlan>) -> Vec<DagEdge> {
    let at: HashMap<&Id, usize> = state.nodes.iter().enumerate().map(|(at, n)| (&n.id, at)).collect();
    let mut found: BTreeMap<(usize, usize), DagEdge> = BTreeMap::new();
    for edge in plan.iter().flat_map(|p| &p.edges) {
        let (Some(from), Some(to)) = (at.get(&edge.from), at.get(&edge.to)) else { continue };
        let new = || DagEdge { from: *from, to: *to, declared: false, hotspot: None };
        let entry = found.entry((*from, *to)).or_insert_with(new);
        entry.declared |= edge.kind == EdgeKind::DependsOn;
        entry.hotspot = entry.hotspot.take().or_else(|| edge.hotspot.clone());
    }
    if plan.is_none() {
        for (to, node) in state.nodes.iter().enumerate() {
            for from in node.planned.iter().flat_map(|p| &p.waits_for).filter_map(|id| at.get(id)) {
                found.insert((*from, to), DagEdge { from: *from, to, declared: true, hotspot: None });
            }
        }
    }
    found.into_values().collect()
}
