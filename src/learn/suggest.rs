//! From figures to lines of audit.kdl. Only what rests on enough nodes, and only what differs
//! from what is set now.

use super::ENOUGH;
use super::buckets::row;
use super::model::{Bucket, HotspotCost, Learned, PastRun, Suggestion, Verb};
use crate::base::quantity::format_duration;
use crate::base::text::count;
use crate::config::{Config, LocConfidence, LocPolicy};

/// A verb is worth a word from this share of remediated nodes on.
const OFTEN: f64 = 0.3;
/// A hotspot is worth a word from this share of the critical path on.
const COSTLY: f64 = 0.1;

/// All of them, the figures' order kept.
pub(super) fn suggestions(learned: &Learned, runs: &[PastRun], config: &Config) -> Vec<Suggestion> {
    let mut all: Vec<Suggestion> = factors(&learned.buckets, &config.loc).into_iter().collect();
    all.extend(remediation(runs, config.remediation.value));
    all.extend(learned.verbs.iter().filter_map(verb));
    all.extend(learned.hotspots.iter().filter_map(hotspot));
    all.extend(concurrency(learned, config.concurrency.value));
    all
}

/// Other factors for the buckets whose caps do not fit, as the one block that they share.
fn factors(buckets: &[Bucket], policy: &LocPolicy) -> Option<Suggestion> {
    let (rows, because): (Vec<_>, Vec<_>) = buckets.iter().filter_map(|b| factor(b, policy)).unzip();
    let default = name(policy.default.value);
    (!rows.is_empty()).then(|| Suggestion {
        kdl: format!("loc-confidence \"{default}\" {{\n{}}}", rows.concat()),
        because: because.join("; "),
    })
}

fn factor(bucket: &Bucket, policy: &LocPolicy) -> Option<(String, String)> {
    let which = bucket.loc_confidence;
    let (row, factor) = (row(policy, which), bucket.factor_for_90?);
    // Less than a fifth of the estimate off: not worth a change. And no cap holds an unbounded one.
    if which == LocConfidence::Unbounded || (factor - row.factor).abs() < 0.2 {
        return None;
    }
    let (name, sizes) = (name(which), count(bucket.nodes + bucket.oversized, "measured size"));
    Some((
        format!("    {name} factor={factor:.1} floor={}\n", row.floor),
        format!(
            "a factor of {factor:.1} admits nine in ten of {sizes} of {name} nodes, {} is set",
            row.factor
        ),
    ))
}

fn name(which: LocConfidence) -> &'static str {
    match which {
        LocConfidence::Tight => "tight",
        LocConfidence::Rough => "rough",
        LocConfidence::Unbounded => "unbounded",
    }
}

/// A second cycle that was tried often and never helped.
fn remediation(runs: &[PastRun], set: u8) -> Option<Suggestion> {
    let third = || runs.iter().flat_map(|r| r.nodes.values()).filter(|n| n.attempts >= 3);
    let tried = third().count();
    (set == 2 && tried >= ENOUGH && !third().any(|n| n.verified)).then(|| Suggestion {
        kdl: "remediation 1".to_owned(),
        because: format!("none of {} was cured by a second cycle", count(tried, "node")),
    })
}

fn verb(verb: &Verb) -> Option<Suggestion> {
    // Half of the usual number: there are many verbs, and this is only a hint.
    (verb.nodes >= ENOUGH / 2 && verb.rate >= OFTEN).then(|| Suggestion {
        kdl: format!(
            "// `{}` deliverables often need a second try: say more in their prompts, or give these\n\
             // nodes a stronger agent: node \"ID\" agent=\"…\"",
            verb.verb
        ),
        because: format!("{} of {} needed remediation", verb.remediated, count(verb.nodes, "node")),
    })
}

fn hotspot(cost: &HotspotCost) -> Option<Suggestion> {
    let lost = format_duration(std::time::Duration::from_millis(cost.lost_ms));
    (cost.share >= COSTLY).then(|| Suggestion {
        kdl: format!(
            "// hotspot {:?}: divide what it covers (a `group` into several `file`s or groups), or\n\
             // narrow the hotspot_files and touches of the nodes that share it",
            cost.hotspot
        ),
        because: format!(
            "its {} made the critical path of {} {lost} longer ({:.0} %)",
            count(cost.edges, "edge"),
            count(cost.runs, "run"),
            cost.share * 100.0
        ),
    })
}

/// As many lanes as the runs could have used.
fn concurrency(learned: &Learned, set: usize) -> Option<Suggestion> {
    let found = learned.parallelism.filter(|_| learned.nodes >= ENOUGH)?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // At most the number of nodes.
    let useful = (found.max.ceil() as usize).max(1);
    (useful.abs_diff(set) >= 2).then(|| Suggestion {
        kdl: format!("concurrency {useful}"),
        because: format!(
            "work ÷ critical path is {:.1} in the middle and {:.1} at most; {set} is set",
            found.median, found.max
        ),
    })
}
