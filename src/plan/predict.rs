//! Which node is dispatched next: one rule, used for the prediction and explained in it.

use super::{NodeIx, Plan};

/// The next node and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// The node.
    pub node: NodeIx,
    /// One sentence.
    pub rationale: String,
}

/// The next of `ready`, nodes that wait for nothing any more: the lowest tier, in it those
/// that must run alone first, then graph.md's order. `None` if nothing is ready.
pub fn prediction(plan: &Plan, ready: impl IntoIterator<Item = NodeIx>) -> Option<Prediction> {
    let ready: Vec<NodeIx> = ready.into_iter().filter(|i| plan.nodes.get(*i).is_some()).collect();
    let key = |i: &NodeIx| plan.nodes.get(*i).map(|n| (n.tier, n.settings.parallel_safe.value, *i));
    let node = ready.iter().copied().min_by_key(key)?;
    let chosen = plan.nodes.get(node)?;
    let rivals: Vec<&super::PlannedNode> = ready
        .iter()
        .filter(|i| **i != node)
        .filter_map(|i| plan.nodes.get(*i))
        .filter(|n| n.tier == chosen.tier)
        .collect();
    let safe = chosen.settings.parallel_safe.value;
    let because = if rivals.is_empty() {
        "is the only node ready in it"
    } else if rivals.iter().any(|n| n.settings.parallel_safe.value == safe) {
        if safe {
            "comes first in graph.md of those ready"
        } else {
            "must run alone and comes first in graph.md of those that must"
        }
    } else {
        "must run alone, and such nodes go before the others"
    };
    let rationale = format!(
        "Tier {} is the lowest with a node ready, and {} {because}.",
        chosen.tier, chosen.node.id.value
    );
    Some(Prediction { node, rationale })
}
