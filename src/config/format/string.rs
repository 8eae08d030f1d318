//! Strings of many lines: their lines move with the block that they stand in, as far as
//! their value does not change by that.

/// `literal` with its inner lines indented by `indent`, and `eol` as its line end. Verbatim
/// if it has one line only, or if its value could change.
pub(super) fn indented(literal: &str, indent: &str, eol: &str) -> String {
    moved(literal, indent, eol).unwrap_or_else(|| literal.to_owned())
}

fn moved(literal: &str, indent: &str, eol: &str) -> Option<String> {
    let raw = literal.starts_with('#');
    if !literal.trim_start_matches('#').starts_with("\"\"\"") || odd(literal, raw) {
        return None;
    }
    let lines: Vec<&str> = literal.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect();
    let (first, rest) = lines.split_first()?;
    let (last, inner) = rest.split_last()?;
    // What stands before the closing quotes is what the value does not hold of each line.
    let close = last.trim_start_matches(blank);
    let prefix = last.strip_suffix(close)?;
    if !close.trim_start_matches('"').chars().all(|c| c == '#') {
        return None;
    }
    let mut out = (*first).to_owned();
    for line in inner {
        out.push_str(eol);
        if !line.chars().all(blank) {
            out.push_str(indent);
            out.push_str(line.strip_prefix(prefix)?);
        }
    }
    Some(format!("{out}{eol}{indent}{close}"))
}

fn blank(c: char) -> bool {
    c.is_whitespace()
}

/// True for line ends other than LF and CRLF, and for a `\` that swallows white space: then
/// where the value's lines begin can't be told by looking at them.
fn odd(literal: &str, raw: bool) -> bool {
    let bare = literal.replace("\r\n", "\n");
    let other = bare.contains(['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
    let mut chars = bare.chars();
    let mut swallows = false;
    while let Some(c) = chars.next().filter(|_| !raw) {
        swallows |= c == '\\' && chars.next().is_some_and(char::is_whitespace);
    }
    other || swallows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_move_with_their_block() {
        let text = "\"\"\"\n  a\n    b \n\n   \n  \"\"\"";
        assert_eq!(indented(text, "      ", "\n"), "\"\"\"\n      a\n        b \n\n\n      \"\"\"");
        assert_eq!(indented("##\"\"\"\r\n\ta\r\n\t\"\"\"##", "  ", "\r\n"), "##\"\"\"\r\n  a\r\n  \"\"\"##");
    }

    #[test]
    fn what_could_change_stays() {
        for text in [
            "\"a\"",
            "#\"a\nb\"#",
            "\"\"\"\n  a \\\n  b\n  \"\"\"",
            "\"\"\"\n a\n  \"\"\"",
            "\"\"\"\n\u{c}\n\"\"\"",
        ] {
            assert_eq!(indented(text, "    ", "\n"), text);
        }
    }
}
