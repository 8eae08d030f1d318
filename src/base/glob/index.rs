//! Finds, among many patterns, the few that could overlap with one.

use std::collections::HashMap;

use super::pattern::Pattern;
use super::token::Flat;

/// Patterns by the components they begin with and by the one they end in. Two patterns can
/// only overlap if the literal beginning of one lies on the way to that of the other, and
/// if their last components are alike or one of these holds a wildcard. So a look-up walks
/// one path of a tree and, for a wildcard, what lies below its end or ends alike, whichever
/// is less.
#[derive(Debug, Default)]
pub struct PatternIndex {
    branches: Vec<Branch>,
    /// All of them by their last components.
    ends: Ends,
}

#[derive(Debug, Default)]
struct Branch {
    below: HashMap<String, usize>,
    /// Patterns whose literal beginning ends here.
    here: Ends,
    /// How many begin here or below.
    size: usize,
}

/// Positions of patterns by their last components.
#[derive(Debug, Default)]
struct Ends {
    literal: HashMap<String, Vec<usize>>,
    /// Those with a wildcard in it.
    open: Vec<usize>,
}

impl PatternIndex {
    /// Indexes `patterns` by their positions. A `!` is not looked at.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a Pattern>) -> PatternIndex {
        let mut index = PatternIndex { branches: vec![Branch::default()], ends: Ends::default() };
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
        let last = flat.literal_end();
        let mut at = 0;
        for part in parts(&flat.literal_prefix()) {
            let fresh = self.branches.len();
            let Some(branch) = self.branches.get_mut(at) else { return };
            branch.size += 1;
            at = *branch.below.entry(part.to_owned()).or_insert(fresh);
            if at == fresh {
                self.branches.push(Branch::default());
            }
        }
        if let Some(branch) = self.branches.get_mut(at) {
            branch.size += 1;
            branch.here.insert(last.as_deref(), position);
        }
        self.ends.insert(last.as_deref(), position);
    }

    fn look_up(&self, flat: &Flat, found: &mut Vec<usize>) {
        let last = flat.literal_end();
        let mut at = self.branches.first();
        for part in parts(&flat.literal_prefix()) {
            let Some(branch) = at else { return };
            branch.here.collect(last.as_deref(), found);
            at = branch.below.get(part).and_then(|i| self.branches.get(*i));
        }
        let Some(end) = at else { return };
        if flat.literal().is_some() {
            end.here.collect(last.as_deref(), found);
        } else if self.ends.count(last.as_deref()) < end.size {
            self.ends.collect(last.as_deref(), found);
        } else {
            self.everything_below(end, last.as_deref(), found);
        }
    }

    fn everything_below(&self, top: &Branch, last: Option<&str>, found: &mut Vec<usize>) {
        let mut open = vec![top];
        while let Some(branch) = open.pop() {
            branch.here.collect(last, found);
            open.extend(branch.below.values().filter_map(|i| self.branches.get(*i)));
        }
    }
}

impl Ends {
    fn insert(&mut self, last: Option<&str>, position: usize) {
        match last {
            Some(last) => self.literal.entry(last.to_owned()).or_default().push(position),
            None => self.open.push(position),
        }
    }

    /// Those that may end as `last` does; `None` is a wildcard.
    fn collect(&self, last: Option<&str>, found: &mut Vec<usize>) {
        found.extend(&self.open);
        match last {
            Some(last) => found.extend(self.literal.get(last).into_iter().flatten()),
            None => found.extend(self.literal.values().flatten()),
        }
    }

    fn count(&self, last: Option<&str>) -> usize {
        let literal = match last {
            Some(last) => self.literal.get(last).map_or(0, Vec::len),
            None => usize::MAX - self.open.len(),
        };
        self.open.len() + literal
    }
}

fn parts(prefix: &str) -> impl Iterator<Item = &str> {
    prefix.split('/').filter(|p| !p.is_empty())
}
