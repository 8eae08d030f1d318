//! What a harness that was killed left behind: its processes, half-done work in the git
//! directory, scratch directories. Cleared by whoever takes the lock next.

use crate::base::names;
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::event::ProcessStamp;
use crate::files::{Lock, Scratch, remove_anything};
use crate::journal;
use crate::process::{self, Found};

/// Ends and removes it; each thing is told in a sentence. `lock` is held meanwhile.
///
/// # Errors
/// The file system refused.
pub fn clear(project: &Project, lock: &mut Lock) -> Result<Vec<String>, Failure> {
    let mut told = processes(project, lock);
    // Only now does nobody of the dead change the repository any more.
    told.extend(project.repo.clear_half_done(&project.worktrees())?);
    told.extend(scratch());
    lock.cleared();
    Ok(told)
}

/// The harnesses that may have left something: every process of the run in out, and whoever
/// had the lock without giving it back.
fn harnesses(project: &Project, lock: &Lock) -> (String, Vec<ProcessStamp>) {
    let path = project.repo.root().join(project.layout.in_out(names::JOURNAL));
    // An unreadable journal names no processes.
    let state = journal::read(&path).map(|read| journal::replay(&read.records)).unwrap_or_default();
    let mut stamps: Vec<ProcessStamp> = state.lifetimes.iter().map(|l| l.process.clone()).collect();
    let last = lock.left_by().map(|info| ProcessStamp {
        pid: info.pid,
        start_ticks: info.start_ticks,
        boot_id: info.boot_id.clone(),
    });
    stamps.extend(last.filter(|last| !stamps.contains(last)));
    (state.run_id().to_owned(), stamps)
}

fn processes(project: &Project, lock: &Lock) -> Vec<String> {
    let (run_id, stamps) = harnesses(project, lock);
    let found = stamps.iter().flat_map(|stamp| {
        let programs = process::sweep(stamp, &run_id);
        programs.into_iter().chain(process::await_git(stamp))
    });
    let tell = |f: Found| {
        let end = if f.ended { "was ended" } else { "could not be ended" };
        format!("process {} of the earlier run was still there and {end}: {}", f.pid, f.command_line)
    };
    found.map(tell).collect()
}

fn scratch() -> Vec<String> {
    let boot = process::stamp().boot_id;
    let tell = |dir: std::path::PathBuf| {
        // What can't be removed harms nobody; it is told, and the next start tries again.
        let error = remove_anything(&dir).err()?;
        Some(format!("the scratch directory {} of a killed process stays: {error}", dir.display()))
    };
    Scratch::abandoned(&boot, process::is_alive).into_iter().filter_map(tell).collect()
}
