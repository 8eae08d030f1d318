//! Characters as KDL sees them: which end a line, and which may stand nowhere, not even in a
//! comment, because they hide or reorder what a reader sees.

use crate::diag::{Diag, Diags, Source};

/// Most bad characters that are told apart; a binary file has thousands.
const MAX_TOLD: usize = 10;

/// Bytes of the line end that `text` begins with; 0 if it begins with none.
pub(super) fn line_end(text: &str) -> usize {
    match text.chars().next() {
        Some('\r') if text.starts_with("\r\n") => 2,
        Some(c) if ends_line(c) => c.len_utf8(),
        _ => 0,
    }
}

/// True for the characters that end a line in KDL, and with it a `//` comment.
pub(super) fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// White space that ends no line.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() && !ends_line(c)
}

/// Reports the characters that KDL forbids everywhere.
pub(super) fn forbidden(source: &Source) -> Diags {
    let mut diags = Diags::new();
    for (at, c) in source.text().char_indices().filter(|(_, c)| is_forbidden(*c)).take(MAX_TOLD) {
        let what = format!("the character U+{:04X} ({}) can't stand in KDL", u32::from(c), kind(c));
        diags.push(
            Diag::error("config::bad-character", what)
                .at(&source.span(at, c.len_utf8()), "here")
                .help(format!("remove it; in a quoted string it is written \\u{{{:x}}}", u32::from(c))),
        );
    }
    diags
}

fn is_forbidden(c: char) -> bool {
    let control = c.is_ascii_control() && !matches!(c, '\t'..='\r');
    control
        || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn kind(c: char) -> &'static str {
    match c {
        '\u{feff}' => "a byte-order mark, which may only begin a file",
        '\0' => "NUL: is this a text file?",
        c if c.is_ascii_control() => "a control character",
        _ => "it changes the direction of the text that follows",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_text_is_named_with_its_place() {
        let source = Source::new("f", "a \"x\u{202e}\" // \u{feff}\n\0\tb\r\n");
        let told: Vec<_> = forbidden(&source).iter().map(|d| d.labels[0].0.line_column()).collect();
        assert_eq!(told, [(1, 5), (1, 11), (2, 1)]);
        assert_eq!(forbidden(&Source::new("f", "\u{1}".repeat(1000))).iter().count(), MAX_TOLD);
    }
}
