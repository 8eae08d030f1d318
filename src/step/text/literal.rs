//! Decodes a KDL string literal once more, this time keeping the place of every character:
//! quoted and raw, single-line and multi-line with its dedent.

use super::Decoded;

const NEWLINES: [&str; 8] = ["\r\n", "\r", "\n", "\u{85}", "\u{b}", "\u{c}", "\u{2028}", "\u{2029}"];
const SPACES: [char; 18] = [
    '\t', ' ', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}', '\u{2002}', '\u{2003}', '\u{2004}', '\u{2005}',
    '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}', '\u{202f}', '\u{205f}', '\u{3000}',
];

fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

/// Length of the newline that `text` begins with.
fn newline(text: &str) -> Option<usize> {
    NEWLINES.iter().find(|n| text.starts_with(**n)).map(|n| n.len())
}

/// Decodes `literal`, which begins at byte `base` of its source. `None` where it is no
/// string literal (or one that KDL would not have accepted).
pub(super) fn decode(literal: &str, base: usize) -> Option<Decoded> {
    let (literal, base) = without_annotation(literal, base);
    let hashes = literal.bytes().take_while(|b| *b == b'#').count();
    let quoted = &literal[hashes..];
    if !quoted.starts_with('"') {
        return (hashes == 0).then(|| bare(literal, base));
    }
    let closing = quoted.len().checked_sub(hashes)?;
    let quoted = quoted.get(..closing)?;
    let multi_line = quoted.strip_prefix("\"\"\"").is_some_and(|rest| newline(rest).is_some());
    let width = if multi_line { 3 } else { 1 };
    let body = quoted.get(width..quoted.len().checked_sub(width)?)?;
    let mut reader = Reader {
        rest: body,
        at: base + hashes + width,
        raw: hashes > 0,
        out: Decoded { start: base + hashes + width, ..Decoded::default() },
    };
    if multi_line {
        reader.out.multi_line_escaped = hashes == 0;
        reader.multi_line(body)?;
    } else {
        while !reader.rest.is_empty() {
            reader.character()?;
        }
    }
    Some(reader.out)
}

/// An entry's place may begin with blanks and a type annotation.
fn without_annotation(literal: &str, base: usize) -> (&str, usize) {
    let full = literal.trim_end();
    let mut text = full.trim_start();
    if let Some((_, after)) = text.strip_prefix('(').and_then(|t| t.split_once(')')) {
        text = after.trim_start();
    }
    (text, base + full.len() - text.len())
}

fn bare(literal: &str, base: usize) -> Decoded {
    let mut out = Decoded { start: base, ..Decoded::default() };
    for (at, c) in literal.char_indices() {
        out.push(c, base + at, base + at + c.len_utf8());
    }
    out
}

struct Reader<'l> {
    rest: &'l str,
    /// Place of `rest` in the source.
    at: usize,
    raw: bool,
    out: Decoded,
}

impl Reader<'_> {
    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or("");
        self.at += len;
    }

    /// One character or escape of a line.
    fn character(&mut self) -> Option<()> {
        let c = self.rest.chars().next()?;
        if c == '\\' && !self.raw {
            return self.escape();
        }
        self.out.push(c, self.at, self.at + c.len_utf8());
        self.skip(c.len_utf8());
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        self.out.escapes.push(self.out.text.len());
        let after = self.rest.get(1..)?;
        let blank = blanks(after);
        if blank > 0 {
            self.skip(1 + blank);
            return Some(());
        }
        let (c, len) = match after.chars().next()? {
            '\\' => ('\\', 2),
            '"' => ('"', 2),
            'b' => ('\u{8}', 2),
            'f' => ('\u{c}', 2),
            'n' => ('\n', 2),
            'r' => ('\r', 2),
            't' => ('\t', 2),
            's' => (' ', 2),
            'u' => {
                let digits = after.strip_prefix("u{")?.split_once('}')?.0;
                (char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, digits.len() + 4)
            }
            _ => return None,
        };
        self.out.push(c, self.at, self.at + len);
        self.skip(len);
        Some(())
    }

    /// The lines after `"""`, each without the blanks that stand before the closing quotes.
    fn multi_line(&mut self, body: &str) -> Option<()> {
        let last = NEWLINES.iter().filter_map(|n| Some(body.rfind(n)? + n.len())).max()?;
        let prefix = &body[last..];
        let end = self.at + last;
        self.skip(newline(self.rest)?);
        while self.at < end {
            self.line(prefix)?;
        }
        if self.out.text.ends_with('\n') {
            self.out.text.pop();
            self.out.places.pop();
        }
        (self.rest == prefix).then_some(())
    }

    fn line(&mut self, prefix: &str) -> Option<()> {
        let empty = self.rest.find(|c| !is_space(c)).unwrap_or(self.rest.len());
        if newline(&self.rest[empty..]).is_some() {
            self.skip(empty);
        } else {
            self.rest.strip_prefix(prefix)?;
            self.skip(prefix.len());
        }
        loop {
            if let Some(len) = newline(self.rest) {
                self.out.push('\n', self.at, self.at + len);
                self.skip(len);
                return Some(());
            }
            self.character()?;
        }
    }
}

/// Length of the spaces and newlines that `text` begins with.
fn blanks(text: &str) -> usize {
    let is_blank = |c: char| is_space(c) || NEWLINES.iter().any(|n| n.chars().all(|m| m == c)) || c == '\r';
    text.find(|c| !is_blank(c)).unwrap_or(text.len())
}
