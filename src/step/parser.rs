//! Tokens to a syntax tree, by recursive descent. A broken statement is reported and
//! dropped; the next one is read as if nothing had been.

mod recover;

use super::ast::{
    Assignment, At, Command, Operator, Pipeline, Redirect, RedirectKind, Script, Statement, Word,
};
use super::lexer::{Kind, Lexer, Token};
use super::sh;
use super::text::StepText;
use crate::diag::{Diag, Diags};

/// Reads a whole script: every statement that could be read, and every problem.
pub fn parse(text: &StepText) -> (Script, Diags) {
    let mut parser = Parser { lexer: Lexer::new(text), held: None };
    let mut statements = Vec::new();
    loop {
        match parser.peek(true).kind {
            Kind::End => break,
            Kind::Newline | Kind::Semi => parser.advance(),
            _ => {
                parser.lexer.open_reported = false;
                let read = parser.statement();
                let ended = parser.end_statement();
                statements.extend(read.filter(|_| ended));
            }
        }
    }
    (Script { statements }, parser.lexer.diags.sorted())
}

/// After `$(`: one statement and its `)`. `start` is the place of the `$`.
pub(super) fn substituted(lexer: &mut Lexer<'_>, start: usize) -> Option<Statement> {
    let empty = Lexer::new(lexer.text);
    let mut parser = Parser { lexer: std::mem::replace(lexer, empty), held: None };
    let statement = parser.substituted(start);
    *lexer = parser.lexer;
    statement
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    held: Option<Token>,
}

