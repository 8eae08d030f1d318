//! What stands in the way of a run, each with the command that clears it.

use std::collections::BTreeSet;

use crate::base::layout::{STATE_DIR, WORKTREES_DIR};
use crate::base::text::{count, shell_quote};
use crate::base::{Layout, RepoPath};

use super::cmd::{self, fields};
use super::{FileState, GitError, Obstacle, Repo};

/// The first git that takes attributes from a tree (`--attr-source`).
const OLDEST: (u32, u32) = (2, 41);
/// Paths that a message names.
const SHOWN: usize = 5;

/// Files of the git directory that say what is under way, and how to end it.
const UNDER_WAY: &[(&str, &str, &str)] = &[
    ("MERGE_HEAD", "a merge", "git merge --continue, or git merge --abort"),
    ("rebase-merge", "a rebase", "git rebase --continue, or git rebase --abort"),
    ("rebase-apply", "a rebase or git am", "git rebase --continue, or git rebase --abort (git am --abort)"),
    ("CHERRY_PICK_HEAD", "a cherry-pick", "git cherry-pick --continue, or git cherry-pick --abort"),
    ("REVERT_HEAD", "a revert", "git revert --continue, or git revert --abort"),
    ("BISECT_LOG", "a bisection", "git bisect reset"),
];

impl Repo {
    /// What stands in the way of a run: an old git, a HEAD without commit, a merge or rebase under
    /// way, a ref that blocks the audit branch, tracked artifacts, a tree that is not clean.
    ///
    /// # Errors
    /// git failed.
    pub fn obstacles(&self, layout: &Layout) -> Result<Vec<Obstacle>, GitError> {
        let mut found: Vec<Obstacle> =
            too_old(&cmd::line(&self.git().run(&["version"])?)).into_iter().collect();
        if self.resolve("HEAD")?.is_none() {
            found.push(Obstacle {
                what: "HEAD has no commit yet, so there is nothing for a worktree to stand on".to_owned(),
                remedy: "git add -A && git commit -m \"first commit\"".to_owned(),
            });
        }
        found.extend(self.under_way());
        found.extend(self.blocking_refs()?);
        let tracked = self.tracked_artifacts(layout)?;
        found.extend(tracked_obstacle(&tracked));
        found.extend(self.not_clean(layout, &tracked)?);
        Ok(found)
    }

    fn under_way(&self) -> impl Iterator<Item = Obstacle> + '_ {
        UNDER_WAY.iter().filter(|(file, ..)| self.git_dir().join(file).exists()).map(|(_, what, remedy)| {
            Obstacle {
                what: format!("{what} is under way in {}", self.root().display()),
                remedy: (*remedy).to_owned(),
            }
        })
    }

    /// A ref named like a directory of ours keeps git from making refs below it.
    fn blocking_refs(&self) -> Result<Vec<Obstacle>, GitError> {
        let mut found = Vec::new();
        if self.reference("refs/heads/audit")?.is_some() {
            found.push(Obstacle {
                what: "a branch named 'audit' keeps git from making branches below audit/".to_owned(),
                remedy: "git branch -m audit audit-old".to_owned(),
            });
        }
        for name in ["refs/auditrun", "refs/auditrun-proof"] {
            if self.reference(name)?.is_some() {
                found.push(Obstacle {
                    what: format!("the ref '{name}' keeps git from making refs below it"),
                    remedy: format!("git update-ref -d {name}"),
                });
            }
        }
        Ok(found)
    }

    fn tracked_artifacts(&self, layout: &Layout) -> Result<BTreeSet<RepoPath>, GitError> {
        let out = if layout.out().is_empty() { "." } else { layout.out() };
        let listed = self.checkout().run(&["ls-files", "-z", "--", out, WORKTREES_DIR, STATE_DIR])?;
        let all = fields(&listed).map(RepoPath::from_bytes);
        Ok(all.filter(|path| is_artifact(layout, path)).collect())
    }

    fn not_clean(&self, layout: &Layout, tracked: &BTreeSet<RepoPath>) -> Result<Option<Obstacle>, GitError> {
        let dirt = self.dirt()?;
        let own: Vec<_> =
            dirt.iter().filter(|(path, _)| !is_artifact(layout, path) && !tracked.contains(path)).collect();
        if own.is_empty() {
            return Ok(None);
        }
        let only_new = own.iter().all(|(_, state)| *state == FileState::Untracked);
        let names = own.iter().map(|(path, state)| format!("{path} ({})", word(*state)));
        let what = format!(
            "the working tree is not clean; {} not as in HEAD: {}",
            count(own.len(), "path"),
            first_few(names)
        );
        let remedy = if only_new {
            "commit the new files, ignore them (.gitignore), or put them away: git stash push -u"
        } else {
            "commit the changes, or put them away: git stash push -u"
        };
        Ok(Some(Obstacle { what, remedy: remedy.to_owned() }))
    }
}

/// The harness's own files that no commit should hold; the bundle is not among them.
fn is_artifact(layout: &Layout, path: &RepoPath) -> bool {
    layout.owns(path) && !layout.owns_bundle_file(path)
}

fn tracked_obstacle(tracked: &BTreeSet<RepoPath>) -> Option<Obstacle> {
    let first = tracked.first()?;
    let named: Vec<String> = tracked.iter().take(SHOWN).map(|p| shell_quote(&p.to_string())).collect();
    let rest = if tracked.len() > SHOWN { " …" } else { "" };
    Some(Obstacle {
        what: format!(
            "git tracks {} that a run writes, {first} among them",
            count(tracked.len(), "artifact")
        ),
        remedy: format!(
            "git rm -r --cached {}{rest} && git commit -m \"untrack artifacts\"",
            named.join(" ")
        ),
    })
}

fn first_few(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<String> = names.take(SHOWN).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn word(state: FileState) -> &'static str {
    match state {
        FileState::Untracked => "untracked",
        FileState::Changed => "changed",
        FileState::Deleted => "deleted",
    }
}

/// `git version 2.47.3 (…)`; one that can't be read is taken for new.
fn too_old(version: &str) -> Option<Obstacle> {
    let number = version.split_whitespace().nth(2)?;
    let mut parts = number.split('.').map_while(|p| p.parse::<u32>().ok());
    let (major, minor) = (parts.next()?, parts.next()?);
    ((major, minor) < OLDEST).then(|| Obstacle {
        what: format!("git {number} is too old: auditrun needs {}.{} or newer", OLDEST.0, OLDEST.1),
        remedy: "install a newer git".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for fine in
            ["git version 2.41.0", "git version 2.100.0.windows.1", "git version 3.0", "git version next"]
        {
            assert_eq!(too_old(fine), None, "{fine}");
        }
        for old in ["git version 2.40.1", "git version 2.9.5 (Apple Git-1)", "git version 1.99.0"] {
            assert!(too_old(old).is_some(), "{old}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let names = (0..7).map(|n| n.to_string());
        assert_eq!(first_few(names.collect::<Vec<_>>().into_iter()), "0, 1, 2, 3, 4 and 2 more");
    }
}
