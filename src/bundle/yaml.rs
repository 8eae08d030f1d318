//! YAML and JSON blocks as values with places. Anchors, aliases and tags are refused, so
//! a few bytes can't grow into a huge document, and so is deep nesting.

use std::ops::Range;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle};

use super::value::{Kind, Value};
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// How deep collections may nest; nothing in a bundle needs more than 4.
const MAX_DEPTH: usize = 32;

/// Parses the YAML (JSON is taken as the flow form of YAML) in `range` of `source`.
/// `None` if it is empty or was refused, which is then in `diags`.
pub(super) fn parse(source: &Source, range: Range<usize>, diags: &mut Diags) -> Option<Value> {
    let text = source.text().get(range.clone())?;
    let mut builder = Builder { source, base: range.start, open: Vec::new(), root: None };
    let options = granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.event(event, span),
            Err(error) => Err(builder.syntax(&error)),
        };
        if let Err(diag) = step {
            diags.push(diag);
            return None;
        }
    }
    builder.root
}

/// The finished pairs of a mapping, and the key that waits for its value.
type Pairs = (Vec<(Spanned<String>, Value)>, Option<Spanned<String>>);

/// A collection that is still being read.
struct Open {
    start: usize,
    values: Vec<Value>,
    /// `None` for a sequence.
    pairs: Option<Pairs>,
}

struct Builder<'a> {
    source: &'a Source,
    base: usize,
    open: Vec<Open>,
    root: Option<Value>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) -> Result<(), Diag> {
        let span = self.span(&at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(anchor, tag.is_some(), &at, &span)?;
                let null =
                    style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let kind = if null { Kind::Null } else { Kind::Decoded(text.into_owned()) };
                self.add(Value { span, kind })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_only(anchor, tag.is_some(), &at, &span)?;
                self.push(span, None)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_only(anchor, tag.is_some(), &at, &span)?;
                self.push(span, Some((Vec::new(), None)))
            }
            Event::SequenceEnd | Event::MappingEnd => self.pop(&span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => Err(alias(&span)),
            Event::DocumentStart(..) if self.root.is_some() => {
                Err(Diag::error("bundle::yaml-documents", "a block holds more than one YAML document")
                    .at(&span, "a second one starts here")
                    .help("join them to one document: remove the '---' line"))
            }
            _ => Ok(()),
        }
    }

    fn span(&self, at: &granit_parser::Span) -> Span {
        let start = at.start.byte_offset().unwrap_or(0);
        let end = at.end.byte_offset().unwrap_or(start).max(start);
        self.source.span(self.base + start, end - start)
    }

    /// Refuses anchors and tags.
    fn plain_only(
        &self,
        anchor: usize,
        tag: bool,
        at: &granit_parser::Span,
        span: &Span,
    ) -> Result<(), Diag> {
        if tag {
            let place = at.tag_span().map_or_else(|| span.clone(), |t| self.span(&t));
            return Err(Diag::error("bundle::yaml-tag", "a YAML tag can't stand in a bundle")
                .at(&place, "read as a tag because of the '!'")
                .help("if this is an exclusion pattern, put it in quotes: \"!path\""));
        }
        if anchor != 0 {
            return Err(Diag::error("bundle::yaml-alias", "a YAML anchor can't stand in a bundle")
                .at(span, "carries an anchor ('&name')")
                .help("write the value out, or put it in quotes if '&' belongs to it"));
        }
        Ok(())
    }

    fn push(&mut self, span: Span, pairs: Option<Pairs>) -> Result<(), Diag> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Diag::error("bundle::yaml-depth", "the block nests too deeply")
                .at(&span, format!("more than {MAX_DEPTH} levels"))
                .help("a bundle needs mappings of texts and lists of texts, no more"));
        }
        self.open.push(Open { start: span.offset(), values: Vec::new(), pairs });
        Ok(())
    }

    fn pop(&mut self, end: &Span) -> Result<(), Diag> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        // A block collection "ends" where the next token begins: its own end is its last value's.
        let last = match &open.pairs {
            Some((pairs, _)) => pairs.last().map(|(_, v)| v),
            None => open.values.last(),
        };
        let flow = !end.is_empty();
        let stop = match last {
            Some(v) if !flow => v.span.offset() + v.span.len(),
            _ => end.offset() + end.len(),
        };
        let span = self.source.span(open.start, stop.saturating_sub(open.start));
        let kind = match open.pairs {
            Some((pairs, _)) => Kind::Map(pairs),
            None => Kind::Seq(open.values),
        };
        self.add(Value { span, kind })
    }

    fn add(&mut self, value: Value) -> Result<(), Diag> {
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open { pairs: None, values, .. }) => values.push(value),
            Some(Open { pairs: Some((pairs, key)), .. }) => match key.take() {
                Some(k) => pairs.push((k, value)),
                None => *key = Some(as_key(value)?),
            },
        }
        Ok(())
    }

    fn syntax(&self, error: &granit_parser::ScanError) -> Diag {
        let at = self.base + error.marker().byte_offset().unwrap_or(0);
        let rest = self.source.text().get(at..).unwrap_or_default();
        let len = rest.chars().next().map_or(0, |c| if c == '\n' { 0 } else { c.len_utf8() });
        let diag = Diag::error("bundle::yaml-syntax", format!("the block can't be read: {}", error.info()))
            .at(&self.source.span(at, len), "here");
        diag.help("put texts that hold ':', '#', '*', '!', '`' or quotes in double quotes")
    }
}

