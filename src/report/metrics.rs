//! audit/metrics.json: what every agent invocation used, and sums. A figure that nobody gave
//! is null; a sum covers the known ones and says how many were not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::Id;
use crate::config::Role;
use crate::event::{FigureSource, Metrics};
use crate::journal::{AgentCall, RunState};

/// audit/metrics.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricsReport {
    /// `auditrun.metrics/1`.
    pub schema: String,
    /// The run.
    pub run_id: String,
    /// Every invocation of every role, in the order of their starts.
    pub invocations: Vec<Invocation>,
    /// Sums.
    pub totals: Sums,
}

/// One agent invocation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Invocation {
    /// What for.
    pub role: Role,
    /// The node or question.
    pub subject: Option<Id>,
    /// 0 where there is none.
    pub attempt: u32,
    /// The agent's name in audit.kdl.
    pub agent: String,
    /// Its adapter; null if its end was never recorded.
    pub adapter: Option<String>,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Null if its end was never recorded.
    pub finished_at: Option<String>,
    /// Null if a signal ended it, or nobody knows.
    pub exit_code: Option<i32>,
    /// What was wrong with the invocation itself.
    pub fault: Option<String>,
    /// The deadline that ended it.
    pub deadline: Option<String>,
    /// Restarts after transient trouble.
    pub retries: u32,
    /// The transcript, relative to out.
    pub log: Option<String>,
    /// Its figures, each beside the others, with `sources`.
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// Every grouping of the sums.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Sums {
    pub overall: Totals,
    pub by_node: BTreeMap<String, Totals>,
    /// By `<node>/<attempt>`.
    pub by_attempt: BTreeMap<String, Totals>,
    pub by_role: BTreeMap<String, Totals>,
    pub by_agent: BTreeMap<String, Totals>,
    /// Invocations whose model is not known stand under `unknown`.
    pub by_model: BTreeMap<String, Totals>,
}

/// Sums over the figures that are known; null where none is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Totals {
    pub invocations: u64,
    pub cost_usd: Option<f64>,
    pub turns: Option<u64>,
    pub duration_ms: Option<u64>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cache_read_tokens: Option<u64>,
    pub cache_write_tokens: Option<u64>,
    /// For each figure: how many invocations did not give it.
    pub unknown: BTreeMap<String, u64>,
    /// For each figure: how many of the summed ones were computed here, not reported.
    pub estimated: BTreeMap<String, u64>,
}

impl Totals {
    fn add(&mut self, metrics: &Metrics) {
        self.invocations += 1;
        self.note("cost_usd", metrics.cost_usd.is_some(), metrics);
        if let Some(cost) = metrics.cost_usd {
            self.cost_usd = Some(self.cost_usd.unwrap_or(0.0) + cost);
        }
        let figures = [
            ("turns", metrics.turns, &mut self.turns),
            ("duration_ms", metrics.duration_ms, &mut self.duration_ms),
            ("input_tokens", metrics.input_tokens, &mut self.input_tokens),
            ("output_tokens", metrics.output_tokens, &mut self.output_tokens),
            ("cache_read_tokens", metrics.cache_read_tokens, &mut self.cache_read_tokens),
            ("cache_write_tokens", metrics.cache_write_tokens, &mut self.cache_write_tokens),
        ];
        let mut known = Vec::new();
        for (name, value, sum) in figures {
            if let Some(value) = value {
                *sum = Some(sum.unwrap_or(0).saturating_add(value));
            }
            known.push((name, value.is_some()));
        }
        for (name, known) in known {
            self.note(name, known, metrics);
        }
    }

    fn note(&mut self, name: &str, known: bool, metrics: &Metrics) {
        if !known {
            *self.unknown.entry(name.to_owned()).or_default() += 1;
        } else if metrics.sources.get(name) == Some(&FigureSource::Estimated) {
            *self.estimated.entry(name.to_owned()).or_default() += 1;
        }
    }
}

/// Every invocation that the journal knows, and the sums over them.
pub fn metrics(state: &RunState) -> MetricsReport {
    let invocations: Vec<Invocation> = state.calls.iter().map(invocation).collect();
    let mut totals = Sums::default();
    for call in &invocations {
        totals.add(call);
    }
    MetricsReport {
        schema: "auditrun.metrics/1".to_owned(),
        run_id: state.run_id().to_owned(),
        invocations,
        totals,
    }
}

impl Sums {
    fn add(&mut self, call: &Invocation) {
        let metrics = &call.metrics;
        self.overall.add(metrics);
        if let Some(id) = call.subject.as_ref().filter(|_| call.attempt > 0) {
            self.by_node.entry(id.to_string()).or_default().add(metrics);
            self.by_attempt.entry(format!("{id}/{}", call.attempt)).or_default().add(metrics);
        }
        self.by_role.entry(call.role.name().to_owned()).or_default().add(metrics);
        self.by_agent.entry(call.agent.clone()).or_default().add(metrics);
        let model = metrics.model.clone().unwrap_or_else(|| "unknown".to_owned());
        self.by_model.entry(model).or_default().add(metrics);
    }
}

fn invocation(call: &AgentCall) -> Invocation {
    let record = call.record.as_ref();
    Invocation {
        role: call.role,
        subject: call.subject.clone(),
        attempt: call.attempt,
        agent: call.agent.clone(),
        adapter: record.map(|r| r.adapter.clone()),
        started_at: call.started_at.clone(),
        finished_at: call.finished_at.clone(),
        exit_code: record.and_then(|r| r.exit_code),
        fault: record.and_then(|r| r.fault.clone()),
        deadline: record.and_then(|r| r.deadline.clone()),
        retries: record.map_or(0, |r| r.retries),
        log: record.and_then(|r| r.log.clone()),
        metrics: record.map(|r| r.metrics.clone()).unwrap_or_default(),
    }
}
