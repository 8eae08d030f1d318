//! The step language: a small shell-like language for recipes and targets. Lexer, parser
//! with recovery, evaluator behind a host trait. Touches no disk, process or clock itself.

pub mod ast;
mod lexer;
mod parser;
mod print;
mod sh;
mod text;
pub mod verbs;

pub use ast::Script;
pub use parser::parse;
pub use text::StepText;
