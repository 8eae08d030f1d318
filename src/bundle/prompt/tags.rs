//! The tags of a prompt's elements, found textually.

use std::ops::Range;

use super::mask::Mask;
use crate::diag::{Diag, Diags, Source, Span, Spanned, nearest};

/// Every element that means something.
pub(super) const ELEMENTS: [&str; 8] = [
    "scope_envelope",
    "success",
    "failure_modes",
    "constraints",
    "delta_to_done",
    "done_when",
    "check",
    "scope",
];

/// A tag of a known element.
#[derive(Debug)]
pub(super) struct Tag {
    pub name: &'static str,
    pub range: Range<usize>,
    pub close: bool,
    /// `<name/>`.
    pub empty: bool,
    pub attributes: Vec<(Spanned<String>, Spanned<String>)>,
}

impl Tag {
    /// Its place.
    pub fn span(&self, source: &Source) -> Span {
        source.span(self.range.start, self.range.len())
    }
}

/// The tags of known elements that `mask` does not hide, from byte `start` on. A tag that
/// nearly is one is reported.
pub(super) fn find(source: &Source, start: usize, mask: &Mask, diags: &mut Diags) -> Vec<Tag> {
    let text = source.text();
    let mut tags = Vec::new();
    let mut from = start;
    while let Some(at) = text.get(from..).and_then(|t| t.find('<')).map(|i| from + i) {
        from = at + 1;
        if mask.hides(at) {
            continue;
        }
        let Some((word, close, after)) = name(text, at) else { continue };
        let lower = word.to_ascii_lowercase();
        match ELEMENTS.iter().find(|e| **e == lower) {
            Some(element) => match rest(source, after) {
                Some((attributes, empty, end)) => {
                    tags.push(Tag { name: element, range: at..end, close, empty, attributes });
                    from = end;
                }
                None => broken(source, at, after, element).into_iter().for_each(|d| diags.push(d)),
            },
            None if !close => near(source, at, word, &lower).into_iter().for_each(|d| diags.push(d)),
            None => {}
        }
    }
    tags
}

/// The name of a tag that begins at `at`, if it is a closing one, and where the name ends.
fn name(text: &str, at: usize) -> Option<(&str, bool, usize)> {
    let body = text.get(at + 1..)?;
    let close = body.starts_with('/');
    let body = if close { &body[1..] } else { body };
    let len = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(body.len());
    let word = &body[..len];
    (word.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((
        word,
        close,
        at + 1 + usize::from(close) + len,
    ))
}

type Attributes = Vec<(Spanned<String>, Spanned<String>)>;

/// The attributes up to `>`; `None` if this is not the rest of a tag.
fn rest(source: &Source, mut at: usize) -> Option<(Attributes, bool, usize)> {
    let text = source.text();
    let mut attributes = Vec::new();
    loop {
        at += spaces(&text[at..]);
        let tail = &text[at..];
        if tail.starts_with('>') {
            return Some((attributes, false, at + 1));
        }
        if tail.starts_with("/>") {
            return Some((attributes, true, at + 2));
        }
        let len =
            tail.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(tail.len());
        if len == 0 {
            return None;
        }
        let key = Spanned::new(tail[..len].to_owned(), source.span(at, len));
        at += len;
        let (value, end) = attribute_value(source, at)?;
        attributes.push((key, value));
        at = end;
    }
}

/// `= value`; a key alone has an empty value.
fn attribute_value(source: &Source, at: usize) -> Option<(Spanned<String>, usize)> {
    let text = source.text();
    let equals = at + spaces(&text[at..]);
    if !text[equals..].starts_with('=') {
        return Some((Spanned::new(String::new(), source.span(at, 0)), at));
    }
    let start = equals + 1 + spaces(&text[equals + 1..]);
    let tail = &text[start..];
    let (from, len, skip) = match tail.chars().next()? {
        quote @ ('"' | '\'') => {
            (start + 1, tail[1..].find([quote, '\n']).filter(|i| tail[1..][*i..].starts_with(quote))?, 1)
        }
        _ => (start, tail.find(|c: char| c.is_whitespace() || c == '>')?, 0),
    };
    let value = Spanned::new(text[from..from + len].to_owned(), source.span(from, len));
    Some((value, from + len + skip))
}

fn spaces(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// A known name right after `<` that is no tag: only an error if it was begun like one.
fn broken(source: &Source, at: usize, after: usize, element: &str) -> Option<Diag> {
    let tail = &source.text()[after..];
    let line = &tail[..tail.find(['<', '>', '\n']).unwrap_or(tail.len())];
    let begun = element != "check" && element != "scope" || line.contains('=');
    begun.then(|| {
        Diag::error("bundle::bad-element", format!("the tag <{element} …> can't be read"))
            .at(&source.span(at, after - at), "begins here")
            .help("write it as <name> or <name key=\"value\">, or put it in a code span if it is only mentioned")
    })
}

/// A name that nearly is one of a part.
fn near(source: &Source, at: usize, word: &str, lower: &str) -> Option<Diag> {
    let tag_end = source.text()[at + 1 + word.len()..].starts_with(['>', ' ', '/']);
    let best = nearest(lower, ELEMENTS.into_iter().filter(|e| e.len() >= 7))?;
    (tag_end && word.len() >= 6).then(|| {
        Diag::error(
            "bundle::near-element",
            format!("the element <{word}> is not one that is read, but nearly"),
        )
        .at(&source.span(at, word.len() + 1), "what it holds would not be read")
        .help(format!("did you mean <{best}>? If it is prose, put it in a code span"))
    })
}
