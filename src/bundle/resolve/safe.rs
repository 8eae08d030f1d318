//! Texts made safe for the place where they are written, so that they read back.

use crate::bundle::text;

/// A text as one line of a list item.
pub(super) fn line(text: &str) -> String {
    let flat: String = text
        .replace("\r\n", " ")
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c })
        .collect();
    let flat = flat.trim();
    if text::enclosing_code(flat).is_none() {
        return flat.to_owned();
    }
    // A code span around all of it would be taken off: one more is put around it.
    let longest = flat.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let mark = "`".repeat(longest + 1);
    format!("{mark} {flat} {mark}")
}

/// A text as a table cell. Pipes are escaped; a backtick without a partner could hide the
/// border to the next cell, so then all of them become apostrophes.
pub(super) fn cell(text: &str) -> String {
    let line = line(text);
    let mut rest = line.clone();
    for code in text::code_spans(&line).into_iter().rev() {
        rest.replace_range(code.outer, "");
    }
    let line = if rest.contains('`') { line.replace('`', "'") } else { line };
    line.replace('|', "\\|")
}

/// A text as a double-quoted scalar, which JSON and YAML read alike.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.trim().chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}') =>
            {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
