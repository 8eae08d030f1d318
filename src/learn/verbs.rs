//! Which kinds of deliverables need remediation.

use std::collections::BTreeMap;

use super::model::{PastRun, Verb};
use super::quantile::share;

/// Every verb, the most remediated first; ties by name.
pub(super) fn verbs(runs: &[PastRun]) -> Vec<Verb> {
    let mut by_verb: BTreeMap<&str, Verb> = BTreeMap::new();
    for pattern in runs.iter().flat_map(|r| &r.patterns) {
        let verb = by_verb.entry(&pattern.deliverable_kind).or_insert_with(|| Verb {
            verb: pattern.deliverable_kind.clone(),
            nodes: 0,
            remediated: 0,
            rate: 0.0,
            cycles: 0,
        });
        verb.nodes += 1;
        verb.remediated += usize::from(pattern.remediation_cycles_used > 0);
        verb.cycles = verb.cycles.saturating_add(pattern.remediation_cycles_used);
    }
    let mut verbs: Vec<Verb> = by_verb.into_values().collect();
    verbs.iter_mut().for_each(|v| v.rate = share(v.remediated, v.nodes));
    verbs.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    verbs
}
