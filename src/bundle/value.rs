//! What stands behind a key before it is understood, the same for Markdown, tables and
//! YAML: a text, a list or a mapping, each with its place.

use std::borrow::Cow;
use std::ops::Range;

use super::text;
use crate::diag::{Source, Span, Spanned};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub span: Span,
    pub kind: Kind,
}

/// The kinds of values.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Nothing: an empty cell, `key:` alone, YAML's null.
    Null,
    /// The raw text that the span covers.
    Raw,
    /// The raw text of a table cell: `\|` stands for `|`.
    Cell,
    /// A scalar that YAML or JSON has decoded.
    Decoded(String),
    /// A nested Markdown list: its elements may hold commas of their own.
    Items(Vec<Value>),
    /// A sequence of YAML or JSON: an element is one value, whatever it holds.
    Seq(Vec<Value>),
    /// A mapping.
    Map(Vec<(Spanned<String>, Value)>),
}

impl Value {
    /// A value of raw text; an empty one is [`Kind::Null`].
    pub fn raw(source: &Source, range: Range<usize>) -> Value {
        let kind = if range.is_empty() { Kind::Null } else { Kind::Raw };
        Value { span: source.span(range.start, range.len()), kind }
    }

    /// A table cell; an empty one is [`Kind::Null`].
    pub fn cell(source: &Source, range: Range<usize>) -> Value {
        let value = Value::raw(source, range);
        if matches!(value.kind, Kind::Raw) { Value { kind: Kind::Cell, ..value } } else { value }
    }

    /// True if nothing was given.
    pub fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Raw | Kind::Cell => self.span.text().trim().is_empty(),
            Kind::Decoded(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The text as written, on one line unless YAML decoded it; `None` for lists and mappings.
    pub fn written(&self) -> Option<Cow<'_, str>> {
        match &self.kind {
            Kind::Null => Some(Cow::Borrowed("")),
            Kind::Raw => Some(text::one_line(self.span.text())),
            Kind::Cell => Some(Cow::Owned(unescape_pipes(self.span.text()))),
            Kind::Decoded(text) => Some(Cow::Borrowed(text.trim())),
            _ => None,
        }
    }

    /// The text without an enclosing code span.
    pub fn text(&self) -> Option<Spanned<String>> {
        let written = self.written()?;
        let text = match text::enclosing_code(&written) {
            Some(inner) => written.get(inner).unwrap_or_default().to_owned(),
            None => written.into_owned(),
        };
        Some(Spanned::new(text, self.span.clone()))
    }

    /// What it is, for messages.
    pub fn noun(&self) -> &'static str {
        match self.kind {
            Kind::Items(_) | Kind::Seq(_) => "a list",
            Kind::Map(_) => "a mapping",
            _ => "a text",
        }
    }
}

fn unescape_pipes(cell: &str) -> String {
    cell.trim().replace("\\|", "|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_enclosing_code_span_is_removed() {
        let source = Source::new("f", "`a` b\n`` c` ``\nx \\| y");
        let raw = |r: Range<usize>| Value::raw(&source, r).text().unwrap().value;
        assert_eq!(raw(0..5), "`a` b");
        assert_eq!(raw(6..15), "c`");
        assert_eq!(Value::cell(&source, 15..21).text().unwrap().value, "x | y");
        assert!(Value::raw(&source, 3..3).is_null());
    }
}