fn alias(span: &Span) -> Diag {
    Diag::error("bundle::yaml-alias", "a YAML alias can't stand in a bundle")
        .at(span, "read as an alias because of the '*'")
        .help("if this is a glob, put it in quotes: \"*.rs\"; else write the value out")
}

fn as_key(value: Value) -> Result<Spanned<String>, Diag> {
    match value.kind {
        Kind::Decoded(text) => Ok(Spanned::new(text, value.span)),
        Kind::Null => Ok(Spanned::new(value.span.text().to_owned(), value.span)),
        _ => Err(Diag::error("bundle::yaml-key", "a key is one text")
            .at(&value.span, format!("this is {}", value.noun()))
            .help("write 'key: value'; a text with braces needs quotes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, &'static str> {
        let source = Source::new("f.md", format!("xx\n{text}"));
        let mut diags = Diags::new();
        parse(&source, 3..3 + text.len(), &mut diags)
            .ok_or_else(|| diags.iter().next().map_or("empty", |d| d.code))
    }

    #[test]
    fn places_point_into_the_file() {
        let value = read("- id: Ä1\n  touches: [\"a,b\", c]\n- id: 2\n").unwrap();
        let Kind::Seq(items) = value.kind else { panic!() };
        assert_eq!(items[0].span.text(), "id: Ä1\n  touches: [\"a,b\", c]");
        let Kind::Map(pairs) = &items[0].kind else { panic!() };
        assert_eq!((pairs[0].0.span.text(), pairs[0].1.span.text()), ("id", "Ä1"));
        assert_eq!(pairs[1].1.span.text(), "[\"a,b\", c]");
        assert_eq!(items[1].span.line_column(), (4, 3));
    }

    #[test]
    fn json_reads_with_its_escapes() {
        let value = read("[\n\t{\"id\": \"A\\ud83d\\ude00\\/\\n\", \"n\": 10, \"x\": null}\n]\n").unwrap();
        let Kind::Seq(items) = value.kind else { panic!() };
        let Kind::Map(pairs) = &items[0].kind else { panic!() };
        assert!(matches!(&pairs[0].1.kind, Kind::Decoded(t) if t == "A😀/\n"));
        assert!(matches!(&pairs[1].1.kind, Kind::Decoded(t) if t == "10"));
        assert!(pairs[2].1.is_null());
    }

    #[test]
    fn what_could_grow_or_hide_is_refused() {
        for (text, code) in [
            ("a: &x [1]\nb: *x\n", "bundle::yaml-alias"),
            ("a: *x\n", "bundle::yaml-alias"),
            ("a: *.rs\n", "bundle::yaml-alias"),
            ("a: !src/gen\n", "bundle::yaml-tag"),
            ("a: 1\n---\nb: 2\n", "bundle::yaml-documents"),
            ("? [a]\n: b\n", "bundle::yaml-key"),
            ("a: `x`\n", "bundle::yaml-syntax"),
            ("# nothing\n", "empty"),
        ] {
            assert_eq!(read(text).map(|_| ()), Err(code), "{text}");
        }
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(read(&deep).map(|_| ()), Err("bundle::yaml-depth"));
        assert_eq!(read(&"[".repeat(100_000)).map(|_| ()), Err("bundle::yaml-syntax"));
        assert_eq!(read(&"- ".repeat(100_000)).map(|_| ()), Err("bundle::yaml-depth"));
    }
}
