//! The layers above the files: `AUDIT_…` variables and flags.

use std::time::Duration;

use super::super::model::{Origin, Setting};
use super::Resolver;
use crate::diag::{Diag, nearest};

/// The environment variables that set something.
pub const VARIABLES: [&str; 8] = [
    "AUDIT_AGENT",
    "AUDIT_BUNDLE",
    "AUDIT_COST_USD",
    "AUDIT_MAX_ITERATIONS",
    "AUDIT_MAX_PARALLEL",
    "AUDIT_OUT",
    "AUDIT_TIMEOUT_MINUTES",
    "AUDIT_TOKENS",
];

/// A century of minutes: past it a deadline is a typing error.
const MAX_MINUTES: u64 = 60 * 24 * 36_525;

impl Resolver<'_> {
    /// Warns of a variable that is nearly one of ours: it would be ignored in silence.
    pub(super) fn unknown_variables(&mut self) {
        for name in self.layers.input.env.keys().filter(|n| n.starts_with("AUDIT_")) {
            if VARIABLES.contains(&name.as_str()) {
                continue;
            }
            if let Some(meant) = nearest(name, VARIABLES) {
                let message = format!("the environment variable {name} is not read");
                self.diags.push(
                    Diag::warning("config::unknown-variable", message).help(format!("did you mean {meant}?")),
                );
            }
        }
    }

    /// A variable's text; an empty one counts as not set, as in most CI systems.
    pub(super) fn variable(&self, name: &str) -> Option<Setting<String>> {
        let value = self.layers.input.env.get(name).filter(|v| !v.is_empty())?;
        Some(Setting { value: value.clone(), origin: Origin::Env(name.to_owned()) })
    }

    /// A variable read by `read`; what it refuses is an error that names the variable.
    pub(super) fn env_value<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Setting<T>> {
        let text = self.variable(name)?;
        if let Some(value) = read(text.value.trim()) {
            return Some(Setting { value, origin: text.origin });
        }
        let message = format!("the environment variable {name} is {:?}, not {expected}", text.value);
        let help = format!("set {name} to {expected}, or unset it");
        self.diags.push(Diag::error("config::bad-environment", message).help(help));
        None
    }

    /// A flag's value; what `valid` refuses is an error that names the flag.
    pub(super) fn flag<T: Clone + std::fmt::Display>(
        &mut self,
        flag: &str,
        value: Option<&T>,
        expected: &str,
        valid: impl Fn(&T) -> bool,
    ) -> Option<Setting<T>> {
        let value = value?;
        if valid(value) {
            return Some(Setting { value: value.clone(), origin: Origin::Flag(flag.to_owned()) });
        }
        let message = format!("{flag} {value} is not possible");
        self.diags.push(Diag::error("config::bad-flag", message).help(format!("give {flag} {expected}")));
        None
    }

    /// `--max-parallel`, else `AUDIT_MAX_PARALLEL`.
    pub(super) fn over_parallel(&mut self) -> Option<Setting<usize>> {
        let expected = "a whole number from 1 to 1024";
        let possible = |n: &usize| (1..=1024).contains(n);
        let env = self.env_value("AUDIT_MAX_PARALLEL", expected, |t| t.parse().ok().filter(possible));
        let flag = self.layers.input.flags.max_parallel;
        self.flag("--max-parallel", flag.as_ref(), expected, possible).or(env)
    }

    /// `--max-iterations`, else `AUDIT_MAX_ITERATIONS`.
    pub(super) fn over_iterations(&mut self) -> Option<Setting<u64>> {
        let expected = "a whole number of at least 1";
        let env = self.env_value("AUDIT_MAX_ITERATIONS", expected, |t| t.parse().ok().filter(|n| *n > 0));
        let flag = self.layers.input.flags.max_iterations;
        self.flag("--max-iterations", flag.as_ref(), expected, |n| *n > 0).or(env)
    }

    /// `--timeout-minutes`, else `AUDIT_TIMEOUT_MINUTES`.
    pub(super) fn over_timeout(&mut self) -> Option<Setting<Duration>> {
        let expected = "a whole number of minutes of at least 1";
        let possible = |n: &u64| (1..=MAX_MINUTES).contains(n);
        let env = self.env_value("AUDIT_TIMEOUT_MINUTES", expected, |t| t.parse().ok().filter(possible));
        let flag = self.layers.input.flags.timeout_minutes;
        let found = self.flag("--timeout-minutes", flag.as_ref(), expected, possible).or(env)?;
        Some(Setting { value: Duration::from_secs(found.value * 60), origin: found.origin })
    }

    /// `AUDIT_COST_USD`.
    pub(super) fn over_cost(&mut self) -> Option<Setting<f64>> {
        let possible = |n: &f64| n.is_finite() && *n >= 0.0;
        self.env_value("AUDIT_COST_USD", "an amount in USD", |t| t.parse().ok().filter(possible))
    }

    /// `AUDIT_TOKENS`.
    pub(super) fn over_tokens(&mut self) -> Option<Setting<u64>> {
        self.env_value("AUDIT_TOKENS", "a whole number of at least 1", |t| t.parse().ok().filter(|n| *n > 0))
    }

    /// `--agent`, else `AUDIT_AGENT`.
    pub(super) fn over_agent(&mut self) -> Option<Setting<String>> {
        let flag = self.layers.input.flags.agent.clone();
        let flag = self.flag("--agent", flag.as_ref(), "the name of an agent", |n| !n.is_empty());
        flag.or_else(|| self.variable("AUDIT_AGENT"))
    }
}
