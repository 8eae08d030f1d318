//! Values as types: texts, numbers, durations, ids, patterns. Each reader answers `None`
//! where the value is refused, which is then in the diagnostics.

use std::ops::Range;
use std::time::Duration;

use super::record::{Record, Schema};
use super::text;
use super::value::{Kind, Value};
use crate::base::{Id, IdError, Pattern, glob::PatternError, quantity};
use crate::diag::{Diag, Diags, Span, Spanned};

/// The text of a value.
pub(super) fn text_of(value: &Value, diags: &mut Diags) -> Option<Spanned<String>> {
    let text = value.text();
    if text.is_none() {
        diags.push(
            Diag::error("bundle::not-a-text", format!("expected one text, this is {}", value.noun()))
                .at(&value.span, "one value is expected here")
                .help("write it behind the key: 'key: value'"),
        );
    }
    text
}

/// The text of a key of `record`.
pub(super) fn text(record: &Record, key: &str, diags: &mut Diags) -> Option<Spanned<String>> {
    record.get(key).and_then(|v| text_of(v, diags))
}

/// The text of a key that must be there.
pub(super) fn required_text(
    record: &Record,
    schema: &Schema,
    key: &str,
    diags: &mut Diags,
) -> Option<Spanned<String>> {
    match record.get(key) {
        Some(value) => text_of(value, diags),
        None => {
            diags.push(missing(record, schema, key));
            None
        }
    }
}

/// The diagnostic for a key that is not given.
pub(super) fn missing(record: &Record, schema: &Schema, key: &str) -> Diag {
    let empty = record.fields.iter().find(|f| f.key == key && f.key_span.source() == record.span.source());
    let diag = Diag::error("bundle::missing-key", format!("{} needs '{key}'", schema.what))
        .at(&record.span, format!("has no {key}"));
    match empty {
        Some(field) => diag.at(&field.key_span, "nothing stands here").help("give it a value"),
        None => diag.help(format!("add '{key}'")),
    }
}

/// A value out of a fixed set of words; letter case does not matter.
pub(super) fn choice<T: Copy>(
    record: &Record,
    key: &str,
    words: &[(&str, T)],
    diags: &mut Diags,
) -> Option<Spanned<T>> {
    let text = text(record, key, diags)?;
    // As keys: audit.kdl spells the same words with hyphens.
    let spelled = text.replace('-', "_");
    if let Some((_, value)) = words.iter().find(|(w, _)| spelled.eq_ignore_ascii_case(w)) {
        return Some(Spanned::new(*value, text.span));
    }
    let names: Vec<_> = words.iter().map(|(w, _)| *w).collect();
    let diag = Diag::error("bundle::bad-value", format!("'{}' can't be the value of '{key}'", text.value))
        .at(&text.span, format!("expected one of: {}", names.join(", ")))
        .suggest(&text, names.iter().copied());
    diags.push(if diag.help.is_some() {
        diag
    } else {
        diag.help(format!("write one of: {}", names.join(", ")))
    });
    None
}

/// `true` or `false`.
pub(super) fn boolean(record: &Record, key: &str, diags: &mut Diags) -> Option<Spanned<bool>> {
    choice(record, key, &[("true", true), ("false", false), ("yes", true), ("no", false)], diags)
}

/// A whole number from 0 up.
pub(super) fn whole<T: std::str::FromStr>(
    record: &Record,
    key: &str,
    diags: &mut Diags,
) -> Option<Spanned<T>> {
    let text = text(record, key, diags)?;
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    if number.is_none() {
        diags.push(
            Diag::error("bundle::bad-number", format!("'{}' can't be the value of '{key}'", text.value))
                .at(&text.span, "expected a whole number, 0 or more")
                .help("write digits only"),
        );
    }
    number.map(|n| Spanned::new(n, text.span))
}

