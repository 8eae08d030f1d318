//! Path patterns as bundles and audit.kdl write them: how they are read, what they
//! match, and whether two of them can match one path.
//!
//! A pattern is anchored at the repository's root and matches whole paths:
//!
//! | written | matches |
//! |---|---|
//! | `src/a` | that path alone, be it a file, a link or a submodule; not what lies below |
//! | `src/` | everything below `src`, as `src/**` does |
//! | `*`, `?` | any characters, one character; never `/` |
//! | `[a-z]`, `[!a-z]` | one character that is, or is not, in the class; never `/` |
//! | `**` as a whole component | any number of directories; at the end, anything below |
//! | `{a,b}` | either, nested at will; written out before anything else is looked at |
//! | `\x` | the character `x` itself |
//! | `!pattern` | takes away from what the other patterns of its list match |
//!
//! Letter case counts. A character is a Unicode scalar value or, in a name that is
//! not UTF-8, a byte. A leading `./` and doubled slashes mean nothing and are accepted.

mod automaton;
mod index;
mod lex;
mod parse;
mod pattern;
mod set;
mod token;

pub use index::PatternIndex;
pub use pattern::{Pattern, PatternError};
pub use set::PatternSet;

#[cfg(test)]
mod tests;
