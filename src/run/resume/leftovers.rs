//! What a run that ended without its own doing left behind: worktrees, and
//! attempts that will be made again. Nothing that an agent was paid for is thrown away.

use std::path::Path;

use crate::base::{Id, Oid};
use crate::event::NoticeLevel;
use crate::git::{NewCommit, WorktreeInfo};
use crate::journal::{Attempt, NodeState};
use crate::lane::Workspace;
use crate::run::context::{At, Context, Fault};
use crate::run::prepare;
use crate::run::resume::Standing;

/// Removes the run's worktrees but those of nodes that wait for a person. Work that an agent
/// did there and that was never captured is kept by a ref first; where that can't be done the
/// worktree stays.
///
/// # Errors
/// Git failed.
pub fn worktrees(cx: &Context, standing: &[Standing]) -> Result<(), Fault> {
    let state = cx.recorder.state();
    let prefix = format!("auditrun {} ", cx.run_id);
    for info in cx.repo.worktrees()? {
        let Some(what) = info.locked.as_deref().and_then(|l| l.strip_prefix(&prefix)) else { continue };
        let node = what.strip_prefix("node ").and_then(|rest| Id::parse(rest.split(' ').next()?).ok());
        let waits = |id: &Id| {
            let at = cx.plan.nodes.iter().position(|n| n.node.id.value == *id);
            at.and_then(|at| standing.get(at)).is_some_and(|s| s.exhausted.is_some())
        };
        if node.as_ref().is_some_and(waits) {
            continue;
        }
        let node = node.as_ref().and_then(|id| state.node(id));
        if rescued(cx, &info, node)? {
            prepare::put_back_kept(cx.bench(), &info.dir)?;
            cx.repo.remove_worktree(&info.dir)?;
        }
    }
    Ok(())
}

/// False if work could not be brought to safety.
fn rescued(cx: &Context, info: &WorktreeInfo, node: Option<&NodeState>) -> Result<bool, Fault> {
    let Some((node, attempt)) = node.and_then(|n| Some((n, unsaved(cx, n, &info.dir)?))) else {
        return Ok(true);
    };
    match rescue(cx, node, attempt, &info.dir) {
        Ok(reference) => {
            let message = format!(
                "what the killed attempt {} of {} left is kept as {reference}",
                attempt.number, node.id
            );
            cx.notice(Some(&node.id), NoticeLevel::Notice, message).map(|()| true)
        }
        Err(fault) => {
            let message = format!(
                "what the killed attempt {} of {} left could not be captured ({fault}); {} stays",
                attempt.number,
                node.id,
                cx.shown(&info.dir)
            );
            cx.notice(Some(&node.id), NoticeLevel::Warning, message).map(|()| false)
        }
    }
}

/// The attempt whose agent worked in that worktree without its work being captured.
fn unsaved<'n>(cx: &Context, node: &'n NodeState, dir: &Path) -> Option<&'n Attempt> {
    let last = node.attempts.last()?;
    let here = last.worktree.as_deref() == Some(cx.shown(dir).as_str());
    // Where there is no directory there is nothing to save.
    (here && dir.is_dir() && last.status.is_none() && last.captured.is_none()).then_some(last)
}

fn rescue(cx: &Context, node: &NodeState, attempt: &Attempt, dir: &Path) -> Result<String, Fault> {
    let missing = || Fault::Other("the journal has no base of it".to_owned());
    let base = attempt.base.clone().ok_or_else(missing)?;
    let mut workspace = cx.lane.reopen(dir)?;
    let tree = captured(cx, workspace.as_mut(), &base)?;
    let commit = cx.repo.commit_tree(&NewCommit {
        tree,
        parents: vec![base],
        message: format!(
            "attempt({}): killed\n\nAudit-Run: {}\nAudit-Node: {}\nAudit-Attempt: {}\n",
            node.id, cx.run_id, node.id, attempt.number
        ),
        author: cx.config.author.value.clone(),
        sign: false,
    })?;
    let reference = name_aside(&cx.run_id.attempt_ref(&node.id, attempt.number), attempt.iteration);
    cx.ledger.expect(&reference, &commit);
    cx.set_ref(&reference, &commit)?;
    Ok(reference)
}

fn captured(cx: &Context, workspace: &mut dyn Workspace, base: &Oid) -> Result<Oid, Fault> {
    let settings = &cx.config.worktree;
    let prepared = settings.copy.iter().chain(&settings.link);
    workspace.set_prepared(prepared.map(|p| p.value.clone().into()).collect());
    workspace.set_kept(settings.keep.iter().map(|p| p.value.clone().into()).collect());
    workspace.adopt()?;
    Ok(workspace.capture(base)?.tree)
}

fn name_aside(name: &str, iteration: u64) -> String {
    format!("{name}-iteration-{iteration}")
}

/// Gives attempts whose numbers will be used again another name: their refs and their
/// directories get the iteration behind their number.
///
/// # Errors
/// Git or the disk failed.
pub fn aside(cx: &Context, standing: &[Standing]) -> Result<(), Fault> {
    let state = cx.recorder.state();
    for (planned, standing) in cx.plan.nodes.iter().zip(standing) {
        let pending = standing.state == crate::run::scheduler::State::Pending;
        let Some(node) = state.node(&planned.node.id.value).filter(|_| pending) else { continue };
        for number in standing.attempts + 1..=3 {
            let newest = node.attempts.iter().rev().find(|a| a.number == number && a.iteration > 0);
            if let Some(attempt) = newest {
                put_aside(cx, node, attempt)?;
            }
        }
    }
    Ok(())
}

fn put_aside(cx: &Context, node: &NodeState, attempt: &Attempt) -> Result<(), Fault> {
    let name = cx.run_id.attempt_ref(&node.id, attempt.number);
    if let Some(commit) = cx.repo.reference(&name)? {
        cx.set_ref(&name_aside(&name, attempt.iteration), &commit)?;
        cx.repo.delete_ref(&name, &commit)?;
    }
    let dir = cx.artifact(&format!("{}/attempt-{}", Context::node_dir(&node.id), attempt.number));
    let to = dir.with_file_name(format!("attempt-{}-iteration-{}", attempt.number, attempt.iteration));
    if dir.is_dir() && !to.exists() {
        std::fs::rename(&dir, &to).at(|| format!("can't rename {}", dir.display()))?;
    }
    Ok(())
}
