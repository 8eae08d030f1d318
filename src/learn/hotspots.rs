//! What hotspots cost: each run's critical path, weighted by the time that its nodes took, with
//! and without the edges that a hotspot added.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{HotspotCost, Parallelism, PastEdge, PastRun};
use super::quantile::quantiles;
use crate::base::Id;

/// Every hotspot that added an edge, and how much the runs had to do at once.
pub(super) fn costs(runs: &[PastRun]) -> (Vec<HotspotCost>, Option<Parallelism>) {
    let mut costs: BTreeMap<String, (HotspotCost, u64)> = BTreeMap::new();
    let mut ratios = Vec::new();
    for run in runs {
        let path = critical_path(run, None);
        let work = run.nodes.values().fold(0, |sum: u64, n| sum.saturating_add(n.duration_ms));
        #[allow(clippy::cast_precision_loss)] // A ratio of durations.
        if path > 0 {
            ratios.push(work as f64 / path as f64);
        }
        let names: BTreeSet<&String> = run.edges.iter().filter_map(|e| e.hotspot.as_ref()).collect();
        for name in names {
            let (cost, paths) = costs.entry(name.clone()).or_insert_with(|| (none(name), 0));
            cost.runs += 1;
            cost.edges += run.edges.iter().filter(|e| e.hotspot.as_ref() == Some(name)).count();
            cost.lost_ms += path.saturating_sub(critical_path(run, Some(name)));
            *paths += path;
        }
    }
    let mut found: Vec<HotspotCost> = costs.into_values().map(|(cost, paths)| shared(cost, paths)).collect();
    found.sort_by_key(|cost| std::cmp::Reverse(cost.lost_ms));
    (found, quantiles(ratios).map(|q| Parallelism { median: q.p50, max: q.max }))
}

fn none(name: &str) -> HotspotCost {
    HotspotCost { hotspot: name.to_owned(), runs: 0, edges: 0, lost_ms: 0, share: 0.0 }
}

fn shared(mut cost: HotspotCost, paths: u64) -> HotspotCost {
    #[allow(clippy::cast_precision_loss)] // A ratio of durations.
    if paths > 0 {
        cost.share = cost.lost_ms as f64 / paths as f64;
    }
    cost
}

/// The longest chain in milliseconds, as if `without` had added no edge. A chain that closes on
/// itself (a plan that somebody wrote by hand) ends where it would begin again.
fn critical_path(run: &PastRun, without: Option<&str>) -> u64 {
    let kept = |e: &&PastEdge| without.is_none() || e.hotspot.as_deref() != without;
    let mut waiting: BTreeMap<&Id, usize> = run.nodes.keys().map(|id| (id, 0)).collect();
    let mut next: BTreeMap<&Id, Vec<&Id>> = BTreeMap::new();
    for edge in run.edges.iter().filter(kept) {
        // A node that never ran took no time and holds nobody up.
        if run.nodes.contains_key(&edge.from)
            && let Some(count) = waiting.get_mut(&edge.to)
        {
            *count += 1;
            next.entry(&edge.from).or_default().push(&edge.to);
        }
    }
    let mut ready: Vec<&Id> = waiting.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
    let mut begins: BTreeMap<&Id, u64> = BTreeMap::new();
    let mut longest = 0;
    while let Some(id) = ready.pop() {
        let took = run.nodes.get(id).map_or(0, |n| n.duration_ms);
        let end = begins.get(id).copied().unwrap_or(0).saturating_add(took);
        longest = longest.max(end);
        for to in next.get(id).into_iter().flatten().copied() {
            let begin = begins.entry(to).or_default();
            *begin = end.max(*begin);
            if let Some(count) = waiting.get_mut(to) {
                *count -= 1;
                if *count == 0 {
                    ready.push(to);
                }
            }
        }
    }
    longest
}
