//! A syntax tree as text again: reading it back gives the same tree.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{Assignment, Command, Operator, Part, Pipeline, Redirect, Script, Statement, Word};
use super::lexer::{ends_at, in_name};
use super::sh;

impl Display for Script {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.statements.iter().try_for_each(|s| writeln!(f, "{s}"))
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let between = match self.operator {
            Operator::And => " && ",
            Operator::Or => " || ",
        };
        joined(f, &self.pipelines, between)
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negated { "! " } else { "" })?;
        joined(f, &self.commands, " | ")
    }
}

fn joined<T: Display>(f: &mut Formatter<'_>, items: &[T], between: &str) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(i, item)| {
        f.write_str(if i == 0 { "" } else { between })?;
        item.fmt(f)
    })
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        joined(f, &self.assignments, " ")?;
        for (i, word) in self.words.iter().enumerate() {
            f.write_str(if i == 0 && self.assignments.is_empty() { "" } else { " " })?;
            if i == 0 { command_word(f, word)? } else { word.fmt(f)? }
        }
        self.redirects.iter().try_for_each(|r| write!(f, " {r}"))
    }
}

/// The command's name, so written that it is neither a keyword nor an assignment.
fn command_word(f: &mut Formatter<'_>, word: &Word) -> fmt::Result {
    if let [Part::Text(name)] = word.parts.as_slice()
        && (name == "!" || sh::keyword(name).is_some() || sh::builtin(name).is_some())
    {
        return write!(f, "\\{name}");
    }
    if let Some(Part::Text(text)) = word.parts.first() {
        let name = text.split(['=', '+']).next().unwrap_or("");
        let rest = &text[name.len()..];
        if !name.is_empty() && name.chars().all(in_name) && (rest.starts_with('=') || rest.starts_with("+="))
        {
            write!(f, "{name}\\")?;
            f.write_str(&rest[..1])?;
            let mut rest = vec![Part::Text(rest[1..].to_owned())];
            rest.extend(word.parts.iter().skip(1).cloned());
            return bare(f, &rest, false);
        }
    }
    word.fmt(f)
}

impl Display for Assignment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.name)?;
        bare(f, &self.value.parts, true)
    }
}

impl Display for Redirect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.token())?;
        match &self.file {
            Some(file) => write!(f, " {file}"),
            None => Ok(()),
        }
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        bare(f, &self.parts, true)
    }
}

/// Parts outside of double quotes; `start`: at the start of a word.
fn bare(f: &mut Formatter<'_>, parts: &[Part], start: bool) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        match part {
            Part::Text(text) => bare_text(f, text, start && i == 0)?,
            Part::Single(text) => write!(f, "'{text}'")?,
            Part::Double(inner) => quoted(f, inner)?,
            Part::Default(name, word, _) => {
                write!(f, "${{{name}:-")?;
                bare(f, &word.parts, true)?;
                f.write_str("}")?;
            }
            Part::Var(name, _) => variable(f, name, parts.get(i + 1))?,
            Part::Substitution(statement, _) => write!(f, "$({statement})")?,
        }
    }
    Ok(())
}

fn bare_text(f: &mut Formatter<'_>, text: &str, start: bool) -> fmt::Result {
    for (i, c) in text.chars().enumerate() {
        let first = start && i == 0;
        let special = ends_at(c) || matches!(c, '\'' | '"' | '`' | '$' | '\\' | '}');
        if special || first && matches!(c, '~' | '#') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    Ok(())
}

fn quoted(f: &mut Formatter<'_>, parts: &[Part]) -> fmt::Result {
    f.write_char('"')?;
    in_quotes(f, parts)?;
    f.write_char('"')
}

fn in_quotes(f: &mut Formatter<'_>, parts: &[Part]) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        match part {
            Part::Text(text) => quoted_text(f, text)?,
            Part::Double(inner) => quoted(f, inner)?,
            Part::Default(name, word, _) => {
                write!(f, "${{{name}:-")?;
                default_in_quotes(f, &word.parts)?;
                f.write_str("}")?;
            }
            Part::Var(name, _) => variable(f, name, parts.get(i + 1))?,
            Part::Substitution(statement, _) => write!(f, "$({statement})")?,
            Part::Single(text) => f.write_str(text)?,
        }
    }
    Ok(())
}

/// As in quotes, and a `}` does not end it.
fn default_in_quotes(f: &mut Formatter<'_>, parts: &[Part]) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        match part {
            Part::Text(text) => {
                for piece in text.split_inclusive('}') {
                    quoted_text(f, piece.trim_end_matches('}'))?;
                    f.write_str(if piece.ends_with('}') { "\\}" } else { "" })?;
                }
            }
            Part::Var(name, _) => variable(f, name, parts.get(i + 1))?,
            other => in_quotes(f, std::slice::from_ref(other))?,
        }
    }
    Ok(())
}

fn quoted_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    for c in text.chars() {
        if matches!(c, '"' | '`' | '$' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    Ok(())
}

fn variable(f: &mut Formatter<'_>, name: &str, next: Option<&Part>) -> fmt::Result {
    match next {
        Some(Part::Text(text)) if text.starts_with(in_name) => write!(f, "${{{name}}}"),
        _ => write!(f, "${name}"),
    }
}
