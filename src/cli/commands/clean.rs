//! `auditrun clean`: removes worktrees, branches and refs of finished runs, and shows them
//! first. What is neither merged nor archived stays unless forced.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use crate::base::{Oid, RunId};
use crate::cli::aftermath;
use crate::cli::archived::{self, Resumable};
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::lock;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::event::ProcessStamp;
use crate::git::Swap;
use crate::process;

/// What one run left in the repository.
#[derive(Debug, Default)]
struct Left {
    branch: Option<Oid>,
    refs: Vec<(String, Oid)>,
    worktrees: Vec<PathBuf>,
    /// Why it stays, if it does.
    stays: Option<String>,
}

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

fn survey(project: &Project, force: bool) -> Result<BTreeMap<RunId, Left>, Failure> {
    let repo = &project.repo;
    let mut runs: BTreeMap<RunId, Left> = BTreeMap::new();
    for (name, oid) in repo.references("refs/heads/audit/")? {
        if let Some(run) = name.strip_prefix("refs/heads/audit/run-").and_then(RunId::parse) {
            runs.entry(run).or_default().branch = Some(oid);
        }
    }
    for (name, oid) in repo.references("refs/auditrun/")? {
        let run = name.strip_prefix("refs/auditrun/").and_then(|n| RunId::parse(n.split('/').next()?));
        if let Some(run) = run {
            runs.entry(run).or_default().refs.push((name, oid));
        }
    }
    for info in repo.worktrees()? {
        if let Some(run) = info.locked.as_deref().and_then(owner) {
            runs.entry(run).or_default().worktrees.push(info.dir);
        }
    }
    let resumable = archived::resumable(project)?;
    for (run, left) in &mut runs {
        let waits = resumable.as_ref().filter(|r| r.run_id == *run);
        left.stays = if force { None } else { why_stays(project, run, left, waits)? };
    }
    Ok(runs)
}

/// The run that a worktree was made for, by the reason of its lock. A gate's is nobody's but
/// the gate's while that runs: it does not take the harness's lock.
fn owner(reason: &str) -> Option<RunId> {
    let rest = reason.strip_prefix("auditrun ")?;
    let Some(gate) = rest.strip_prefix("gate ") else { return RunId::parse(rest.split(' ').next()?) };
    let (run, pid) = gate.split_once(" pid ")?;
    let stamp = ProcessStamp { pid: pid.parse().ok()?, start_ticks: 0, boot_id: process::stamp().boot_id };
    if process::is_alive(&stamp) { None } else { RunId::parse(run) }
}

/// A branch that is merged into the operator's HEAD, or whose proof is kept by its own ref,
/// loses nothing. One that nothing has landed on is merged in name only: its run may `wait` to
/// be taken up.
fn why_stays(
    project: &Project,
    run: &RunId,
    left: &Left,
    waits: Option<&Resumable>,
) -> Result<Option<String>, Failure> {
    let repo = &project.repo;
    let Some(branch) = &left.branch else { return Ok(None) };
    if repo.reference(&run.proof_ref())?.is_some() {
        return Ok(None);
    }
    if waits.is_some_and(|run| run.state.landings.is_empty()) {
        return Ok(Some("it is not done, and `auditrun resume` can go on with it".to_owned()));
    }
    if let Some(head) = repo.head()?.commit
        && repo.merge_base(&head, branch)?.as_ref() == Some(branch)
    {
        return Ok(None);
    }
    Ok(Some(format!("{} is neither merged into HEAD nor kept by {}", run.branch(), run.proof_ref())))
}

fn shown(runs: &BTreeMap<RunId, Left>) -> String {
    let mut text = String::new();
    for (run, left) in runs {
        match &left.stays {
            None => text.push_str(&format!("run {run}: remove\n")),
            Some(why) => text.push_str(&format!("run {run}: keep ({why}; --force removes it)\n")),
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
