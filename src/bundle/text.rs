//! Reading inside one value: code spans, comma lists, markers around a word. Works on
//! raw source text and answers in byte ranges, so that every piece keeps its place.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// A code span: all of it, and what stands between its backticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodeSpan {
    pub outer: Range<usize>,
    pub inner: Range<usize>,
}

/// A run of backticks.
struct Run {
    at: usize,
    len: usize,
    escaped: bool,
}

/// The code spans of `raw`: a run of backticks up to the next run of the same length. A
/// backslash before a run keeps its first backtick from opening one. Linear in `raw`.
pub(super) fn code_spans(raw: &str) -> Vec<CodeSpan> {
    let runs = runs(raw.as_bytes());
    let mut by_len: HashMap<usize, Vec<usize>> = HashMap::new();
    for (i, run) in runs.iter().enumerate() {
        by_len.entry(run.len).or_default().push(i);
    }
    let mut spans = Vec::new();
    let mut i = 0;
    while let Some(open) = runs.get(i) {
        let skip = usize::from(open.escaped);
        let same = by_len.get(&(open.len - skip)).map(Vec::as_slice).unwrap_or_default();
        let next = same.get(same.partition_point(|j| *j <= i)).copied();
        i += 1;
        if let Some((j, close)) = next.and_then(|j| Some((j, runs.get(j)?))) {
            spans.push(CodeSpan {
                outer: open.at + skip..close.at + close.len,
                inner: open.at + open.len..close.at,
            });
            i = j + 1;
        }
    }
    spans
}

fn runs(bytes: &[u8]) -> Vec<Run> {
    let mut found = Vec::new();
    let (mut i, mut escaped) = (0, false);
    while let Some(&b) = bytes.get(i) {
        if b == b'`' {
            let len = bytes[i..].iter().take_while(|b| **b == b'`').count();
            found.push(Run { at: i, len, escaped });
            i += len;
            escaped = false;
        } else {
            escaped = b == b'\\' && !escaped;
            i += 1;
        }
    }
    found
}

/// `range` of `raw` without the white space at its ends.
pub(super) fn trim(raw: &str, range: Range<usize>) -> Range<usize> {
    let text = raw.get(range.clone()).unwrap_or_default();
    let start = range.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

/// The inside of the code span that makes up all of `raw`, if one does. One space on both
/// sides is part of the marker, as in CommonMark, so that a span can hold a backtick.
pub(super) fn enclosing_code(raw: &str) -> Option<Range<usize>> {
    if !raw.starts_with('`') {
        return None;
    }
    let first = code_spans(raw).into_iter().next()?;
    (first.outer == (0..raw.len())).then(|| unpad(raw, first.inner))
}

/// Takes the padding space from both ends of a code span's inside.
pub(super) fn unpad(raw: &str, inner: Range<usize>) -> Range<usize> {
    let text = raw.get(inner.clone()).unwrap_or_default();
    let padded = text.len() > 2 && text.starts_with(' ') && text.ends_with(' ') && !text.trim().is_empty();
    if padded { inner.start + 1..inner.end - 1 } else { inner }
}

/// The elements of a comma-separated list as trimmed, non-empty ranges. A comma inside a
/// code span, quotes or braces, or after a backslash, does not separate.
pub(super) fn split_commas(raw: &str) -> Vec<Range<usize>> {
    let codes = code_spans(raw);
    let mut codes = codes.iter().peekable();
    let last_of = |q: u8| raw.bytes().rposition(|b| b == q);
    let last = [(b'"', last_of(b'"')), (b'\'', last_of(b'\''))];
    let bytes = raw.as_bytes();
    let (mut parts, mut start, mut depth, mut i) = (Vec::new(), 0, 0usize, 0);
    while let Some(&b) = bytes.get(i) {
        if let Some(code) = codes.next_if(|c| c.outer.start <= i) {
            i = code.outer.end.max(i);
            continue;
        }
        match b {
            b'\\' => i += 1,
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'"' | b'\'' if opens_quote(bytes, i) && last.contains(&(b, last_after(&last, b, i))) => {
                i += 1 + bytes[i + 1..].iter().position(|c| *c == b).unwrap_or(0);
            }
            b',' if depth == 0 => {
                parts.push(start..i);
                start = i + 1;
            }
            _ => {}
        }
        i += 1;
    }
    parts.push(start.min(raw.len())..raw.len());
    parts.into_iter().map(|r| trim(raw, r)).filter(|r| !r.is_empty()).collect()
}

/// Where the last quote of this kind stands, if that is after `i`.
fn last_after(last: &[(u8, Option<usize>); 2], quote: u8, i: usize) -> Option<usize> {
    last.iter().find(|(q, _)| *q == quote).and_then(|(_, at)| *at).filter(|at| *at > i)
}

/// A quote inside a word is an apostrophe.
fn opens_quote(bytes: &[u8], i: usize) -> bool {
    i == 0 || bytes.get(i - 1).is_some_and(|b| !b.is_ascii_alphanumeric())
}

/// `text` on one line: each line break, with the white space around it, becomes a space. A
/// backslash that ends a line (a hard break, a shell's continuation) goes with it.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if !text.contains(['\n', '\r']) {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.split(['\n', '\r']).map(str::trim).filter(|l| !l.is_empty()).collect();
    let last = lines.len().saturating_sub(1);
    let lines = lines.iter().enumerate().map(|(i, l)| match l.strip_suffix('\\') {
        Some(rest) if i < last => rest.trim_end(),
        _ => l,
    });
    Cow::Owned(lines.collect::<Vec<_>>().join(" "))
}

