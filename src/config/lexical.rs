//! A look at a KDL text before the parser sees it: strings and comments are closed, blocks
//! balance and don't nest without end. kdl recurses for blocks, for the pieces of a block
//! comment and for stray closing braces, so a hostile or broken file could end the process;
//! here it becomes a diagnostic. Comments are blanked out (same length, so spans hold).

use crate::diag::{Diag, Diags, Source};

/// Deepest nesting of blocks.
pub(super) const MAX_DEPTH: usize = 64;
/// Deepest nesting of block comments.
const MAX_COMMENT_DEPTH: usize = 64;
/// Deepest nesting of blocks that are commented out with `/-`: the parser's time doubles
/// with each.
const MAX_DASHED: usize = 6;
/// Most braces in one file: the bound of the parser's recursion whatever it makes of them.
const MAX_BRACES: usize = 16_384;

/// What the parser may be given.
pub(super) struct Scanned {
    /// The text with its block comments blanked out, of the same length.
    pub text: String,
    /// Number of braces in it, those in strings included.
    pub braces: usize,
}

/// Checks the text and blanks out its comments.
///
/// # Errors
/// What would be beyond the parser, each with its place.
pub(super) fn scan(source: &Source) -> Result<Scanned, Diags> {
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
    comments: Vec<(usize, usize)>,
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
            diags: Diags::new(),
        }
    }

    fn run(&mut self) {
        while let Some(byte) = self.bytes.get(self.at).copied() {
            if !self.diags.is_empty() {
                return;
            }
            match byte {
                b'/' => self.slash(),
                b'"' => self.quoted(),
                b'#' => self.hash(),
                b'{' => self.enter(),
                b'}' => self.leave(),
                _ => self.at += 1,
            }
        }
        if let (Some(open), true) = (self.open.last(), self.diags.is_empty()) {
            let (at, help) = (open.at, "close it with '}'");
            self.report("config::syntax", "a block is never closed", (at, 1), "opened here", help);
        }
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
                let end = self.rest().iter().position(|b| matches!(b, b'\n' | b'\r'));
                self.at += end.unwrap_or(self.rest().len());
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
                return self.comments.push((start, self.at));
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
                [b'\\', _, ..] => self.at += 2,
                [b'"', b'"', b'"', ..] if multi => {
                    self.at += 3;
                    return;
                }
                [b'"', ..] if !multi => {
                    self.at += 1;
                    return;
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
            Some(found) => self.at += found + close.len(),
            None => self.unclosed(start),
        }
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
            self.report("config::syntax", "a '}' closes no block", (self.at, 1), "nothing is open here", help);
        }
        self.dash = false;
        self.at += 1;
    }

    fn finish(self) -> Result<Scanned, Diags> {
        let mut bytes = self.bytes.to_vec();
        for (start, end) in &self.comments {
            if let Some(comment) = bytes.get_mut(*start..*end) {
                comment.fill(b' ');
            }
        }
        let braces = bytes.iter().filter(|b| matches!(b, b'{' | b'}')).count();
        if braces > MAX_BRACES {
            return Err(Diag::error("config::too-large", format!("{} has more than {MAX_BRACES} braces", self.source.name()))
                .at(&self.source.span(0, 0), "")
                .help("split it with include")
                .into());
        }
        // Only whole comments were overwritten, each from '/' to '/', so this stays UTF-8.
        Ok(Scanned { text: String::from_utf8(bytes).unwrap_or_default(), braces })
    }
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
        for bad in ["a {", "a }", "}}}}", "a \"x", "a \"x\n\"", "/* /* */", "a #\"x\"", "\"\"\"\nx", "a \"\\"] {
            assert_eq!(code(bad), Some("config::syntax"), "{bad}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        assert_eq!(code(&"a {".repeat(100_000)), Some("config::too-deep"));
        assert_eq!(code(&"/*".repeat(100_000)), Some("config::too-deep"));
        let dashed = format!("{}{}", "/- a {\n".repeat(20), "}\n".repeat(20));
        assert_eq!(code(&dashed), Some("config::too-deep"));
        assert_eq!(code(&"a {}\n".repeat(10_000)), Some("config::too-large"));
    }

    #[test]
    fn comments_are_blanked_without_moving_anything() {
        let text = "a /* ü {\n */ b\n";
        let scanned = scan(&Source::new("f", text)).ok().map(|s| s.text);
        assert_eq!(scanned, Some(format!("a{}b\n", " ".repeat(text.find('b').unwrap() - 1))));
    }
}
