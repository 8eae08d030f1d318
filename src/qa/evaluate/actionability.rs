//! Actionability: every recommendation can be acted on. Nothing here can be decided by a program.

use super::Criterion;

pub(super) const CRITERION: Criterion = Criterion {
    question: "Does every recommendation have a concrete next step?",
    pass: "Every recommendation is a meta-slice, an operator override or an investigation path, with enough detail to act on.",
    fail: "A recommendation is vague: something \"should improve\", without an action.",
};
