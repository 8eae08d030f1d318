//! Symbolic links that lead out of the repository, which no node may write.

use std::collections::{BTreeMap, VecDeque};

use super::git::{Failure, Git, fields};
use super::history::{Kind, Step};

/// As many as Linux follows.
const MOST: usize = 40;

/// The links of a tree with their targets, carried from commit to commit.
pub struct Links(BTreeMap<Vec<u8>, Vec<u8>>);

impl Links {
    /// Those of a commit's tree.
    pub fn at(git: &Git, commit: &str) -> Result<Links, Failure> {
        let mut links = Links(BTreeMap::new());
        let listing = git.bytes(&["ls-tree", "-r", "-z", commit])?;
        for line in fields(&listing).filter(|line| line.starts_with(b"120000 ")) {
            let mut halves = line.splitn(2, |b| *b == b'\t');
            if let (Some(head), Some(path)) = (halves.next(), halves.next()) {
                let head = String::from_utf8_lossy(head);
                let target = git.bytes(&["cat-file", "blob", head.rsplit(' ').next().unwrap_or_default()])?;
                links.0.insert(path.to_vec(), target);
            }
        }
        Ok(links)
    }

    /// Goes on by a commit, and gives the links that it writes and that lead out of its tree.
    pub fn advance(&mut self, git: &Git, step: &Step) -> Result<Vec<Vec<u8>>, Failure> {
        for change in &step.changes {
            self.0.remove(&change.path);
        }
        let written: Vec<_> = step.written().filter(|(_, entry)| entry.kind == Kind::Link).collect();
        for (path, entry) in &written {
            self.0.insert(path.to_vec(), git.bytes(&["cat-file", "blob", &entry.oid])?);
        }
        let out = written.into_iter().filter(|(path, _)| self.escapes(path));
        Ok(out.map(|(path, _)| path.to_vec()).collect())
    }

    /// Follows a path through links: an absolute target leaves, and so do more `..` than there
    /// are directories.
    fn escapes(&self, path: &[u8]) -> bool {
        let mut left = MOST;
        let mut here: Vec<&[u8]> = Vec::new();
        let mut todo: VecDeque<&[u8]> = parts(path).collect();
        while let Some(part) = todo.pop_front() {
            if part == b".." {
                if here.pop().is_none() {
                    return true;
                }
                continue;
            }
            here.push(part);
            let Some(target) = self.0.get(&here.join(&b'/')) else { continue };
            if target.starts_with(b"/") {
                return true;
            }
            if left == 0 {
                return false; // A chain without end leads nowhere.
            }
            left -= 1;
            here.pop();
            for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
                todo.push_front(part);
            }
        }
        here.first().is_some_and(|first| first.eq_ignore_ascii_case(b".git"))
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|b| *b == b'/').filter(|part| !part.is_empty() && *part != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_through_links() {
        let links = [
            ("a/up", "..", false),
            ("a/out", "../..", true),
            ("abs", "/etc/passwd", true),
            ("a/b/via", "../out/x", true),
            ("ok", "a/b/../missing", false),
            ("loop", "loop", false),
            ("ptr", "a/../.git/config", true),
        ];
        let map =
            links.iter().map(|(path, target, _)| (path.as_bytes().to_vec(), target.as_bytes().to_vec()));
        let all = Links(map.collect());
        for (path, target, out) in links {
            assert_eq!(all.escapes(path.as_bytes()), out, "{path} -> {target}");
        }
    }
}
