//! The plan as the journal keeps it: enough to tell, later, whether a node is still the same.

use super::{Plan, PlannedNode};
use crate::base::digest::Hasher;
use crate::event::PlannedSummary;

/// A summary of every node, in graph.md's order.
pub fn summaries(plan: &Plan) -> Vec<PlannedSummary> {
    let id = |n: usize| plan.nodes[n].node.id.value.clone();
    let summary = |planned: &PlannedNode| PlannedSummary {
        id: planned.node.id.value.clone(),
        deliverable: planned.node.deliverable.value.clone(),
        tier: planned.tier,
        waits_for: planned.waits_for.iter().map(|n| id(*n)).collect(),
        agent: planned.settings.agent.value.clone(),
        est_loc: planned.settings.estimated_loc.value,
        digest: digest(planned),
    };
    plan.nodes.iter().map(summary).collect()
}

/// SHA-256 over everything that says what a node is to do and how it is judged, and the
/// prompt. Who does it and how long it may take are left out: a change there does not
/// make landed work doubtful.
fn digest(planned: &PlannedNode) -> String {
    let node = &planned.node;
    let mut hasher = Hasher::default();
    let mut part = |name: &str, values: &[&str]| {
        hasher.update(format!("{name}\0{}\0", values.len()).as_bytes());
        values.iter().for_each(|v| hasher.update(format!("{}\0{v}", v.len()).as_bytes()));
    };
    part("id", &[node.id.as_str()]);
    part("deliverable", &[&node.deliverable.value]);
    part("touches", &node.touches.iter().map(|t| t.raw()).collect::<Vec<_>>());
    part("depends_on", &node.depends_on.iter().map(|d| d.as_str()).collect::<Vec<_>>());
    part("closes", &node.closes.iter().map(|d| d.as_str()).collect::<Vec<_>>());
    part("invariants", &node.invariants.iter().map(|i| i.as_str()).collect::<Vec<_>>());
    part("checks", &planned.checks.iter().map(|c| c.normalized.as_str()).collect::<Vec<_>>());
    let settings = &planned.settings;
    let limits =
        format!("{:?} {} {:?}", settings.loc_cap, settings.loc_extreme, settings.expected_signal.value);
    part("limits", &[&limits]);
    hasher.update(&node.prompt.bytes);
    hasher.hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{node, plan};

    #[test]
    fn the_digest_follows_what_a_node_must_do_and_not_who_does_it() {
        let digest = |spec| summaries(&plan(&[spec])).remove(0).digest;
        let plain = digest(node("A"));
        assert_eq!(plain, digest(node("A").agent("codex")));
        assert_ne!(plain, digest(node("A").touches(&["other"])));
        assert_ne!(plain, digest(node("A").checks(&["false"])));
        assert_ne!(plain, digest(node("A").est(900)));
    }
}
