//! Figures with their sources, token sums and prices.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Price;
use crate::event::{FigureSource, Metrics};

/// Tokens of one message, turn or run; what an agent does not say stays unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) cache_read: Option<u64>,
    pub(super) cache_write: Option<u64>,
}

impl Tokens {
    /// Reads the counts under these keys (input, output, cache read, cache write).
    pub(super) fn read(of: &Value, keys: [&str; 4]) -> Tokens {
        let [input, output, read, write] = keys.map(|key| whole(of.get(key)));
        Tokens { input, output, cache_read: read, cache_write: write }
    }

    /// Adds another count.
    pub(super) fn add(&mut self, other: &Tokens) {
        self.each(other, u64::saturating_add);
    }

    /// Takes back a count that was added.
    pub(super) fn subtract(&mut self, other: &Tokens) {
        self.each(other, u64::saturating_sub);
    }

    fn each(&mut self, other: &Tokens, change: fn(u64, u64) -> u64) {
        let pairs = [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
        ];
        for (sum, part) in pairs {
            if let Some(part) = part {
                *sum = Some(change(sum.unwrap_or(0), part));
            }
        }
    }
}

/// Whether the tokens read from a cache are counted among an agent's input tokens too:
/// a price must not be paid twice for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cached {
    /// Counted in both figures.
    Within,
    /// Counted apart.
    Apart,
}

/// A whole number of 0 or more; one written as `4.0` counts too.
pub(super) fn whole(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|n| n.fract() == 0.0 && (0.0..9e15).contains(n))?;
        Some(number as u64)
    })
}

/// An amount of 0 or more.
pub(super) fn amount(value: Option<&Value>) -> Option<f64> {
    value?.as_f64().filter(|n| n.is_finite() && *n >= 0.0)
}

/// A text that is not empty.
pub(super) fn words(value: Option<&Value>) -> Option<&str> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Metrics in the making: every figure is set together with its source.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures(Metrics);

impl Figures {
    fn mark(&mut self, name: &str, source: FigureSource) {
        self.0.sources.insert(name.to_owned(), source);
    }

    /// USD.
    pub(super) fn cost(&mut self, usd: Option<f64>, source: FigureSource) {
        if usd.is_some() {
            self.0.cost_usd = usd;
            self.mark("cost_usd", source);
        }
    }

    /// Conversation turns.
    pub(super) fn turns(&mut self, turns: Option<u64>, source: FigureSource) {
        if turns.is_some() {
            self.0.turns = turns;
            self.mark("turns", source);
        }
    }

    /// Milliseconds, as the agent measured them.
    pub(super) fn duration(&mut self, ms: Option<u64>) {
        if ms.is_some() {
            self.0.duration_ms = ms;
            self.mark("duration_ms", FigureSource::Reported);
        }
    }

    /// The agent's own id of the session.
    pub(super) fn session(&mut self, id: Option<&str>) {
        if let Some(id) = id {
            self.0.session_id = Some(id.to_owned());
            self.mark("session_id", FigureSource::Reported);
        }
    }

    /// The model.
    pub(super) fn model(&mut self, model: Option<&str>, source: FigureSource) {
        if let Some(model) = model {
            self.0.model = Some(model.to_owned());
            self.mark("model", source);
        }
    }

    /// All four token counts; unknown ones leave what is there.
    pub(super) fn tokens(&mut self, tokens: &Tokens, source: FigureSource) {
        let known = [
            ("input_tokens", &mut self.0.input_tokens, tokens.input),
            ("output_tokens", &mut self.0.output_tokens, tokens.output),
            ("cache_read_tokens", &mut self.0.cache_read_tokens, tokens.cache_read),
            ("cache_write_tokens", &mut self.0.cache_write_tokens, tokens.cache_write),
        ];
        for (name, slot, value) in known {
            if value.is_some() {
                *slot = value;
                self.0.sources.insert(name.to_owned(), source);
            }
        }
    }

    /// Fills in what the definition knows and the agent did not say: the model that it was
    /// told to use, and the cost by `price`. Both are marked estimated.
    pub(super) fn complete(&mut self, model: Option<&str>, price: Option<Price>, cached: Cached) {
        if self.0.model.is_none() {
            self.model(model, FigureSource::Estimated);
        }
        if self.0.cost_usd.is_none() {
            let cost = price.and_then(|price| self.priced(price, cached));
            self.cost(cost, FigureSource::Estimated);
        }
    }

