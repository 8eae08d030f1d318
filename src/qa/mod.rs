//! The QA auditor: a corpus of finished work, the forge loop over a report of it, regression,
//! lessons, meta-slices and the review. Roles are agents that share no context.

pub mod corpus;
pub mod lesson;
pub mod effectiveness;
pub mod findings;
pub mod baseline;
pub mod sections;
pub mod reading;
pub mod records;
pub mod evaluate;
pub mod error;
pub mod roles;
pub mod forge;
pub mod desk;
pub mod regression;
pub mod meta;
pub mod archive;
pub mod review;
pub mod to_bundle;
mod audit;
#[cfg(test)]
pub(crate) mod testing;

pub use audit::{AuditRun, Outcome, Settings, audit, new_id};
pub use error::QaError;
pub mod schema;
pub mod scope;
