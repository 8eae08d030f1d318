//! Who shares which hotspot, and in what order the sharers take turns.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::graph::Waiting;
use super::units::Units;
use super::{EdgeKind, NodeIx, SharedHotspot};
use crate::base::Pattern;
use crate::bundle::Node;
use crate::config::Hotspot;
use crate::diag::Spanned;

/// What was found, and how many pairs of patterns were compared for it.
#[derive(Debug)]
pub(super) struct Sharing {
    pub(super) hotspots: Vec<SharedHotspot>,
    /// Work done: grows with the plan, not with its square.
    pub(super) comparisons: usize,
}

/// Every hotspot with its sharers, in the order of `layers` (those of the declared graph)
/// and then of graph.md. One order for all hotspots, and one that every declared edge
/// follows, so that no chain of turns can close a cycle.
pub(super) fn sharing(nodes: &[Node], declared: &[Hotspot], layers: &[usize]) -> Sharing {
    let (names, hotspots) = all_hotspots(nodes, declared);
    let index = hotspots.index();
    let mut comparisons = 0;
    // The units that reach a hotspot. Hotspots reached by the same ones have the same sharers.
    let mut reached: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); names.len()];
    let named = named_files(nodes);
    for (number, (unit, _)) in named.iter().enumerate() {
        for candidate in index.candidates(&unit.pattern) {
            let Some((entry, owners)) = hotspots.get(candidate) else { continue };
            comparisons += 1;
            if entry.overlaps(unit) {
                for (hotspot, _) in owners {
                    reached.get_mut(*hotspot).into_iter().for_each(|r| _ = r.insert(number));
                }
            }
        }
    }
    let mut known: HashMap<&BTreeSet<usize>, Arc<[NodeIx]>> = HashMap::new();
    let hotspots =
        names.into_iter().zip(&reached).filter(|(_, units)| !units.is_empty()).map(|(name, units)| {
            let sharers = known.entry(units).or_insert_with(|| turns(units, &named, layers)).clone();
            SharedHotspot { name, sharers }
        });
    let hotspots = hotspots.collect();
    Sharing { hotspots, comparisons }
}

/// The names of all hotspots, and their patterns: audit.kdl's first, then the entries of
/// the nodes, each name once. Units are used by hotspots here, by their positions.
fn all_hotspots(nodes: &[Node], declared: &[Hotspot]) -> (Vec<String>, Units) {
    let mut names: Vec<String> = Vec::new();
    let mut units = Units::default();
    let mut seen: HashSet<&str> = HashSet::new();
    for hotspot in declared {
        seen.insert(&hotspot.name);
        units.add(names.len(), &hotspot.patterns);
        names.push(hotspot.name.clone());
    }
    for entry in nodes.iter().flat_map(|n| &n.hotspot_files) {
        if !entry.value.is_negated() && seen.insert(entry.value.raw()) {
            units.add(names.len(), std::slice::from_ref(entry));
            names.push(entry.value.raw().to_owned());
        }
    }
    (names, units)
}

/// What each node names, in its hotspot_files and its touches.
fn named_files(nodes: &[Node]) -> Units {
    let mut units = Units::default();
    for (i, node) in nodes.iter().enumerate() {
        let mut add = |list: &[Spanned<Pattern>]| units.add(i, list);
        add(&node.hotspot_files);
        add(&node.touches);
    }
    units
}

fn turns(units: &BTreeSet<usize>, named: &Units, layers: &[usize]) -> Arc<[NodeIx]> {
    let users = units.iter().filter_map(|u| named.get(*u)).flat_map(|(_, users)| users);
    let mut sharers: Vec<NodeIx> = users.map(|(node, _)| *node).collect();
    sharers.sort_unstable_by_key(|n| (layers.get(*n).copied(), *n));
    sharers.dedup();
    sharers.into()
}

/// Adds an edge from each sharer to the next. Two hotspots with the same turn add one,
/// which names the first of them.
pub(super) fn chain(waiting: &mut Waiting, hotspots: &[SharedHotspot]) {
    let mut turns: BTreeMap<(NodeIx, NodeIx), &str> = BTreeMap::new();
    let mut chained: HashSet<*const NodeIx> = HashSet::new();
    for hotspot in hotspots.iter().filter(|h| chained.insert(h.sharers.as_ptr())) {
        for pair in hotspot.sharers.windows(2) {
            if let [from, to] = pair {
                turns.entry((*from, *to)).or_insert(&hotspot.name);
            }
        }
    }
    for ((from, to), name) in turns {
        waiting.add(from, to, EdgeKind::Hotspot, Some(name.to_owned()));
    }
}
