//! Everything that begins with `$`.

use super::word::{Parts, Until};
use super::{Lexer, in_name, starts_name};
use crate::diag::Diag;
use crate::step::ast::{At, Part, Word};
use crate::step::{parser, sh};

impl Lexer<'_> {
    /// At a `$`: appends what it stands for. `quoted`: within double quotes.
    pub(super) fn dollar(&mut self, parts: &mut Parts, quoted: bool) {
        let start = self.at;
        self.at += 1;
        let rest = self.rest();
        match rest.chars().next() {
            Some('(') if rest.starts_with("((") => {
                let len = rest.find("))").map_or_else(|| self.line_end() - self.at, |i| i + 2);
                self.at += len;
                self.report(sh::ARITHMETIC.diag(), At::new(start, self.at), "not in the step language");
            }
            Some('(') => self.substitution(start, parts),
            Some('{') => self.braces(start, parts, quoted),
            Some(c) if starts_name(c) => {
                let name = self.name();
                parts.push(Part::Var(name, At::new(start, self.at)));
            }
            Some(c) if c.is_ascii_digit() || "?@*#$!-".contains(c) => {
                self.at += 1;
                let special = c.to_string();
                self.report(sh::special(&special), At::new(start, self.at), "not in the step language");
            }
            Some(c @ ('\'' | '"')) if !quoted => {
                self.at += 1;
                self.report(sh::dollar_quote(c), At::new(start, self.at), "not in the step language");
                self.at -= 1;
            }
            _ => parts.text('$'),
        }
    }

    fn name(&mut self) -> String {
        let rest = self.rest();
        let name = &rest[..rest.find(|c| !in_name(c)).unwrap_or(rest.len())];
        self.at += name.len();
        name.to_owned()
    }

    fn substitution(&mut self, start: usize, parts: &mut Parts) {
        self.at += 1;
        let statement = self.nested(start, |lexer| parser::substituted(lexer, start)).flatten();
        if let Some(statement) = statement {
            parts.push(Part::Substitution(Box::new(statement), At::new(start, self.at)));
        }
    }

    fn braces(&mut self, start: usize, parts: &mut Parts, quoted: bool) {
        self.at += 1;
        let name = self.name();
        if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
            if self.eat("}") {
                parts.push(Part::Var(name, At::new(start, self.at)));
                return;
            }
            if self.eat(":-") {
                self.default(start, name, parts, quoted);
                return;
            }
        }
        self.other_expansion(start, &name);
    }

    fn default(&mut self, start: usize, name: String, parts: &mut Parts, quoted: bool) {
        let from = self.at;
        let word = self.nested(start, |lexer| {
            if quoted {
                let parts = lexer.double_parts('}');
                Word { parts, at: At::new(from, lexer.at) }
            } else {
                lexer.word(Until::Brace)
            }
        });
        let Some(word) = word else { return };
        if self.eat("}") {
            parts.push(Part::Default(name, word, At::new(start, self.at)));
        } else {
            self.unclosed(start, "${", "}");
        }
    }

    /// `${NAME%x}`, `${#NAME}` and the like: says what to write instead and skips it.
    fn other_expansion(&mut self, start: usize, name: &str) {
        let rest = self.rest();
        let line = &rest[..rest.find('\n').unwrap_or(rest.len())];
        let Some(len) = line.find('}') else {
            self.unclosed(start, "${", "}");
            return;
        };
        let operator: String = line[..len].to_owned();
        self.at += len + 1;
        self.report(sh::expansion(name, &operator), At::new(start, self.at), "not in the step language");
    }

    /// Reports a bracket without its partner and goes on behind the line.
    pub(in crate::step) fn unclosed(&mut self, start: usize, open: &str, close: &str) {
        if self.given_up {
            return;
        }
        self.at = self.line_end().max(self.at);
        if std::mem::replace(&mut self.open_reported, true) {
            return;
        }
        self.report(
            Diag::error("step::unclosed", format!("this {open} is never closed by {close}")).help(format!(
                "add the {close}; for the characters themselves write '{open}' in single quotes"
            )),
            At::new(start, start + open.len()),
            "opened here",
        );
    }
}
