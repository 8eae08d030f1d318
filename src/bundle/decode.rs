//! From a file's bytes to a source: size limit, UTF-8, byte order mark.

use crate::diag::{Diag, Diags, Source};

/// The largest file of a bundle, in bytes.
pub(super) const MAX_FILE: usize = 8 * 1024 * 1024;
/// The most nodes of a graph.
pub(super) const MAX_NODES: usize = 50_000;
/// The most items of a section of state.md.
pub(super) const MAX_ITEMS: usize = 10_000;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// True if the file begins with a byte order mark, which a [`Source`] does not hold.
pub(super) fn has_bom(bytes: &[u8]) -> bool {
    bytes.starts_with(BOM)
}

/// The text of a file; `None` if it was refused.
pub(super) fn decode(name: &str, bytes: &[u8], diags: &mut Diags) -> Option<Source> {
    if bytes.len() > MAX_FILE {
        diags.push(
            Diag::error("bundle::file-too-large", format!("{name} is {} bytes long", bytes.len()))
                .help(format!("the limit is {MAX_FILE} bytes (8 MiB): split the audit into several bundles")),
        );
        return None;
    }
    let body = bytes.strip_prefix(BOM).unwrap_or(bytes);
    match std::str::from_utf8(body) {
        Ok(text) => Some(Source::new(name, text)),
        Err(error) => {
            diags.push(not_utf8(name, body, error.valid_up_to()));
            None
        }
    }
}

fn not_utf8(name: &str, body: &[u8], at: usize) -> Diag {
    let lossy = Source::new(name, String::from_utf8_lossy(body));
    // Up to the first bad byte both texts are the same.
    Diag::error("bundle::not-utf8", format!("{name} is not UTF-8"))
        .at(&lossy.span(at, '\u{fffd}'.len_utf8()), "this byte")
        .help("save the file as UTF-8")
}

/// The diagnostic for a file that is not there.
pub(super) fn missing(dir: &str, name: &str) -> Diag {
    Diag::error("bundle::missing-file", format!("the bundle has no {name}")).help(format!(
        "write {}; a bundle is state.md, graph.md and prompts/<id>.md for each node",
        path(dir, name)
    ))
}

/// The name of a bundle's file as the user would write it.
pub(super) fn path(dir: &str, name: &str) -> String {
    if dir.is_empty() { name.to_owned() } else { format!("{}/{name}", dir.trim_end_matches('/')) }
}
