//! Lengths of time as people write them: `1h 30m`, `90s`.

/// A number of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub u64);

/// Seconds in each unit, largest first.
pub(crate) const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_go_from_large_to_small() {
        assert!(UNITS.windows(2).all(|pair| pair[0].1 > pair[1].1));
    }
}
