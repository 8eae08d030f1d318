//! The difference of two trees: the patch whose bytes a proof hashes, and the changes
//! as data. Both come from one call in the clean room, so nobody's configuration shows.

use crate::base::{Oid, RepoPath};

use super::objects::{Edits, Entry, GITLINK, from_git2, to_git2};
use super::{Change, ChangeKind, Diff, GitError, Repo};

/// The options are spelled out even where they are git's defaults, since a default may change.
const OPTIONS: &[&str] = &[
    "diff-tree",
    "-r",
    "-z",
    "--raw",
    "--numstat",
    "--patch",
    "--binary",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "-M50%",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--unified=3",
    "--inter-hunk-context=0",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--ignore-submodules=none",
    "--end-of-options",
];

impl Repo {
    /// The diff of two trees (or commits) by the rules of capture: `git diff --binary
    /// --full-index --no-ext-diff --no-textconv -M50%` with default prefixes and the old
    /// tree's attributes.
    ///
    /// # Errors
    /// An object is missing, or git failed.
    pub fn diff(&self, old_tree: &Oid, new_tree: &Oid) -> Result<Diff, GitError> {
        if old_tree == new_tree {
            return Ok(Diff { changes: Vec::new(), patch: Vec::new() });
        }
        let args: Vec<&str> = OPTIONS.iter().copied().chain([old_tree.as_str(), new_tree.as_str()]).collect();
        let out = self.clean_room().attributes(&self.tree_of(old_tree)?).run(&args)?;
        parse(&out).ok_or_else(|| GitError::Failed {
            what: format!("git diff-tree {old_tree} {new_tree}"),
            detail: "its answer has an unknown form".to_owned(),
        })
    }
}

impl Repo {
    /// The entries that differ between two trees, as they are in the new one; `None`: gone.
    pub(super) fn changed_entries(&self, old: &Oid, new: &Oid) -> Result<Edits, GitError> {
        if old == new {
            return Ok(Edits::new());
        }
        if let Some(found) = self.changed_entries_fast(old, new) {
            return Ok(found);
        }
        let args = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--end-of-options"];
        let args: Vec<&str> = args.into_iter().chain([old.as_str(), new.as_str()]).collect();
        let out = self.clean_room().run(&args)?;
        let mut rest = out.as_slice();
        let mut found = Edits::new();
        while let (Some(head), Some(path)) = (field(&mut rest), field(&mut rest)) {
            found.insert(path.to_vec(), new_side(head));
        }
        Ok(found)
    }

    fn changed_entries_fast(&self, old: &Oid, new: &Oid) -> Option<Edits> {
        let repo = self.fast()?;
        let tree = |id: &Oid| repo.find_object(to_git2(id)?, None).ok()?.peel_to_tree().ok();
        let (old, new) = (tree(old)?, tree(new)?);
        let mut options = git2::DiffOptions::new();
        options.include_typechange(true).include_typechange_trees(true).ignore_submodules(false);
        let diff = repo.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options)).ok()?;
        let mut found = Edits::new();
        for delta in diff.deltas() {
            // What goes first, so that a path that stays at another kind of entry stays.
            let (before, after) = (delta.old_file(), delta.new_file());
            if !before.id().is_zero() {
                found.entry(before.path_bytes()?.to_vec()).or_insert(None);
            }
            if !after.id().is_zero() {
                let entry = (u32::from(after.mode()), from_git2(after.id())?);
                found.insert(after.path_bytes()?.to_vec(), Some(entry));
            }
        }
        Some(found)
    }
}

/// Mode and object after the change; `None` for mode 0.
fn new_side(head: &[u8]) -> Option<Entry> {
    let words: Vec<&str> = std::str::from_utf8(head).ok()?.split(' ').collect();
    let mode = u32::from_str_radix(words.get(1)?, 8).ok()?;
    let id = Oid::parse(words.get(3)?)?;
    (mode != 0).then_some((mode, id))
}

/// Reads what `-z --raw --numstat --patch` prints: the raw entries, the counts in the same
/// order, an empty field, the patch.
fn parse(out: &[u8]) -> Option<Diff> {
    let mut rest = out;
    let mut changes = Vec::new();
    while rest.first() == Some(&b':') {
        changes.push(raw_entry(&mut rest)?);
    }
    for change in &mut changes {
        change.lines = counts(&mut rest)?;
    }
    let patch = if changes.is_empty() { rest } else { rest.strip_prefix(b"\0").unwrap_or(rest) };
    changes.sort_by(|a, b| a.new.cmp(&b.new).then_with(|| a.old.cmp(&b.old)));
    Some(Diff { changes, patch: patch.to_vec() })
}

