//! To come.

pub mod breaker;