/// A duration such as `20m`.
pub(super) fn duration(text: Spanned<String>, diags: &mut Diags) -> Option<Spanned<Duration>> {
    match quantity::parse_duration(&text) {
        Ok(value) => Some(Spanned::new(value, text.span)),
        Err(message) => {
            diags.push(
                Diag::error("bundle::bad-duration", message)
                    .at(&text.span, "not a duration")
                    .help("write a number with a unit, like 90s, 20m or 1h30m"),
            );
            None
        }
    }
}

/// An id.
pub(super) fn id(text: Spanned<String>, diags: &mut Diags) -> Option<Spanned<Id>> {
    match Id::parse(&text) {
        Ok(id) => Some(Spanned::new(id, text.span)),
        Err(error) => {
            diags.push(bad_id(&text, &error));
            None
        }
    }
}

/// The diagnostic for a text that can't be an id.
pub(super) fn bad_id(text: &Spanned<String>, error: &IdError) -> Diag {
    let shown = crate::base::text::head(text, 80);
    Diag::error("bundle::bad-id", format!("'{shown}' can't be an id: {error}"))
        .at(&text.span, "this id")
        .help("an id has 1 to 64 letters, digits, '.', '_' and '-', begins with a letter or digit, and becomes a part of file and branch names")
}

/// The elements of a list value: comma-separated, nested, or a sequence.
pub(super) fn list(value: &Value, diags: &mut Diags) -> Vec<Spanned<String>> {
    match &value.kind {
        Kind::Items(items) => items.iter().flat_map(pieces).collect(),
        Kind::Seq(items) => {
            items.iter().filter(|v| !v.is_null()).filter_map(|v| text_of(v, diags)).map(unquoted).collect()
        }
        Kind::Map(_) => text_of(value, diags).into_iter().collect(),
        _ => pieces(value),
    }
}

/// The comma-separated pieces of a text, each at its own place.
fn pieces(value: &Value) -> Vec<Spanned<String>> {
    match &value.kind {
        Kind::Decoded(decoded) => {
            let exact = value.span.text() == decoded;
            let piece = |r: Range<usize>| {
                let span = if exact { part(&value.span, &r) } else { value.span.clone() };
                unquoted(Spanned::new(bare(&decoded[r]), span))
            };
            text::split_commas(decoded).into_iter().map(piece).collect()
        }
        kind => {
            let cell = matches!(kind, Kind::Cell);
            let piece = |r: Range<usize>| {
                let span = part(&value.span, &r);
                let raw = Value { span: span.clone(), kind: if cell { Kind::Cell } else { Kind::Raw } };
                unquoted(raw.text().unwrap_or(Spanned::new(String::new(), span)))
            };
            text::split_commas(value.span.text()).into_iter().map(piece).collect()
        }
    }
}

fn part(span: &Span, range: &Range<usize>) -> Span {
    span.source().span(span.offset() + range.start, range.len())
}

fn bare(text: &str) -> String {
    text::enclosing_code(text).map_or(text, |r| &text[r]).to_owned()
}

/// Quotes around a whole element are its delimiters: they let it hold a comma.
fn unquoted(text: Spanned<String>) -> Spanned<String> {
    text.map(|t| {
        let inner = ['"', '\''].iter().find_map(|q| t.strip_prefix(*q)?.strip_suffix(*q));
        match inner {
            Some(inner) => inner.to_owned(),
            None => t,
        }
    })
}

/// A list of ids, none twice.
pub(super) fn ids(record: &Record, key: &str, diags: &mut Diags) -> Vec<Spanned<Id>> {
    let Some(value) = record.get(key) else { return Vec::new() };
    let texts = list(value, diags);
    if let [only] = texts.as_slice()
        && matches!(only.as_str(), "-" | "—" | "–" | "[]")
    {
        return Vec::new();
    }
    let found = texts.into_iter().filter_map(|t| id(t, diags));
    let mut seen = std::collections::HashSet::new();
    found.filter(|i| seen.insert(i.value.clone())).collect()
}

/// A list of paths and globs.
pub(super) fn patterns(record: &Record, key: &str, diags: &mut Diags) -> Vec<Spanned<Pattern>> {
    let Some(value) = record.get(key) else { return Vec::new() };
    let texts = list(value, diags);
    texts.into_iter().filter_map(|t| pattern(t, key, diags)).collect()
}

