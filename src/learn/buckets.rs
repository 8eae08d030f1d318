//! Estimates against what came of them, for each loc_confidence.

use super::ENOUGH;
use super::model::{Bucket, PastRun};
use super::quantile::{nearest, quantiles, share};
use crate::config::{LocConfidence, LocPolicy, LocRow};

/// Every bucket in which a node verified or was ended as oversized.
pub(super) fn buckets(runs: &[PastRun], policy: &LocPolicy) -> Vec<Bucket> {
    [LocConfidence::Tight, LocConfidence::Rough, LocConfidence::Unbounded]
        .into_iter()
        .filter_map(|which| bucket(runs, policy, which))
        .collect()
}

/// The row that holds for a bucket: the unbounded one warns where the rough one ends.
pub(super) fn row(policy: &LocPolicy, which: LocConfidence) -> LocRow {
    match which {
        LocConfidence::Tight => policy.tight.value,
        LocConfidence::Rough | LocConfidence::Unbounded => policy.rough.value,
    }
}

/// One measured size: lines and their estimate.
struct Size {
    ratio: f64,
    /// The cap's floor admits it, whatever its ratio.
    small: bool,
}

fn bucket(runs: &[PastRun], policy: &LocPolicy, which: LocConfidence) -> Option<Bucket> {
    let row = row(policy, which);
    let verified: Vec<Size> = runs
        .iter()
        .flat_map(|r| &r.patterns)
        .filter(|p| p.loc_confidence == which)
        .filter_map(|p| {
            let small = p.actual_loc.saturating_sub(p.est_loc) <= row.floor;
            Some(Size { ratio: p.ratio?, small })
        })
        .collect();
    let oversized: Vec<f64> = runs
        .iter()
        .flat_map(|r| r.nodes.values())
        .flat_map(|n| &n.oversized)
        .filter(|(of, _)| *of == which)
        .map(|(_, ratio)| *ratio)
        .collect();
    if verified.is_empty() && oversized.is_empty() {
        return None;
    }
    let ratio = quantiles(verified.iter().map(|s| s.ratio).collect());
    let all = verified.len() + oversized.len();
    let admitted = verified.iter().filter(|s| s.small || s.ratio <= 1.0 + row.factor).count();
    let within_cap = share(admitted, all);
    let enough = all >= ENOUGH;
    let mut needed: Vec<f64> = verified
        .iter()
        .map(|s| if s.small { 0.0 } else { s.ratio - 1.0 })
        .chain(oversized.iter().map(|r| r - 1.0))
        .collect();
    needed.sort_by(f64::total_cmp);
    let median = ratio.map(|q| q.p50);
    Some(Bucket {
        loc_confidence: which,
        nodes: verified.len(),
        ratio,
        oversized: oversized.len(),
        within_cap: Some(within_cap),
        factor_for_90: nearest(&needed, 0.9).filter(|_| enough).map(tenths_up),
        calibrated: enough
            .then(|| within_cap >= 0.9 && median.is_some_and(|m| (2.0 / 3.0..=1.5).contains(&m))),
    })
}

/// Rounded up to a tenth, a tenth at the least: finer than that no estimate is.
fn tenths_up(factor: f64) -> f64 {
    // What a division left behind the tenth digit is no reason for another tenth.
    (((factor * 10.0) - 1e-9).ceil() / 10.0).max(0.1)
}
