//! Quantiles of a handful of figures, by nearest rank: always a value that occurred.

use super::model::Quantiles;

/// The smallest value that at least `share` of the values do not exceed.
pub(super) fn nearest(sorted: &[f64], share: f64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// The usual four; `None` for no values.
pub(super) fn quantiles(mut values: Vec<f64>) -> Option<Quantiles> {
    values.sort_by(f64::total_cmp);
    Some(Quantiles {
        p10: nearest(&values, 0.1)?,
        p50: nearest(&values, 0.5)?,
        p90: nearest(&values, 0.9)?,
        max: *values.last()?,
    })
}

/// `part` of `whole`, 0 of nothing.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    #[allow(clippy::cast_precision_loss)] // Counts of nodes.
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_nearest_rank() {
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        let found = quantiles(ten.iter().rev().copied().collect());
        assert_eq!(found, Some(Quantiles { p10: 1.0, p50: 5.0, p90: 9.0, max: 10.0 }));
        assert_eq!(quantiles(vec![2.5]), Some(Quantiles { p10: 2.5, p50: 2.5, p90: 2.5, max: 2.5 }));
        assert_eq!(quantiles(Vec::new()), None);
        assert_eq!((nearest(&ten, 0.0), nearest(&ten, 1.0)), (Some(1.0), Some(10.0)));
        assert_eq!((share(1, 4), share(0, 0)), (0.25, 0.0));
    }
}
