//! Why something of a run is not removed: somebody stands on it, can go on with it, or it is
//! nowhere else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::survey::Left;
use crate::base::{Id, Oid, RunId};
use crate::cli::archived::{self, Resumable};
use crate::cli::failure::Failure;
use crate::cli::project::Project;
use crate::git::{GitError, History, WorktreeInfo};

/// A run that is kept.
#[derive(Debug)]
pub struct Stays {
    /// In words.
    pub why: String,
    /// `--force` removes it nevertheless.
    pub forceable: bool,
}

/// What tells whether a run stays.
pub struct Look<'p> {
    project: &'p Project,
    force: bool,
    /// Branches that some checkout is on.
    checked_out: Vec<(String, PathBuf)>,
    resumable: Option<Resumable>,
}

impl<'p> Look<'p> {
    /// # Errors
    /// Git failed.
    pub fn new(project: &'p Project, worktrees: &[WorktreeInfo], force: bool) -> Result<Look<'p>, Failure> {
        let on = |info: &WorktreeInfo| Some((info.branch.clone()?, info.dir.clone()));
        let checked_out = worktrees.iter().filter_map(on).collect();
        Ok(Look { project, force, checked_out, resumable: archived::resumable(project)? })
    }

    /// A branch that is merged, or whose proof is kept by its own ref, loses nothing; what an
    /// agent or a person did in a worktree does if no attempt has it.
    ///
    /// # Errors
    /// Git failed.
    pub fn why_stays(&self, run: &RunId, left: &Left) -> Result<Option<Stays>, Failure> {
        if let Some((_, dir)) = self.checked_out.iter().find(|(branch, _)| *branch == run.branch()) {
            let why = format!("it is checked out in {}: switch to another branch there first", dir.display());
            return Ok(Some(Stays { why, forceable: false }));
        }
        if self.force {
            return Ok(None);
        }
        let why = match self.unsaved(run, left)? {
            Some(dir) => Some(format!("{} holds work that is nowhere else", dir.display())),
            None => self.only_here(run, left)?,
        };
        Ok(why.map(|why| Stays { why, forceable: true }))
    }

    fn only_here(&self, run: &RunId, left: &Left) -> Result<Option<String>, Failure> {
        let repo = &self.project.repo;
        if repo.reference(&run.proof_ref())?.is_some() {
            return Ok(None);
        }
        let Some(branch) = &left.branch else { return Ok(self.not_ours(run)) };
        // One that nothing has landed on is merged in name only.
        let tip = repo.commit(branch)?;
        if !tip.trailer("Audit-Run").contains(&run.as_str()) {
            let waits = self.resumable.as_ref().is_some_and(|waiting| waiting.run_id == *run);
            return Ok(match waits {
                true => Some("it is not done, and `auditrun resume` can go on with it".to_owned()),
                false => self.not_ours(run),
            });
        }
        if self.is_merged(branch)? {
            return Ok(None);
        }
        Ok(Some(format!("{} is neither merged into HEAD nor kept by {}", run.branch(), run.proof_ref())))
    }

    /// A run without artifacts here may be another bundle's or another checkout's, and wait there.
    fn not_ours(&self, run: &RunId) -> Option<String> {
        let out = self.project.layout.out();
        let known = archived::has(&self.project.repo.root().join(out), run);
        (!known).then(|| {
            format!("its artifacts are not in {out}: it may be another bundle's or checkout's, which can go on with it")
        })
    }

    /// A HEAD that is on no branch keeps nothing: there, another branch must hold it.
    fn is_merged(&self, branch: &Oid) -> Result<bool, GitError> {
        let repo = &self.project.repo;
        let head = repo.head()?;
        let holds = |tip: &Oid| Ok(repo.merge_base(tip, branch)?.as_ref() == Some(branch));
        if head.branch.is_some() {
            return head.commit.as_ref().map_or(Ok(false), holds);
        }
        for (name, tip) in repo.references("refs/heads/")? {
            if !name.starts_with("refs/heads/audit/run-") && holds(&tip)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A worktree of a node that holds what neither an attempt nor the branch has.
    fn unsaved(&self, run: &RunId, left: &Left) -> Result<Option<PathBuf>, Failure> {
        for (node, dir) in left.nodes.iter().filter(|(_, dir)| dir.is_dir()) {
            // What can't be read may be anything.
            let saved = match self.held(dir) {
                Ok(held) => self.kept_trees(run, node, left, dir)?.contains(&held),
                Err(_) => false,
            };
            if !saved {
                return Ok(Some(dir.clone()));
            }
        }
        Ok(None)
    }

    /// The tree that a worktree's files are.
    fn held(&self, dir: &Path) -> Result<Oid, GitError> {
        let settings = &self.project.config.worktree;
        let base = self.stands_on(dir)?;
        let mut tree = self.project.repo.open_worktree(dir)?;
        let prepared = settings.copy.iter().chain(&settings.link);
        tree.set_prepared(prepared.map(|p| p.value.clone().into()).collect());
        tree.set_kept(settings.keep.iter().map(|p| p.value.clone().into()).collect());
        tree.adopt()?;
        Ok(tree.capture(&base)?.tree)
    }

    fn stands_on(&self, dir: &Path) -> Result<Oid, GitError> {
        let known = self.project.repo.worktrees()?;
        let head = known.into_iter().find(|info| info.dir == dir).and_then(|info| info.head);
        head.ok_or_else(|| GitError::Failed {
            what: format!("reading {}", dir.display()),
            detail: "it has no HEAD".to_owned(),
        })
    }

    /// What the run's attempts, its landings and the worktree's own commit hold.
    fn kept_trees(&self, run: &RunId, node: &Id, left: &Left, dir: &Path) -> Result<BTreeSet<Oid>, GitError> {
        let repo = &self.project.repo;
        let attempts = format!("refs/auditrun/{run}/{node}/");
        let mut commits: Vec<Oid> = left
            .refs
            .iter()
            .filter(|(name, _)| name.starts_with(&attempts))
            .map(|(_, oid)| oid.clone())
            .collect();
        commits.push(self.stands_on(dir)?);
        let mut trees = BTreeSet::new();
        for commit in &commits {
            trees.insert(repo.tree_of(commit)?);
        }
        if let Some(branch) = &left.branch {
            let landed = repo.history(branch, &History::Saying(&format!("Audit-Run: {run}")))?;
            trees.extend(landed.into_iter().map(|dated| dated.commit.tree));
        }
        Ok(trees)
    }
}
