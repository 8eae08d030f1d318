//! Edits of a text, and the lines around a place.

use std::ops::Range;

/// Replaces a range by a text.
#[derive(Debug)]
pub(super) struct Edit {
    pub range: Range<usize>,
    pub text: String,
}

impl Edit {
    /// Adds `text` at `at`.
    pub fn insert(at: usize, text: String) -> Edit {
        Edit { range: at..at, text }
    }
}

/// Applies edits that do not overlap.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|e| e.range.start);
    let mut out = String::with_capacity(text.len() + 256);
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.range.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.range.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The line end that `text` uses.
pub(super) fn eol(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Where the line of `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|t| t.rfind('\n')).map_or(0, |i| i + 1)
}

/// Where the line of `at` ends, its line end included.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|t| t.find('\n')).map_or(text.len(), |i| at + i + 1)
}

/// The lines that `range` (without white space at its end) touches.
pub(super) fn lines(text: &str, range: Range<usize>) -> Range<usize> {
    let range = crate::bundle::text::trim(text, range);
    line_start(text, range.start)..line_end(text, range.end)
}

/// What separates new lines at `at` from the text before: nothing, or a line end if the
/// text does not end in one.
pub(super) fn joint(text: &str, at: usize, eol: &str) -> String {
    let before = text.get(..at).unwrap_or_default();
    if before.is_empty() || before.ends_with('\n') { String::new() } else { eol.to_owned() }
}
