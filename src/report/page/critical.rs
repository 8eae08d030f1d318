//! The chain of nodes that decided how long a run took: from the node that ended last, each
//! time to the one of those it waited for that ended last.

use std::collections::{HashMap, HashSet};

use crate::base::Id;
use crate::journal::{NodeState, RunState};

/// One node of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its place among the run's nodes.
    pub node: usize,
    /// Its first dispatch, RFC 3339.
    pub from: String,
    /// Its last verdict (or the run's last record), RFC 3339.
    pub to: String,
}

/// The chain in order of time; empty if nothing was dispatched.
pub fn path(state: &RunState) -> Vec<Span> {
    let spans: HashMap<&Id, Span> = state
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(at, node)| Some((&node.id, span(state, at, node)?)))
        .collect();
    let later = |a: &&Span, b: &&Span| a.to.cmp(&b.to).then(b.node.cmp(&a.node));
    let mut chain = Vec::new();
    let mut seen = HashSet::new();
    let mut next = spans.values().max_by(later);
    while let Some(span) = next.filter(|s| seen.insert(s.node)) {
        chain.push(span.clone());
        let waits = state.nodes.get(span.node).and_then(|n| n.planned.as_ref()).map(|p| &p.waits_for);
        next = waits.into_iter().flatten().filter_map(|id| spans.get(id)).max_by(later);
    }
    chain.reverse();
    chain
}

/// When a node was worked on; `None` if it never was.
pub fn span(state: &RunState, at: usize, node: &NodeState) -> Option<Span> {
    let from = node.dispatched().next()?.started_at.clone();
    let (_, to) = node.spans(state.worked_until()).last()?;
    Some(Span { node: at, from, to: to.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, NodeStatus};
    use crate::journal::replay;
    use crate::journal::sample::{Script, id, planned};

    #[test]
    fn the_chain_goes_from_the_last_end_back_over_the_slowest() {
        let mut s = Script::started();
        let mut c = planned("C", 1);
        c.waits_for = vec![id("A"), id("B")];
        let nodes = vec![planned("A", 0), planned("B", 0), c, planned("D", 0)];
        s.push(Event::Planned { nodes, warnings: Vec::new() });
        for (node, wait) in [("A", 1), ("B", 60), ("D", 2), ("C", 5)] {
            s.dispatch(node, 1, 1).wait(wait).judged(node, 1, NodeStatus::Verified, "ok");
        }
        let state = replay(&s.records);
        let chain: Vec<usize> = path(&state).iter().map(|s| s.node).collect();
        assert_eq!(chain, [1, 2], "B ended after A, and C last of all");
        assert_eq!(path(&RunState::default()), []);
    }
}
