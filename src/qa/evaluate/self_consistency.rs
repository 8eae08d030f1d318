//! Self-consistency: no contradictions. Nothing here can be decided by a program.

use super::Criterion;

pub(super) const CRITERION: Criterion = Criterion {
    question: "Do the recommendations agree with each other and with the operator's overrides?",
    pass: "No recommendation contradicts another one, or a known decision of the operator.",
    fail: "Two recommendations contradict each other, or one sets an operator's decision aside without saying so.",
};
