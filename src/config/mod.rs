//! audit.kdl: from KDL to raw (as written, spans kept) to resolved (defaults, layers
//! and references applied). Pure: files come in through [`LoadInput`].

mod model;

pub use model::*;
