//! Budgets: what a run may spend, what it has spent. Pure.

use crate::config::Bounds;
use crate::event::Metrics;

/// What the agents of a run have used so far. Figures that an agent doesn't give don't count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// USD.
    pub cost_usd: f64,
    /// Tokens read and written.
    pub tokens: u64,
}

impl Spent {
    /// Adds an invocation.
    pub fn add(&mut self, metrics: &Metrics) {
        self.cost_usd += metrics.cost_usd.unwrap_or(0.0);
        let tokens = [
            metrics.input_tokens,
            metrics.output_tokens,
            metrics.cache_read_tokens,
            metrics.cache_write_tokens,
        ];
        self.tokens = tokens.into_iter().flatten().fold(self.tokens, u64::saturating_add);
    }

    /// Adds what others have used.
    pub fn plus(&mut self, other: &Spent) {
        self.cost_usd += other.cost_usd;
        self.tokens = self.tokens.saturating_add(other.tokens);
    }

    /// Says which budget is used up, if one is.
    pub fn exceeds(&self, bounds: &Bounds) -> Option<String> {
        if let Some(limit) = bounds.cost_usd.as_ref().filter(|l| self.cost_usd >= l.value) {
            return Some(format!(
                "the budget of {:.2} USD is used up ({:.2} USD spent; {})",
                limit.value, self.cost_usd, limit.origin
            ));
        }
        let limit = bounds.tokens.as_ref().filter(|l| self.tokens >= l.value)?;
        Some(format!(
            "the budget of {} tokens is used up ({} used; {})",
            limit.value, self.tokens, limit.origin
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_figures_are_not_counted_as_anything() {
        let mut spent = Spent::default();
        spent.add(&Metrics { cost_usd: Some(0.5), input_tokens: Some(10), ..Metrics::default() });
        spent.add(&Metrics { output_tokens: Some(5), ..Metrics::default() });
        assert_eq!(spent, Spent { cost_usd: 0.5, tokens: 15 });
    }
}
