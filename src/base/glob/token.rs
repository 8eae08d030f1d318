//! The tokens of a pattern whose braces are written out, and the sets of symbols that
//! one token can take.

/// A character's code, or for a stray byte of a name that is not UTF-8, the byte
/// beyond the last code.
pub(super) type Symbol = u32;

const STRAY: Symbol = 0x11_0000;
const LAST: Symbol = STRAY + 0xff;
const SLASH: Symbol = '/' as Symbol;

/// What one position of a path may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Symbols {
    /// Exactly this one.
    One([(Symbol, Symbol); 1]),
    /// Everything but `/`.
    Any,
    /// These ranges: ascending, apart, without `/`.
    Ranges(Box<[(Symbol, Symbol)]>),
}

const ANY: [(Symbol, Symbol); 2] = [(0, SLASH - 1), (SLASH + 1, LAST)];

impl Symbols {
    pub(super) fn one(c: char) -> Symbols {
        Symbols::One([(c as Symbol, c as Symbol)])
    }

    pub(super) fn slash() -> Symbols {
        Symbols::one('/')
    }

    /// The set of a class, without `/`; `None` if nothing is left in it.
    pub(super) fn class(listed: &[(char, char)], negated: bool) -> Option<Symbols> {
        let mut listed: Vec<(Symbol, Symbol)> =
            listed.iter().map(|(a, b)| (*a as Symbol, *b as Symbol)).collect();
        if negated {
            listed.push((SLASH, SLASH));
            listed = complement(listed);
        } else {
            listed = intersection(&merged(listed), &ANY);
        }
        match listed.as_slice() {
            [] => None,
            [(a, b)] if a == b => Some(Symbols::One([(*a, *b)])),
            _ => Some(Symbols::Ranges(listed.into())),
        }
    }

    pub(super) fn ranges(&self) -> &[(Symbol, Symbol)] {
        match self {
            Symbols::One(range) => range,
            Symbols::Any => &ANY,
            Symbols::Ranges(ranges) => ranges,
        }
    }

    pub(super) fn contains(&self, symbol: Symbol) -> bool {
        self.ranges().iter().any(|(a, b)| (*a..=*b).contains(&symbol))
    }

    /// True if some symbol is in both.
    pub(super) fn meets(&self, other: &Symbols) -> bool {
        let others = other.ranges();
        self.ranges().iter().any(|(a, b)| others.iter().any(|(c, d)| a <= d && c <= b))
    }

    /// The only character in it, if there is only one.
    pub(super) fn only(&self) -> Option<char> {
        match self {
            Symbols::One([(c, _)]) => char::from_u32(*c),
            _ => None,
        }
    }

    /// The ranges if all lie in ASCII, where a byte is a character.
    pub(super) fn ascii(&self) -> Option<Vec<(char, char)>> {
        self.ranges()
            .iter()
            .map(|(a, b)| {
                let in_ascii = *b < 0x80;
                in_ascii.then(|| Some((char::from_u32(*a)?, char::from_u32(*b)?))).flatten()
            })
            .collect()
    }
}

fn merged(mut ranges: Vec<(Symbol, Symbol)>) -> Vec<(Symbol, Symbol)> {
    ranges.sort_unstable();
    let mut out: Vec<(Symbol, Symbol)> = Vec::new();
    for (a, b) in ranges {
        match out.last_mut() {
            Some(last) if a <= last.1.saturating_add(1) => last.1 = last.1.max(b),
            _ => out.push((a, b)),
        }
    }
    out
}

fn complement(ranges: Vec<(Symbol, Symbol)>) -> Vec<(Symbol, Symbol)> {
    let mut out = Vec::new();
    let mut next = 0;
    for (a, b) in merged(ranges) {
        if a > next {
            out.push((next, a - 1));
        }
        next = b + 1;
    }
    if next <= LAST {
        out.push((next, LAST));
    }
    out
}

