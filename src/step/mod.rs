//! The step language: a small shell-like language for recipes and targets. Lexer, parser
//! with recovery, evaluator behind a host trait.

/// A parsed script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// In source order.
    pub statements: Vec<()>,
}
