//! Finds, among many patterns, the few that could overlap with one.

use std::collections::HashMap;

use super::pattern::Pattern;
use super::token::Flat;

/// Patterns by the components they begin with. Two patterns can only overlap if the
/// literal beginning of one lies on the way to that of the other, so a look-up walks one
/// path of the tree and, for a wildcard, what lies below its end.
#[derive(Debug, Default)]
pub struct PatternIndex {
    nodes: Vec<Branch>,
}

#[derive(Debug, Default)]
struct Branch {
    below: HashMap<String, usize>,
    /// Patterns whose literal beginning ends here.
    globs: Vec<usize>,
    /// Patterns without a wildcard that name this path.
    literals: Vec<usize>,
}

impl PatternIndex {
    /// Indexes `patterns` by their positions. A `!` is not looked at.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> PatternIndex {
        let mut index = PatternIndex { nodes: vec![Branch::default()] };
        for (position, pattern) in patterns.into_iter().enumerate() {
            pattern.flats().iter().for_each(|flat| index.insert(flat, position));
        }
        index
    }

    /// Positions of the patterns that could overlap with `pattern`, ascending. None that
    /// overlaps is missing.
    pub fn candidates(&self, pattern: &Pattern) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        pattern.flats().iter().for_each(|flat| self.look_up(flat, &mut found));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn insert(&mut self, flat: &Flat, position: usize) {
        let mut at = 0;
        for part in parts(&flat.literal_prefix()) {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return };
            at = *node.below.entry(part.to_owned()).or_insert(fresh);
            if at == fresh {
                self.nodes.push(Branch::default());
            }
        }
        if let Some(node) = self.nodes.get_mut(at) {
            let list = if flat.literal().is_some() { &mut node.literals } else { &mut node.globs };
            list.push(position);
        }
    }

    fn look_up(&self, flat: &Flat, found: &mut Vec<usize>) {
        let mut at = self.nodes.first();
        for part in parts(&flat.literal_prefix()) {
            let Some(node) = at else { return };
            found.extend(&node.globs);
            at = node.below.get(part).and_then(|i| self.nodes.get(*i));
        }
        let Some(end) = at else { return };
        if flat.literal().is_some() {
            found.extend(&end.literals);
        } else {
            self.everything_below(end, found);
        }
    }

    fn everything_below(&self, top: &Branch, found: &mut Vec<usize>) {
        let mut open = vec![top];
        while let Some(node) = open.pop() {
            found.extend(&node.globs);
            found.extend(&node.literals);
            open.extend(node.below.values().filter_map(|i| self.nodes.get(*i)));
        }
    }
}

fn parts(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.split('/').filter(|p| !p.is_empty())
}
