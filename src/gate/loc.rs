//! Gate `loc`: a node that changes far more than it was estimated at was cut wrong.
//!
//! A line counts once for being added and once for being deleted, with renames detected.
//! The floor of the cap keeps tiny estimates from tripping the gate: a node estimated at
//! 1 line may change 21 before it is oversized, and one is past remedy only if it is above
//! the cap as well as above the multiple of its estimate.

use crate::base::{PatternSet, RepoPath};
use crate::git::Change;
use crate::plan::LocLimits;

/// What the gate counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Added + deleted lines.
    pub loc: u64,
    /// Binary files: listed, counted as 0.
    pub binary: Vec<RepoPath>,
    /// Files of `loc-exclude` that the diff changed: not counted.
    pub excluded: Vec<RepoPath>,
}

/// Counts the lines of a diff.
pub fn count(changes: &[Change], exclude: &PatternSet) -> Count {
    let mut count = Count { loc: 0, binary: Vec::new(), excluded: Vec::new() };
    for change in changes {
        if exclude.matches(&change.new) {
            count.excluded.push(change.new.clone());
            continue;
        }
        match change.lines {
            Some((added, deleted)) => count.loc = count.loc.saturating_add(added).saturating_add(deleted),
            None => count.binary.push(change.new.clone()),
        }
    }
    count
}

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Within the cap.
    Within,
    /// No cap holds, but it is past the rough one: worth a warning.
    PastRough,
    /// Over the cap: a smaller attempt may do.
    Over,
    /// So far over that remediation is pointless: propose a split at once.
    Extreme,
}

/// Judges a line count.
pub fn judge(loc: u64, limits: LocLimits) -> Verdict {
    if loc > limits.extreme {
        return Verdict::Extreme;
    }
    match (limits.cap, limits.warn) {
        (Some(cap), _) if loc > cap => Verdict::Over,
        (None, Some(warn)) if loc > warn => Verdict::PastRough,
        _ => Verdict::Within,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Pattern;
    use crate::git::ChangeKind;

    #[test]
    fn the_table_of_verdicts() {
        let tight10 = LocLimits { cap: Some(30), warn: None, extreme: 50 };
        let tight1 = LocLimits { cap: Some(21), warn: None, extreme: 21 };
        let unbounded10 = LocLimits { cap: None, warn: Some(40), extreme: 50 };
        for (loc, limits, want) in [
            (30, tight10, Verdict::Within),
            (31, tight10, Verdict::Over),
            (50, tight10, Verdict::Over),
            (51, tight10, Verdict::Extreme),
            (21, tight1, Verdict::Within),
            (22, tight1, Verdict::Extreme),
            (40, unbounded10, Verdict::Within),
            (41, unbounded10, Verdict::PastRough),
            (51, unbounded10, Verdict::Extreme),
        ] {
            assert_eq!(judge(loc, limits), want, "{loc} of {limits:?}");
        }
    }

    #[test]
    fn binary_and_excluded_files_count_as_nothing() {
        let change = |path: &str, lines| Change {
            kind: ChangeKind::Modified,
            old: path.into(),
            new: path.into(),
            old_mode: 0o100_644,
            new_mode: 0o100_644,
            lines,
        };
        let exclude = PatternSet::new([Pattern::parse("Cargo.lock").unwrap()]);
        let changes =
            [change("a", Some((3, 4))), change("b.png", None), change("Cargo.lock", Some((500, 1)))];
        let got = count(&changes, &exclude);
        assert_eq!((got.loc, got.binary.len(), got.excluded.len()), (7, 1, 1));
    }
}
