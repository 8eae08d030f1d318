//! Asking a role, whoever carries the invocation out, and counting what it takes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::prompt::Prompt;
use crate::config::Bounds;
use crate::run::bounds::Spent;

/// What came of asking.
#[derive(Debug, Clone, PartialEq)]
pub struct Consulted {
    /// The answer's object, which the reader took; or why there is none, after two tries.
    pub answer: Result<Value, String>,
    /// What all tries used.
    pub spent: Spent,
    /// How many invocations it took.
    pub calls: u32,
}

/// A role can't be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The operator ended it.
    #[error("interrupted")]
    Interrupted,
    /// A limit outlasted the retries, or the credentials are bad.
    #[error("{0}")]
    Unavailable(String),
    /// The harness failed.
    #[error("{0}")]
    Failed(String),
}

/// Carries out invocations of roles: each in an empty directory of its own, with the prompt and
/// nothing else. An answer that `read` refuses is asked for once more.
pub trait RoleHost: Sync {
    /// Asks and waits. `label` names the transcript.
    ///
    /// # Errors
    /// The role can't be asked; a bad answer is no error.
    fn ask(
        &self,
        prompt: &Prompt,
        label: &str,
        read: &dyn Fn(&Value) -> Result<(), String>,
    ) -> Result<Consulted, HostError>;
}

/// What one role has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Used {
    pub calls: u32,
    pub cost_usd: f64,
    pub tokens: u64,
}

/// Asks roles through a host and keeps account of them.
pub struct Ask<'a> {
    host: &'a dyn RoleHost,
    used: Mutex<BTreeMap<String, Used>>,
}

impl<'a> Ask<'a> {
    /// With what was used before.
    pub fn new(host: &'a dyn RoleHost, used: BTreeMap<String, Used>) -> Ask<'a> {
        Ask { host, used: Mutex::new(used) }
    }

    /// The role's answer, or why it has none.
    ///
    /// # Errors
    /// It can't be asked.
    pub fn ask<T>(
        &self,
        prompt: impl Into<Prompt>,
        label: &str,
        read: impl Fn(&Value) -> Result<T, String>,
    ) -> Result<Result<T, String>, HostError> {
        let prompt = prompt.into();
        let label = format!("{label}-{}", prompt.role().name());
        let consulted = self.host.ask(&prompt, &label, &|value| read(value).map(drop))?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let of = used.entry(prompt.role().name().to_owned()).or_default();
        of.calls += consulted.calls;
        of.cost_usd += consulted.spent.cost_usd;
        of.tokens = of.tokens.saturating_add(consulted.spent.tokens);
        drop(used);
        Ok(consulted.answer.and_then(|value| read(&value)))
    }

    /// What each role has used so far.
    pub fn used(&self) -> BTreeMap<String, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Which budget is used up, if one is.
    pub fn exceeds(&self, bounds: &Bounds) -> Option<String> {
        total(&self.used()).exceeds(bounds)
    }
}

/// All roles together.
pub fn total(used: &BTreeMap<String, Used>) -> Spent {
    used.values().fold(Spent::default(), |mut sum, one| {
        sum.plus(&Spent { cost_usd: one.cost_usd, tokens: one.tokens });
        sum
    })
}
