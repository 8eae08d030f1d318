//! A window of first-parent history: its commits, what each changed, how many lines.

use std::collections::BTreeSet;

use super::git::{Failure, Git, fields};

/// The window, oldest commit first.
#[derive(Debug, Clone)]
pub struct History {
    /// The commit below the window.
    pub base: String,
    /// The commit at its top: what the replay must arrive at.
    pub head: String,
    pub steps: Vec<Step>,
}

/// One commit, compared with its first parent.
#[derive(Debug, Clone)]
pub struct Step {
    pub commit: String,
    pub parent: String,
    /// The whole message, decoded.
    pub message: String,
    pub changes: Vec<Change>,
    /// Added and deleted lines, renames detected.
    pub lines: u64,
}

/// One path of a commit's diff; a rename is two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: Vec<u8>,
    pub old: Option<Entry>,
    pub new: Option<Entry>,
}

/// What a tree holds at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: Kind,
    pub oid: String,
}

/// The kinds of entries that git knows besides directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Executable,
    Link,
    Submodule,
}

impl Step {
    /// The node's id: commits count from 1.
    pub fn id(index: usize) -> String {
        format!("C{:04}", index + 1)
    }

    /// The message's first line.
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or("").trim()
    }

    /// Paths that the commit writes, with what it writes there.
    pub fn written(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.changes.iter().filter_map(|c| Some((c.path.as_slice(), c.new.as_ref()?)))
    }

    /// Paths that the commit removes.
    pub fn deleted(&self) -> impl Iterator<Item = &[u8]> {
        self.changes.iter().filter(|c| c.new.is_none()).map(|c| c.path.as_slice())
    }

    /// Paths that were not there before.
    pub fn added(&self) -> impl Iterator<Item = &[u8]> {
        self.changes.iter().filter(|c| c.old.is_none()).map(|c| c.path.as_slice())
    }
}

/// Reads the last `count` commits that have a parent.
pub fn read(git: &Git, count: usize) -> Result<History, Failure> {
    let limit = format!("--max-count={}", count.saturating_add(1));
    let log =
        git.bytes(&["log", "-z", "--first-parent", "--encoding=UTF-8", "--format=%H%n%B", &limit, "HEAD"])?;
    let mut commits: Vec<(String, String)> = fields(&log).map(split_entry).collect();
    commits.reverse();
    let (Some((base, _)), Some((head, _))) = (commits.first().cloned(), commits.last().cloned()) else {
        return Err(Failure::new("the repository has no commit"));
    };
    let pairs = commits.iter().zip(commits.iter().skip(1));
    let steps = pairs.map(|((parent, _), (commit, message))| step(git, parent, commit, message));
    Ok(History { base, head, steps: steps.collect::<Result<_, _>>()? })
}

fn split_entry(entry: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(entry);
    let (id, message) = text.split_once('\n').unwrap_or((&text, ""));
    (id.to_owned(), message.to_owned())
}

fn step(git: &Git, parent: &str, commit: &str, message: &str) -> Result<Step, Failure> {
    let raw =
        git.bytes(&["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", parent, commit])?;
    let source = format!("--attr-source={parent}");
    let count =
        ["diff-tree", "-r", "-z", "--numstat", "-M50%", "--no-ext-diff", "--no-textconv", parent, commit];
    let numstat = git.bytes(&[&[source.as_str()], &count[..]].concat())?;
    Ok(Step {
        commit: commit.to_owned(),
        parent: parent.to_owned(),
        message: message.to_owned(),
        changes: changes(&raw)?,
        lines: lines(&numstat),
    })
}

/// Reads `diff-tree --raw -z --no-renames`.
fn changes(raw: &[u8]) -> Result<Vec<Change>, Failure> {
    let mut fields = fields(raw);
    let mut changes = Vec::new();
    while let (Some(head), Some(path)) = (fields.next(), fields.next()) {
        changes.push(change(head, path).ok_or_else(|| {
            Failure::new(format!("git said something unknown: {}", String::from_utf8_lossy(head)))
        })?);
    }
    Ok(changes)
}

