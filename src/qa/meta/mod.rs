//! Meta-slices: changes of the pipeline that an audit proposes, reviewed before they are routed.

mod fit;
mod improve;
mod risk;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::qa::reading::Counts;
use crate::qa::roles::SelfAudit;

pub use fit::{Fitness, review};
pub use improve::{TARGETS, from_answer, systemic};

/// How much can go wrong.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Risk {
    Low,
    Medium,
    High,
}

impl Risk {
    /// As data says it.
    pub fn name(self) -> &'static str {
        match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
        }
    }
}

/// A meta-slice as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetaSlice {
    /// A UUID, version 4.
    pub meta_slice_id: String,
    /// The audit that proposes it.
    pub audit_run_id: String,
    /// The part of the pipeline: ideot, ralph, auditor, hailee, or one named in audit.kdl.
    pub target: String,
    /// A path of the repository.
    pub target_component: String,
    /// Why the change will help; it can be shown wrong.
    pub hypothesis: String,
    /// What to do, without a question left.
    pub proposed_change: String,
    /// Findings of the report.
    pub evidence: Vec<String>,
    /// A shell command that exits 0 when the change does what it should.
    pub verifier_command: String,
    /// How much can go wrong.
    pub risk_level: Risk,
    /// What the fit review found; empty before it.
    pub ecosystem_fit_notes: String,
}

/// A meta-slice with what the audit knows about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// The contract.
    pub slice: MetaSlice,
    /// A high risk in an audit of the pipeline itself.
    pub flagged: bool,
    /// Why it is never routed.
    pub invalid: Option<String>,
    /// What a self-audit said.
    pub self_audit: Option<SelfAudit>,
}

impl Proposed {
    /// It passed its gates.
    pub fn routable(&self) -> bool {
        self.invalid.is_none()
    }

    /// A gate is not passed: it is not routed.
    pub fn hold(&mut self, why: String) {
        self.add_note(&format!("not routed: {why}"));
        self.invalid = Some(why);
    }

    /// Adds to what the review found.
    pub fn add_note(&mut self, note: &str) {
        let notes = &mut self.slice.ecosystem_fit_notes;
        if !notes.is_empty() {
            notes.push_str("; ");
        }
        notes.push_str(note);
    }

    /// Takes the self-audit in. A verifier that can't tell whether the change works is no gate.
    pub fn take_self_audit(&mut self, audit: SelfAudit, file: &str) {
        self.add_note(&format!("self-audit: {file}"));
        if !audit.verifier_sufficient {
            self.hold("its self-audit finds the verifier command insufficient".to_owned());
        }
        self.self_audit = Some(audit);
    }
}

/// What there was when a meta-slice was proposed: later audits show whether it helped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[allow(missing_docs)]
pub struct Snapshot {
    pub meta_slice_id: String,
    pub audit_run_id: String,
    /// RFC 3339, UTC.
    pub taken_at: String,
    pub finding_counts: Counts,
    /// Score by lesson id.
    pub effectiveness: BTreeMap<String, f64>,
    /// Of the report; null if it was not scored.
    pub score_percent: Option<u32>,
    pub regression_trend: String,
}

/// The file of the n-th meta-slice, from 1 on.
pub fn file(number: usize) -> String {
    format!("meta-slice-{number}.json")
}

/// The regression baseline that goes with it.
pub fn baseline_file(number: usize) -> String {
    format!("meta-slice-{number}.baseline.json")
}

/// The self-audit that goes with it.
pub fn self_audit_file(number: usize) -> String {
    format!("meta-slice-{number}.self-audit.json")
}

#[cfg(test)]
mod tests;
