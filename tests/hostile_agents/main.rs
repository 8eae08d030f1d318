//! Hostile agents, at least one for each threat that SECURITY.md answers, with the sandbox on
//! and off: the run ends with a documented code, nothing of the operator's has changed
//! (or, without a sandbox, the change is found and the node fails), nothing unjudged is on
//! the branch, nobody is left alive, and the verdict says what happened.

#![cfg(target_os = "linux")]
#![allow(clippy::print_stderr, clippy::unwrap_used, clippy::panic)]

mod absent;
mod bundle;
mod detection;
mod files;
mod git;
#[path = "../support/mounts.rs"]
mod mounts;
mod places;
mod processes;
mod reads;
mod secrets;
mod shown;
mod steps;
mod world;
mod writes;
