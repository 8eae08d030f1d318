//! A look at a KDL text before the parser sees it: strings and comments are closed, blocks
//! balance and don't nest without end. kdl recurses for blocks, for the pieces of a block
//! comment and for whatever it can't place, so a hostile or broken file could end the
//! process; here it becomes a diagnostic. Comments are blanked out (same length, so spans
//! hold), and the text is cut into its settings, which are parsed one by one.

use std::ops::Range;

use super::characters::{self, ends_line, line_end};
use crate::diag::{Diag, Diags, Source};

/// Deepest nesting of blocks.
pub(super) const MAX_DEPTH: usize = 64;
/// Deepest nesting of block comments.
const MAX_COMMENT_DEPTH: usize = 64;
/// Deepest nesting of blocks that are commented out with `/-`: the parser's time doubles
/// with each.
const MAX_DASHED: usize = 6;
/// Most special characters in one setting: the bound of the parser's recursion, whatever
/// it makes of them.
const MAX_SPECIAL: usize = 25_000;

/// Most bytes of one setting: the parser takes its time with every character of a string.
const MAX_SETTING: usize = 1 << 20;
/// Most settings of a file; no project has that many, and each is looked at by itself.
const MAX_SETTINGS: usize = 50_000;

/// What the parser may be given.
pub(super) struct Scanned {
    /// The text with its comments blanked out, of the same length. The parser tries every kind of
    /// line end at every character of a `//` comment; spaces it passes at once.
    pub text: String,
    /// Where its settings stand, each with all that is in it.
    pub chunks: Vec<Range<usize>>,
    /// The most special characters in one of them.
    pub special: usize,
    /// Where its quoted and raw strings stand, in order.
    pub strings: Vec<Range<usize>>,
}

/// Checks the text and blanks out its comments.
///
/// # Errors
/// What would be beyond the parser, each with its place.
pub(super) fn scan(source: &Source) -> Result<Scanned, Diags> {
    let bad = characters::forbidden(source);
    if !bad.is_empty() {
        return Err(bad);
    }
    let mut scanner = Scanner::new(source);
    scanner.run();
    if scanner.diags.is_empty() { scanner.finish() } else { Err(scanner.diags) }
}

struct Open {
    at: usize,
    dashed: bool,
}

