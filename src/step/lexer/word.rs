//! Words: bare text, quotes and what stands inside them.

use super::{Kind, Lexer, ends_at, in_name, starts_name};
use crate::diag::Diag;
use crate::step::ast::{At, Part, Word};
use crate::step::sh;

/// Unclosed quotes that are each reported with what follows them; then the text is given up.
const MAX_RETRIES: usize = 32;

/// Where a bare stretch ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// At a blank or an operator.
    Blank,
    /// At `}`: the word of `${NAME:-word}`.
    Brace,
}

/// Gathers parts; neighbouring texts become one.
#[derive(Default)]
pub(super) struct Parts(Vec<Part>);

impl Parts {
    pub fn text(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.0.push(Part::Text(c.to_string())),
        }
    }

    pub fn push(&mut self, part: Part) {
        self.0.push(part);
    }

    pub fn done(self) -> Vec<Part> {
        self.0
    }
}

impl Lexer<'_> {
    pub(super) fn word_token(&mut self, assignments: bool) -> Kind {
        if assignments && let Some(kind) = self.assignment() {
            return kind;
        }
        let start = self.at;
        let word = self.word(Until::Blank);
        let raw = self.src.get(start..self.at).unwrap_or("");
        let plain = !raw.contains(['\\', '\'', '"', '$', '`']);
        Kind::Word { word, plain }
    }

    /// `NAME=value`, if that is what stands here.
    fn assignment(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let name = &rest[..rest.find(|c| !in_name(c)).unwrap_or(rest.len())];
        if !name.starts_with(starts_name) {
            return None;
        }
        let after = &rest[name.len()..];
        if after.starts_with("+=") {
            let start = self.at;
            self.at += name.len() + 2;
            self.word(Until::Blank);
            self.report(
                sh::APPEND.diag_with(&format!("write {name}=\"${name}…\"")),
                At::new(start, self.at),
                "not in the step language",
            );
            return Some(Kind::Bad);
        }
        if !after.starts_with('=') {
            return None;
        }
        self.at += name.len() + 1;
        if self.rest().starts_with('(') {
            self.at -= name.len() + 1;
            let token = &rest[..name.len() + 2];
            return Some(self.foreign_through(token, ")", sh::ARRAY));
        }
        let value = self.word(Until::Blank);
        Some(Kind::Assignment { name: name.to_owned(), value })
    }

    /// Reads a word up to where `until` says. Problems inside are reported; what can't be
    /// read becomes nothing.
    pub(super) fn word(&mut self, until: Until) -> Word {
        let start = self.at;
        let mut parts = Parts::default();
        self.tilde();
        while let Some(c) = self.peek() {
            match c {
                '}' if until == Until::Brace => break,
                c if ends_at(c) => {
                    if until == Until::Blank || !self.loose_in_default(c) {
                        break;
                    }
                }
                '\'' => self.single(&mut parts),
                '"' => self.double(&mut parts),
                '`' => self.backtick(),
                '$' => self.dollar(&mut parts, false),
                '\\' => self.backslash(&mut parts),
                c => {
                    parts.text(c);
                    self.at += c.len_utf8();
                }
            }
        }
        Word { parts: parts.done(), at: At::new(start, self.at) }
    }

    /// A blank or operator inside of `${NAME:-…}` without quotes: reported once, skipped.
    fn loose_in_default(&mut self, c: char) -> bool {
        if c == '\n' {
            return false;
        }
        let start = self.at;
        let len = self.rest().find(['}', '\n']).unwrap_or(self.rest().len());
        self.at += len;
        self.report(
            Diag::error("step::default-word", "what follows ':-' is one word")
                .help("put it in quotes: \"${NAME:-two words}\""),
            At::new(start, start + c.len_utf8()),
            "ends the word",
        );
        true
    }

    fn tilde(&mut self) {
        if !self.rest().starts_with('~') {
            return;
        }
        let start = self.at;
        self.at += 1;
        let user = self.rest().chars().take_while(|c| !ends_at(*c) && !"/}'\"$\\`".contains(*c));
        self.at += user.map(char::len_utf8).sum::<usize>();
        let at = At::new(start, self.at);
        self.report(
            Diag::error("step::tilde", "'~' is not expanded here")
                .help("write \"$HOME/…\"; for a file that is really called so, '~' in quotes"),
            at,
            "not in the step language",
        );
    }

    fn backtick(&mut self) {
        let start = self.at;
        self.at += 1;
        let len = self.rest().find(['`', '\n']).unwrap_or(self.rest().len());
        self.at += len;
        self.eat("`");
        self.report(sh::BACKTICK.diag(), At::new(start, self.at), "not in the step language");
    }

    fn backslash(&mut self, parts: &mut Parts) {
        let start = self.at;
        self.at += 1;
        match self.bump() {
            Some('\n') if self.at < self.src.len() => {}
            Some('\n') | None => self.report(
                Diag::error("step::trailing-backslash", "a '\\' at the end joins this line with none")
                    .help("remove it"),
                At::new(start, start + 1),
                "nothing follows",
            ),
            Some(c) => parts.text(c),
        }
    }

    fn single(&mut self, parts: &mut Parts) {
        let start = self.at;
        self.at += 1;
        match self.rest().find('\'') {
            Some(len) => {
                parts.push(Part::Single(self.rest()[..len].to_owned()));
                self.at += len + 1;
            }
            None => self.unclosed_quote(start, '\''),
        }
    }

    /// Says so and goes on behind the line, as if the quote had been closed there.
    fn unclosed_quote(&mut self, start: usize, quote: char) {
        if self.given_up {
            return;
        }
        if self.depth == 0 && self.retries < MAX_RETRIES {
            self.retries += 1;
            self.at = start;
            self.at = self.line_end();
        } else {
            self.at = self.src.len();
        }
        if std::mem::replace(&mut self.open_reported, true) {
            return;
        }
        self.report(
            Diag::error("step::unclosed-quote", format!("this {quote} is never closed"))
                .help(format!("add the closing {quote}; for the character itself write \\{quote}")),
            At::new(start, start + 1),
            "opened here",
        );
    }

    fn double(&mut self, parts: &mut Parts) {
        let start = self.at;
        self.at += 1;
        let Some(inner) = self.nested(start, |lexer| lexer.double_parts('"')) else { return };
        if self.eat("\"") {
            parts.push(Part::Double(inner));
        } else {
            self.unclosed_quote(start, '"');
        }
    }

    /// What stands between double quotes, up to `end` (not taken). With `}` as the end it
    /// is the word of a `${NAME:-word}` that itself stands in double quotes.
    pub(super) fn double_parts(&mut self, end: char) -> Vec<Part> {
        let mut parts = Parts::default();
        while let Some(c) = self.peek() {
            match c {
                c if c == end => break,
                '"' => {
                    let before = self.at;
                    self.double(&mut parts);
                    if self.at == before {
                        break;
                    }
                }
                '`' => self.backtick(),
                '$' => self.dollar(&mut parts, true),
                '\\' => self.backslash_in_double(&mut parts, end),
                c => {
                    parts.text(c);
                    self.at += c.len_utf8();
                }
            }
        }
        parts.done()
    }

    fn backslash_in_double(&mut self, parts: &mut Parts, end: char) {
        self.at += 1;
        match self.peek() {
            Some('\n') => self.at += 1,
            Some(c) if matches!(c, '$' | '`' | '"' | '\\') || c == end => {
                parts.text(c);
                self.at += c.len_utf8();
            }
            _ => parts.text('\\'),
        }
    }

    /// Runs `read` one level deeper; past the limit reports that and gives up on the text.
    pub(super) fn nested<T>(&mut self, start: usize, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= super::MAX_DEPTH {
            self.report(
                Diag::error(
                    "step::too-deep",
                    format!("more than {} levels inside each other", super::MAX_DEPTH),
                )
                .help("keep the inner result in a variable of its own: NAME=$(…)"),
                At::new(start, self.at),
                "one level too many",
            );
            self.at = self.src.len();
            self.given_up = true;
            return None;
        }
        self.depth += 1;
        let out = read(self);
        self.depth -= 1;
        Some(out)
    }
}
