//! auditrun: carries out an audit bundle with coding agents and proves the result.
//!
//! The modules are layers, lowest first. A module may import only from those
//! above it in this list; `tests/layers.rs` reads the imports and holds them to it.

#[cfg(not(unix))]
compile_error!("auditrun needs a Unix system: Linux, macOS or a BSD");

pub mod base;
pub mod diag;
pub mod step;
pub mod config;
pub mod bundle;
pub mod event;
pub mod plan;
pub mod files;
pub mod process;
pub mod net;
pub mod git;
pub mod agent;
pub mod journal;
pub mod lane;
// Beside what carries out a bundle, and below it: `run` may fire notifications, while targets
// know nothing of runs.
pub mod target;
pub mod gate;
pub mod control;
pub mod run;
pub mod proof;
pub mod report;
pub mod progress;
pub mod stage;
pub mod learn;
pub mod otlp;
pub mod serve;
pub mod dashboard;
pub mod qa;
pub mod ui;
pub mod cli;
