//! One pattern.

use std::sync::Arc;

use super::automaton::common_path;
use super::parse::parse;
use super::token::{Flat, symbols};
use crate::base::path::RepoPath;

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Nothing stands there.
    #[error("a pattern can't be empty")]
    Empty,
    /// Begins with `/` (or a drive letter).
    #[error("a pattern is relative to the repository's root: write it without the leading '/'")]
    Absolute,
    /// Has a `..` component.
    #[error("a pattern can't leave the repository: '..' is not allowed in it")]
    Escapes,
    /// Has a `.` component that is not a leading `./`.
    #[error("a '.' component names nothing: leave it out ('**' is everything in the repository)")]
    Dot,
    /// Names `.git`.
    #[error("nothing may write to .git")]
    GitDir,
    /// The glob syntax is broken.
    #[error("{0}")]
    Syntax(String),
}

/// One pattern. Cheap to clone; two are equal if they are written the same way.
#[derive(Debug, Clone)]
pub struct Pattern {
    raw: Arc<str>,
    negated: bool,
    flats: Arc<[Flat]>,
}

impl Pattern {
    /// Reads one pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the rule it breaks.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let (negated, body) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Pattern { raw: Arc::from(text), negated, flats: parse(body)?.into() })
    }

    /// The pattern as written.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// True for `!pattern`.
    pub fn is_negated(&self) -> bool {
        self.negated
    }

    /// The directories below which everything lies that it can match, one for each spelling
    /// of its braces: leading components without a wildcard, `/`-joined. The empty text is
    /// the root; for a spelling without wildcards it is the whole path.
    pub fn literal_prefixes(&self) -> Vec<String> {
        let mut all: Vec<String> = self.flats.iter().map(Flat::literal_prefix).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The longest such directory that holds for all of it.
    pub fn literal_prefix(&self) -> String {
        let prefixes = self.literal_prefixes();
        let mut common: Vec<&str> = Vec::new();
        for (i, prefix) in prefixes.iter().enumerate() {
            let parts: Vec<&str> = prefix.split('/').filter(|p| !p.is_empty()).collect();
            match i {
                0 => common = parts,
                _ => common.truncate(common.iter().zip(&parts).take_while(|(a, b)| a == b).count()),
            }
        }
        common.join("/")
    }

    /// True if the text after a `!`, or all of it, matches `path`.
    pub fn matches(&self, path: &RepoPath) -> bool {
        let path = symbols(path.as_bytes());
        self.flats.iter().any(|f| f.matches(&path))
    }

    /// True if some path, existing or not, could be matched by both. Exclamation marks are
    /// not looked at: see [`PatternSet::overlaps`](super::PatternSet::overlaps).
    pub fn overlaps(&self, other: &Pattern) -> bool {
        self.overlaps_outside(other, &[])
    }

    /// The same for paths that no one of `excluded` matches.
    pub(super) fn overlaps_outside(&self, other: &Pattern, excluded: &[&Flat]) -> bool {
        self.flats.iter().any(|a| other.flats.iter().any(|b| common_path(a, b, excluded)))
    }

    pub(super) fn flats(&self) -> &[Flat] {
        &self.flats
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.raw == other.raw
    }
}
impl Eq for Pattern {}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.raw)
    }
}
