//! The step language: a small shell-like language for recipes and targets. Lexer, parser
//! with recovery, evaluator behind a host trait. Touches no disk, process or clock itself.

pub mod ast;
pub mod builtin;
mod check;
pub mod eval;
mod lexer;
mod parser;
mod preview;
mod print;
pub mod recipe;
mod sh;
#[cfg(test)]
pub mod testing;
mod text;
pub mod verbs;
mod walk;

pub use ast::Script;
pub use check::{check_target, unset_variables};
pub use parser::parse;
pub use preview::expanded;
pub use text::StepText;
