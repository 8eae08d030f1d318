//! history-replay: carries out the last commits of any git repository once more, as an audit
//! bundle with a node for each commit, and proves that the same tree comes out.
//!
//! It works in a clone and never writes to the repository that it reads. By default the agent is
//! this program itself, which writes the files that each commit wrote; with `--agent NAME` a real
//! agent gets the commit messages as its tasks. See docs/history-replay.md.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program: that is how it speaks.

mod agent;
mod attributes;
mod bundle;
mod checks;
mod clone;
mod git;
mod history;
mod ignored;
mod landable;
mod links;
mod options;
mod order;
mod outcome;
mod quote;

use std::process::ExitCode;

use clap::Parser;

use clone::Clone;
use git::Failure;
use options::{Doing, Options, RunOptions};

fn main() -> ExitCode {
    // auditrun supervises what it starts by starting its own program again, which is this one.
    if let Some(code) = auditrun::process::supervise::main_if_asked() {
        return code;
    }
    let options = Options::parse();
    let done = match &options.doing {
        Some(Doing::Agent { plan }) => agent::main(plan).map(|()| 0),
        None => replay(&options.run),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("history-replay: {failure}");
            ExitCode::from(2)
        }
    }
}

/// The whole thing: clone, bundle, run, comparison. The exit code is the run's, or 1 where the
/// run was green and the trees differ all the same.
fn replay(options: &RunOptions) -> Result<u8, Failure> {
    let place = clone::place(options.into.as_deref())?;
    let clone = Clone::make(&options.repo, &place)?;
    let history = history::read(&clone.git, options.last)?;
    let landable = landable::sift(&clone.git, history)?;
    for notice in &landable.notices {
        println!("left out: {notice}");
    }
    if landable.history.steps.is_empty() {
        return Err(Failure::new("there is nothing to replay: the window holds no commit with a parent"));
    }
    let bundle = bundle::make(&landable.history, &clone, options)?;
    clone.commit_bundle(&landable.history.base, &bundle)?;
    let commits = auditrun::base::text::count(landable.history.steps.len(), "commit");
    println!("replaying {commits} in {}", clone.git.dir().display());
    let code = clone.run_auditrun(&bundle.dir, options)?;
    let verdict = outcome::compare(&clone.git, &landable, &bundle.dir)?;
    print!("{verdict}");
    Ok(match (code, verdict.equal() || options.agent.is_some()) {
        (0, false) => 1,
        (code, _) => code,
    })
}