fn change(head: &[u8], path: &[u8]) -> Option<Change> {
    let head = std::str::from_utf8(head).ok()?.strip_prefix(':')?;
    let mut words = head.split(' ');
    let (old_mode, new_mode) = (words.next()?, words.next()?);
    let (old, new) = (words.next()?, words.next()?);
    Some(Change { path: path.to_vec(), old: entry(old_mode, old)?, new: entry(new_mode, new)? })
}

/// The outer `None` is a mode that git does not have.
fn entry(mode: &str, oid: &str) -> Option<Option<Entry>> {
    let kind = match mode {
        "000000" => return Some(None),
        "100755" => Kind::Executable,
        "120000" => Kind::Link,
        "160000" => Kind::Submodule,
        _ if mode.starts_with("100") => Kind::File,
        _ => return None,
    };
    Some(Some(Entry { kind, oid: oid.to_owned() }))
}

/// The lines of a step of which some changes were left out. Where one side of a rename is
/// missing the other is an addition or a deletion, so renames are not looked for.
pub fn lines_of_the_rest(git: &Git, step: &Step) -> Result<u64, Failure> {
    let source = format!("--attr-source={}", step.parent);
    let count = ["diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv"];
    let args = [&[source.as_str()], &count[..], &[&step.parent, &step.commit]].concat();
    let kept: BTreeSet<&[u8]> = step.changes.iter().map(|c| c.path.as_slice()).collect();
    let numstat = git.bytes(&args)?;
    let counts = fields(&numstat).filter_map(counted);
    Ok(counts.filter(|(_, path)| kept.contains(path)).map(|(lines, _)| lines).sum())
}

/// The sum of `diff-tree --numstat -z`. A rename's paths follow as fields of their own.
fn lines(numstat: &[u8]) -> u64 {
    let mut sum = 0;
    let mut fields = fields(numstat);
    while let Some(field) = fields.next() {
        let count = counted(field);
        sum += count.map_or(0, |(lines, _)| lines);
        if count.is_some_and(|(_, path)| path.is_empty()) {
            fields.next();
            fields.next();
        }
    }
    sum
}

/// One entry: added and deleted lines, and the path (empty for a rename). Binary files say `-`
/// and count as 0.
fn counted(field: &[u8]) -> Option<(u64, &[u8])> {
    let mut words = field.splitn(3, |b| *b == b'\t');
    let mut number = || {
        let word = std::str::from_utf8(words.next()?).ok()?;
        if word == "-" { Some(0) } else { word.parse::<u64>().ok() }
    };
    let lines = number()? + number()?;
    Some((lines, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn every_kind_of_change_is_read() {
        let raw = format!(
            ":100644 100755 aa bb M\0run me\0:000000 120000 {NONE} cc A\0link\0:160000 000000 dd {NONE} D\0sub\0"
        );
        let changes = changes(raw.as_bytes()).unwrap();
        let entry = |kind, oid: &str| Some(Entry { kind, oid: oid.to_owned() });
        assert_eq!(
            changes,
            [
                Change {
                    path: b"run me".to_vec(),
                    old: entry(Kind::File, "aa"),
                    new: entry(Kind::Executable, "bb")
                },
                Change { path: b"link".to_vec(), old: None, new: entry(Kind::Link, "cc") },
                Change { path: b"sub".to_vec(), old: entry(Kind::Submodule, "dd"), new: None },
            ]
        );
        assert!(super::changes(b":040000 040000 aa bb M\0tree\0").is_err());
        assert_eq!(super::changes(b"").unwrap(), []);
    }

    #[test]
    fn lines_are_summed_over_renames_binaries_and_odd_names() {
        assert_eq!(lines(b"3\t1\ta\0-\t-\tpicture.png\x000\t2\t\0old\0new\x001\t1\ttab\tname\0"), 8);
        // A path that looks like a count is not one.
        assert_eq!(lines(b"1\t0\t\x009\t9\told\x009\t9\tnew\0"), 1);
        assert_eq!(lines(b""), 0);
        assert_eq!(lines(b"-\t-\t\0old.bin\0new.bin\x002\t0\tb\0"), 2);
    }
}
