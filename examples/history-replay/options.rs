//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Replays the last commits of a repository as an audit bundle and compares the result.
#[derive(Debug, Parser)]
#[command(name = "history-replay", args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    pub doing: Option<Doing>,
    #[command(flatten)]
    pub run: RunOptions,
}

/// How to replay.
#[derive(Debug, Args)]
pub struct RunOptions {
    /// The repository to read; it is never written
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub repo: PathBuf,
    /// How many commits of HEAD's first-parent history
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub last: usize,
    /// Where to work: a directory that is new or empty (default: a temporary one)
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// At most this many commits at once
    #[arg(short = 'j', long, value_name = "N", default_value_t = 4)]
    pub max_parallel: u32,
    /// Give the commit messages to this agent instead of replaying the commits
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// More of audit.kdl, such as the agent's block with its model
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// A command that must pass after each commit, such as 'cargo test'; can be repeated
    #[arg(long, value_name = "COMMAND")]
    pub check: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Doing {
    /// Plays the agent: writes the files of the node's commit into the current directory
    #[command(hide = true)]
    Agent {
        /// The directory that says which commit a node stands for
        plan: PathBuf,
    },
}
