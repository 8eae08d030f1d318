//! `auditrun fmt`: one form for audit.kdl. Only white space changes: comments, the order,
//! every literal as it is written, single-line blocks and joined lines stay.

mod print;
mod string;
#[cfg(test)]
mod tests;
mod token;

use super::{read, tree};
use crate::diag::{Diag, Diags, Source};

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The text of the file `name` in its canonical form: four spaces for each block, one between
/// words, at most one blank line in a row, the first line's kind of line end everywhere. A
/// second call changes nothing more.
///
/// # Errors
/// The file is no KDL, with every place where it isn't.
pub fn format(name: &str, bytes: &[u8]) -> Result<String, Diags> {
    let source = read::source(name, bytes)?;
    let meant = meaning(&source)?;
    let text = source.text();
    let formatted = print::print(&token::tokens(text), line_end(text));
    let again = Source::new(name, formatted.as_str());
    // The formatter must never change what a file says; should it have a mistake, the file stays.
    if !meaning(&again).is_ok_and(|m| tree::same(&m, &meant)) {
        return Err(Diag::error("config::format", format!("{name} can't be formatted without changing it"))
            .help("this is a mistake of auditrun; the file is left as it is")
            .into());
    }
    let mark = if bytes.starts_with(BYTE_ORDER_MARK.as_bytes()) { BYTE_ORDER_MARK } else { "" };
    Ok(format!("{mark}{formatted}"))
}

fn meaning(source: &Source) -> Result<Vec<tree::Node>, Diags> {
    // What annotations mean is not this file's business.
    read::nodes(source, &mut Diags::new())
}

/// The first line's end: CRLF or LF.
fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|t| t.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}
