//! The audit bundle: state.md, graph.md and prompts/, parsed into one typed value in
//! which every piece still knows where it was written. Pure: bytes come in.

mod blocks;
mod checks;
mod decode;
mod heading;
mod mapping;
mod model;
mod read;
mod record;
mod sections;
mod state;
mod table;
mod text;
mod value;
mod yaml;

pub use model::*;