fn pattern(text: Spanned<String>, key: &str, diags: &mut Diags) -> Option<Spanned<Pattern>> {
    match Pattern::parse(&text) {
        Ok(pattern) => Some(Spanned::new(pattern, text.span)),
        Err(error) => {
            diags.push(bad_pattern(&text, key, &error));
            None
        }
    }
}

/// The diagnostic for a text that can't be a pattern.
pub(super) fn bad_pattern(text: &Spanned<String>, key: &str, error: &PatternError) -> Diag {
    let (code, help) = match error {
        PatternError::Absolute => {
            ("bundle::absolute-path", "write it relative to the repository's root, without a leading '/'")
        }
        PatternError::Dot => ("bundle::bad-pattern", "leave the '.' component out"),
        PatternError::Escapes => {
            ("bundle::path-outside", "name paths inside of the repository, without '..'")
        }
        PatternError::GitDir => ("bundle::path-in-git", "remove it: git's own files are out of bounds"),
        PatternError::Empty => ("bundle::bad-pattern", "remove the empty element"),
        _ => (
            "bundle::bad-pattern",
            "write a path or glob relative to the repository's root; a pattern that holds a comma stands in a code span, and a literal '[' or '{' after a backslash",
        ),
    };
    Diag::error(code, format!("'{}' can't stand in '{key}': {error}", text.value))
        .at(&text.span, "this pattern")
        .help(help)
}

/// `NAME=value` pairs of an `env` key: texts, nested lists, sequences or a mapping.
pub(super) fn env(record: &Record, diags: &mut Diags) -> Vec<(String, Spanned<String>)> {
    let mut pairs: Vec<(Spanned<String>, Spanned<String>)> = Vec::new();
    for value in record.all("env") {
        match &value.kind {
            Kind::Map(map) => {
                for (name, value) in map {
                    pairs.extend(text_of(value, diags).map(|v| (name.clone(), v)));
                }
            }
            Kind::Items(items) | Kind::Seq(items) => {
                pairs.extend(items.iter().filter_map(|v| assignment(v, diags)));
            }
            _ => pairs.extend(assignment(value, diags)),
        }
    }
    pairs.retain(|(name, _)| variable_name(name, diags));
    distinct(pairs, diags)
}

fn assignment(value: &Value, diags: &mut Diags) -> Option<(Spanned<String>, Spanned<String>)> {
    let text = text_of(value, diags)?;
    let Some((name, set)) = text.split_once('=') else {
        diags.push(
            Diag::error("bundle::bad-env", format!("'{}' sets no variable", text.value))
                .at(&text.span, "expected NAME=value")
                .help("write one NAME=value for each element"),
        );
        return None;
    };
    let span = text.span.clone();
    Some((Spanned::new(name.trim().to_owned(), span.clone()), Spanned::new(set.to_owned(), span)))
}

fn variable_name(name: &Spanned<String>, diags: &mut Diags) -> bool {
    let start = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let ok = start && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !ok {
        diags.push(
            Diag::error("bundle::bad-env", format!("'{}' can't be the name of a variable", name.value))
                .at(&name.span, "this name")
                .help("a name has letters, digits and '_', and does not begin with a digit"),
        );
    }
    ok
}

fn distinct(
    pairs: Vec<(Spanned<String>, Spanned<String>)>,
    diags: &mut Diags,
) -> Vec<(String, Spanned<String>)> {
    let mut kept: Vec<(String, Spanned<String>)> = Vec::new();
    for (name, value) in pairs {
        match kept.iter().find(|(n, _)| *n == name.value) {
            Some((_, earlier)) => diags.push(
                Diag::error("bundle::repeated-key", format!("the variable '{}' is set twice", name.value))
                    .at(&name.span, "again here")
                    .at(&earlier.span, "first here")
                    .help("keep one of them"),
            ),
            None => kept.push((name.value, value)),
        }
    }
    kept
}
