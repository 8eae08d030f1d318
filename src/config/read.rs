//! From the bytes of a file to its KDL nodes: size, encoding and nesting are checked, the
//! parser runs on a stack of its own, and its messages get the file's name.

use std::thread;

use kdl::{KdlDiagnostic, KdlDocument, KdlError};

use super::lexical::{self, Scanned};
use crate::diag::{Diag, Diags, Severity, Source};

/// Largest file, in bytes.
const MAX_BYTES: usize = 8 << 20;
/// Stack for the parser: a base and what one level of recursion takes at the most (an
/// unoptimised build needs about 20 KiB).
const BASE_STACK: usize = 4 << 20;
const LEVEL_STACK: usize = 40 << 10;

/// The text of a file as a source; a byte-order mark is skipped.
///
/// # Errors
/// Too large, or not UTF-8.
pub(super) fn source(name: &str, bytes: &[u8]) -> Result<Source, Diags> {
    if bytes.len() > MAX_BYTES {
        return Err(Diag::error("config::too-large", format!("{name} has {} bytes; at most 8 MiB are read", bytes.len()))
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

/// Parses a source as KDL 2.
///
/// # Errors
/// Every syntax error that the parser could tell apart.
pub(super) fn document(source: &Source) -> Result<KdlDocument, Diags> {
    let Scanned { text, braces } = lexical::scan(source)?;
    let stack = BASE_STACK + braces * LEVEL_STACK;
    let parser = thread::Builder::new().name("kdl".to_owned()).stack_size(stack);
    let parsed = match parser.spawn(move || KdlDocument::parse_v2(&text)) {
        Ok(handle) => handle.join(),
        Err(error) => {
            return Err(Diag::error("config::too-large", format!("{} can't be parsed: {error}", source.name()))
                .help("split it with include")
                .into());
        }
    };
    match parsed {
        Ok(Ok(document)) => Ok(document),
        Ok(Err(error)) => Err(syntax_errors(source, &error)),
        Err(_) => Err(Diag::error("config::syntax", format!("{} is beyond the KDL parser", source.name()))
            .at(&source.span(0, 0), "somewhere in here")
            .help("remove parts of it until it is accepted, to find the place")
            .into()),
    }
}

fn syntax_errors(source: &Source, error: &KdlError) -> Diags {
    let mut diags = Diags::new();
    for diagnostic in &error.diagnostics {
        let known = |d: &Diag| d.labels.first().is_some_and(|(s, _)| s.offset() == diagnostic.span.offset());
        if !diags.iter().any(known) {
            diags.push(syntax_error(source, diagnostic));
        }
    }
    diags
}

/// The parser's message at our source. Its spans may end past the line: the first line
/// of what it points at is enough to see.
fn syntax_error(source: &Source, from: &KdlDiagnostic) -> Diag {
    let wide = source.span(from.span.offset(), from.span.len());
    let line = wide.text().lines().next().map_or(0, str::len);
    let span = source.span(wide.offset(), line);
    let message = from.message.clone().unwrap_or_else(|| "this is not KDL".to_owned());
    let mut diag = Diag::error("config::syntax", message.trim_end_matches('.'));
    diag.severity = Severity::Error;
    diag = diag.at(&span, from.label.clone().unwrap_or_default());
    match (&from.help, keyword(wide.text())) {
        (_, Some(keyword)) => diag.help(format!("in KDL 2 it is written #{keyword}")),
        (Some(help), None) => diag.help(help.clone()),
        (None, None) => diag,
    }
}

/// KDL 1 wrote its keywords without the `#`; the habit stays.
fn keyword(text: &str) -> Option<&'static str> {
    let word = text.trim_start_matches(['=', ' ']);
    ["true", "false", "null"].into_iter().find(|k| word.starts_with(k))
}
