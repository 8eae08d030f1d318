//! The text of a `steps` argument and the way back from each of its bytes to the file
//! that it was written in. Owns offsets, nothing of the language.

mod literal;

use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Source, Span};

/// A text of steps that remembers where each of its bytes stands. Cheap to clone.
#[derive(Clone, Debug)]
pub struct StepText {
    source: Source,
    inner: Arc<Decoded>,
}

/// A decoded literal: for byte `i` of `text`, `places[i]` is the stretch of the source
/// that produced it (an escape produces all bytes of its character).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Decoded {
    text: String,
    places: Vec<(usize, usize)>,
    /// Offsets in `text` at which KDL applied an escape.
    escapes: Vec<usize>,
    /// Written as `"""`, where KDL takes `\` as an escape.
    multi_line_escaped: bool,
    /// Where an empty text stands.
    start: usize,
}

impl Decoded {
    /// One character that stands for `source[from..to]`.
    fn push(&mut self, c: char, from: usize, to: usize) {
        self.text.push(c);
        let len = c.len_utf8();
        if to - from == len {
            self.places.extend((0..len).map(|i| (from + i, from + i + 1)));
        } else {
            self.places.extend(std::iter::repeat_n((from, to), len));
        }
    }
}

impl StepText {
    /// The text that KDL read from the string literal at `literal` of `source`; `value` is
    /// what it read. Should the literal not decode to `value`, every span is the whole
    /// literal rather than a wrong place.
    pub fn from_kdl(source: &Source, literal: Range<usize>, value: &str) -> StepText {
        let written = source.text().get(literal.clone()).unwrap_or("");
        let decoded = literal::decode(written, literal.start).filter(|d| d.text == value);
        let inner = decoded.unwrap_or_else(|| Decoded {
            text: value.to_owned(),
            places: vec![(literal.start, literal.end); value.len()],
            start: literal.start,
            ..Decoded::default()
        });
        StepText { source: source.clone(), inner: Arc::new(inner) }
    }

    /// A whole source that is a script; CRLF counts as one newline.
    pub fn plain(source: &Source) -> StepText {
        let mut inner = Decoded::default();
        let text = source.text();
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match chars.peek() {
                Some((_, '\n')) if c == '\r' => {
                    chars.next();
                    inner.push('\n', at, at + 2);
                }
                _ => inner.push(c, at, at + c.len_utf8()),
            }
        }
        StepText { source: source.clone(), inner: Arc::new(inner) }
    }

    /// The text as the step language reads it.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// The file it stands in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where the bytes `range` of [`text`](Self::text) were written.
    pub fn span(&self, range: Range<usize>) -> Span {
        let places = &self.inner.places;
        let after_last = places.last().map_or(self.inner.start, |p| p.1);
        let start = places.get(range.start).map_or(after_last, |p| p.0);
        let end = match range.end.checked_sub(1) {
            Some(last) if range.end > range.start => places.get(last).map_or(after_last, |p| p.1),
            _ => start,
        };
        self.source.span(start, end.saturating_sub(start))
    }

    /// True if KDL applied an escape on the line of `offset` of a `"""` string, which is
    /// worth a word when something is wrong there.
    pub fn escape_on_line_of(&self, offset: usize) -> bool {
        let Decoded { text, escapes, multi_line_escaped, .. } = &*self.inner;
        if !multi_line_escaped || escapes.is_empty() {
            return false;
        }
        let (before, after) = text.split_at(text.floor_char_boundary(offset));
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let end = before.len() + after.find('\n').unwrap_or(after.len());
        let next = escapes.partition_point(|e| *e < start);
        escapes.get(next).is_some_and(|e| *e <= end)
    }
}

#[cfg(test)]
mod tests;