impl Parser<'_> {
    /// The next token; `first` where an assignment may stand.
    fn peek(&mut self, first: bool) -> Token {
        if let Some(token) = &self.held {
            return token.clone();
        }
        let token = self.lexer.next(first);
        self.held = Some(token.clone());
        token
    }

    fn advance(&mut self) {
        self.held = None;
    }

    fn error(&mut self, code: &'static str, message: impl Into<String>, help: &str, at: At, label: &str) {
        self.lexer.report(Diag::error(code, message).help(help), at, label);
    }

    /// True if the statement ends where it may; else reports that and skips to its end.
    fn end_statement(&mut self) -> bool {
        let token = self.peek(false);
        match token.kind {
            Kind::Newline | Kind::Semi | Kind::End => return true,
            Kind::Close => self.stray_close(token.at),
            _ => {}
        }
        self.skip_statement();
        false
    }

    fn stray_close(&mut self, at: At) {
        self.error(
            "step::stray-parenthesis",
            "this ')' closes nothing",
            "remove it, or put it in quotes",
            at,
            "no '(' before it",
        );
    }

    /// To the next newline or `;`.
    fn skip_statement(&mut self) {
        while !matches!(self.peek(false).kind, Kind::Newline | Kind::Semi | Kind::End) {
            self.advance();
        }
    }

    fn substituted(&mut self, start: usize) -> Option<Statement> {
        let token = self.peek(true);
        let opening = At::new(start, start + 2);
        let statement = match token.kind {
            Kind::Close => {
                self.error(
                    "step::empty-substitution",
                    "$() runs nothing",
                    "write a command in it",
                    opening,
                    "",
                );
                None
            }
            Kind::End => None,
            Kind::Newline | Kind::Semi => None,
            _ => self.statement(),
        };
        let mut whole = true;
        loop {
            let token = self.peek(false);
            match token.kind {
                Kind::Close => {
                    self.advance();
                    return statement.filter(|_| whole);
                }
                Kind::End => {
                    self.lexer.at = token.at.start;
                    self.lexer.unclosed(start, "$(", ")");
                    return None;
                }
                Kind::Newline | Kind::Semi if whole => {
                    whole = false;
                    self.error(
                        "step::substitution-statements",
                        "$(…) holds one statement",
                        "keep the first result in a variable of its own, or use $(sh -c '…; …')",
                        token.at,
                        "a second statement would begin here",
                    );
                    self.advance();
                }
                _ => self.advance(),
            }
        }
    }

    fn statement(&mut self) -> Option<Statement> {
        let start = self.peek(true).at.start;
        let mut pipelines = vec![self.pipeline()];
        let mut operator = None;
        let mut mixed = false;
        loop {
            let token = self.peek(false);
            let next = match token.kind {
                Kind::And => Operator::And,
                Kind::Or => Operator::Or,
                _ => break,
            };
            self.advance();
            if *operator.get_or_insert(next) != next && !mixed {
                mixed = true;
                self.mixed(token.at);
            }
            pipelines.push(self.pipeline());
        }
        let pipelines: Option<Vec<Pipeline>> = pipelines.into_iter().collect();
        let pipelines = pipelines.filter(|_| !mixed)?;
        let end = pipelines.last().map_or(start, |p| p.at.end);
        Some(Statement { pipelines, operator: operator.unwrap_or(Operator::And), at: At::new(start, end) })
    }

    fn mixed(&mut self, at: At) {
        self.error(
            "step::mixed-operators",
            "'&&' and '||' do not mix in one statement",
            "split it into two statements",
            at,
            "the other operator stands before it",
        );
    }

    fn pipeline(&mut self) -> Option<Pipeline> {
        let start = self.peek(true).at.start;
        let negated = self.eat_bang();
        if negated {
            while let again = self.peek(true).at
                && self.eat_bang()
            {
                self.error("step::double-negation", "'!' stands once", "remove one of them", again, "");
            }
        }
        let mut commands = vec![self.command()];
        while matches!(self.peek(false).kind, Kind::Pipe) {
            self.advance();
            commands.push(self.command());
        }
        let commands: Vec<Command> = commands.into_iter().collect::<Option<_>>()?;
        let end = commands.last().map_or(start, |c| c.at.end);
        Some(Pipeline { negated, commands, at: At::new(start, end) })
    }

    fn eat_bang(&mut self) -> bool {
        let found =
            matches!(self.peek(true).kind, Kind::Word { ref word, plain: true } if text_of(word) == "!");
        if found {
            self.advance();
        }
        found
    }

    fn command(&mut self) -> Option<Command> {
        let mut build = Build::new(self.peek(true).at);
        loop {
            let token = self.peek(build.words.is_empty());
            match token.kind {
                Kind::Assignment { name, value } => {
                    build.assignments.push(Assignment { name, value, at: token.at });
                    self.advance();
                }
                Kind::Word { word, plain } => {
                    if build.words.is_empty() && plain && !self.first_word(&text_of(&word), token.at) {
                        return None;
                    }
                    build.words.push(word);
                    self.advance();
                }
                Kind::Redirect(kind) => {
                    self.advance();
                    self.redirect(kind, token.at, &mut build);
                }
                Kind::Open => {
                    self.parenthesis(token.at, &build);
                    return None;
                }
                Kind::Bad => {
                    build.broken = true;
                    self.advance();
                }
                _ => break,
            }
            build.at.end = token.at.end.max(build.at.end);
        }
        self.built(build)
    }

    /// Checks that what was gathered is a command.
    fn built(&mut self, build: Build) -> Option<Command> {
        let Build { assignments, words, redirects, at, broken } = build;
        if broken {
            return None;
        }
        if words.is_empty() && assignments.is_empty() && redirects.is_empty() {
            self.expected_command();
            return None;
        }
        let first_word = words.first().map_or(usize::MAX, |w| w.at.start);
        if let Some(redirect) = redirects.first().filter(|r| r.at.start < first_word) {
            self.error(
                "step::redirect-first",
                format!("'{}' needs a command before it", redirect.kind.token()),
                "write COMMAND … > FILE; to make an empty file: true > FILE",
                redirect.at,
                "stands before the command",
            );
            return None;
        }
        Some(Command { assignments, words, redirects, at })
    }

    fn expected_command(&mut self) {
        let token = self.peek(true);
        let (found, at) = match token.kind {
            Kind::Newline => ("the line ends", token.at),
            Kind::End => ("the script ends", token.at),
            Kind::Close => ("')' stands", token.at),
            Kind::Semi => ("';' stands", token.at),
            _ => ("an operator stands", token.at),
        };
        let at = if at.start == at.end || matches!(token.kind, Kind::Newline) {
            At::new(at.start.saturating_sub(1), at.start)
        } else {
            at
        };
        self.error(
            "step::expected-command",
            format!("{found} where a command was expected"),
            "a statement is COMMAND, COMMAND && COMMAND, COMMAND || COMMAND or COMMAND | COMMAND, on one line",
            at,
            "a command is missing here",
        );
    }

    fn redirect(&mut self, kind: RedirectKind, at: At, build: &mut Build) {
        if !kind.takes_file() {
            build.redirects.push(Redirect { kind, file: None, at });
            return;
        }
        let next = self.peek(false);
        let Kind::Word { word, .. } = next.kind else {
            build.broken = true;
            self.error(
                "step::redirect-target",
                format!("'{}' needs a file", kind.token()),
                "write the file's name after it",
                at,
                "no file follows",
            );
            return;
        };
        self.advance();
        let at = At::new(at.start, next.at.end);
        build.at.end = at.end;
        build.redirects.push(Redirect { kind, file: Some(word), at });
    }

    /// False if the word in the place of a command is a keyword of sh: reported and skipped.
    fn first_word(&mut self, name: &str, at: At) -> bool {
        if let Some(instead) = sh::builtin(name) {
            self.lexer.report(
                Diag::error(
                    "step::unsupported",
                    format!("'{name}' is a builtin of sh that does not exist here"),
                )
                .help(instead),
                at,
                "not in the step language",
            );
            return true;
        }
        let Some(block) = sh::keyword(name) else { return true };
        self.lexer.report(block.diag(name), at, "not in the step language");
        self.advance();
        match block.closer {
            "" => {}
            "]]" => self.lexer.at = self.lexer.line_end(),
            closer => self.skip_block(closer),
        }
        false
    }
}

/// A command in the making.
struct Build {
    assignments: Vec<Assignment>,
    words: Vec<Word>,
    redirects: Vec<Redirect>,
    at: At,
    broken: bool,
}

impl Build {
    fn new(at: At) -> Build {
        let at = At::new(at.start, at.start);
        Build { assignments: Vec::new(), words: Vec::new(), redirects: Vec::new(), at, broken: false }
    }
}

fn text_of(word: &Word) -> String {
    word.literal().unwrap_or_default()
}

#[cfg(test)]
mod tests;
