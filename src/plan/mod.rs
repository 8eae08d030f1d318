//! From a bundle and a configuration to the plan that dispatch consumes: hotspot edges,
//! tiers, critical path, effective settings, normalised checks. Pure and deterministic.

mod artifact;
mod cycles;
mod graph;
mod hotspots;
mod invariants;
mod loc;
mod make;
mod model;
mod normalize;
mod overlap;
mod predict;
pub mod render;
mod settings;
mod shell;
mod summary;
mod units;
mod warnings;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use artifact::*;
pub use cycles::cycles;
pub use make::make;
pub use model::*;
pub use normalize::{Normalized, normalize};
pub use predict::{Prediction, prediction};
pub use shell::{Program, programs};
pub use summary::summaries;
