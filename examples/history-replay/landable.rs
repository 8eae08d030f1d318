//! What of a history a run can land at all. The rest is left out by path, for the whole window,
//! and said: a path that were left out of one commit alone would be wrong in the next.

use std::collections::{BTreeMap, BTreeSet};

use super::git::{Failure, Git};
use super::history::{Change, History, Kind};
use super::links::Links;
use super::{attributes, history, ignored, order};

/// A history that can be replayed.
#[derive(Debug)]
pub struct Landable {
    pub history: History,
    /// Paths that are not part of it.
    pub left_out: BTreeSet<Vec<u8>>,
    /// The same for the reader, with the reason.
    pub notices: Vec<String>,
}

/// Leaves out submodule commits, links that lead outside, files that git ignores although they are tracked, content that
/// the repository's own attributes would rewrite, and the places that auditrun keeps for itself.
pub fn sift(git: &Git, history: History) -> Result<Landable, Failure> {
    let mut reasons = BTreeMap::new();
    let mut links = Links::at(git, &history.base)?;
    for (index, step) in history.steps.iter().enumerate() {
        let mut note = |path: &[u8], why: &str| {
            let said = format!("{} ({why}, first in {})", shown(path), &short(&step.commit));
            reasons.entry(path.to_vec()).or_insert((index, said));
        };
        for change in &step.changes {
            if let Some(why) = impossible(change) {
                note(&change.path, why);
            }
        }
        for path in links.advance(git, step)? {
            note(&path, "a symbolic link that leads out of the repository");
        }
        for path in ignored::added(git, step)? {
            note(&path, "ignored by .gitignore, so an agent's new file would not be kept");
        }
        for path in attributes::rewritten(git, step)? {
            note(&path, "its .gitattributes would store other content than the commit did");
        }
    }
    let left_out = closure(reasons.keys().cloned().collect(), &history);
    let mut said: Vec<(usize, String)> = reasons.into_values().collect();
    said.sort();
    Ok(Landable {
        history: without(git, history, &left_out)?,
        left_out,
        notices: said.into_iter().map(|(_, text)| text).collect(),
    })
}

fn impossible(change: &Change) -> Option<&'static str> {
    let submodule =
        |entry: &Option<super::history::Entry>| entry.as_ref().is_some_and(|e| e.kind == Kind::Submodule);
    if submodule(&change.old) || submodule(&change.new) {
        return Some("a submodule");
    }
    let own = [b".worktrees/".as_slice(), b".auditrun/"];
    own.iter().any(|dir| change.path.starts_with(dir)).then_some("a place that auditrun keeps for itself")
}

/// With a path go those below and above it: they could not be there beside it.
fn closure(mut paths: BTreeSet<Vec<u8>>, history: &History) -> BTreeSet<Vec<u8>> {
    let all: BTreeMap<Vec<u8>, ()> =
        history.steps.iter().flat_map(|s| &s.changes).map(|c| (c.path.clone(), ())).collect();
    let mut queue: Vec<Vec<u8>> = paths.iter().cloned().collect();
    while let Some(path) = queue.pop() {
        let above = order::directories(&path).map(<[u8]>::to_vec).filter(|dir| all.contains_key(dir));
        let below = order::below(&all, &path).map(|(path, ())| path.clone());
        let more: Vec<Vec<u8>> = above.chain(below).filter(|p| !paths.contains(p)).collect();
        paths.extend(more.iter().cloned());
        queue.extend(more);
    }
    paths
}

fn without(git: &Git, mut history: History, left_out: &BTreeSet<Vec<u8>>) -> Result<History, Failure> {
    for step in &mut history.steps {
        let before = step.changes.len();
        step.changes.retain(|change| !left_out.contains(&change.path));
        if step.changes.len() < before {
            step.lines = history::lines_of_the_rest(git, step)?;
        }
    }
    Ok(history)
}

/// A path for people: never more than one line.
pub fn shown(path: &[u8]) -> String {
    auditrun::base::RepoPath::from_bytes(path).to_string()
}

/// The beginning of an id, for people.
pub fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::super::history::{Entry, Step};
    use super::*;

    fn change(path: &str, kind: Kind) -> Change {
        Change { path: path.into(), old: None, new: Some(Entry { kind, oid: "aa".to_owned() }) }
    }

    fn history(changes: Vec<Change>) -> History {
        let step = Step { commit: "c".into(), parent: "p".into(), message: String::new(), changes, lines: 0 };
        History { base: "p".into(), head: "c".into(), steps: vec![step] }
    }

    #[test]
    fn what_can_not_land_is_known() {
        assert_eq!(impossible(&change("lib", Kind::Submodule)), Some("a submodule"));
        assert!(impossible(&change(".worktrees/x", Kind::File)).is_some());
        assert_eq!(impossible(&change(".worktrees.md", Kind::Link)), None);
    }

    #[test]
    fn with_a_path_go_those_that_could_not_be_beside_it() {
        let paths = ["a/b/c", "a/b", "a", "ab", "d"];
        let history = history(paths.iter().map(|p| change(p, Kind::File)).collect());
        let out = closure(BTreeSet::from([b"a/b".to_vec()]), &history);
        assert_eq!(out, ["a", "a/b", "a/b/c"].map(Vec::from).into());
    }
}
