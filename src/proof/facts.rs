//! What git says about an audit branch, gathered once so that proof and verification are pure.

use std::collections::BTreeMap;

use super::fingerprint::is_prompt;
use crate::base::{Layout, Oid, RepoPath};
use crate::git::{Commit, GitError, Repo};

/// The audit branch from base to head.
#[derive(Debug, Clone)]
pub struct GitFacts {
    /// Where the branch began.
    pub base: Oid,
    /// Where it stands.
    pub head: Oid,
    /// Oldest first.
    pub commits: Vec<CommitFacts>,
    /// state.md, graph.md and the prompts at the head, by their paths relative to the bundle.
    pub bundle: BTreeMap<String, Vec<u8>>,
}

/// One commit.
#[derive(Debug, Clone)]
pub struct CommitFacts {
    /// Id, tree, parents, message.
    pub commit: Commit,
    /// Every path that it changed against its first parent, both sides of a rename, in byte
    /// order, none twice.
    pub files: Vec<RepoPath>,
    /// Its diff against its first parent, by the rules of diff.patch.
    pub patch: Vec<u8>,
    /// state.md before and after, for a commit that resolves a question.
    pub state: Option<(Vec<u8>, Vec<u8>)>,
}

impl GitFacts {
    /// Asks git about `base..head`.
    ///
    /// # Errors
    /// A commit, tree or blob that git can't give.
    pub fn read(repo: &Repo, layout: &Layout, base: &Oid, head: &Oid) -> Result<GitFacts, GitError> {
        let mut commits = Vec::new();
        for commit in repo.commits(base, head)? {
            commits.push(CommitFacts::read(repo, layout, commit)?);
        }
        let bundle = bundle_at(repo, layout, head)?;
        Ok(GitFacts { base: base.clone(), head: head.clone(), commits, bundle })
    }

    /// A commit by its id.
    pub fn commit(&self, id: &Oid) -> Option<&CommitFacts> {
        self.commits.iter().find(|c| c.commit.id == *id)
    }
}

impl CommitFacts {
    fn read(repo: &Repo, layout: &Layout, commit: Commit) -> Result<CommitFacts, GitError> {
        let Some(parent) = commit.parents.first().cloned() else {
            return Ok(CommitFacts { commit, files: Vec::new(), patch: Vec::new(), state: None });
        };
        let diff = repo.diff(&repo.tree_of(&parent)?, &commit.tree)?;
        let mut files: Vec<RepoPath> = diff.changes.iter().flat_map(|c| c.paths().cloned()).collect();
        files.sort();
        files.dedup();
        let state = if commit.trailer("Audit-Resolve").is_empty() {
            None
        } else {
            let path = layout.in_bundle("state.md");
            let text = |at: &Oid| Ok(repo.blob(at, &path)?.unwrap_or_default());
            Some((text(&parent)?, text(&commit.id)?))
        };
        Ok(CommitFacts { commit, files, patch: diff.patch, state })
    }
}

fn bundle_at(repo: &Repo, layout: &Layout, head: &Oid) -> Result<BTreeMap<String, Vec<u8>>, GitError> {
    let mut names = vec!["state.md".to_owned(), "graph.md".to_owned()];
    let prompts = layout.in_bundle("prompts");
    for path in repo.files(head, &prompts)? {
        // A name that is no UTF-8 is no node's id, so no prompt of ours.
        let Ok(path) = std::str::from_utf8(path.as_bytes()) else { continue };
        let name = path.strip_prefix(prompts.as_str()).map(|rest| format!("prompts{rest}"));
        names.extend(name.filter(|n| is_prompt(n)));
    }
    let mut bundle = BTreeMap::new();
    for name in names {
        if let Some(bytes) = repo.blob(head, &layout.in_bundle(&name))? {
            bundle.insert(name, bytes);
        }
    }
    Ok(bundle)
}
