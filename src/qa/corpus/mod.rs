//! The audit corpus: what an audit knows, in one model whatever it was read from.

pub mod model;

pub use model::*;
