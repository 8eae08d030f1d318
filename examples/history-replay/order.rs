//! Which commit needs which: the edges without which replaying out of order would not give the
//! same files.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::history::Step;

/// For each step the earlier steps that it needs, none that another of them needs already.
///
/// A step needs the latest earlier one that touched
/// - one of its paths;
/// - a directory of its path as a file, or a file below its path: one has to go before the other
///   can come;
/// - a `.gitignore` above a path that it adds, or a `.gitattributes` above one that it writes, and
///   the other way round: these decide what an addition or a write comes to.
pub fn dependencies(steps: &[Step]) -> Vec<Vec<usize>> {
    let mut seen = Seen::default();
    let mut reach: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
    let mut edges = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let needed = seen.needed(step);
        let (direct, all) = reduce(&needed, &reach);
        reach.push(all);
        edges.push(direct);
        seen.note(index, step);
    }
    edges
}

/// Drops what is needed through another, and gives everything that is needed at all.
fn reduce(needed: &BTreeSet<usize>, reach: &[BTreeSet<usize>]) -> (Vec<usize>, BTreeSet<usize>) {
    let mut all = BTreeSet::new();
    let mut direct = Vec::new();
    for &index in needed.iter().rev() {
        if all.insert(index) {
            direct.push(index);
            all.extend(reach.get(index).into_iter().flatten());
        }
    }
    direct.reverse();
    (direct, all)
}

/// The latest steps so far, by what they did.
#[derive(Default)]
struct Seen {
    touched: BTreeMap<Vec<u8>, usize>,
    /// All of them, not the latest: they need not be ordered among themselves.
    added: BTreeMap<Vec<u8>, BTreeSet<usize>>,
    written: BTreeMap<Vec<u8>, BTreeSet<usize>>,
}

impl Seen {
    fn needed(&self, step: &Step) -> BTreeSet<usize> {
        let mut needed = BTreeSet::new();
        for change in &step.changes {
            let path = change.path.as_slice();
            needed.extend(self.touched.get(path));
            needed.extend(directories(path).filter_map(|dir| self.touched.get(dir)));
            needed.extend(below(&self.touched, path).map(|(_, index)| index));
            needed.extend(self.ruled_by(path));
        }
        for path in step.added() {
            needed.extend(rules(path, b".gitignore").filter_map(|file| self.touched.get(&file)));
        }
        for (path, _) in step.written() {
            needed.extend(rules(path, b".gitattributes").filter_map(|file| self.touched.get(&file)));
        }
        needed
    }

    /// Earlier steps that a change of this rule file could have decided about.
    fn ruled_by(&self, path: &[u8]) -> Vec<usize> {
        let (dir, name) = split(path);
        let map = match name {
            b".gitignore" => &self.added,
            b".gitattributes" => &self.written,
            _ => return Vec::new(),
        };
        if dir.is_empty() {
            return map.values().flatten().copied().collect();
        }
        below(map, dir).flat_map(|(_, steps)| steps.iter().copied()).collect()
    }

    fn note(&mut self, index: usize, step: &Step) {
        for change in &step.changes {
            self.touched.insert(change.path.clone(), index);
        }
        for path in step.added() {
            self.added.entry(path.to_vec()).or_default().insert(index);
        }
        for (path, _) in step.written() {
            self.written.entry(path.to_vec()).or_default().insert(index);
        }
    }
}

/// The directories above a path, outermost first.
pub fn directories(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.iter().enumerate().filter(|(_, b)| **b == b'/').filter_map(|(at, _)| path.get(..at))
}

/// Everything below a directory.
pub fn below<'a, V>(map: &'a BTreeMap<Vec<u8>, V>, dir: &[u8]) -> impl Iterator<Item = (&'a Vec<u8>, &'a V)> {
    let start = [dir, b"/"].concat();
    let prefix = start.clone();
    map.range((Bound::Excluded(start), Bound::Unbounded))
        .take_while(move |(path, _)| path.starts_with(&prefix))
}

/// The files of that name that say something about a path.
fn rules<'a>(path: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let nested = directories(path).map(move |dir| [dir, b"/", name].concat());
    std::iter::once(name.to_vec()).chain(nested)
}

fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{Change, Entry, Kind};
    use super::*;

    /// `+path` adds, `-path` deletes, `path` changes.
    fn step(paths: &[&str]) -> Step {
        let entry = || Some(Entry { kind: Kind::File, oid: "aa".to_owned() });
        let change = |text: &&str| {
            let path = text.trim_start_matches(['+', '-']).as_bytes().to_vec();
            let (added, deleted) = (text.starts_with('+'), text.starts_with('-'));
            Change { path, old: entry().filter(|_| !added), new: entry().filter(|_| !deleted) }
        };
        let (commit, parent, message) = (String::new(), String::new(), String::new());
        Step { commit, parent, message, changes: paths.iter().map(change).collect(), lines: 0 }
    }

    fn edges(steps: &[&[&str]]) -> Vec<Vec<usize>> {
        dependencies(&steps.iter().map(|paths| step(paths)).collect::<Vec<_>>())
    }

    #[test]
    fn the_latest_toucher_of_a_path_is_needed() {
        assert_eq!(edges(&[&["a"], &["b"], &["a"], &["a", "b"]]), [vec![], vec![], vec![0], vec![1, 2]]);
    }

    #[test]
    fn what_is_needed_anyway_is_not_said_twice() {
        // The third needs the first, but by way of the second already.
        assert_eq!(edges(&[&["a", "b"], &["a"], &["a", "b"]]), [vec![], vec![0], vec![1]]);
    }

    #[test]
    fn a_rename_needs_both_of_its_sides() {
        assert_eq!(edges(&[&["old"], &["-new"], &["-old", "+new"]]), [vec![], vec![], vec![0, 1]]);
    }

    #[test]
    fn a_file_and_a_directory_of_one_name_are_ordered() {
        assert_eq!(edges(&[&["-a"], &["+a/b"]]), [vec![], vec![0]]);
        assert_eq!(edges(&[&["-a/b/c"], &["-a/d"], &["+a"]]), [vec![], vec![], vec![0, 1]]);
        // Neighbours in the order of bytes that are no directories of it.
        assert!(edges(&[&["a-b"], &["a.c"], &["a0"], &["a"]]).concat().is_empty());
    }

    #[test]
    fn rules_order_what_they_rule() {
        let ignore: &[&[&str]] = &[&["+x.log"], &["y.log"], &[".gitignore"], &["+z.log"], &["y.log"]];
        assert_eq!(edges(ignore), [vec![], vec![], vec![0], vec![2], vec![1]]);
        let nested: &[&[&str]] = &[&["+d/x"], &["+e/x"], &["d/.gitignore"], &["+d/e/y"], &["+e/y"]];
        assert_eq!(edges(nested), [vec![], vec![], vec![0], vec![2], vec![]]);
        assert_eq!(
            edges(&[&["a"], &[".gitattributes"], &["-b"], &["c"]]),
            [vec![], vec![0], vec![], vec![1]]
        );
    }
}
