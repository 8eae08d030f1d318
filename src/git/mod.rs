//! The only place that knows git: one handle on the operator's repository and one on each
//! worktree. The command line builds trees and worktrees and merges, libgit2 serves refs
//! and objects; what libgit2 refuses falls back to the command line. Every call names its
//! directories, ignores the operator's hooks and never writes to their branch, HEAD,
//! index, files or config.

mod admin;
mod astray;
mod capture;
mod changed;
mod checkout;
mod cmd;
mod dead;
mod diff;
mod exclude;
mod export;
mod fresh;
mod guard;
mod history;
mod links;
mod merge;
mod model;
mod objects;
mod obstacles;
mod origin;
mod refs;
mod repo;
mod scan;
mod stall;
mod status;
mod submodules;
mod worktree;

pub use fresh::NewFile;
pub use history::{Dated, History};
pub use model::*;
pub use repo::Repo;
pub use worktree::Worktree;
