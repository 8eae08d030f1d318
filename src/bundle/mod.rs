//! The audit bundle: state.md, graph.md and prompts/, parsed into one typed value in
//! which every piece still knows where it was written. Pure: bytes come in.

mod blocks;
mod checks;
mod cite;
mod decode;
mod graph;
mod heading;
mod join;
mod mapping;
mod model;
mod node;
mod own;
mod parse;
mod prompt;
mod read;
mod record;
mod resolve;
mod sections;
mod state;
mod table;
mod text;
mod trace;
mod value;
mod yaml;

pub use model::*;
pub use parse::parse;
pub use resolve::move_question;

#[cfg(test)]
mod tests;
