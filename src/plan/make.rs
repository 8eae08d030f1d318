//! Makes the plan: every rule of preflight that needs no disk, all problems at once.

use std::collections::HashSet;

use super::graph::Waiting;
use super::{NodeIx, Plan, PlannedNode, cycles, hotspots, invariants, overlap, settings, warnings};
use crate::base::{Id, Layout, PatternSet};
use crate::bundle::{Bundle, Node};
use crate::config::Config;
use crate::diag::{Diag, Diags};

/// The plan of `bundle` under `config`, with the warnings that it raises.
///
/// Codes of problems begin with `config::` where audit.kdl is to be changed and with
/// `plan::` where the bundle is.
///
/// # Errors
/// Every problem, warnings among them, if at least one is an error.
pub fn make(bundle: Bundle, config: &Config, layout: &Layout) -> Result<(Plan, Diags), Diags> {
    let mut diags = Diags::new();
    check_blocks(&bundle.nodes, config, &mut diags);
    warnings::iterations(bundle.nodes.len(), config, &mut diags);
    let mut waiting = Waiting::declared(&bundle.nodes, &mut diags);
    cycles::report(&bundle.nodes, &waiting, &mut diags);
    let invariants = invariants::plan(&bundle.state.invariants, config, layout, &mut diags);
    let sharing = hotspots::sharing(&bundle.nodes, &config.hotspots, &waiting.layers());
    hotspots::chain(&mut waiting, &sharing.hotspots);
    let layers = waiting.layers();
    let nodes: Vec<PlannedNode> = bundle
        .nodes
        .into_iter()
        .enumerate()
        .map(|(i, node)| PlannedNode {
            tier: layers.get(i).copied().unwrap_or(0),
            waits_for: waiting.waits_for(i),
            settings: settings::of(&node, config, &mut diags),
            checks: node.done_when.iter().map(|c| invariants::planned(c.clone(), layout)).collect(),
            touches: PatternSet::new(node.touches.iter().map(|p| p.value.clone())),
            node,
        })
        .collect();
    let weight: Vec<u64> = nodes.iter().map(|n| n.settings.estimated_loc.value).collect();
    let mut plan = Plan {
        open_questions: bundle.state.open_questions.len(),
        tiers: tiers(&nodes),
        critical_path: waiting.critical_path(&layers, &weight),
        edges: waiting.edges,
        hotspots: sharing.hotspots,
        deltas: bundle.state.delta_to_done,
        invariants,
        comparisons: sharing.comparisons,
        max_parallel: config.concurrency.value,
        nodes,
    };
    plan.nodes.iter().filter_map(warnings::signal).for_each(|d| diags.push(d));
    if diags.has_errors() {
        return Err(diags);
    }
    plan.comparisons += overlap::warn(&plan, &mut diags);
    Ok((plan, diags))
}

/// The nodes of each tier: those that must run alone first, then graph.md's order.
fn tiers(nodes: &[PlannedNode]) -> Vec<Vec<NodeIx>> {
    let count = nodes.iter().map(|n| n.tier + 1).max().unwrap_or(0);
    let mut tiers: Vec<Vec<NodeIx>> = vec![Vec::new(); count];
    for alone in [true, false] {
        for (i, node) in nodes.iter().enumerate().filter(|(_, n)| n.settings.parallel_safe.value != alone) {
            if let Some(tier) = tiers.get_mut(node.tier) {
                tier.push(i);
            }
        }
    }
    tiers
}

/// A node block of audit.kdl must name a node, if the bundle is the one that audit.kdl is about.
fn check_blocks(nodes: &[Node], config: &Config, diags: &mut Diags) {
    if config.about_another_bundle {
        return;
    }
    let known: HashSet<&Id> = nodes.iter().map(|n| &n.id.value).collect();
    for (id, block) in config.nodes.iter().filter(|(id, _)| !known.contains(id)) {
        let mut diag = Diag::error("config::unknown-node", format!("graph.md has no node '{id}'"));
        if let Some(at) = &block.id {
            diag = diag.at(&at.span, "overridden here");
        }
        let ids = nodes.iter().map(|n| n.id.as_str());
        diags.push(diag.help("name a node of graph.md, or take the block out").suggest(id.as_str(), ids));
    }
}
