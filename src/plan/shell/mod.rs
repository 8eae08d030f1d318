//! The part of the POSIX shell's language that checks are read in: where their commands
//! and words stand. What is not certain is a [`Doubt`], never a guess.

mod parse;
mod programs;
mod word;

pub(super) use parse::{Command, Line, Pipeline, Redirect, parse};
pub use programs::{Program, programs};
pub(super) use word::Word;

#[cfg(test)]
mod tests;
