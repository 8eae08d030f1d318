//! From the bytes of a file to its nodes: size, encoding and nesting are checked, what is not
//! written plainly goes to the KDL parser on a stack of its own, and its messages get the
//! file's name.

use std::ops::Range;
use std::thread;

use kdl::{KdlDiagnostic, KdlDocument, KdlError};

use super::dedent;
use super::lexical::{self, Scanned};
use super::plain;
use super::tree::{self, Node};
use crate::diag::{Diag, Diags, Source, Span};

/// Largest file, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// Stack for the parser: a base, and twice what one level of its recursion was measured
/// to take.
const BASE_STACK: usize = 4 << 20;
const LEVEL_STACK: usize = if cfg!(debug_assertions) { 40 << 10 } else { 16 << 10 };

/// The text of a file as a source; a byte-order mark is skipped.
///
/// # Errors
/// Too large, or not UTF-8.
pub(super) fn source(name: &str, bytes: &[u8]) -> Result<Source, Diags> {
    if bytes.len() > MAX_BYTES {
        return Err(Diag::error(
            "config::too-large",
            format!("{name} has {} bytes; at most 8 MiB are read", bytes.len()),
        )
        .help("is this the right file?")
        .into());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(name, text)),
        Err(error) => {
            let good = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
            let end = good.len();
            Err(Diag::error("config::not-utf8", format!("{name} is not UTF-8 text"))
                .at(&Source::new(name, good).span(end, 0), "the first byte that is not")
                .help("save the file as UTF-8")
                .into())
        }
    }
}

/// Reads a source as KDL 2, each setting by itself: a mistake in one does not blind the
/// parser to the next. Annotations that mean nothing are reported to `diags`.
///
/// # Errors
/// Every syntax error that the parser could tell apart.
pub(super) fn nodes(source: &Source, diags: &mut Diags) -> Result<Vec<Node>, Diags> {
    let scanned = lexical::scan(source)?;
    let plain: Vec<Option<Vec<Node>>> =
        scanned.chunks.iter().map(|chunk| plain::nodes(source, &scanned.text, chunk)).collect();
    let rest = scanned.chunks.iter().zip(&plain).filter(|(_, plain)| plain.is_none());
    let rest: Vec<Range<usize>> = rest.map(|(chunk, _)| chunk.clone()).collect();
    let mut parsed = match rest.is_empty() {
        true => Vec::new().into_iter(),
        false => documents(source, &scanned, rest)?.into_iter(),
    };
    let mut all = Vec::new();
    for nodes in plain {
        match (nodes, &mut parsed) {
            (Some(nodes), _) => all.extend(nodes),
            (None, parsed) => {
                all.extend(
                    parsed.next().map(|(at, d)| tree::nodes(&d, at, source, diags)).unwrap_or_default(),
                );
            }
        }
    }
    Ok(all)
}

/// The settings at `chunks` as the parser reads them, each with its place.
fn documents(
    source: &Source,
    scanned: &Scanned,
    chunks: Vec<Range<usize>>,
) -> Result<Vec<(usize, KdlDocument)>, Diags> {
    let Scanned { text, special, strings, .. } = scanned;
    let stack = BASE_STACK + special * LEVEL_STACK;
    let parser = thread::Builder::new().name("kdl".to_owned()).stack_size(stack);
    let parsed = thread::scope(|scope| match parser.spawn_scoped(scope, || parse(text, chunks)) {
        Ok(handle) => Ok(handle.join()),
        Err(error) => {
            let message = format!("{} can't be parsed: {error}", source.name());
            Err(Diag::error("config::too-large", message).help("split it with include"))
        }
    });
    let Ok(parsed) = parsed? else {
        return Err(Diag::error("config::syntax", format!("{} is beyond the KDL parser", source.name()))
            .at(&source.span(0, 0), "somewhere in here")
            .help("remove parts of it until it is accepted, to find the place")
            .into());
    };
    let mut good = Vec::new();
    let mut diags = Diags::new();
    for (start, parsed) in parsed {
        match parsed {
            Ok(document) => good.push((start, document)),
            Err(error) => syntax_errors(source, start, &error, strings, &mut diags),
        }
    }
    if diags.is_empty() { Ok(good) } else { Err(diags) }
}

type Parsed = Vec<(usize, Result<KdlDocument, KdlError>)>;

fn parse(text: &str, chunks: Vec<Range<usize>>) -> Parsed {
    let one = |chunk: Range<usize>| {
        let start = chunk.start;
        (start, KdlDocument::parse_v2(text.get(chunk).unwrap_or_default()))
    };
    chunks.into_iter().map(one).collect()
}

/// One setting as the parser alone reads it.
#[cfg(test)]
pub(super) fn parsed(
    source: &Source,
    text: &str,
    chunk: &Range<usize>,
    diags: &mut Diags,
) -> Option<Vec<Node>> {
    let (start, document) = parse(text, vec![chunk.clone()]).pop()?;
    Some(tree::nodes(&document.ok()?, start, source, diags))
}

fn syntax_errors(
    source: &Source,
    start: usize,
    error: &KdlError,
    strings: &[Range<usize>],
    diags: &mut Diags,
) {
    let around = |at: usize| strings.iter().find(|s| s.contains(&at));
    let string_at = |at: usize| around(at).map(|s| s.start);
    let place = |d: &KdlDiagnostic| start + d.span.offset();
    let in_string = error.diagnostics.iter().any(|d| string_at(place(d)).is_some());
    let mut told: Vec<usize> = Vec::new();
    for diagnostic in &error.diagnostics {
        let at = place(diagnostic);
        // One bad string is one mistake, and all that the parser says after it follows from it.
        let mistake = match string_at(at) {
            Some(string) => string,
            None if in_string => continue,
            None => at,
        };
        if !told.contains(&mistake) {
            told.push(mistake);
            let known = around(at).and_then(|string| dedent::mistake(source, string));
            let wide = source.span(at, diagnostic.span.len());
            diags.push(known.unwrap_or_else(|| syntax_error(&wide, diagnostic)));
        }
    }
}

/// The parser's message at our source. Its spans may end past the line: the first line
/// of what it points at is enough to see.
fn syntax_error(wide: &Span, from: &KdlDiagnostic) -> Diag {
    let line = wide.text().lines().next().map_or(0, str::len);
    let span = wide.source().span(wide.offset(), line);
    if let Some(keyword) = keyword(wide.text()) {
        return Diag::error("config::syntax", format!("'{keyword}' is not a value in KDL 2"))
            .at(&span, "")
            .help(format!("write #{keyword}"));
    }
    let message = from.message.clone().unwrap_or_else(|| "this is not KDL".to_owned());
    let diag = Diag::error("config::syntax", message.trim_end_matches('.'))
        .at(&span, from.label.clone().unwrap_or_default());
    diag.help(from.help.as_deref().unwrap_or("a setting is written: name \"value\" key=\"value\" { … }"))
}

/// KDL 1 wrote its keywords without the `#`; the habit stays.
fn keyword(text: &str) -> Option<&'static str> {
    let word = text.trim_start_matches(['=', ' ']);
    ["true", "false", "null"].into_iter().find(|k| word.starts_with(k))
}
