//! One word of a command line.

use std::ops::Range;

use super::parse::{Doubt, Parser};

/// A word: where it stands and what the shell will make of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Word {
    /// Its bytes in the line.
    pub(in crate::plan) span: Range<usize>,
    /// Its value with quotes removed; `None` if a parameter or a command is expanded in it.
    pub(in crate::plan) text: Option<String>,
    /// The shell may replace it by names of files, or by several words.
    pub(in crate::plan) unstable: bool,
    /// Some of it is quoted, so it is no keyword and no assignment.
    pub(in crate::plan) quoted: bool,
}

impl Word {
    /// Its value, if it is that and nothing else whatever the shell finds.
    pub(in crate::plan) fn fixed(&self) -> Option<&str> {
        if self.unstable { None } else { self.text.as_deref() }
    }
}

/// A word while it is read.
#[derive(Default)]
struct Draft {
    text: String,
    expands: bool,
    unstable: bool,
    quoted: bool,
}

const ENDS: &[u8] = b" \t\n;&|<>()";

impl Parser<'_> {
    /// Reads the word that begins here.
    pub(super) fn word(&mut self) -> Result<Word, Doubt> {
        let start = self.at;
        let mut draft = Draft::default();
        while let Some(c) = self.peek().filter(|c| !c.is_ascii() || !ENDS.contains(&(*c as u8))) {
            match c {
                '\'' => self.single_quoted(&mut draft)?,
                '"' => self.double_quoted(&mut draft)?,
                '$' => self.expansion(&mut draft, false)?,
                '`' => return Err(Doubt::at(self, "a command in backticks")),
                '\\' => self.escaped(&mut draft)?,
                _ => self.plain(&mut draft, c, start),
            }
        }
        Ok(Word {
            span: start..self.at,
            text: (!draft.expands).then_some(draft.text),
            unstable: draft.unstable,
            quoted: draft.quoted,
        })
    }

    fn plain(&mut self, draft: &mut Draft, c: char, start: usize) {
        let braces = c == '{' && !self.rest().starts_with("{}") && !self.alone();
        draft.unstable |= matches!(c, '*' | '?' | '[') || (c == '~' && self.at == start) || braces;
        draft.text.push(c);
        self.bump(c);
    }

    /// True if the character here is a word by itself.
    fn alone(&self) -> bool {
        let before = self.text.get(..self.at).and_then(|t| t.bytes().last());
        let after = self.rest().as_bytes().get(1).copied();
        [before, after].iter().all(|b| b.is_none_or(|b| ENDS.contains(&b)))
    }

    fn escaped(&mut self, draft: &mut Draft) -> Result<(), Doubt> {
        self.bump('\\');
        let c = self.peek().ok_or_else(|| Doubt::at(self, "a backslash at the end"))?;
        self.bump(c);
        if c != '\n' {
            draft.text.push(c);
            draft.quoted = true;
        }
        Ok(())
    }

    fn single_quoted(&mut self, draft: &mut Draft) -> Result<(), Doubt> {
        self.bump('\'');
        let end = self.rest().find('\'').ok_or_else(|| Doubt::at(self, "a quote that is not closed"))?;
        draft.text.push_str(self.rest().get(..end).unwrap_or_default());
        draft.quoted = true;
        self.at += end + 1;
        Ok(())
    }

    fn double_quoted(&mut self, draft: &mut Draft) -> Result<(), Doubt> {
        self.bump('"');
        draft.quoted = true;
        loop {
            let c = self.peek().ok_or_else(|| Doubt::at(self, "a quote that is not closed"))?;
            match c {
                '"' => {
                    self.bump(c);
                    return Ok(());
                }
                '$' => self.expansion(draft, true)?,
                '`' => return Err(Doubt::at(self, "a command in backticks")),
                '\\' => {
                    self.bump(c);
                    let next = self.peek().ok_or_else(|| Doubt::at(self, "a quote that is not closed"))?;
                    self.bump(next);
                    if !matches!(next, '$' | '`' | '"' | '\\' | '\n') {
                        draft.text.push('\\');
                    }
                    if next != '\n' {
                        draft.text.push(next);
                    }
                }
                c => {
                    draft.text.push(c);
                    self.bump(c);
                }
            }
        }
    }

    /// What begins with `$`.
    fn expansion(&mut self, draft: &mut Draft, quoted: bool) -> Result<(), Doubt> {
        let rest = self.rest().get(1..).unwrap_or_default();
        let len = match rest.chars().next() {
            Some('(') if rest.starts_with("((") => return Err(Doubt::at(self, "arithmetic")),
            Some('(') => {
                self.at += 2;
                self.substitution()?;
                0
            }
            Some('{') => self.braced_parameter(rest)?,
            Some('\'' | '"') if !quoted => return Err(Doubt::at(self, "a quote of bash")),
            Some('?' | '$' | '!' | '#' | '@' | '*' | '-') => 2,
            Some(c) if c.is_ascii_digit() => 2,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                1 + name
            }
            _ => {
                draft.text.push('$');
                self.bump('$');
                return Ok(());
            }
        };
        self.at += len;
        draft.expands = true;
        draft.unstable |= !quoted;
        Ok(())
    }

    /// The length of `${…}`, where it holds nothing that has a syntax of its own.
    fn braced_parameter(&self, rest: &str) -> Result<usize, Doubt> {
        let end = rest.find('}').ok_or_else(|| Doubt::at(self, "'${' that is not closed"))?;
        let inside = rest.get(1..end).unwrap_or_default();
        if inside.contains(['\'', '"', '`', '$', '\\', '{', '\n']) {
            return Err(Doubt::at(self, "a nested expansion"));
        }
        Ok(end + 2)
    }
}
