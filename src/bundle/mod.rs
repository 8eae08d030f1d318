//! The audit bundle: state.md, graph.md and prompts/, parsed into one typed value in
//! which every piece still knows where it was written. Pure: bytes come in.

mod model;

pub use model::*;
