//! From a pattern's text to its spellings without braces, each held to the rules of
//! where a pattern may point.

use super::lex::{Lexeme, lex, syntax};
use super::pattern::PatternError;
use super::token::{Flat, Symbols, Token};

/// Longest text of a pattern: no path is longer.
const MAX_BYTES: usize = 4096;
/// Most spellings that the braces of one pattern may stand for.
const MAX_SPELLINGS: usize = 256;
/// Deepest nesting of braces.
const MAX_DEPTH: usize = 16;

/// Reads a pattern without its `!`.
pub(super) fn parse(text: &str) -> Result<Vec<Flat>, PatternError> {
    if text.is_empty() {
        return Err(PatternError::Empty);
    }
    if text.len() > MAX_BYTES {
        return Err(syntax(format!("a pattern has at most {MAX_BYTES} bytes; this one has {}", text.len())));
    }
    if has_drive(text) {
        return Err(PatternError::Absolute);
    }
    let lexemes = lex(text)?;
    let mut rest = lexemes.as_slice();
    let mut flats: Vec<Flat> = Vec::new();
    for spelling in spellings(&mut rest, 0)? {
        let flat = flat(&spelling)?;
        if !flats.contains(&flat) {
            flats.push(flat);
        }
    }
    Ok(flats)
}

fn has_drive(text: &str) -> bool {
    let b = text.as_bytes();
    matches!(b, [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic())
}

/// Writes out the braces of a sequence, up to the `,` or `}` that ends it.
fn spellings(rest: &mut &[Lexeme], depth: usize) -> Result<Vec<Vec<Lexeme>>, PatternError> {
    let mut all: Vec<Vec<Lexeme>> = vec![Vec::new()];
    while let Some((first, tail)) = rest.split_first() {
        match first {
            Lexeme::Comma | Lexeme::Close => break,
            Lexeme::Open => {
                *rest = tail;
                let choices = alternatives(rest, depth + 1)?;
                if all.len() * choices.len() > MAX_SPELLINGS {
                    return Err(too_many());
                }
                all = all
                    .iter()
                    .flat_map(|a| choices.iter().map(move |c| [a.as_slice(), c].concat()))
                    .collect();
            }
            other => {
                all.iter_mut().for_each(|a| a.push(other.clone()));
                *rest = tail;
            }
        }
    }
    Ok(all)
}

/// The choices of a brace after its `{`, up to and with its `}`.
fn alternatives(rest: &mut &[Lexeme], depth: usize) -> Result<Vec<Vec<Lexeme>>, PatternError> {
    if depth > MAX_DEPTH {
        return Err(syntax(format!("braces nest at most {MAX_DEPTH} deep")));
    }
    let mut all = Vec::new();
    loop {
        all.extend(spellings(rest, depth)?);
        if all.len() > MAX_SPELLINGS {
            return Err(too_many());
        }
        let Some((end, tail)) = rest.split_first() else { return Ok(all) };
        *rest = tail;
        if *end == Lexeme::Close {
            return Ok(all);
        }
    }
}

fn too_many() -> PatternError {
    syntax(format!("its braces stand for more than {MAX_SPELLINGS} patterns; write fewer, wider ones"))
}

/// One component of a pattern.
enum Part {
    /// `**`.
    Dirs,
    Plain(Vec<Token>),
}

fn flat(spelling: &[Lexeme]) -> Result<Flat, PatternError> {
    if spelling.is_empty() {
        return Err(PatternError::Empty);
    }
    if spelling.first() == Some(&Lexeme::Slash) {
        return Err(PatternError::Absolute);
    }
    let mut parts: Vec<Part> =
        spelling.split(|l| *l == Lexeme::Slash).filter(|c| !c.is_empty()).map(part).collect();
    if spelling.last() == Some(&Lexeme::Slash) {
        parts.push(Part::Dirs);
    }
    if parts.len() > 1 && parts.first().and_then(name).as_deref() == Some(".") {
        parts.remove(0);
    }
    parts.iter().try_for_each(allowed)?;
    Ok(Flat(tokens(parts).into()))
}

fn part(lexemes: &[Lexeme]) -> Part {
    if lexemes == [Lexeme::Star, Lexeme::Star] {
        return Part::Dirs;
    }
    let mut out = Vec::new();
    for lexeme in lexemes {
        match lexeme {
            Lexeme::Take(symbols) => out.push(Token::Take(symbols.clone())),
            _ if out.last() == Some(&Token::Star) => {}
            _ => out.push(Token::Star),
        }
    }
    // A component is never empty, so a lone `*` takes one character at least.
    if out == [Token::Star] {
        out.insert(0, Token::Take(Symbols::Any));
    }
    Part::Plain(out)
}

/// The component's text, if it holds no wildcard.
fn name(part: &Part) -> Option<String> {
    match part {
        Part::Dirs => None,
        Part::Plain(tokens) => Flat(tokens.clone().into()).literal(),
    }
}

fn allowed(part: &Part) -> Result<(), PatternError> {
    match name(part).as_deref() {
        Some("..") => Err(PatternError::Escapes),
        Some(".") => Err(PatternError::Dot),
        Some(name) if name.eq_ignore_ascii_case(".git") => Err(PatternError::GitDir),
        _ => Ok(()),
    }
}

/// Joins components; a `**` carries the slash after it, and one at the end also a last
/// component, since something must lie below.
fn tokens(parts: Vec<Part>) -> Vec<Token> {
    let mut out = Vec::new();
    let last = parts.len().saturating_sub(1);
    for (i, part) in parts.into_iter().enumerate() {
        match part {
            Part::Dirs => {
                if out.last() != Some(&Token::Dirs) {
                    out.push(Token::Dirs);
                }
                if i == last {
                    out.extend([Token::Take(Symbols::Any), Token::Star]);
                }
            }
            Part::Plain(tokens) => {
                out.extend(tokens);
                if i != last {
                    out.push(Token::Take(Symbols::slash()));
                }
            }
        }
    }
    out
}
