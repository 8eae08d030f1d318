//! KDL cut into tokens for the formatter: unlike the parser's tree, comments, line ends and
//! `\` are all here. The text was parsed before, so whatever is odd is passed on as a word.

use super::super::characters::{ends_line, is_space, line_end};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word, a number or a keyword.
    Word,
    /// A string in quotes, raw or not, of one line or of many.
    Text,
    /// `{`
    Open,
    /// `}`
    Close,
    /// `;`
    End,
    /// `=`
    Equals,
    /// `(`
    TypeOpen,
    /// `)`
    TypeClose,
    /// `/-`
    Dash,
    /// `// …`, without its line end.
    LineComment,
    /// `/* … */`
    BlockComment,
    /// A line end.
    Newline,
    /// `\` with the line end behind it; the text is the comment between them, if any.
    Join,
}

/// A token and what the formatter needs to know about its place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Columns of white space before it on its line, if nothing else is.
    pub column: Option<usize>,
}

/// Columns to the next tab stop.
const TAB: usize = 4;

/// The text's tokens; white space is left out.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer { rest: text, column: Some(0), tokens: Vec::new() };
    while let Some(c) = lexer.rest.chars().next() {
        lexer.next(c);
    }
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    /// As in [`Token`].
    column: Option<usize>,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn next(&mut self, c: char) {
        let end = line_end(self.rest);
        if end > 0 {
            self.take(Kind::Newline, end);
            self.column = Some(0);
        } else if is_space(c) {
            self.space(c);
        } else {
            self.token(c);
        }
    }

    fn space(&mut self, c: char) {
        self.column = self.column.map(|n| if c == '\t' { n / TAB * TAB + TAB } else { n + 1 });
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
    }

    fn token(&mut self, c: char) {
        match c {
            '{' => self.take(Kind::Open, 1),
            '}' => self.take(Kind::Close, 1),
            ';' => self.take(Kind::End, 1),
            '=' => self.take(Kind::Equals, 1),
            '(' => self.take(Kind::TypeOpen, 1),
            ')' => self.take(Kind::TypeClose, 1),
            '"' => self.take(Kind::Text, quoted(self.rest)),
            '\\' => self.join(),
            _ if self.rest.starts_with("/-") => self.take(Kind::Dash, 2),
            _ if self.rest.starts_with("//") => self.take(Kind::LineComment, to_line_end(self.rest)),
            _ if self.rest.starts_with("/*") => self.take(Kind::BlockComment, block_comment(self.rest)),
            _ => match raw(self.rest) {
                Some(len) => self.take(Kind::Text, len),
                None => self.take(Kind::Word, word(self.rest)),
            },
        }
    }

    fn take(&mut self, kind: Kind, len: usize) {
        let (text, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        let column = self.column.take();
        self.tokens.push(Token { kind, text, column });
        self.rest = rest;
    }

    /// `\`, its comment and its line end as one token.
    fn join(&mut self) {
        let behind = self.rest.get(1..).unwrap_or_default().trim_start_matches(is_space);
        let comment = if behind.starts_with("//") { to_line_end(behind) } else { 0 };
        let (text, rest) = behind.split_at_checked(comment).unwrap_or((behind, ""));
        self.tokens.push(Token { kind: Kind::Join, text, column: self.column });
        self.rest = rest.get(line_end(rest)..).unwrap_or_default();
        self.column = Some(0);
    }
}

fn to_line_end(text: &str) -> usize {
    text.find(ends_line).unwrap_or(text.len())
}

fn block_comment(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0usize);
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        if rest.starts_with("/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if rest.starts_with("*/") {
            (at, depth) = (at + 2, depth.saturating_sub(1));
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted(text: &str) -> usize {
    let mark = if text.starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
    let mut at = mark.len();
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        if rest.starts_with(mark) {
            return at + mark.len();
        }
        let mut chars = rest.chars();
        at += chars.next().map_or(1, char::len_utf8);
        if rest.starts_with('\\') {
            at += chars.next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

fn raw(text: &str) -> Option<usize> {
    let hashes = text.bytes().take_while(|b| *b == b'#').count();
    let inner = text.get(hashes..)?;
    if hashes == 0 || !inner.starts_with('"') {
        return None;
    }
    let quotes = if inner.starts_with("\"\"\"") { 3 } else { 1 };
    let close = format!("{}{}", "\"".repeat(quotes), "#".repeat(hashes));
    let found = inner.get(quotes..)?.find(&close)?;
    Some(hashes + quotes + found + close.len())
}

fn word(text: &str) -> usize {
    let ends = |at: usize, c: char| {
        let comment = || text.get(at..).is_some_and(|r| ["//", "/*", "/-"].iter().any(|m| r.starts_with(m)));
        is_space(c) || ends_line(c) || "\"(){};=\\".contains(c) || (c == '/' && comment())
    };
    text.char_indices().skip(1).find(|(at, c)| ends(*at, *c)).map_or(text.len(), |(at, _)| at)
}
