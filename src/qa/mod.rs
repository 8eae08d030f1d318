//! The QA auditor: a corpus of finished work, the forge loop over a report of it, regression,
//! lessons, meta-slices and the review. Roles are agents that share no context.

pub mod corpus;
pub mod lesson;
pub mod schema;
pub mod scope;