/// What two sets have in common.
pub(super) fn intersection(a: &[(Symbol, Symbol)], b: &[(Symbol, Symbol)]) -> Vec<(Symbol, Symbol)> {
    let mut out = Vec::new();
    for (a1, a2) in a {
        for (b1, b2) in b {
            let common = (*a1.max(b1), *a2.min(b2));
            if common.0 <= common.1 {
                out.push(common);
            }
        }
    }
    out
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// One symbol; `/` only as a literal.
    Take(Symbols),
    /// Any number of symbols that are not `/`.
    Star,
    /// Any number of whole components, each with the slash after it.
    Dirs,
}

impl Token {
    /// The only character that it takes.
    fn only(&self) -> Option<char> {
        match self {
            Token::Take(symbols) => symbols.only(),
            _ => None,
        }
    }
}

/// One spelling of a pattern after its braces are written out. Never empty, and every
/// component of what it matches holds at least one character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flat(pub(super) Box<[Token]>);

impl Flat {
    /// The one path that it matches, if it holds no wildcard.
    pub(super) fn literal(&self) -> Option<String> {
        self.0.iter().map(Token::only).collect()
    }

    /// The leading whole components without a wildcard (all of them, if there is none).
    pub(super) fn literal_prefix(&self) -> String {
        let text: String = self.0.iter().map_while(Token::only).collect();
        if text.chars().count() == self.0.len() {
            return text;
        }
        text.rfind('/').map(|i| text[..i].to_owned()).unwrap_or_default()
    }

    /// The last component, if it holds no wildcard.
    pub(super) fn literal_end(&self) -> Option<String> {
        let slash = Token::Take(Symbols::slash());
        let from_end = self.0.iter().rev().take_while(|t| **t != Token::Dirs && **t != slash);
        let mut last: Vec<char> = from_end.map(Token::only).collect::<Option<_>>()?;
        last.reverse();
        Some(last.into_iter().collect())
    }

    /// The pattern in globset's language, where that says exactly the same: there a
    /// character is a byte, so what can take a character beyond ASCII stays out.
    pub(super) fn globset(&self) -> Option<String> {
        let mut out = String::new();
        let tokens = &self.0;
        for (i, token) in tokens.iter().enumerate() {
            match token {
                Token::Star => out.push('*'),
                Token::Dirs => out.push_str("**/"),
                Token::Take(Symbols::Any) if whole_star(tokens, i) => {}
                Token::Take(symbols) => match symbols.only() {
                    Some(c) => push_literal(&mut out, c),
                    None => push_class(&mut out, &symbols.ascii()?)?,
                },
            }
        }
        Some(out)
    }
}

/// True if `tokens[i]` and the next are the two halves of a component `*`.
fn whole_star(tokens: &[Token], i: usize) -> bool {
    let edge = |t: Option<&Token>| match t {
        None | Some(Token::Dirs) => true,
        Some(t) => *t == Token::Take(Symbols::slash()),
    };
    let before = i.checked_sub(1).and_then(|i| tokens.get(i));
    edge(before) && tokens.get(i + 1) == Some(&Token::Star) && edge(tokens.get(i + 2))
}

fn push_literal(out: &mut String, c: char) {
    if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\' | '!' | ',') {
        out.push('\\');
    }
    out.push(c);
}

fn push_class(out: &mut String, ranges: &[(char, char)]) -> Option<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if !ranges.iter().all(|(a, b)| plain(*a) && plain(*b)) {
        return None;
    }
    out.push('[');
    for (a, b) in ranges {
        out.push(*a);
        out.push('-');
        out.push(*b);
    }
    out.push(']');
    Some(())
}

/// The symbols of a path's bytes.
pub(super) fn symbols(bytes: &[u8]) -> Vec<Symbol> {
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.extend(chunk.valid().chars().map(|c| c as Symbol));
        out.extend(chunk.invalid().iter().map(|b| STRAY + Symbol::from(*b)));
    }
    out
}
