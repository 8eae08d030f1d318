//! The distinct ways in which the nodes of a plan name files: many nodes name the same
//! ones, and each way is compared with others once.

use std::collections::HashMap;

use crate::base::{Pattern, PatternIndex, PatternSet};
use crate::diag::{Span, Spanned};

/// One positive pattern with the exclusions of the list that it stands in.
#[derive(Debug, Clone)]
pub(super) struct Unit {
    pub(super) pattern: Pattern,
    pub(super) set: PatternSet,
}

/// Units, each once, and who uses them.
#[derive(Debug, Default)]
pub(super) struct Units {
    units: Vec<Unit>,
    /// For each unit: who uses it (ascending, if they were added so) and where it is written.
    users: Vec<Vec<(usize, Span)>>,
    by_text: HashMap<Vec<String>, usize>,
}

impl Units {
    /// Adds the list of patterns that `user` names.
    pub(super) fn add(&mut self, user: usize, list: &[Spanned<Pattern>]) {
        let negative: Vec<&Pattern> = list.iter().map(|p| &p.value).filter(|p| p.is_negated()).collect();
        let mut texts: Vec<String> = negative.iter().map(|p| p.raw().to_owned()).collect();
        texts.sort_unstable();
        for positive in list.iter().filter(|p| !p.value.is_negated()) {
            let key: Vec<String> =
                std::iter::once(positive.value.raw().to_owned()).chain(texts.iter().cloned()).collect();
            let fresh = self.units.len();
            let unit = *self.by_text.entry(key).or_insert(fresh);
            if unit == fresh {
                let all = std::iter::once(&positive.value).chain(negative.iter().copied());
                let set = PatternSet::new(all.cloned());
                self.units.push(Unit { pattern: positive.value.clone(), set });
                self.users.push(Vec::new());
            }
            if let Some(users) = self.users.get_mut(unit)
                && users.last().is_none_or(|(last, _)| *last != user)
            {
                users.push((user, positive.span.clone()));
            }
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Unit, &[(usize, Span)])> {
        self.units.iter().zip(self.users.iter().map(Vec::as_slice))
    }

    pub(super) fn get(&self, unit: usize) -> Option<(&Unit, &[(usize, Span)])> {
        Some((self.units.get(unit)?, self.users.get(unit)?))
    }

    /// An index over the units' patterns.
    pub(super) fn index(&self) -> PatternIndex {
        PatternIndex::new(self.units.iter().map(|u| &u.pattern))
    }
}

impl Unit {
    /// True if some path could be named by both.
    pub(super) fn overlaps(&self, other: &Unit) -> bool {
        self.set.overlaps(&other.set)
    }
}
