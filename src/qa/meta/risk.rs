//! How much can go wrong with a change, told from its words and from what it answers.

use super::{MetaSlice, Risk};
use crate::qa::findings::Severity;
use crate::qa::reading::{self, ReadFinding};

/// Words of changes that decide who passes and what is learned.
const HIGH: [&str; 12] = [
    "lesson promotion",
    "promote lessons",
    "promotion rule",
    "promotion logic",
    "verifier",
    "state transition",
    "state machine",
    "pass/fail",
    "pass or fail",
    "passing criteria",
    "exit code",
    "gate semantics",
];

/// Words of changes that others have to follow.
const MEDIUM: [&str; 7] = [
    "new evaluation",
    "add an evaluation",
    "evaluation",
    "contract field",
    "new field",
    "schema",
    "migration",
];

/// Words of changes that hardly anything depends on.
const LOW: [&str; 10] = [
    "threshold",
    "timeout",
    "documentation",
    "document",
    "docs",
    "comment",
    "log level",
    "readme",
    "wording",
    "typo",
];

/// The risk of a change: what it says of itself, but never less than what it is about.
pub(super) fn assess(slice: &MetaSlice, found: &[ReadFinding]) -> Risk {
    let about = format!("{} {}", slice.target_component, slice.proposed_change).to_lowercase();
    let names = |words: &[&str]| words.iter().any(|w| about.contains(w));
    let severity = worst(slice, found);
    let own = match severity {
        Some(Severity::Critical) => Risk::High,
        _ if names(&HIGH) => Risk::High,
        _ if names(&MEDIUM) => Risk::Medium,
        _ if names(&LOW) => Risk::Low,
        Some(Severity::Warning) => Risk::Medium,
        _ => Risk::Low,
    };
    own.max(slice.risk_level)
}

/// The most severe finding that it answers.
fn worst(slice: &MetaSlice, found: &[ReadFinding]) -> Option<Severity> {
    let cited: Vec<u32> = slice.evidence.iter().flat_map(|e| reading::cited(e)).collect();
    found.iter().filter(|f| cited.contains(&f.number)).map(|f| f.severity).min()
}
