//! The characters of a pattern told apart: what is meant literally and what is syntax.

use super::pattern::PatternError;
use super::token::Symbols;

/// One piece of a pattern's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// A literal character, a class or `?`.
    Take(Symbols),
    Star,
    Slash,
    Open,
    Comma,
    Close,
}

/// Splits `text` into lexemes. A comma outside of braces is literal.
pub(super) fn lex(text: &str) -> Result<Vec<Lexeme>, PatternError> {
    let mut out = Vec::new();
    let mut depth = 0usize;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\0' => return Err(syntax("no path holds a NUL character")),
            '\\' => match chars.next() {
                Some('/') => Lexeme::Slash,
                Some(c) => Lexeme::Take(Symbols::one(c)),
                None => return Err(syntax("nothing follows the '\\' at the end")),
            },
            '/' => Lexeme::Slash,
            '*' => Lexeme::Star,
            '?' => Lexeme::Take(Symbols::Any),
            '[' => Lexeme::Take(class(&mut chars)?),
            '{' => {
                depth += 1;
                Lexeme::Open
            }
            '}' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| syntax("'}' has no '{' before it; write '\\}' for the character"))?;
                Lexeme::Close
            }
            ',' if depth > 0 => Lexeme::Comma,
            c => Lexeme::Take(Symbols::one(c)),
        });
    }
    if depth > 0 {
        return Err(syntax("'{' has no '}' after it; write '\\{' for the character"));
    }
    Ok(out)
}

pub(super) fn syntax(text: impl Into<String>) -> PatternError {
    PatternError::Syntax(text.into())
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// The rest of a class after its `[`.
fn class(chars: &mut Chars<'_>) -> Result<Symbols, PatternError> {
    let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
    let mut listed: Vec<(char, char)> = Vec::new();
    loop {
        let (c, escaped) = class_char(chars)?;
        match c {
            ']' if !escaped && !listed.is_empty() => break,
            '[' if !escaped && chars.peek() == Some(&':') => {
                return Err(syntax(
                    "named classes like [:alpha:] are not known; write the range, like [a-z]",
                ));
            }
            c => listed.push((c, range_end(c, chars)?)),
        }
    }
    Symbols::class(&listed, negated)
        .ok_or_else(|| syntax("a class never matches '/', so this one matches nothing"))
}

fn class_char(chars: &mut Chars<'_>) -> Result<(char, bool), PatternError> {
    let open = || syntax("'[' has no ']' after it; write '\\[' for the character");
    match chars.next().ok_or_else(open)? {
        '\\' => Ok((chars.next().ok_or_else(open)?, true)),
        c => Ok((c, false)),
    }
}

/// The last character of a range that begins with `first`; `first` itself if none follows.
fn range_end(first: char, chars: &mut Chars<'_>) -> Result<char, PatternError> {
    let mut ahead = chars.clone();
    if ahead.next() != Some('-') || matches!(ahead.peek(), Some(']') | None) {
        return Ok(first);
    }
    chars.next();
    let (last, _) = class_char(chars)?;
    if last < first {
        return Err(syntax(format!("the range '{first}-{last}' runs backwards")));
    }
    Ok(last)
}
