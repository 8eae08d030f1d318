//! A list of patterns read as one set.

use std::sync::{Arc, OnceLock};

use globset::{Candidate, GlobBuilder, GlobSet, GlobSetBuilder};

use super::pattern::Pattern;
use super::token::{Flat, symbols};
use crate::base::path::RepoPath;

/// A list of patterns read as one set: a path is in it if a positive pattern matches it
/// and no exclusion does. Cheap to clone; the matcher is built at its first use, since
/// most sets of a large plan are only compared, never matched.
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    patterns: Arc<[Pattern]>,
    matcher: Arc<OnceLock<Matcher>>,
}

#[derive(Debug)]
struct Matcher {
    positive: Side,
    negative: Side,
}

impl PatternSet {
    /// Joins patterns. The order does not matter, an exclusion takes away from all.
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> PatternSet {
        PatternSet { patterns: patterns.into_iter().collect(), matcher: Arc::default() }
    }

    /// True if a positive pattern matches and no exclusion does.
    pub fn matches(&self, path: &RepoPath) -> bool {
        let matcher = self.matcher.get_or_init(|| Matcher {
            positive: Side::new(self.positive()),
            negative: Side::new(self.negative()),
        });
        matcher.positive.matches(path) && !matcher.negative.matches(path)
    }

    /// True if some path could be in both sets (glob intersection: the path need not exist).
    pub fn overlaps(&self, other: &PatternSet) -> bool {
        self.overlap(other).is_some()
    }

    /// The first two positive patterns, in the order of the lists, that can match one path
    /// of both sets.
    pub fn overlap<'a>(&'a self, other: &'a PatternSet) -> Option<(&'a Pattern, &'a Pattern)> {
        let excluded = self.excluded_with(other);
        let pairs = self.positive().flat_map(|a| other.positive().map(move |b| (a, b)));
        pairs.into_iter().find(|(a, b)| a.overlaps_outside(b, &excluded))
    }

    /// True if every path that `pattern` can match is in the set: after subtracting the
    /// set from it nothing is left.
    pub fn covers(&self, pattern: &Pattern) -> bool {
        let positive: Vec<&Flat> = self.positive().flat_map(|p| p.flats()).collect();
        !pattern.overlaps_outside(pattern, &positive) && !self.negative().any(|n| n.overlaps(pattern))
    }

    /// The patterns as written.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// The patterns without a `!`.
    pub fn positive(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().filter(|p| !p.is_negated())
    }

    /// The patterns with a `!`.
    pub fn negative(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().filter(|p| p.is_negated())
    }

    fn excluded_with<'a>(&'a self, other: &'a PatternSet) -> Vec<&'a Flat> {
        self.negative().chain(other.negative()).flat_map(|p| p.flats()).collect()
    }
}

/// The patterns of one sign: in globset where it says the same, else by their automata.
#[derive(Debug)]
struct Side {
    globs: GlobSet,
    automata: Vec<Flat>,
}

impl Side {
    fn new<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Side {
        let flats: Vec<&Flat> = patterns.flat_map(|p| p.flats()).collect();
        let mut builder = GlobSetBuilder::new();
        let mut automata = Vec::new();
        for flat in &flats {
            match flat.globset().and_then(|text| glob(&text)) {
                Some(glob) => _ = builder.add(glob),
                None => automata.push((*flat).clone()),
            }
        }
        match builder.build() {
            Ok(globs) => Side { globs, automata },
            // Past globset's limit on compiled size.
            Err(_) => Side { globs: GlobSet::empty(), automata: flats.into_iter().cloned().collect() },
        }
    }

    fn matches(&self, path: &RepoPath) -> bool {
        if self.globs.is_match_candidate(&Candidate::from_bytes(path.as_bytes())) {
            return true;
        }
        if self.automata.is_empty() {
            return false;
        }
        let path = symbols(path.as_bytes());
        self.automata.iter().any(|f| f.matches(&path))
    }
}

fn glob(text: &str) -> Option<globset::Glob> {
    GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build().ok()
}
