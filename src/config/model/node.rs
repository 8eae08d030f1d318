//! What bounds and surrounds the work on nodes: limits, hotspots, invariants, worktrees,
//! the sandbox, and the operator's overrides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{EnvBlock, Setting};
use crate::base::{Id, Pattern};
use crate::diag::Spanned;

/// How sure the author of a node is of its estimate.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LocConfidence {
    /// cap = est + max(est × factor, floor), factor 0.5 and floor 20 by default.
    Tight,
    /// The same with factor 1.0 and floor 30 by default.
    Rough,
    /// No cap; warns past the rough cap.
    Unbounded,
}

/// What an empty diff means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedSignal {
    /// An empty diff is a failure.
    RequireNonempty,
    /// An empty diff is fine if all checks pass.
    AllowEmpty,
}

/// `bounds`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct Bounds {
    pub max_iterations: Setting<u64>,
    pub timeout: Setting<Duration>,
    pub cost_usd: Option<Setting<f64>>,
    pub tokens: Option<Setting<u64>>,
}

/// One row of `loc-confidence`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocRow {
    /// Share of the estimate that may come on top.
    pub factor: f64,
    /// Lines that may come on top at the least: the noise floor.
    pub floor: u64,
}

/// `loc-confidence`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct LocPolicy {
    pub default: Setting<LocConfidence>,
    pub tight: Setting<LocRow>,
    pub rough: Setting<LocRow>,
    /// Multiple of the estimate past which remediation is pointless.
    pub extreme: Setting<f64>,
}

/// From what a remediation cycle starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RemediateFrom {
    /// The audit branch's head.
    Base,
    /// The failed attempt as it stands.
    Attempt,
}

/// `hotspots`: one serialised resource.
#[derive(Debug, Clone)]
pub struct Hotspot {
    /// The file's own pattern, or the group's name.
    pub name: String,
    /// What belongs to it.
    pub patterns: Vec<Spanned<Pattern>>,
}

/// Checks bound to an invariant in audit.kdl.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct InvariantChecks {
    pub checks: Vec<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    /// The id as written; it must exist in state.md.
    pub id: Option<Spanned<Id>>,
}

/// `worktree`.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct WorktreeSettings {
    pub root: Option<Spanned<String>>,
    pub copy: Vec<Spanned<String>>,
    pub link: Vec<Spanned<String>>,
    pub keep: Vec<Spanned<String>>,
    pub setup: Vec<Spanned<String>>,
    pub provides: Vec<Spanned<String>>,
    pub reuse: bool,
}

/// How strictly the sandbox is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum SandboxMode {
    Auto,
    Required,
    Off,
}

/// `sandbox`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct SandboxSettings {
    pub mode: Setting<SandboxMode>,
    pub write: Vec<Spanned<String>>,
    pub hide: Vec<Spanned<String>>,
    pub network: Setting<bool>,
}

/// A `node "ID"` block: the operator's override for one node.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct NodeOverride {
    pub id: Option<Spanned<Id>>,
    pub loc_confidence: Option<Spanned<LocConfidence>>,
    pub estimated_loc: Option<Spanned<u64>>,
    pub expected_signal: Option<Spanned<ExpectedSignal>>,
    pub parallel_safe: Option<Spanned<bool>>,
    pub agent: Option<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    pub retries: Option<Spanned<u32>>,
    pub env: EnvBlock,
}
