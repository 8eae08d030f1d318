//! From an estimate and its confidence to the line counts that a diff is held to.

use crate::config::{LocConfidence, LocPolicy, LocRow, Origin};

/// Line counts past which something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocBounds {
    pub(super) cap: Option<u64>,
    pub(super) warn: Option<u64>,
    pub(super) extreme: u64,
    pub(super) origin: Origin,
}

/// The bounds of a node with `estimate` lines.
///
/// A cap is the estimate plus the larger of its share and the noise floor. Lines are
/// whole, so the share is rounded down: more than 61.5 lines is more than 61. The extreme
/// bound is never below the cap, else a tiny estimate, which the floor is there to
/// protect, would lose its remediation cycles to a handful of lines.
pub(super) fn bounds(policy: &LocPolicy, confidence: LocConfidence, estimate: u64) -> LocBounds {
    let row = match confidence {
        LocConfidence::Tight => &policy.tight,
        LocConfidence::Rough | LocConfidence::Unbounded => &policy.rough,
    };
    let cap = cap(row.value, estimate);
    let capped = confidence != LocConfidence::Unbounded;
    LocBounds {
        cap: capped.then_some(cap),
        warn: (!capped).then_some(cap),
        extreme: share(estimate, policy.extreme.value).max(cap),
        origin: row.origin.clone(),
    }
}

fn cap(row: LocRow, estimate: u64) -> u64 {
    estimate.saturating_add(share(estimate, row.factor).max(row.floor))
}

/// `lines` × `factor`, rounded down, but not because of the last bit of a product like
/// 100 × 0.29. Saturates.
fn share(lines: u64, factor: f64) -> u64 {
    let product = lines as f64 * factor;
    (product + product * 1e-12).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing;

    #[test]
    fn caps_follow_the_table() {
        use LocConfidence::{Rough, Tight, Unbounded};
        let policy = testing::config().loc;
        for (confidence, estimate, cap, warn, extreme) in [
            (Tight, 0, Some(20), None, 20),
            (Tight, 1, Some(21), None, 21),
            (Tight, 10, Some(30), None, 50),
            (Tight, 40, Some(60), None, 200),
            (Tight, 41, Some(61), None, 205),
            (Rough, 0, Some(30), None, 30),
            (Rough, 10, Some(40), None, 50),
            (Rough, 31, Some(62), None, 155),
            (Unbounded, 10, None, Some(40), 50),
            (Unbounded, 2, None, Some(32), 32),
            (Tight, u64::MAX, Some(u64::MAX), None, u64::MAX),
        ] {
            let got = bounds(&policy, confidence, estimate);
            assert_eq!((got.cap, got.warn, got.extreme), (cap, warn, extreme), "{confidence:?} {estimate}");
        }
    }

    #[test]
    fn shares_are_not_lost_to_binary_fractions() {
        assert_eq!(share(100, 0.29), 29);
        assert_eq!(share(10, 0.7), 7);
        assert_eq!(share(41, 0.5), 20);
        assert_eq!(share(3, -1.0), 0);
        assert_eq!(share(3, f64::NAN), 0);
    }
}
