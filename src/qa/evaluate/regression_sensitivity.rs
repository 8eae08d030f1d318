//! Regression sensitivity: patterns across slices. Nothing here can be decided by a program.

use super::Criterion;

pub(super) const CRITERION: Criterion = Criterion {
    question: "Are patterns that span several slices called out?",
    pass: "Trends across slices are analysed, and good or bad patterns are named.",
    fail: "Each slice is looked at by itself, without a comparison.",
};
