//! Finds the commands of a shell line: pipelines, lists, groups, conditions and loops.

use std::ops::Range;

use super::word::Word;

/// Groups inside of groups that are followed.
const MAX_DEPTH: usize = 32;

/// Words that begin or part compound commands; none is a program.
pub(super) const KEYWORDS: [&str; 19] = [
    "!", "{", "}", "if", "then", "elif", "else", "fi", "while", "until", "do", "done", "for", "in", "case",
    "esac", "select", "function", "coproc",
];

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Command {
    /// From its first word, assignments and redirections included, to its last.
    pub(in crate::plan) span: Range<usize>,
    /// Without assignments and redirections.
    pub(in crate::plan) words: Vec<Word>,
    /// Its redirections: operator (with the number before it) and target.
    pub(in crate::plan) redirects: Vec<Redirect>,
    /// It stands inside `$(…)`: what it prints is read.
    pub(in crate::plan) substituted: bool,
}

/// One redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Redirect {
    pub(in crate::plan) span: Range<usize>,
    /// `>`, `2>`, `>>`, `<` …
    pub(in crate::plan) operator: String,
    pub(in crate::plan) target: Word,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Pipeline {
    /// Where the `!` before it stands.
    pub(in crate::plan) bang: Option<usize>,
    /// Its bytes without the `!`.
    pub(in crate::plan) span: Range<usize>,
    /// For each stage, its index in [`Line::commands`]; `None` for a compound command.
    pub(in crate::plan) stages: Vec<Option<usize>>,
}

/// A line that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::plan) struct Line {
    /// Every simple command, those inside of words and groups included.
    pub(in crate::plan) commands: Vec<Command>,
    pub(in crate::plan) pipelines: Vec<Pipeline>,
}

/// The line can't be read with certainty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Doubt {
    /// What stands in the way, as a noun.
    pub(in crate::plan) because: String,
    /// What was read before it.
    pub(in crate::plan) before: Line,
}

impl Doubt {
    pub(super) fn at(parser: &Parser<'_>, because: impl Into<String>) -> Doubt {
        Doubt { because: because.into(), before: parser.line.clone() }
    }
}

