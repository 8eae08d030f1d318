//! The plan as files and pictures. Every function gives the same bytes for the same plan.

mod checks;
mod dispatch;
mod dot;
mod graph;
mod json;
mod markdown;
mod mermaid;
mod svg;
mod trace;

pub use checks::check_normalization;
pub use dispatch::dispatch_plan;
pub use graph::{GraphFormat, Statuses, graph};
pub use json::{dispatch_document, dispatch_json, graph_document, settings};
pub use trace::trace_matrix;

#[cfg(test)]
mod tests;
