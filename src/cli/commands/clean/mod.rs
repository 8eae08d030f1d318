//! `auditrun clean`: removes worktrees, branches and refs of finished runs, and shows them
//! first. What is neither merged nor archived stays unless forced.

mod stays;
mod survey;

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};

use self::stays::Stays;
use self::survey::{Left, survey};
use crate::base::RunId;
use crate::cli::aftermath;
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::git::Swap;

/// Shows what would go, asks, and removes it.
///
/// # Errors
/// A run is under way, or git failed.
pub fn run(common: &Common, force: bool, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let mut lock = lock::acquire(&project.repo, "clean")?;
    if !common.dry_run {
        aftermath::clear(&project, &mut lock)?.iter().for_each(|line| screen.say(line));
    }
    let runs = survey(&project, force)?;
    if runs.is_empty() {
        screen.print("nothing to clean");
        return Ok(Exit::Ok);
    }
    screen.print(&shown(&runs));
    let going = runs.values().any(|left| left.stays.is_none());
    if common.dry_run || !going {
        return Ok(Exit::Ok);
    }
    if !common.yes && !confirmed(screen)? {
        screen.print("nothing was removed");
        return Ok(Exit::Ok);
    }
    for (run, left) in runs.iter().filter(|(_, left)| left.stays.is_none()) {
        remove(&project, run, left, screen)?;
    }
    Ok(Exit::Ok)
}

fn shown(runs: &BTreeMap<RunId, Left>) -> String {
    let mut text = String::new();
    for (run, left) in runs {
        match &left.stays {
            None => text.push_str(&format!("run {run}: remove\n")),
            Some(Stays { why, forceable: true }) => {
                text.push_str(&format!("run {run}: keep ({why}; --force removes it)\n"));
            }
            Some(Stays { why, .. }) => text.push_str(&format!("run {run}: keep ({why})\n")),
        }
        if let Some(head) = &left.branch {
            text.push_str(&format!("  branch {} at {}\n", run.branch(), head.short()));
        }
        left.worktrees.iter().for_each(|w| text.push_str(&format!("  worktree {}\n", w.display())));
        left.refs.iter().for_each(|(name, _)| text.push_str(&format!("  ref {name}\n")));
    }
    text
}

fn confirmed(screen: &Screen) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "clean asks before it removes anything, and there is no terminal to ask on",
            "add --yes, or look first with --dry-run",
        ));
    }
    screen.say("remove these? [y/N]");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|e| Failure::Internal(format!("can't read the answer: {e}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn remove(project: &Project, run: &RunId, left: &Left, screen: &Screen) -> Result<(), Failure> {
    for worktree in &left.worktrees {
        project.repo.remove_worktree(worktree)?;
    }
    let branch = left.branch.iter().map(|oid| (run.branch_ref(), oid));
    for (name, oid) in left.refs.iter().map(|(name, oid)| (name.clone(), oid)).chain(branch) {
        match project.repo.delete_ref(&name, oid)? {
            Swap::Done => {}
            Swap::Moved(_) => screen.trouble(&format!("{name} moved meanwhile and was left alone")),
        }
    }
    Ok(())
}
