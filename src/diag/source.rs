//! Sources and the spans into them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::base::text::neutral_in_place;

/// A named text: a file of the bundle or of the configuration. Cheap to clone.
#[derive(Clone)]
pub struct Source(Arc<Inner>);

struct Inner {
    name: String,
    text: String,
    /// The text as it is shown, where that differs from it; made when first asked for.
    shown: OnceLock<Option<String>>,
    /// Byte offset of each line's first character.
    lines: Vec<usize>,
}

impl Source {
    /// `name` is how the user would name the file (relative to where they stand or to the root).
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        Source(Arc::new(Inner { name: name.into(), text, shown: OnceLock::new(), lines }))
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The text with nothing in it that a terminal would obey, at the same byte offsets.
    pub(super) fn shown(&self) -> &str {
        let text = self.text();
        let made = || match neutral_in_place(text) {
            Cow::Owned(shown) => Some(shown),
            Cow::Borrowed(_) => None,
        };
        self.0.shown.get_or_init(made).as_deref().unwrap_or(text)
    }

    /// A span of `len` bytes at `offset`, clamped to the text.
    pub fn span(&self, offset: usize, len: usize) -> Span {
        let offset = offset.min(self.0.text.len());
        let len = len.min(self.0.text.len() - offset);
        Span { source: self.clone(), offset, len }
    }

    /// The 1-based line and column (in characters) of a byte offset.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.0.text.len());
        let line = self.0.lines.partition_point(|start| *start <= offset);
        let start = self.0.lines[line - 1];
        let column = self.0.text.get(start..offset).map_or(1, |t| t.chars().count() + 1);
        (line, column)
    }
}

/// Bytes of an excerpt past which it is cut down to the surroundings of its span.
pub(super) const MAX_EXCERPT: usize = 4096;
/// Bytes kept on both sides of a span then.
const AROUND: usize = 100;
/// Bytes of a span that are pointed at.
pub(super) const MAX_POINTED: usize = 400;

impl Source {
    /// The byte range to show for a stretch of the text with whole lines before and after it,
    /// found by the index of lines: a file may be large and its problems many. Lines that are
    /// too long for anybody to read are cut.
    pub(super) fn excerpt(&self, offset: usize, len: usize, before: usize, after: usize) -> Range<usize> {
        let text = &self.0.text;
        let offset = offset.min(text.len());
        let end = offset.saturating_add(len).min(text.len());
        let line = |at: usize| self.0.lines.partition_point(|start| *start <= at).saturating_sub(1);
        let begins = |n: usize| self.0.lines.get(n).copied().unwrap_or(text.len());
        let from = if before == 0 { offset } else { begins(line(offset).saturating_sub(before)) };
        let to = if after == 0 { end } else { begins(line(end) + after + 1) };
        if to - from <= MAX_EXCERPT {
            return from..to;
        }
        let from = text.floor_char_boundary(from.max(offset.saturating_sub(AROUND)));
        let to = text.ceil_char_boundary(to.min(end + AROUND));
        from..to.max(from)
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Source) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (self.0.name == other.0.name && self.0.text == other.0.text)
    }
}
impl Eq for Source {}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.0.name)
    }
}

/// A stretch of bytes of one source.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    source: Source,
    offset: usize,
    len: usize,
}

impl Span {
    /// The text it points into.
    pub fn source(&self) -> &Source {
        &self.source
    }
    /// Byte offset of its start.
    pub fn offset(&self) -> usize {
        self.offset
    }
    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }
    /// True if it points between two characters.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// The 1-based line and column of its start.
    pub fn line_column(&self) -> (usize, usize) {
        self.source.line_column(self.offset)
    }
    /// The text it covers.
    pub fn text(&self) -> &str {
        self.source.text().get(self.offset..self.offset + self.len).unwrap_or("")
    }
}

/// `file:line:column`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.name())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}+{}", self.len)
    }
}

/// A value and the place that it was written at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
    /// Changes the value and keeps the place.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_lines_and_characters() {
        let source = Source::new("f", "aé\nbü c\n");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(3), (1, 3));
        assert_eq!(source.line_column(4), (2, 1));
        assert_eq!(source.span(8, 1).text(), "c");
        assert_eq!(source.span(8, 1).to_string(), "f:2:4");
        assert_eq!(source.span(100, 5).len(), 0);
    }
}