    /// (input × its price + cached × its price + output × its price) ÷ 1,000,000; tokens
    /// written to a cache cost what input costs. Needs input and output to be known.
    fn priced(&self, price: Price, cached: Cached) -> Option<f64> {
        let read = self.0.cache_read_tokens.unwrap_or(0);
        let input = match cached {
            Cached::Within => self.0.input_tokens?.saturating_sub(read),
            Cached::Apart => self.0.input_tokens?.saturating_add(self.0.cache_write_tokens.unwrap_or(0)),
        };
        let output = self.0.output_tokens? as f64;
        let usd = input as f64 * price.input + read as f64 * price.cached + output * price.output;
        Some(usd / 1e6)
    }

    /// The figures so far.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.0
    }

    /// The figures at the end.
    pub(super) fn into_metrics(self) -> Metrics {
        self.0
    }
}

/// The key with the greatest weight; among equals the first in order.
pub(super) fn heaviest<'a>(weights: impl IntoIterator<Item = (&'a str, (f64, u64))>) -> Option<&'a str> {
    let by_name: BTreeMap<&str, (f64, u64)> = weights.into_iter().collect();
    let mut best = None::<(&str, (f64, u64))>;
    for (name, weight) in by_name {
        if best.is_none_or(|(_, top)| weight > top) {
            best = Some((name, weight));
        }
    }
    best.map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PRICE: Price = Price { input: 2.0, output: 10.0, cached: 0.5 };

    fn figures(tokens: Tokens) -> Figures {
        let mut figures = Figures::default();
        figures.tokens(&tokens, FigureSource::Reported);
        figures
    }

    #[test]
    fn cached_tokens_are_paid_for_once() {
        let tokens = Tokens {
            input: Some(1_000_000),
            output: Some(100_000),
            cache_read: Some(400_000),
            cache_write: None,
        };
        let mut within = figures(tokens);
        within.complete(Some("m"), Some(PRICE), Cached::Within);
        assert_eq!(within.metrics().cost_usd, Some(1.2 + 0.2 + 1.0));
        assert_eq!(within.metrics().sources["cost_usd"], FigureSource::Estimated);
        assert_eq!(within.metrics().sources["model"], FigureSource::Estimated);
        let mut apart = figures(tokens);
        apart.complete(None, Some(PRICE), Cached::Apart);
        assert_eq!(apart.metrics().cost_usd, Some(2.0 + 0.2 + 1.0));
        assert_eq!(apart.metrics().model, None);
    }

    #[test]
    fn a_reported_cost_stands_and_half_known_tokens_have_no_price() {
        let mut told = figures(Tokens { input: Some(1), output: Some(1), ..Tokens::default() });
        told.cost(Some(0.0), FigureSource::Reported);
        told.complete(None, Some(PRICE), Cached::Apart);
        assert_eq!(told.metrics().cost_usd, Some(0.0));
        let mut half = figures(Tokens { output: Some(5), ..Tokens::default() });
        half.complete(None, Some(PRICE), Cached::Apart);
        assert_eq!(half.metrics().cost_usd, None);
        assert!(!half.metrics().sources.contains_key("cost_usd"));
    }

    #[test]
    fn what_is_no_figure_is_unknown() {
        assert_eq!(whole(Some(&json!(4.0))), Some(4));
        for bad in [json!(-1), json!(1.5), json!("4"), json!(null), json!(1e300)] {
            assert_eq!(whole(Some(&bad)), None, "{bad}");
        }
        assert_eq!(amount(Some(&json!(-0.1))), None);
        assert_eq!(words(Some(&json!("  "))), None);
    }

    #[test]
    fn the_heaviest_is_chosen_by_cost_then_output() {
        assert_eq!(heaviest([("b", (0.0, 9)), ("a", (0.0, 9)), ("c", (0.0, 1))]), Some("a"));
        assert_eq!(heaviest([("small", (0.1, 900)), ("large", (0.2, 1))]), Some("large"));
        assert_eq!(heaviest([]), None);
    }
}
