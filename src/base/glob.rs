//! Path patterns as bundles and audit.kdl write them: anchored at the repository's
//! root, `**`, `*`, `?`, `[…]`, `{a,b}`, `\` as the escape, a trailing `/` for everything
//! below, a leading `!` for an exclusion. Matching, and the question whether two
//! patterns can match one path.

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
    /// Has a `..` (or `.`) component.
    #[error("a pattern can't leave the repository: '..' is not allowed in it")]
    Escapes,
    /// Names `.git`.
    #[error("nothing may write to .git")]
    GitDir,
    /// The glob syntax is broken.
    #[error("{0}")]
    Syntax(String),
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    raw: String,
    negated: bool,
}

impl Pattern {
    /// Reads one pattern.
    ///
    /// # Errors
    /// [`PatternError`] names the rule it breaks.
    pub fn parse(text: &str) -> Result<Pattern, PatternError> {
        let (negated, _body) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        Ok(Pattern { raw: text.to_owned(), negated })
    }

    /// The pattern as written.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// True for `!pattern`.
    pub fn is_negated(&self) -> bool {
        self.negated
    }
}

/// An ordered list of patterns read as one set: a path is in it if a positive pattern
/// matches it and no exclusion does.
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    patterns: Vec<Pattern>,
}

impl PatternSet {
    /// Builds the set's matcher once.
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> PatternSet {
        PatternSet { patterns: patterns.into_iter().collect() }
    }

    /// True if a positive pattern matches and no exclusion does.
    pub fn matches(&self, _path: &RepoPath) -> bool {
        false
    }

    /// True if some path could be in both sets (glob intersection: the path need not exist).
    pub fn overlaps(&self, _other: &PatternSet) -> bool {
        false
    }

    /// The patterns as written.
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }
}
