//! From a bundle and a configuration to the plan that dispatch consumes: hotspot edges,
//! tiers, critical path, effective settings, normalised checks. Pure and deterministic.

mod artifact;
mod model;

pub use artifact::*;
pub use model::*;
