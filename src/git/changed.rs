//! What the checkout has that an earlier commit has not, for conditions on changes.

use std::collections::BTreeSet;

use super::{GitError, Repo};
use crate::base::RepoPath;

impl Repo {
    /// Paths that differ between the point where this branch left `rev` and the checkout as
    /// it lies on disk, untracked files that are not ignored included. `None`: there is no
    /// such commit.
    ///
    /// # Errors
    /// git failed.
    pub fn changed_since(&self, rev: &str) -> Result<Option<Vec<RepoPath>>, GitError> {
        let Some(commit) = self.resolve(rev)? else { return Ok(None) };
        let head = self.resolve("HEAD")?;
        let start = match head {
            Some(head) => self.merge_base(&commit, &head)?.unwrap_or(commit),
            None => commit,
        };
        let git = self.checkout();
        let tracked = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", start.as_str(), "--"];
        let mut paths: BTreeSet<Vec<u8>> = split(&git.run(&tracked)?);
        paths.extend(split(&git.run(&[
            "ls-files",
            "-z",
            "--others",
            "--exclude-standard",
            "--full-name",
        ])?));
        Ok(Some(paths.into_iter().map(RepoPath::from_bytes).collect()))
    }
}

fn split(output: &[u8]) -> BTreeSet<Vec<u8>> {
    output.split(|b| *b == 0).filter(|p| !p.is_empty()).map(<[u8]>::to_vec).collect()
}