/// The inside of the marker (`**`, `__`, code span) that `raw` begins with, and where the
/// text after it starts.
pub(super) fn leading_marker(raw: &str) -> Option<(Range<usize>, usize)> {
    for mark in ["**", "__"] {
        if let Some(rest) = raw.strip_prefix(mark) {
            let end = rest.find(mark)?;
            let inner = 2..2 + end;
            let nested = enclosing_code(&raw[inner.clone()]);
            let inner = nested.map_or(inner.clone(), |n| inner.start + n.start..inner.start + n.end);
            return Some((inner, end + 4));
        }
    }
    if !raw.starts_with('`') {
        return None;
    }
    let first = code_spans(raw).into_iter().next().filter(|c| c.outer.start == 0)?;
    Some((unpad(raw, first.inner), first.outer.end))
}

/// A name at the start of `raw` and what follows its separator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The name, without marker and separator.
    pub name: Range<usize>,
    /// What follows, trimmed.
    pub rest: Range<usize>,
    /// True if the name stood in a bold or code span.
    pub marked: bool,
}

/// Reads `name: rest`, `**name**: rest`, `**name:** rest` or `` `name` rest ``. For a marked
/// name the separator (a colon or a dash) may be missing, for a plain one it is a colon.
pub(super) fn named(raw: &str) -> Option<Named> {
    if let Some((inner, end)) = leading_marker(raw) {
        let mut name = trim(raw, inner);
        let colon_inside = raw.get(name.clone()).is_some_and(|n| n.ends_with(':'));
        if colon_inside {
            name = trim(raw, name.start..name.end - 1);
        }
        let rest = if colon_inside { trim(raw, end..raw.len()) } else { after_separator(raw, end) };
        return Some(Named { name, rest, marked: true });
    }
    let colon = raw.find(':')?;
    Some(Named { name: trim(raw, 0..colon), rest: trim(raw, colon + 1..raw.len()), marked: false })
}

/// Skips one colon or dash after a marked name.
fn after_separator(raw: &str, end: usize) -> Range<usize> {
    let rest = trim(raw, end..raw.len());
    let text = &raw[rest.clone()];
    let skip = ["— ", "– ", "- ", ":"].iter().find(|s| text.starts_with(**s)).map_or(0, |s| s.len());
    trim(raw, rest.start + skip..rest.end)
}

/// The form in which headings and keys are compared: lower case, spaces and hyphens as `_`.
pub(super) fn normal(text: &str) -> String {
    let plain = text.trim();
    let plain = plain.strip_prefix("**").and_then(|t| t.strip_suffix("**")).unwrap_or(plain);
    let plain = enclosing_code(plain).map_or(plain, |r| &plain[r]);
    plain.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(raw: &str) -> Vec<&str> {
        split_commas(raw).into_iter().map(|r| &raw[r]).collect()
    }

    #[test]
    fn commas_separate_only_outside_of_code_quotes_and_braces() {
        assert_eq!(split("src/**, docs/**"), ["src/**", "docs/**"]);
        assert_eq!(split("`a,b`, {c,d}/e,\"f, g\" ,, 'h,i'"), ["`a,b`", "{c,d}/e", "\"f, g\"", "'h,i'"]);
        assert_eq!(split("it's, don't"), ["it's", "don't"]);
        assert_eq!(split("a\\,b, c"), ["a\\,b", "c"]);
        assert_eq!(split("{a, b"), ["{a, b"]);
        assert_eq!(split("`a, b"), ["`a", "b"]);
        assert_eq!(split("'a, b"), ["'a", "b"]);
        assert_eq!(split(" "), [] as [&str; 0]);
        assert_eq!(split("a\\"), ["a\\"]);
    }

    #[test]
    fn a_code_span_ends_at_a_run_of_the_same_length() {
        let spans = |raw: &str| -> Vec<String> {
            code_spans(raw).into_iter().map(|c| raw[c.inner].to_owned()).collect()
        };
        assert_eq!(spans("`a` ``b ` c`` `d"), ["a", "b ` c"]);
        assert_eq!(spans("\\`a` b`"), [" b"]);
        assert_eq!(spans("```"), [] as [&str; 0]);
        assert_eq!(enclosing_code("`` `x` ``").map(|r| &"`` `x` ``"[r]), Some("`x`"));
        assert_eq!(enclosing_code("`a` `b`"), None);
    }

    #[test]
    fn names_are_read_from_every_spelling() {
        for raw in
            ["A-1: t u", "**A-1**: t u", "**A-1:** t u", "`A-1` t u", "**`A-1`** — t u", "__A-1__ - t u"]
        {
            let found = named(raw).unwrap();
            assert_eq!((&raw[found.name], &raw[found.rest]), ("A-1", "t u"), "{raw}");
        }
        assert_eq!(named("no name here"), None);
    }

    #[test]
    fn lines_fold_to_one() {
        assert_eq!(one_line(" a \r\n  b\\\n c\n\nd\\ "), "a b c d\\");
    }
}
