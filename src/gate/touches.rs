//! Gate `touches`: every path that a diff names lies within what the node may write.

use crate::base::{Layout, PatternSet, RepoPath};
use crate::git::{Capture, Change, ChangeKind};

/// A path that the node must not have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The path.
    pub path: RepoPath,
    /// Why it is one.
    pub why: Why,
}

/// Why a change is a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No pattern of `touches` covers it.
    Outside,
    /// It belongs to the harness, whatever `touches` says.
    HarnessOwn,
    /// A symbolic link that leads out of the worktree.
    EscapingLink,
    /// A nested repository or a submodule that moved or appeared: its content can't be judged.
    NestedRepository,
    /// A FIFO, socket or device, a directory too deep to be followed, or a name that git refuses:
    /// can't be part of a tree.
    SpecialFile,
    /// A copied or linked path of worktree preparation was changed.
    Prepared,
}

impl Why {
    /// The reason in words, to stand behind the path.
    pub fn words(self) -> &'static str {
        match self {
            Why::Outside => "not covered by touches",
            Why::HarnessOwn => "belongs to the harness",
            Why::EscapingLink => "a symbolic link that leads out of the worktree",
            Why::NestedRepository => "a nested repository or submodule",
            Why::SpecialFile => {
                "no commit can hold it: a FIFO, socket or device, too deep a directory, or a name that git refuses"
            }
            Why::Prepared => "was prepared by the harness and must stay as it is",
        }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.path, self.why.words())
    }
}

/// Violations among the paths of a diff alone: both sides of a rename, deletions and mode
/// changes included.
pub fn in_changes(changes: &[Change], touches: &PatternSet, layout: &Layout) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    let paths = changes.iter().flat_map(Change::paths);
    found.extend(paths.filter_map(|path| {
        let why = if layout.owns(path) {
            Why::HarnessOwn
        } else if !touches.matches(path) {
            Why::Outside
        } else {
            return None;
        };
        Some(Violation { path: path.clone(), why })
    }));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup();
    found
}

/// Everything in a capture that breaks the gate.
pub fn in_capture(capture: &Capture, touches: &PatternSet, layout: &Layout) -> Vec<Violation> {
    let mut found = in_changes(&capture.diff.changes, touches, layout);
    let mut add = |paths: &[RepoPath], why: Why| {
        found.extend(paths.iter().map(|p| Violation { path: p.clone(), why }));
    };
    add(&capture.escaping_links, Why::EscapingLink);
    add(&capture.nested_repositories, Why::NestedRepository);
    add(&capture.special_files, Why::SpecialFile);
    add(&capture.prepared_changed, Why::Prepared);
    found
}

/// The paths of violations, each once, in byte order.
pub fn outside(found: &[Violation]) -> Vec<RepoPath> {
    each_once(found.iter().map(|v| &v.path))
}

/// The paths of a diff, each once, in byte order.
pub fn paths(changes: &[Change]) -> Vec<RepoPath> {
    each_once(changes.iter().flat_map(Change::paths))
}

fn each_once<'a>(paths: impl Iterator<Item = &'a RepoPath>) -> Vec<RepoPath> {
    let mut all: Vec<RepoPath> = paths.cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// The paths that the change took away.
pub fn removed(changes: &[Change]) -> impl Iterator<Item = &RepoPath> {
    changes.iter().filter(|c| matches!(c.kind, ChangeKind::Deleted | ChangeKind::Renamed)).map(|c| &c.old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pattern;

    fn change(kind: ChangeKind, old: &str, new: &str) -> Change {
        Change {
            kind,
            old: old.into(),
            new: new.into(),
            old_mode: 0o100_644,
            new_mode: 0o100_644,
            lines: Some((1, 0)),
        }
    }

    fn touches(patterns: &[&str]) -> PatternSet {
        PatternSet::new(patterns.iter().map(|p| Pattern::parse(p).unwrap()))
    }

    #[test]
    fn both_sides_of_a_rename_count() {
        let layout = Layout::new("docs/audit", "docs/audit");
        let moved = [change(ChangeKind::Renamed, "lib/a", "src/a")];
        let found = in_changes(&moved, &touches(&["src/**"]), &layout);
        assert_eq!(found, [Violation { path: "lib/a".into(), why: Why::Outside }]);
    }

    #[test]
    fn the_harness_s_own_files_are_never_covered() {
        let layout = Layout::new("docs/audit", "docs/audit");
        let edit = [change(ChangeKind::Modified, "docs/audit/state.md", "docs/audit/state.md")];
        let found = in_changes(&edit, &touches(&["docs/**"]), &layout);
        assert_eq!(found[0].why, Why::HarnessOwn);
        let notes = [change(ChangeKind::Modified, "docs/audit/notes.md", "docs/audit/notes.md")];
        assert!(in_changes(&notes, &touches(&["docs/**"]), &layout).is_empty());
    }
}
