//! The syntax tree of a script. Each piece keeps the bytes of the step text that it was
//! read from; two trees are equal if they mean the same, wherever they stand.

use std::ops::Range;

/// A place in the step text, in bytes. Takes no part in comparisons.
#[derive(Debug, Clone, Copy, Default)]
pub struct At {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl At {
    /// The bytes from `start` to `end`.
    pub fn new(start: usize, end: usize) -> At {
        At { start, end }
    }

    /// The same as a range.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl PartialEq for At {
    fn eq(&self, _: &At) -> bool {
        true
    }
}
impl Eq for At {}

/// A parsed script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// In source order.
    pub statements: Vec<Statement>,
}

/// What joins the pipelines of a statement; one statement has one kind only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `&&`: goes on while they succeed.
    And,
    /// `||`: goes on until one succeeds.
    Or,
}

/// Pipelines joined by one operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// At least one.
    pub pipelines: Vec<Pipeline>,
    /// What joins them; `And` where there is one only.
    pub operator: Operator,
    /// From the first word to the last.
    pub at: At,
}

/// Commands joined by `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// Written with `!`: success and failure change places.
    pub negated: bool,
    /// At least one.
    pub commands: Vec<Command>,
    /// Its place, the `!` included.
    pub at: At,
}

/// A command, or assignments alone (no words, no redirects).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// `NAME=value` before the words.
    pub assignments: Vec<Assignment>,
    /// The command's name and its arguments.
    pub words: Vec<Word>,
    /// In the order written, which is the order in which they apply.
    pub redirects: Vec<Redirect>,
    /// Its place.
    pub at: At,
}

/// `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// A letter or `_`, then letters, digits and `_`.
    pub name: String,
    /// May be empty.
    pub value: Word,
    /// Its place, name and value.
    pub at: At,
}

/// What a redirect does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `> word`
    Out,
    /// `>> word`
    Append,
    /// `< word`
    In,
    /// `2> word`
    Err,
    /// `2>> word`
    ErrAppend,
    /// `&> word`
    Both,
    /// `2>&1`
    ErrToOut,
    /// `>&2`
    OutToErr,
}

impl RedirectKind {
    /// As it is written.
    pub fn token(self) -> &'static str {
        match self {
            RedirectKind::Out => ">",
            RedirectKind::Append => ">>",
            RedirectKind::In => "<",
            RedirectKind::Err => "2>",
            RedirectKind::ErrAppend => "2>>",
            RedirectKind::Both => "&>",
            RedirectKind::ErrToOut => "2>&1",
            RedirectKind::OutToErr => ">&2",
        }
    }

    /// A file name follows it.
    pub fn takes_file(self) -> bool {
        !matches!(self, RedirectKind::ErrToOut | RedirectKind::OutToErr)
    }
}

/// One redirect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// Which.
    pub kind: RedirectKind,
    /// The file; `None` for `2>&1` and `>&2`.
    pub file: Option<Word>,
    /// Its place.
    pub at: At,
}

/// A word: parts that are written without a blank between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Word {
    /// Empty only as the value of an assignment or a default.
    pub parts: Vec<Part>,
    /// Its place.
    pub at: At,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text outside of quotes, or plain text within double quotes; `\` already applied.
    Text(String),
    /// `'…'`
    Single(String),
    /// `"…"`: text, variables and substitutions.
    Double(Vec<Part>),
    /// `$NAME` or `${NAME}`.
    Var(String, At),
    /// `${NAME:-word}`.
    Default(String, Word, At),
    /// `$(statement)`.
    Substitution(Box<Statement>, At),
}

impl Word {
    /// The word's value if nothing in it is expanded.
    pub fn literal(&self) -> Option<String> {
        let mut out = String::new();
        literal_into(&self.parts, &mut out).then_some(out)
    }
}

fn literal_into(parts: &[Part], out: &mut String) -> bool {
    parts.iter().all(|part| match part {
        Part::Text(t) | Part::Single(t) => {
            out.push_str(t);
            true
        }
        Part::Double(inner) => literal_into(inner, out),
        Part::Var(..) | Part::Default(..) | Part::Substitution(..) => false,
    })
}

impl Command {
    /// The literal value of the `n`th word.
    pub fn literal(&self, n: usize) -> Option<String> {
        self.words.get(n)?.literal()
    }
}