/// Reads a whole line.
pub(in crate::plan) fn parse(text: &str) -> Result<Line, Doubt> {
    let mut parser = Parser { text, at: 0, line: Line::default(), depth: 0, substituted: false };
    parser.list(&[])?;
    Ok(parser.line)
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    line: Line,
    depth: usize,
    substituted: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self, c: char) {
        self.at += c.len_utf8();
    }

    fn doubt<T>(&self, because: impl Into<String>) -> Result<T, Doubt> {
        Err(Doubt::at(self, because))
    }

    /// Blanks, continued lines and, before a word, a comment.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t']) {
                self.at += 1;
            } else if rest.starts_with("\\\n") {
                self.at += 2;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn skip_lines(&mut self) {
        self.skip_blanks();
        while self.rest().starts_with('\n') {
            self.at += 1;
            self.skip_blanks();
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// The keyword that stands here as a word by itself.
    fn keyword(&self) -> Option<&'static str> {
        let rest = self.rest();
        let end = rest.find([' ', '\t', '\n', ';', '&', '|', '<', '>', '(', ')']).unwrap_or(rest.len());
        KEYWORDS.into_iter().find(|k| rest.get(..end) == Some(k))
    }

    /// Commands up to one of `until`, which is consumed and returned; with none, up to the end.
    fn list(&mut self, until: &[&'static str]) -> Result<&'static str, Doubt> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.doubt("deep nesting");
        }
        loop {
            self.skip_lines();
            if let Some(end) = self.closer(until)? {
                self.depth -= 1;
                return Ok(end);
            }
            self.pipeline()?;
            self.separator()?;
        }
    }

    fn closer(&mut self, until: &[&'static str]) -> Result<Option<&'static str>, Doubt> {
        if self.rest().is_empty() {
            return if until.is_empty() { Ok(Some("")) } else { self.doubt("a group that is not closed") };
        }
        let here = if self.rest().starts_with(')') { Some(")") } else { self.keyword() };
        match here {
            Some(word) if until.contains(&word) => {
                self.at += word.len();
                Ok(Some(word))
            }
            Some(word @ (")" | "}" | "then" | "elif" | "else" | "fi" | "do" | "done" | "esac" | "in")) => {
                self.doubt(format!("a '{word}' out of place"))
            }
            _ => Ok(None),
        }
    }

    /// What parts two pipelines. Nothing is needed before the end or a `)`.
    fn separator(&mut self) -> Result<(), Doubt> {
        self.skip_blanks();
        if self.eat("&&") || self.eat("||") {
            self.skip_lines();
            let ends = self.rest().is_empty() || self.rest().starts_with(')');
            return if ends { self.doubt("an operator without a command after it") } else { Ok(()) };
        }
        if self.rest().starts_with(";;") {
            return self.doubt("a 'case'");
        }
        if self.eat(";") || self.eat("&") || self.rest().is_empty() || self.rest().starts_with(['\n', ')']) {
            return Ok(());
        }
        self.doubt("a word after the end of a group")
    }

    fn pipeline(&mut self) -> Result<(), Doubt> {
        let mut bang = None;
        if self.keyword() == Some("!") {
            bang = Some(self.at);
            self.at += 1;
            self.skip_blanks();
        }
        let start = self.at;
        let mut stages = Vec::new();
        loop {
            stages.push(self.stage()?);
            let end = self.at;
            self.skip_blanks();
            if !self.rest().starts_with('|') || self.rest().starts_with("||") {
                self.at = end;
                break;
            }
            self.at += 1;
            if self.rest().starts_with('&') {
                return self.doubt("a pipe of bash");
            }
            self.skip_lines();
        }
        self.line.pipelines.push(Pipeline { bang, span: start..self.at, stages });
        Ok(())
    }

    fn stage(&mut self) -> Result<Option<usize>, Doubt> {
        match self.keyword() {
            Some("!") => return self.doubt("a doubled '!'"),
            Some("{") => {
                self.at += 1;
                self.list(&["}"])?;
            }
            Some("if") => self.condition()?,
            Some(word @ ("while" | "until")) => {
                self.at += word.len();
                self.list(&["do"])?;
                self.list(&["done"])?;
            }
            Some("for") => self.for_loop()?,
            Some(word) => return self.doubt(format!("a '{word}'")),
            None if self.rest().starts_with("((") => return self.doubt("arithmetic"),
            None if self.eat("(") => _ = self.list(&[")"])?,
            None => return self.simple().map(Some),
        }
        self.redirects_of_group()?;
        Ok(None)
    }

    fn condition(&mut self) -> Result<(), Doubt> {
        self.at += "if".len();
        self.list(&["then"])?;
        loop {
            match self.list(&["elif", "else", "fi"])? {
                "elif" => _ = self.list(&["then"])?,
                "else" => return self.list(&["fi"]).map(|_| ()),
                _ => return Ok(()),
            }
        }
    }

    fn for_loop(&mut self) -> Result<(), Doubt> {
        self.at += "for".len();
        self.skip_blanks();
        self.word()?;
        self.skip_lines();
        if self.keyword() == Some("in") {
            self.at += "in".len();
            self.skip_blanks();
            while !self.rest().is_empty() && !self.rest().starts_with([';', '\n']) {
                let before = self.at;
                self.word()?;
                if self.at == before {
                    return self.doubt("a 'for' that is not understood");
                }
                self.skip_blanks();
            }
        }
        _ = self.eat(";");
        self.skip_lines();
        if self.keyword() != Some("do") {
            return self.doubt("a 'for' without its 'do'");
        }
        self.at += "do".len();
        self.list(&["done"]).map(|_| ())
    }

    /// The commands of `$(…)`, up to its `)`.
    pub(super) fn substitution(&mut self) -> Result<(), Doubt> {
        let outer = std::mem::replace(&mut self.substituted, true);
        self.list(&[")"])?;
        self.substituted = outer;
        Ok(())
    }

    fn redirects_of_group(&mut self) -> Result<(), Doubt> {
        loop {
            let end = self.at;
            self.skip_blanks();
            if self.redirect()?.is_none() {
                self.at = end;
                return Ok(());
            }
        }
    }

    fn simple(&mut self) -> Result<usize, Doubt> {
        let start = self.at;
        let mut end = start;
        let (mut words, mut redirects): (Vec<Word>, Vec<Redirect>) = (Vec::new(), Vec::new());
        loop {
            self.skip_blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
            } else if self.rest().starts_with('(') {
                return self.doubt("a function");
            } else {
                let word = self.word()?;
                if word.span.is_empty() {
                    break;
                }
                if !(words.is_empty() && self.is_assignment(&word)) {
                    words.push(word);
                }
            }
            end = self.at;
        }
        self.at = end;
        if start == end {
            return self.doubt("a missing command");
        }
        if words.first().is_some_and(|w| w.text.as_deref() == Some("[[")) {
            return self.doubt("a '[['");
        }
        self.line.commands.push(Command {
            span: start..end,
            words,
            redirects,
            substituted: self.substituted,
        });
        Ok(self.line.commands.len() - 1)
    }

    fn is_assignment(&self, word: &Word) -> bool {
        let raw = self.text.get(word.span.clone()).unwrap_or_default();
        raw.split_once('=').is_some_and(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    }

    fn redirect(&mut self) -> Result<Option<Redirect>, Doubt> {
        let start = self.at;
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let operator = rest.get(digits..).unwrap_or_default();
        let Some(sign) =
            [">>", ">&", "<&", ">|", "<>", "<<", ">", "<"].into_iter().find(|s| operator.starts_with(s))
        else {
            return if rest.starts_with("&>") { self.doubt("a redirection of bash") } else { Ok(None) };
        };
        self.at += digits + sign.len();
        if sign == "<<" || self.rest().starts_with('(') {
            return self.doubt("a here-document or a process as a file");
        }
        let operator = self.text.get(start..self.at).unwrap_or_default().to_owned();
        self.skip_blanks();
        let target = self.word()?;
        if target.span.is_empty() {
            return self.doubt("a redirection to nowhere");
        }
        Ok(Some(Redirect { span: start..self.at, operator, target }))
    }
}