/// The text up to the next NUL, which is skipped.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|b| *b == 0)?;
    let found = rest.get(..end)?;
    *rest = rest.get(end + 1..)?;
    Some(found)
}

/// `:oldmode newmode oldid newid STATUS NUL path NUL [path NUL]`.
fn raw_entry(rest: &mut &[u8]) -> Option<Change> {
    let head = std::str::from_utf8(field(rest)?.strip_prefix(b":")?).ok()?;
    let words: Vec<&str> = head.split(' ').collect();
    let old_mode = u32::from_str_radix(words.first()?, 8).ok()?;
    let new_mode = u32::from_str_radix(words.get(1)?, 8).ok()?;
    let same_object = words.get(2)? == words.get(3)?;
    let status = words.get(4)?.chars().next()?;
    let old = RepoPath::from_bytes(field(rest)?);
    let new = if matches!(status, 'R' | 'C') { RepoPath::from_bytes(field(rest)?) } else { old.clone() };
    let kind = match status {
        'A' | 'C' => ChangeKind::Added,
        'D' => ChangeKind::Deleted,
        'R' => ChangeKind::Renamed,
        'T' => ChangeKind::Mode,
        'M' if same_object && old_mode != new_mode => ChangeKind::Mode,
        _ => ChangeKind::Modified,
    };
    Some(Change { kind, old, new, old_mode, new_mode, lines: None })
}

/// `added TAB deleted TAB path NUL`, or with an empty path two more fields: a rename.
fn counts(rest: &mut &[u8]) -> Option<Option<(u64, u64)>> {
    let line = field(rest)?;
    let mut words = line.splitn(3, |b| *b == b'\t');
    let added = std::str::from_utf8(words.next()?).ok()?;
    let deleted = std::str::from_utf8(words.next()?).ok()?;
    if words.next()?.is_empty() {
        field(rest)?;
        field(rest)?;
    }
    if added == "-" {
        return Some(None);
    }
    Some(Some((added.parse().ok()?, deleted.parse().ok()?)))
}

impl Diff {
    /// The changes as `git status --porcelain` lists them in the work tree that made them:
    /// new files untracked, the rest as they would be staged.
    pub fn porcelain(&self) -> Vec<u8> {
        let lines = self.changes.iter().map(|change| {
            let (old, new) = (quoted(&change.old), quoted(&change.new));
            match change.kind {
                ChangeKind::Added => format!("?? {new}\n"),
                ChangeKind::Deleted => format!("D  {new}\n"),
                ChangeKind::Modified => format!("M  {new}\n"),
                ChangeKind::Mode if is_type_change(change) => format!("T  {new}\n"),
                ChangeKind::Mode => format!("M  {new}\n"),
                ChangeKind::Renamed => format!("R  {old} -> {new}\n"),
            }
        });
        lines.collect::<String>().into_bytes()
    }
}

fn is_type_change(change: &Change) -> bool {
    change.old_mode & GITLINK != change.new_mode & GITLINK
}

/// Quoted as git does in this format: also when there is a space, which would else
/// blur where a rename's first path ends.
fn quoted(path: &RepoPath) -> String {
    let text = path.to_string();
    if text.contains(' ') && !text.starts_with('"') { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(status: &str, paths: &[&str]) -> Vec<u8> {
        let id = "1".repeat(40);
        let mut out = format!(":100644 100644 {id} {} {status}\0", "2".repeat(40)).into_bytes();
        for path in paths {
            out.extend_from_slice(path.as_bytes());
            out.push(0);
        }
        out
    }

    #[test]
    fn entries_counts_and_patch_are_told_apart() {
        let mut out = raw("R090", &["b b", "c"]);
        out.extend(raw("M", &["a"]));
        out.extend_from_slice(b"1\t2\t\0b b\0c\0-\t-\ta\0\0diff --git a/a b/a\n");
        let diff = parse(&out).unwrap();
        assert_eq!(diff.patch, b"diff --git a/a b/a\n");
        let seen: Vec<_> = diff.changes.iter().map(|c| (c.kind, c.new.to_string(), c.lines)).collect();
        assert_eq!(
            seen,
            [
                (ChangeKind::Modified, "a".to_owned(), None),
                (ChangeKind::Renamed, "c".to_owned(), Some((1, 2)))
            ]
        );
        assert_eq!(String::from_utf8(diff.porcelain()).unwrap(), "M  a\nR  \"b b\" -> c\n");
    }

    #[test]
    fn a_cut_answer_is_not_taken_for_a_diff() {
        for bad in
            [&b":100644"[..], b":100644 100644 a b M\0", b":1 2 a b M\0p\0", b":1 2 a b M\0p\0x\ty\tp\0"]
        {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(parse(b"").unwrap(), Diff { changes: vec![], patch: vec![] });
    }
}
