//! Nodes that may run at once and name the same files without a hotspot between them.

use std::collections::{BTreeMap, HashSet};

use super::units::Units;
use super::{NodeIx, Plan};
use crate::diag::{Diag, Diags, Span};

/// Pairs of patterns that are reported before the search ends.
const MOST_PAIRS: usize = 100;
/// Pairs of nodes named for one pair of patterns.
const MOST_NAMED: usize = 4;

/// Two patterns that can name one file, and the nodes that name it so.
#[derive(Debug)]
struct Overlap {
    places: (Span, Span),
    pairs: Vec<(NodeIx, NodeIx)>,
    count: usize,
}

#[derive(Debug, Default)]
struct Search {
    found: BTreeMap<(String, String), Overlap>,
    cut: bool,
    comparisons: usize,
}

/// Warns of overlapping touches, grouped by the pair of patterns. Two nodes may run at
/// once if they stand in one tier and both are safe to run beside others; a shared
/// hotspot would have put them in different tiers. Returns how many pairs of patterns
/// were compared.
pub(super) fn warn(plan: &Plan, diags: &mut Diags) -> usize {
    let mut search = Search::default();
    plan.tiers.iter().for_each(|tier| search.tier(plan, tier));
    for ((a, b), overlap) in &search.found {
        diags.push(told(plan, a, b, overlap));
    }
    if search.cut {
        let message = format!("only the first {MOST_PAIRS} pairs of overlapping patterns are listed");
        diags.push(
            Diag::warning("plan::more-overlaps", message)
                .help("narrow the touches of these nodes, or declare what they share as hotspots"),
        );
    }
    search.comparisons
}

impl Search {
    fn tier(&mut self, plan: &Plan, tier: &[NodeIx]) {
        let mut units = Units::default();
        for (i, node) in tier.iter().filter_map(|i| Some((*i, plan.nodes.get(*i)?))) {
            if node.settings.parallel_safe.value {
                units.add(i, &node.node.touches);
            }
        }
        let index = units.index();
        for (number, (unit, users)) in units.iter().enumerate() {
            for candidate in index.candidates(&unit.pattern).into_iter().filter(|c| *c >= number) {
                if self.cut {
                    return;
                }
                let Some((other, others)) = units.get(candidate) else { continue };
                let count = pair_count(users, others, candidate == number);
                if count == 0 {
                    continue;
                }
                self.comparisons += 1;
                if unit.overlaps(other) {
                    self.note((unit.pattern.raw(), users), (other.pattern.raw(), others), count);
                }
            }
        }
    }

    fn note(&mut self, a: (&str, &[(NodeIx, Span)]), b: (&str, &[(NodeIx, Span)]), count: usize) {
        let (a, b) = if a.0 <= b.0 { (a, b) } else { (b, a) };
        let key = (a.0.to_owned(), b.0.to_owned());
        if self.found.len() >= MOST_PAIRS && !self.found.contains_key(&key) {
            self.cut = true;
            return;
        }
        let mut some = some_pairs(a.1, b.1);
        let Some((first_a, first_b)) = some.next() else { return };
        let places = (first_a.1.clone(), first_b.1.clone());
        let entry = self.found.entry(key).or_insert_with(|| Overlap { places, pairs: Vec::new(), count: 0 });
        entry.count += count;
        let room = MOST_NAMED.saturating_sub(entry.pairs.len());
        let pairs = std::iter::once((first_a, first_b)).chain(some).map(|(a, b)| (a.0, b.0));
        entry.pairs.extend(pairs.take(room));
    }
}

type User = (NodeIx, Span);

/// Pairs of different nodes, one of each list; of one list with itself, each pair once.
fn pair_count(a: &[User], b: &[User], same: bool) -> usize {
    if same {
        return a.len() * a.len().saturating_sub(1) / 2;
    }
    let of_a: HashSet<NodeIx> = a.iter().map(|(n, _)| *n).collect();
    a.len() * b.len() - b.iter().filter(|(n, _)| of_a.contains(n)).count()
}

fn some_pairs<'a>(a: &'a [User], b: &'a [User]) -> impl Iterator<Item = (&'a User, &'a User)> {
    let same = std::ptr::eq(a, b);
    a.iter()
        .flat_map(move |x| b.iter().map(move |y| (x, y)))
        .filter(move |(x, y)| if same { x.0 < y.0 } else { x.0 != y.0 })
}

fn told(plan: &Plan, a: &str, b: &str, overlap: &Overlap) -> Diag {
    let id = |i: NodeIx| plan.nodes.get(i).map_or("", |n| n.node.id.as_str());
    let mut pairs: Vec<String> =
        overlap.pairs.iter().map(|(a, b)| format!("{} and {}", id(*a), id(*b))).collect();
    if overlap.count > pairs.len() {
        pairs.push(format!("{} more", overlap.count - pairs.len()));
    }
    let patterns = if a == b { format!("`{a}`") } else { format!("`{a}` and `{b}`") };
    let message =
        format!("nodes that may run at once can write the same file by {patterns}: {}", pairs.join(", "));
    Diag::warning("plan::touches-overlap", message)
        .at(&overlap.places.0, "one may write here")
        .at(&overlap.places.1, "the other here")
        .help("name what they share in hotspot_files, let one depend on the other, or narrow the touches")
}
