//! The subcommands, a file each.

pub mod check;
pub mod clean;
pub mod config;
pub mod dashboard;
pub mod db;
pub mod demo;
pub mod explain;
pub mod fmt;
pub mod gate;
pub mod graph;
pub mod init;
pub mod learn;
pub mod list;
pub mod man;
pub mod preflight;
pub mod qa;
pub mod report;
pub mod resume;
pub mod run;
pub mod shell;
pub mod status;
pub mod targets;
pub mod verify;
