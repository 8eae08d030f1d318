//! The operator's checkout against HEAD, without writing to its index.

use std::collections::BTreeMap;

use crate::base::RepoPath;

use super::cmd::fields;
use super::{FileState, GitError, Repo};

impl Repo {
    /// Those of `paths` (files, or directories with everything below) that differ from HEAD or
    /// are untracked, ignored ones too: such a file would not be in any worktree.
    ///
    /// # Errors
    /// git failed.
    pub fn unsettled(&self, paths: &[String]) -> Result<Vec<(RepoPath, FileState)>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let mut args = vec!["--untracked-files=all", "--ignored=matching", "--"];
        // The root has no other name as a path of git's.
        args.extend(paths.iter().map(|p| if p.is_empty() { "." } else { p.as_str() }));
        self.status(&args)
    }

    /// What stands in the checkout that HEAD does not have, untracked files one by one.
    pub(super) fn dirt(&self) -> Result<Vec<(RepoPath, FileState)>, GitError> {
        self.status(&["--untracked-files=all"])
    }

    fn status(&self, more: &[&str]) -> Result<Vec<(RepoPath, FileState)>, GitError> {
        let args: Vec<&str> =
            ["status", "--porcelain=v1", "-z", "--no-renames"].iter().chain(more).copied().collect();
        Ok(parse(&self.checkout().run(&args)?))
    }

    /// The same in the shortest time, as bytes to compare.
    pub(super) fn status_bytes(&self) -> Result<Vec<u8>, GitError> {
        self.checkout().run(&["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal"])
    }
}

/// `XY path` each. A path that was staged as deleted and is there again comes twice.
fn parse(out: &[u8]) -> Vec<(RepoPath, FileState)> {
    let mut found = BTreeMap::new();
    for line in fields(out) {
        let (Some([x, y, b' ']), Some(path)) = (line.first_chunk::<3>(), line.get(3..)) else { continue };
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        let state = match (x, y) {
            (b'?' | b'!', _) if found.contains_key(&path) => FileState::Changed,
            (b'?' | b'!', _) => FileState::Untracked,
            (b'D', b' ') | (_, b'D') => FileState::Deleted,
            _ => FileState::Changed,
        };
        found.insert(path, state);
    }
    found.into_iter().map(|(path, state)| (RepoPath::from_bytes(path), state)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one_state() {
        let out = b"D  a\0?? a\0 D b\0D  c\0?? d/\0!! e\0MM f\0A  g\0";
        let seen: Vec<_> = parse(out).into_iter().map(|(p, s)| (p.to_string(), s)).collect();
        use FileState::{Changed, Deleted, Untracked};
        let want = [
            ("a", Changed),
            ("b", Deleted),
            ("c", Deleted),
            ("d", Untracked),
            ("e", Untracked),
            ("f", Changed),
            ("g", Changed),
        ];
        assert_eq!(seen, want.map(|(p, s)| (p.to_owned(), s)));
    }
}
