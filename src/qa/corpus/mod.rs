//! The audit corpus: what an audit knows, in one model whatever it was read from.

mod checkout;
mod commits;
pub mod from_loops;
pub mod gathered;
pub mod intake;
mod journals;
pub mod markdown;
pub mod model;
pub mod place;
pub mod plane;
pub mod plans;
pub mod registry;
pub mod reports;
pub mod results;
mod standalone;

pub use model::*;
