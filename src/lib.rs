//! auditrun: carries out an audit bundle with coding agents and proves the result.
//!
//! The modules are layers, lowest first. A module may import only from those
//! above it in this list; `tests/layers.rs` reads the imports and holds them to it.

pub mod agent;
pub mod base;
pub mod bundle;
pub mod cli;
pub mod config;
pub mod diag;
pub mod event;
pub mod files;
pub mod gate;
pub mod git;
pub mod journal;
pub mod lane;
pub mod plan;
pub mod process;
pub mod proof;
pub mod report;
pub mod run;
pub mod step;
pub mod ui;
