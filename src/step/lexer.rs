//! Splits a script into tokens: operators, redirects, words. Reports what is wrong inside
//! of a token and goes on; never stops before the end of the text.

mod dollar;
mod word;

use std::collections::HashMap;

use super::ast::{At, RedirectKind, Word};
use super::sh;
use super::text::StepText;
use crate::diag::{Diag, Diags};

/// How deep `$(…)` and `${…:-…}` may nest.
pub(super) const MAX_DEPTH: usize = 64;

/// A token and its place.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub kind: Kind,
    pub at: At,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// `plain`: written without quotes, escapes and `$`, so that it can be a keyword.
    Word {
        word: Word,
        plain: bool,
    },
    Assignment {
        name: String,
        value: Word,
    },
    And,
    Or,
    Pipe,
    Semi,
    Newline,
    Redirect(RedirectKind),
    Open,
    Close,
    /// Reported already; the statement around it is lost.
    Bad,
    End,
}

pub(super) struct Lexer<'t> {
    pub text: &'t StepText,
    src: &'t str,
    pub at: usize,
    pub depth: usize,
    pub diags: Diags,
    /// Set while a part is read only to be thrown away.
    pub quiet: bool,
    /// A construct of sh had no end in the rest of the text: not looked for again.
    pub endless: bool,
    /// Nested too deep: the text is not read any further.
    pub given_up: bool,
    /// Something unclosed was reported in this statement: what is around it is unclosed too,
    /// and not reported.
    pub open_reported: bool,
    /// How often reading went back behind an unclosed quote; bounded, so that time is linear.
    pub retries: usize,
    /// Delimiters of `<<` on the current line, whose lines are skipped after it.
    heredocs: Vec<String>,
    /// Start of the last whole line that is this text, made when the first `<<` is met.
    last_lines: Option<HashMap<&'t str, usize>>,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t StepText) -> Lexer<'t> {
        Lexer {
            text,
            src: text.text(),
            at: 0,
            depth: 0,
            diags: Diags::new(),
            quiet: false,
            endless: false,
            given_up: false,
            open_reported: false,
            retries: 0,
            heredocs: Vec::new(),
            last_lines: None,
        }
    }

    /// Reports a problem at `at`, with a word on KDL's own escapes where they may matter.
    pub fn report(&mut self, diag: Diag, at: At, label: &str) {
        if !self.quiet {
            self.diags.push(place(self.text, diag, at, label));
        }
    }

    pub fn rest(&self) -> &'t str {
        self.src.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Skips blanks, joined lines and a comment; true if it skipped anything.
    pub fn skip_blanks(&mut self) -> bool {
        let start = self.at;
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            self.at += blanks;
            if self.rest().starts_with("\\\n") && self.rest().len() > 2 {
                self.at += 2;
                continue;
            }
            if self.rest().starts_with('#') {
                self.at = self.line_end();
            }
            return self.at > start;
        }
    }

    /// The next newline or the end of the text.
    pub fn line_end(&self) -> usize {
        self.rest().find('\n').map_or(self.src.len(), |i| self.at + i)
    }

    /// The next token. `assignments`: a `NAME=value` here is an assignment.
    pub fn next(&mut self, assignments: bool) -> Token {
        self.skip_blanks();
        let start = self.at;
        let kind = self.kind(assignments);
        Token { kind, at: At::new(start, self.at) }
    }

    fn kind(&mut self, assignments: bool) -> Kind {
        let Some(c) = self.peek() else { return Kind::End };
        match c {
            '\n' => {
                self.at += 1;
                self.skip_heredocs();
                Kind::Newline
            }
            ';' => self.take(1, Kind::Semi),
            '(' if self.rest().starts_with("((") => self.foreign_through("((", "))", sh::ARITHMETIC),
            '(' => self.take(1, Kind::Open),
            ')' => self.take(1, Kind::Close),
            '&' => self.ampersand(),
            '|' => self.bar(),
            '<' => self.less(),
            '>' => self.greater(),
            '0'..='9' => match self.descriptor() {
                Some(kind) => kind,
                None => self.word_token(assignments),
            },
            _ => self.word_token(assignments),
        }
    }

    fn take(&mut self, len: usize, kind: Kind) -> Kind {
        self.at += len;
        kind
    }

    /// Something that sh has and this language has not.
    fn foreign(&mut self, token: &str, what: sh::Foreign) -> Kind {
        let start = self.at;
        self.at += token.len();
        self.report(what.diag(), At::new(start, self.at), "not in the step language");
        Kind::Bad
    }

    /// The same with everything up to `close`, if that stands on the line.
    fn foreign_through(&mut self, token: &str, close: &str, what: sh::Foreign) -> Kind {
        let line = self.src.get(self.at..self.line_end()).unwrap_or("");
        let len = line.find(close).map_or(token.len(), |i| i + close.len());
        self.foreign(&line[..len], what)
    }

    fn ampersand(&mut self) -> Kind {
        let rest = self.rest();
        if rest.starts_with("&&") {
            self.take(2, Kind::And)
        } else if rest.starts_with("&>>") {
            self.foreign("&>>", sh::APPEND_BOTH)
        } else if rest.starts_with("&>") {
            self.take(2, Kind::Redirect(RedirectKind::Both))
        } else if rest.starts_with("&|") {
            self.foreign("&|", sh::BACKGROUND)
        } else {
            self.foreign("&", sh::BACKGROUND)
        }
    }

    fn bar(&mut self) -> Kind {
        let rest = self.rest();
        if rest.starts_with("||") {
            self.take(2, Kind::Or)
        } else if rest.starts_with("|&") {
            self.foreign("|&", sh::PIPE_BOTH)
        } else {
            self.take(1, Kind::Pipe)
        }
    }

    fn less(&mut self) -> Kind {
        let rest = self.rest();
        if rest.starts_with("<<<") {
            self.foreign("<<<", sh::HERE_STRING)
        } else if rest.starts_with("<<") {
            let kind = self.foreign(if rest.starts_with("<<-") { "<<-" } else { "<<" }, sh::HERE_DOCUMENT);
            self.remember_heredoc();
            kind
        } else if rest.starts_with("<(") {
            self.foreign_through("<(", ")", sh::PROCESS_SUBSTITUTION)
        } else if rest.starts_with("<>") {
            self.foreign("<>", sh::READ_WRITE)
        } else if rest.starts_with("<&") {
            self.foreign("<&", sh::DESCRIPTOR)
        } else {
            self.take(1, Kind::Redirect(RedirectKind::In))
        }
    }

    fn greater(&mut self) -> Kind {
        let rest = self.rest();
        if rest.starts_with(">>") {
            self.take(2, Kind::Redirect(RedirectKind::Append))
        } else if rest.starts_with(">|") {
            self.foreign(">|", sh::CLOBBER)
        } else if rest.starts_with(">(") {
            self.foreign_through(">(", ")", sh::PROCESS_SUBSTITUTION)
        } else if let Some(after) = rest.strip_prefix(">&") {
            if after.starts_with('2') && ends_word(&after[1..]) {
                return self.take(3, Kind::Redirect(RedirectKind::OutToErr));
            }
            self.duplicated(2)
        } else {
            self.take(1, Kind::Redirect(RedirectKind::Out))
        }
    }

    /// `>&N`, `N>&M` and their like that are not in the grammar; `len` is the operator's.
    fn duplicated(&mut self, len: usize) -> Kind {
        let rest = self.rest();
        let target: usize = rest[len..].chars().take_while(|c| !ends_at(*c)).map(char::len_utf8).sum();
        self.foreign(&rest[..len + target], sh::DESCRIPTOR)
    }

    /// Digits right before `<` or `>`: `2>` and its kin; any other descriptor is an error.
    fn descriptor(&mut self) -> Option<Kind> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = &rest[digits..];
        if !after.starts_with(['<', '>']) {
            return None;
        }
        if let Some(target) = rest.strip_prefix("2>&") {
            return Some(if target.starts_with('1') && ends_word(&target[1..]) {
                self.take(4, Kind::Redirect(RedirectKind::ErrToOut))
            } else {
                self.duplicated(3)
            });
        }
        Some(if rest.starts_with("2>>") {
            self.take(3, Kind::Redirect(RedirectKind::ErrAppend))
        } else if rest.starts_with("2>|") {
            self.foreign("2>|", sh::CLOBBER)
        } else if rest.starts_with("2>(") {
            self.foreign_through("2>(", ")", sh::PROCESS_SUBSTITUTION)
        } else if rest.starts_with("2>") {
            self.take(2, Kind::Redirect(RedirectKind::Err))
        } else {
            let len = digits + after.len() - after.trim_start_matches(['<', '>', '&', '|']).len();
            self.foreign(&rest[..len], sh::DESCRIPTOR)
        })
    }

    /// After `<<`: the delimiter, so that the lines of the document are no more errors.
    fn remember_heredoc(&mut self) {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        let word: String =
            rest.chars().take_while(|c| !ends_at(*c)).filter(|c| !"'\"\\".contains(*c)).collect();
        if !word.is_empty() {
            self.heredocs.push(word);
        }
    }

    /// Skips the lines of here-documents, if their ends are really there.
    fn skip_heredocs(&mut self) {
        for delimiter in std::mem::take(&mut self.heredocs) {
            let src = self.src;
            let lines = self.last_lines.get_or_insert_with(|| last_lines(src));
            if lines.get(delimiter.as_str()).is_none_or(|start| *start < self.at) {
                continue;
            }
            while self.at < self.src.len() {
                let end = self.line_end();
                let line = self.src.get(self.at..end).unwrap_or("").trim();
                self.at = (end + 1).min(self.src.len());
                if line == delimiter {
                    break;
                }
            }
        }
    }
}

/// A problem with its place, and where KDL's escapes may have had a hand in it, a word on that.
pub(super) fn place(text: &StepText, diag: Diag, at: At, label: &str) -> Diag {
    let mut diag = diag.at(&text.span(at.range()), label);
    if text.escape_on_line_of(at.start) {
        let note = "inside \"\"\" KDL itself takes '\\' as an escape: \
                    where a backslash is meant, use the raw form #\"\"\" … \"\"\"#";
        diag.help = Some(diag.help.map_or_else(|| note.to_owned(), |h| format!("{h}\n{note}")));
    }
    diag
}

fn last_lines(src: &str) -> HashMap<&str, usize> {
    let mut at = 0;
    src.split('\n')
        .map(|line| {
            let start = at;
            at += line.len() + 1;
            (line.trim(), start)
        })
        .collect()
}

/// A character that ends a bare word.
pub(super) fn ends_at(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

fn ends_word(rest: &str) -> bool {
    rest.chars().next().is_none_or(ends_at)
}

/// True for the first character of a variable's name.
pub(super) fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

/// True for the further characters of a variable's name.
pub(super) fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
