//! Small text helpers: tails of output, plurals, neutralised control characters.

use std::borrow::Cow;

/// The last at most `limit` bytes of `text`, cut at a character's edge.
pub fn tail(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut start = text.len() - limit;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

/// The first at most `limit` bytes of `text`, cut at a character's edge.
pub fn head(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// `1 node`, `2 nodes`.
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// `text` with control characters (escape sequences among them) made visible, so that
/// what an agent printed can't steer a terminal. Newlines and tabs stay.
pub fn neutral(text: &str) -> String {
    // Nearly every text is plain, and copied as a whole.
    if text.bytes().all(|b| matches!(b, b' '..=b'~' | b'\n' | b'\t')) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| match c {
            '\u{7f}' => '\u{2421}',
            c if steers(c) => char::from_u32(0x2400 + c as u32).filter(|_| c < ' ').unwrap_or('\u{fffd}'),
            c => c,
        })
        .collect()
}

/// [`neutral`] for an excerpt to which byte offsets point: each character gives way to one of
/// its own length. Ends of lines stay, as either system writes them.
pub fn neutral_in_place(text: &str) -> Cow<'_, str> {
    let mut rest = text.chars().peekable();
    let mut out: Option<String> = None;
    let mut at = 0;
    while let Some(c) = rest.next() {
        let ends_line = c == '\r' && rest.peek() == Some(&'\n');
        let shown = match c.len_utf8() {
            _ if ends_line || !steers(c) => c,
            1 => '?',
            2 => '\u{b7}',
            _ => '\u{fffd}',
        };
        if shown != c {
            out.get_or_insert_with(|| text.get(..at).unwrap_or_default().to_owned());
        }
        if let Some(out) = &mut out {
            out.push(shown);
        }
        at += c.len_utf8();
    }
    out.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Characters that a terminal obeys, or that turn the direction of what follows.
fn steers(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\n' | '\t');
    control || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first word of a deliverable: its verb.
pub fn verb(deliverable: &str) -> &str {
    deliverable.split_whitespace().next().unwrap_or("")
}

/// True if `text` is one command line: each line but the last says that it goes on.
pub fn is_one_command(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    lines.windows(2).all(|pair| match pair {
        [first, next] => {
            first.ends_with(['\\', '|'])
                || first.ends_with("&&")
                || next.starts_with('|')
                || next.starts_with("&&")
        }
        _ => true,
    })
}

/// `text` as one word of a POSIX shell.
pub fn shell_quote(text: &str) -> String {
    let plain =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_keep_characters_whole() {
        assert_eq!(tail("aüb", 2), "b");
        assert_eq!(head("aüb", 2), "a");
        assert_eq!(tail("abc", 9), "abc");
    }

    #[test]
    fn escape_sequences_lose_their_teeth() {
        assert_eq!(neutral("a\x1b[31mb\r\n"), "a\u{241b}[31mb\u{240d}\n");
    }

    #[test]
    fn an_excerpt_keeps_its_places() {
        let text = "a\u{1b}[2J\r\nb\u{85}c\u{202e}d\r\n";
        let shown = neutral_in_place(text);
        assert_eq!(shown, "a?[2J\r\nb\u{b7}c\u{fffd}d\r\n");
        assert_eq!(shown.len(), text.len());
        assert!(matches!(neutral_in_place("plain\tü\r\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn quoting_survives_a_shell() {
        assert_eq!(shell_quote("a b'c"), r"'a b'\''c'");
        assert_eq!(shell_quote("src/a.rs"), "src/a.rs");
        assert_eq!(shell_quote(""), "''");
    }
}
