//! Finds the end of constructs that sh has and this language has not, so that each is one
//! error and what follows is read as usual.

use super::{Build, Parser, text_of};
use crate::step::ast::At;
use crate::step::lexer::Kind;
use crate::step::sh;

impl Parser<'_> {
    /// Skips a construct up to the word that ends it, so that its inside gives no further
    /// errors; where there is no such word, the line alone.
    pub(super) fn skip_block(&mut self, closer: &'static str) {
        let after = self.lexer.at;
        let line_end = self.lexer.line_end();
        if !self.lexer.endless {
            let quiet = std::mem::replace(&mut self.lexer.quiet, true);
            let found = self.find_closer(closer);
            self.lexer.quiet = quiet;
            if found {
                return;
            }
            self.lexer.endless = true;
            self.held = None;
        }
        self.lexer.at = after.max(line_end);
    }

    fn find_closer(&mut self, closer: &'static str) -> bool {
        let mut open = vec![closer];
        let mut first = false;
        loop {
            self.advance();
            let token = self.peek(first);
            let word = match token.kind {
                Kind::Word { word, plain: true } => text_of(&word),
                Kind::End => return false,
                kind => {
                    first = !matches!(kind, Kind::Word { .. } | Kind::Assignment { .. } | Kind::Redirect(_));
                    continue;
                }
            };
            let at_command =
                std::mem::replace(&mut first, matches!(&*word, "do" | "then" | "else" | "{" | "!"));
            if !at_command {
                continue;
            }
            if open.last().is_some_and(|c| *c == word) {
                open.pop();
                if open.is_empty() {
                    self.advance();
                    return true;
                }
            } else if let Some(block) = sh::keyword(&word)
                && !matches!(block.closer, "" | "]]")
            {
                open.push(block.closer);
            }
        }
    }

    /// At a `(` inside or at the start of a command.
    pub(super) fn parenthesis(&mut self, at: At, build: &Build) {
        self.advance();
        let function = build.words.len() == 1 && matches!(self.peek(false).kind, Kind::Close);
        let what = if function { sh::FUNCTION } else { sh::SUBSHELL };
        let at = if function { At::new(build.at.start, self.peek(false).at.end) } else { at };
        self.lexer.report(what.diag(), at, "not in the step language");
        if function {
            self.advance();
            if matches!(self.peek(true).kind, Kind::Newline) {
                self.advance();
            }
            if matches!(self.peek(true).kind, Kind::Word { ref word, plain: true } if text_of(word) == "{") {
                self.advance();
                self.skip_block("}");
            }
        } else {
            self.skip_parenthesis();
        }
    }

    /// Behind the `)` that closes it, if there is one; else behind the line.
    fn skip_parenthesis(&mut self) {
        self.held = None;
        let (after, line_end) = (self.lexer.at, self.lexer.line_end());
        if !self.lexer.endless {
            let quiet = std::mem::replace(&mut self.lexer.quiet, true);
            let mut depth = 1;
            while depth > 0 {
                match self.lexer.next(false).kind {
                    Kind::Open => depth += 1,
                    Kind::Close => depth -= 1,
                    Kind::End => break,
                    _ => {}
                }
            }
            self.lexer.quiet = quiet;
            if depth == 0 {
                return;
            }
            self.lexer.endless = true;
        }
        self.lexer.at = after.max(line_end);
    }
}
