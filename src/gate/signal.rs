//! Gate `signal`: an empty diff where work was expected is a failure; where the deliverable
//! may already be there, it is an answer.

use crate::config::ExpectedSignal;

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is a diff.
    Work,
    /// No diff, and none is needed: the checks decide.
    AlreadySatisfied,
    /// No diff, and one was expected.
    Nothing,
}

/// Judges whether a diff is there.
pub fn judge(nonempty: bool, expected: ExpectedSignal) -> Verdict {
    match (nonempty, expected) {
        (true, _) => Verdict::Work,
        (false, ExpectedSignal::AllowEmpty) => Verdict::AlreadySatisfied,
        (false, ExpectedSignal::RequireNonempty) => Verdict::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unexpected_silence_fails() {
        assert_eq!(judge(true, ExpectedSignal::RequireNonempty), Verdict::Work);
        assert_eq!(judge(true, ExpectedSignal::AllowEmpty), Verdict::Work);
        assert_eq!(judge(false, ExpectedSignal::AllowEmpty), Verdict::AlreadySatisfied);
        assert_eq!(judge(false, ExpectedSignal::RequireNonempty), Verdict::Nothing);
    }
}