struct Scanner<'a> {
    source: &'a Source,
    bytes: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// A `/-` was met whose block may follow.
    dash: bool,
    comments: Vec<Range<usize>>,
    strings: Vec<Range<usize>>,
    chunks: Vec<Range<usize>>,
    /// The begin of the setting under way.
    start: Option<usize>,
    /// A `\` joins the next line to this one.
    joined: bool,
    diags: Diags,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a Source) -> Scanner<'a> {
        let bytes = source.text().as_bytes();
        Scanner {
            source,
            bytes,
            at: 0,
            open: Vec::new(),
            dash: false,
            comments: Vec::new(),
            strings: Vec::new(),
            chunks: Vec::new(),
            start: None,
            joined: false,
            diags: Diags::new(),
        }
    }

    fn run(&mut self) {
        while let Some(byte) = self.bytes.get(self.at).copied() {
            if !self.diags.is_empty() {
                return;
            }
            let word = self.rest().iter().take_while(|b| b.is_ascii_alphanumeric()).count();
            if word > 0 {
                // What holds for its first byte holds for all of it.
                self.note(byte);
                self.at += word;
                continue;
            }
            let end = line_end(self.text());
            self.note(byte);
            match byte {
                _ if end > 0 => self.end_line(end),
                b'/' => self.slash(),
                b'"' => self.quoted(),
                b'#' => self.hash(),
                b'{' => self.enter(),
                b'}' => self.leave(),
                b';' => self.end_line(0),
                _ => self.at += 1,
            }
        }
        self.cut();
        if let (Some(open), true) = (self.open.last(), self.diags.is_empty()) {
            let (at, help) = (open.at, "close it with '}'");
            self.report("config::syntax", "a block is never closed", (at, 1), "opened here", help);
        }
    }

    /// Keeps count of where a setting begins, and of what keeps it from ending.
    fn note(&mut self, byte: u8) {
        let comment = byte == b'/' && matches!(self.bytes.get(self.at + 1), Some(b'/' | b'*'));
        // Within a character there is nothing to see: its first byte was looked at.
        let space = self.text().chars().next().is_none_or(char::is_whitespace);
        if space || byte == b';' || comment {
            return;
        }
        self.start.get_or_insert(self.at);
        self.joined = byte == b'\\';
        if self.open.is_empty() && !matches!(byte, b'/' | b'{') {
            self.dash = false;
        }
    }

    /// The end of a line or a `;`: of a setting too, unless a block is open, a `\` joins
    /// the lines, or a `/-` still waits for what it removes.
    /// `len` is that of the line end, 0 for the `;`.
    fn end_line(&mut self, len: usize) {
        let joined = self.joined && len > 0;
        if self.open.is_empty() && !joined && !self.dash {
            self.cut();
        }
        self.joined = false;
        self.at += len.max(1);
    }

    fn cut(&mut self) {
        if let Some(start) = self.start.take() {
            self.chunks.push(start..self.at);
        }
    }

    /// What is still to be read; nothing within a character.
    fn text(&self) -> &'a str {
        self.source.text().get(self.at..).unwrap_or_default()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn report(&mut self, code: &'static str, what: &str, place: (usize, usize), label: &str, help: &str) {
        let span = self.source.span(place.0, place.1);
        self.diags.push(Diag::error(code, what).at(&span, label).help(help));
    }

    fn slash(&mut self) {
        match self.rest().get(1) {
            Some(b'/') => {
                let start = self.at;
                self.at += self.text().find(ends_line).unwrap_or(self.rest().len());
                self.comments.push(start..self.at);
            }
            Some(b'*') => self.block_comment(),
            Some(b'-') => {
                self.dash = true;
                self.at += 2;
            }
            _ => self.at += 1,
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0;
        loop {
            match self.rest() {
                [b'/', b'*', ..] => {
                    depth += 1;
                    self.at += 2;
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    self.at += 2;
                }
                [] => {
                    let what = "a comment is never closed";
                    return self.report(
                        "config::syntax",
                        what,
                        (start, 2),
                        "opened here",
                        "close it with '*/'",
                    );
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                return self.comments.push(start..self.at);
            }
            if depth > MAX_COMMENT_DEPTH {
                let what = format!("comments are nested more than {MAX_COMMENT_DEPTH} deep");
                let place = (self.at - 2, 2);
                return self.report("config::too-deep", &what, place, "here", "use // for what is inside");
            }
        }
    }

    /// A quoted string, of one line or of many; the position is at its first quote.
    fn quoted(&mut self) {
        let start = self.at;
        let multi = self.rest().starts_with(b"\"\"\"");
        self.at += if multi { 3 } else { 1 };
        loop {
            match self.rest() {
                [b'\\', b, ..] if !multi && b.is_ascii_whitespace() => {
                    let spaces = self.rest().iter().skip(1).take_while(|b| b.is_ascii_whitespace()).count();
                    self.at += 1 + spaces;
                }
                [b'\\', escape, ..] if !is_escape(*escape) => return self.no_escape(),
                [b'\\', _, ..] => self.at += 2,
                [b'"', b'"', b'"', ..] if multi => {
                    self.at += 3;
                    return self.strings.push(start..self.at);
                }
                [b'"', ..] if !multi => {
                    self.at += 1;
                    return self.strings.push(start..self.at);
                }
                [b'\n' | b'\r', ..] if !multi => return self.unclosed(start),
                [] => return self.unclosed(start),
                _ => self.at += 1,
            }
        }
    }

    /// `#`: a raw string, or the begin of a keyword such as `#true`.
    fn hash(&mut self) {
        let start = self.at;
        let hashes = self.rest().iter().take_while(|b| **b == b'#').count();
        self.at += hashes;
        if self.rest().first() != Some(&b'"') {
            return;
        }
        let quotes = if self.rest().starts_with(b"\"\"\"") { 3 } else { 1 };
        self.at += quotes;
        let close = [vec![b'"'; quotes], vec![b'#'; hashes]].concat();
        match self.rest().windows(close.len()).position(|w| w == close) {
            Some(found) => {
                self.at += found + close.len();
                self.strings.push(start..self.at);
            }
            None => self.unclosed(start),
        }
    }

    /// The parser would only say that the whole string is bad.
    fn no_escape(&mut self) {
        let escape: String = self.source.text().get(self.at..).unwrap_or_default().chars().take(2).collect();
        let what = format!("'{escape}' is not an escape of KDL");
        let help = "where a text holds backslashes of its own, write it raw: #\"…\"# or #\"\"\" … \"\"\"#; or write \\\\ for one";
        self.report("config::syntax", &what, (self.at, escape.len()), "", help);
    }

    fn unclosed(&mut self, start: usize) {
        let line = self.bytes.get(start..).unwrap_or_default();
        let len = line.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(line.len());
        let help = "close it on its line, or write text of many lines as \"\"\" … \"\"\" with the quotes on lines of their own";
        self.report("config::syntax", "a string is never closed", (start, len), "opened here", help);
    }

    fn enter(&mut self) {
        self.open.push(Open { at: self.at, dashed: std::mem::take(&mut self.dash) });
        let place = (self.at, 1);
        self.at += 1;
        if self.open.len() > MAX_DEPTH {
            let what = format!("blocks are nested more than {MAX_DEPTH} deep");
            self.report("config::too-deep", &what, place, "here", "no setting needs more than a few levels");
        } else if self.open.iter().filter(|o| o.dashed).count() > MAX_DASHED {
            let what = format!("blocks commented out with /- are nested more than {MAX_DASHED} deep");
            self.report("config::too-deep", &what, place, "here", "one /- before the outermost is enough");
        }
    }

    fn leave(&mut self) {
        if self.open.pop().is_none() {
            let help = "remove it, or open the block that it is meant to close";
            self.report(
                "config::syntax",
                "a '}' closes no block",
                (self.at, 1),
                "nothing is open here",
                help,
            );
        }
        self.dash = false;
        self.at += 1;
    }

    fn finish(self) -> Result<Scanned, Diags> {
        let mut bytes = self.bytes.to_vec();
        for range in &self.comments {
            if let Some(comment) = bytes.get_mut(range.clone()) {
                comment.fill(b' ');
            }
        }
        // Only whole comments were overwritten, from a '/' to a '/' or a line's end: this stays UTF-8.
        let text = String::from_utf8(bytes).unwrap_or_default();
        if let Some(chunk) = self.chunks.get(MAX_SETTINGS) {
            let what = format!("the file has more than {MAX_SETTINGS} settings");
            return Err(Diag::error("config::too-large", what)
                .at(&self.source.span(chunk.start, 1), "the first of too many")
                .help("is this the right file?")
                .into());
        }
        let mut special = 0;
        for chunk in &self.chunks {
            let count = text.get(chunk.clone()).unwrap_or_default().chars().filter(is_special).count();
            if count > MAX_SPECIAL || chunk.len() > MAX_SETTING {
                let place = self.source.span(chunk.start, 1);
                return Err(Diag::error("config::too-large", "this setting is too large to be parsed")
                    .at(&place, "begins here")
                    .help("move what is in it into a file of its own, such as a script that steps call")
                    .into());
            }
            special = special.max(count);
        }
        Ok(Scanned { text, chunks: self.chunks, special, strings: self.strings })
    }
}

/// What may follow a `\`; what is not ASCII is left to the parser (some are spaces).
fn is_escape(byte: u8) -> bool {
    br#"\"bfnrtsu"#.contains(&byte) || byte.is_ascii_whitespace() || !byte.is_ascii()
}

/// A character that can't stand in a bare word, and at which the parser may start anew.
fn is_special(c: &char) -> bool {
    if c.is_ascii_graphic() {
        return matches!(c, '"' | '#' | '(' | ')' | '/' | ';' | '=' | '[' | '\\' | ']' | '{' | '}');
    }
    !c.is_alphanumeric() && !c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        scan(&Source::new("f", text)).err().and_then(|d| d.iter().next().map(|d| d.code))
    }

    #[test]
    fn braces_in_strings_and_comments_are_no_blocks() {
        for good in [
            "a \"}\" { b }",
            "a #\"}\"# { b }",
            "a ##\"\"\"\n }\"# \n\"\"\"## { b }",
            "a \"\"\"\n }\\\" \"x \n\"\"\" { b }",
            "// }\na { /* } */ b }",
            "a \"x\\\n   y\" { b #true }",
        ] {
            assert_eq!(code(good), None, "{good}");
        }
    }

    #[test]
    fn what_never_ends_or_never_began_is_named() {
        for bad in [
            "a {",
            "a }",
            "}}}}",
            "a \"x",
            "a \"x\n\"",
            "/* /* */",
            "a #\"x\"",
            "\"\"\"\nx",
            "a \"\\",
            "a \"\\q\"",
        ] {
            assert_eq!(code(bad), Some("config::syntax"), "{bad}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        assert_eq!(code(&"a {".repeat(100_000)), Some("config::too-deep"));
        assert_eq!(code(&"/*".repeat(100_000)), Some("config::too-deep"));
        let dashed = format!("{}{}", "/- a {\n".repeat(20), "}\n".repeat(20));
        assert_eq!(code(&dashed), Some("config::too-deep"));
        assert_eq!(code(&format!("a {{ {} }}", "b {}\n".repeat(20_000))), Some("config::too-large"));
        assert_eq!(code(&"=".repeat(30_000)), Some("config::too-large"));
        assert_eq!(code(&"a {}\n".repeat(20_000)), None);
        assert_eq!(code(&"a\n".repeat(60_000)), Some("config::too-large"));
        assert_eq!(code(&format!("a \"{}\"", "x".repeat(2 << 20))), Some("config::too-large"));
    }

    #[test]
    fn a_text_is_cut_into_its_settings() {
        for (text, settings) in [
            ("a 1\n\n// x\nb 2; c 3\r\nd", vec!["a 1", "b 2", "c 3", "d"]),
            ("a {\n b\n}\nc \"\"\"\n x\n \"\"\"\n", vec!["a {\n b\n}", "c \"\"\"\n x\n \"\"\""]),
            ("a \\\n 1\nb \\ // x\r\n 2\nc", vec!["a \\\n 1", "b \\ \r\n 2", "c"]),
            ("a 1 // x\u{2028}b 2\u{85}c", vec!["a 1", "b 2", "c"]),
            ("a \\\u{3000}\r\n 1\nb", vec!["a \\ 1", "b"]),
            ("/- a 1\nb", vec!["/- a 1", "b"]),
            ("/-\n\na {\n}\nb", vec!["/-\n\na {\n}", "b"]),
            ("a /-{ x\n} { y }\nb", vec!["a /-{ x\n} { y }", "b"]),
            ("a /-1 /-\"x\"\nb", vec!["a /-1 /-\"x\"", "b"]),
            (" /* x */ a /* \n */ 1\nb", vec!["a      1", "b"]),
        ] {
            let scanned = scan(&Source::new("f", text)).ok().unwrap();
            let cut: Vec<_> =
                scanned.chunks.iter().map(|c| scanned.text[c.clone()].replace("/* \n */", "")).collect();
            assert_eq!(
                cut.iter().map(|c| c.split_whitespace().collect::<Vec<_>>()).collect::<Vec<_>>(),
                settings.iter().map(|c| c.split_whitespace().collect::<Vec<_>>()).collect::<Vec<_>>(),
                "{text}"
            );
        }
    }

    #[test]
    fn comments_are_blanked_without_moving_anything() {
        let text = "c \\ // ö\u{2028}1 //";
        let scanned = scan(&Source::new("f", text)).ok().map(|s| s.text);
        assert_eq!(scanned, Some("c \\      \u{2028}1   ".to_owned()));
        let text = "a /* ü {\n */ b\n";
        let scanned = scan(&Source::new("f", text)).ok().map(|s| s.text);
        assert_eq!(scanned, Some(format!("a{}b\n", " ".repeat(text.find('b').unwrap() - 1))));
    }
}
