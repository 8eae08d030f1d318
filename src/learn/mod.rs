//! What finished runs teach about the settings of the next: which estimates fit, which kinds of
//! work need a second try, which hotspots cost time. Pure: past runs in, figures and
//! suggestions out. No run reads any of it.

mod buckets;
mod hotspots;
mod model;
mod quantile;
mod suggest;
#[cfg(test)]
mod tests;
mod text;
mod verbs;

pub use model::{
    Bucket, HotspotCost, Learned, Parallelism, PastEdge, PastNode, PastRun, Quantiles, Suggestion, Verb,
};
pub use text::text;

use crate::config::Config;

/// Nodes (or edges) from which on a figure is more than chance, by the rule that is used
/// everywhere here: fewer give the figure and no suggestion.
pub const ENOUGH: usize = 10;

/// Figures over all of the runs, oldest first, and what they suggest for this configuration.
pub fn learn(runs: &[PastRun], config: &Config) -> Learned {
    let buckets = buckets::buckets(runs, &config.loc);
    let verbs = verbs::verbs(runs);
    let (hotspots, parallelism) = hotspots::costs(runs);
    let mut learned = Learned {
        schema: "auditrun.learned/1".to_owned(),
        runs: runs.iter().map(|r| r.run_id.clone()).collect(),
        nodes: runs.iter().map(|r| r.patterns.len()).sum(),
        buckets,
        verbs,
        hotspots,
        parallelism,
        suggestions: Vec::new(),
    };
    learned.suggestions = suggest::suggestions(&learned, runs, config);
    learned
}
