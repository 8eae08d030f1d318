//! Three-way merges in memory: what rebases a node's change onto a head that moved.
//! One implementation for every repository format, git's own, in the clean room, so the
//! verdict "conflict" depends neither on the library nor on anybody's configuration.

use std::collections::BTreeSet;

use crate::base::{Oid, RepoPath};

use super::cmd::{self, fields};
use super::{GitError, Merge, NewCommit, Repo};

impl Repo {
    /// Three-way merge of the change `base → ours` onto `theirs`, all three commits or trees,
    /// in memory. Attributes (a `merge=union`) are those of `theirs`; merge drivers of the
    /// configuration are not called.
    ///
    /// # Errors
    /// An object is missing, or git failed.
    pub fn merge(&self, base: &Oid, ours: &Oid, theirs: &Oid) -> Result<Merge, GitError> {
        let (base, ours, theirs) = (self.tree_of(base)?, self.tree_of(ours)?, self.tree_of(theirs)?);
        if base == theirs || ours == theirs {
            return Ok(Merge::Clean(ours));
        }
        if base == ours {
            return Ok(Merge::Clean(theirs));
        }
        let (base, mine, others) = (self.wrapped(&base)?, self.wrapped(&ours)?, self.wrapped(&theirs)?);
        let merge_base = format!("--merge-base={base}");
        // Directory renames are not followed: a new file would land elsewhere than tested.
        let git = self.clean_room().attributes(&theirs).config("merge.directoryRenames=false");
        let args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
        let args: Vec<&str> =
            args.into_iter().chain([merge_base.as_str(), others.as_str(), mine.as_str()]).collect();
        let output = git.output(&args, &[])?;
        match output.status.code() {
            Some(0) => {
                let id = fields(&output.stdout).next().unwrap_or_default();
                Ok(Merge::Clean(cmd::oid("git merge-tree", id)?))
            }
            Some(1) => Ok(Merge::Conflict(conflicts(&output.stdout))),
            _ => Err(cmd::failed(&args, &output)),
        }
    }

    /// A commit that holds a tree: git before 2.45 merges nothing else. Its dates are fixed,
    /// so the same tree makes the same object again.
    fn wrapped(&self, tree: &Oid) -> Result<Oid, GitError> {
        if let Some(id) = self.wrapped_fast(tree) {
            return Ok(id);
        }
        let commit = NewCommit {
            tree: tree.clone(),
            parents: Vec::new(),
            message: "merge".to_owned(),
            author: "auditrun <auditrun@localhost>".to_owned(),
            sign: false,
        };
        self.commit_tree(&commit)
    }

    fn wrapped_fast(&self, tree: &Oid) -> Option<Oid> {
        let repo = self.fast()?;
        let time = git2::Time::new(0, 0);
        let who = git2::Signature::new("auditrun", "auditrun@localhost", &time).ok()?;
        let tree = repo.find_tree(super::objects::to_git2(tree)?).ok()?;
        super::objects::from_git2(repo.commit(None, &who, &who, "merge", &tree, &[]).ok()?)
    }
}

/// `tree NUL path NUL path NUL …`, each path once.
fn conflicts(out: &[u8]) -> Vec<RepoPath> {
    let paths: BTreeSet<&[u8]> = fields(out).skip(1).collect();
    paths.into_iter().map(RepoPath::from_bytes).collect()
}
