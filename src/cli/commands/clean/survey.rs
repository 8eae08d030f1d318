//! What finished and unfinished runs have left in the repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::stays::{Look, Stays};
use crate::base::{Id, Oid, RunId};
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::event::ProcessStamp;
use crate::process;

/// What one run left in the repository.
#[derive(Debug, Default)]
pub struct Left {
    pub branch: Option<Oid>,
    pub refs: Vec<(String, Oid)>,
    pub worktrees: Vec<PathBuf>,
    /// Those of nodes among the worktrees.
    pub nodes: Vec<(Id, PathBuf)>,
    /// Why it stays, if it does.
    pub stays: Option<Stays>,
}

/// Every run of which something is there.
///
/// # Errors
/// Git failed.
pub fn survey(project: &Project, force: bool) -> Result<BTreeMap<RunId, Left>, Failure> {
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
    let worktrees = repo.worktrees()?;
    for info in &worktrees {
        let Some((run, node)) = info.locked.as_deref().and_then(owner) else { continue };
        let left = runs.entry(run).or_default();
        left.nodes.extend(node.map(|node| (node, info.dir.clone())));
        left.worktrees.push(info.dir.clone());
    }
    let look = Look::new(project, &worktrees, force)?;
    for (run, left) in &mut runs {
        left.stays = look.why_stays(run, left)?;
    }
    Ok(runs)
}

/// The run that a worktree was made for and its node, by the reason of its lock. A gate's is
/// nobody's but the gate's while that runs: it does not take the harness's lock.
fn owner(reason: &str) -> Option<(RunId, Option<Id>)> {
    let rest = reason.strip_prefix("auditrun ")?;
    let Some(gate) = rest.strip_prefix("gate ") else {
        let mut words = rest.split(' ');
        let run = RunId::parse(words.next()?)?;
        let node = words.next().filter(|word| *word == "node").and_then(|_| Id::parse(words.next()?).ok());
        return Some((run, node));
    };
    let (run, pid) = gate.split_once(" pid ")?;
    let stamp = ProcessStamp { pid: pid.parse().ok()?, start_ticks: 0, boot_id: process::stamp().boot_id };
    if process::is_alive(&stamp) { None } else { Some((RunId::parse(run)?, None)) }
}
