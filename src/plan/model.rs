//! The plan.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::{Id, PatternSet};
use crate::bundle::{Check, CheckScope, DeltaItem, Node};
use crate::config::{EnvBlock, ExpectedSignal, LocConfidence, Origin, Setting};
use crate::diag::{Span, Spanned};

/// Index of a node in graph.md's order.
pub type NodeIx = usize;

/// Why one node waits for another.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// Declared in graph.md.
    DependsOn,
    /// Added because both share a hotspot.
    Hotspot,
}

/// `to` waits for `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Edge {
    pub from: NodeIx,
    pub to: NodeIx,
    pub kind: EdgeKind,
    /// The hotspot that caused it.
    pub hotspot: Option<String>,
}

/// The settings in force for one node, each with its origin.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct NodeSettings {
    pub agent: Setting<String>,
    pub timeout: Setting<Duration>,
    pub retries: Setting<u32>,
    pub parallel_safe: Setting<bool>,
    pub estimated_loc: Setting<u64>,
    pub loc_confidence: Setting<LocConfidence>,
    pub expected_signal: Setting<ExpectedSignal>,
    /// The number of changed lines past which the node is oversized; `None`: no cap.
    pub loc_cap: Option<u64>,
    /// The line count past which a split is proposed at once. Never below the cap.
    pub loc_extreme: u64,
    /// The line count past which a node without a cap is worth a warning.
    pub loc_warn: Option<u64>,
    /// The row of the policy that the three come from.
    pub loc_origin: Origin,
    /// The node's own additions (graph.md, then the node block), applied over the global ones.
    pub env: EnvBlock,
}

impl NodeSettings {
    /// The line counts that the gate `loc` judges by.
    pub fn loc_limits(&self) -> LocLimits {
        LocLimits { cap: self.loc_cap, warn: self.loc_warn, extreme: self.loc_extreme }
    }
}

/// Line counts past which something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocLimits {
    /// Oversized past this; `None`: unbounded.
    pub cap: Option<u64>,
    /// Worth a warning past this, where there is no cap.
    pub warn: Option<u64>,
    /// Past remedy past this; never below the cap.
    pub extreme: u64,
}

/// A check as it will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCheck {
    /// As written.
    pub check: Check,
    /// As it runs: gitignore-aware where the original was a recursive search.
    pub normalized: String,
    /// Why it was left verbatim, where normalisation might have been expected.
    pub verbatim_because: Option<String>,
}

impl PlannedCheck {
    /// A check that no bundle holds (a recipe's, a plan's verifier): it runs as it stands.
    pub fn verbatim(command: &str, span: &Span) -> PlannedCheck {
        let check = Check {
            command: Spanned::new(command.to_owned(), span.clone()),
            scope: CheckScope::Repo,
            name: None,
            timeout: None,
        };
        PlannedCheck { check, normalized: command.to_owned(), verbatim_because: None }
    }
}

/// An invariant with every check that is bound to it (state.md's first, then audit.kdl's).
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct PlannedInvariant {
    pub id: Id,
    pub text: String,
    pub advisory: bool,
    pub checks: Vec<PlannedCheck>,
    pub timeout: Option<Duration>,
}

/// One node of the plan.
#[derive(Debug, Clone)]
pub struct PlannedNode {
    /// The node as the bundle declares it.
    pub node: Node,
    /// Its longest-path layer, from 0.
    pub tier: usize,
    /// Every node it waits for, real and synthetic, in ascending order, none twice.
    pub waits_for: Vec<NodeIx>,
    /// Its settings.
    pub settings: NodeSettings,
    /// Its done_when, as it will run.
    pub checks: Vec<PlannedCheck>,
    /// Its touches as a set (the harness's own files still need [`crate::base::Layout::owns`]).
    pub touches: PatternSet,
}

/// A resource that several nodes may write, and who takes turns on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedHotspot {
    /// The entry of `hotspot_files` or of audit.kdl, or the group's name.
    pub name: String,
    /// The nodes in the order of their turns; one at least.
    pub sharers: std::sync::Arc<[NodeIx]>,
}

/// The plan, exactly what dispatch consumes. Nodes stand in graph.md's order.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Plan {
    pub nodes: Vec<PlannedNode>,
    pub edges: Vec<Edge>,
    /// The nodes of each tier: parallel_safe=false first, then graph.md order.
    pub tiers: Vec<Vec<NodeIx>>,
    /// The longest chain of waiting: most nodes, then most estimated lines, then graph.md order.
    pub critical_path: Vec<NodeIx>,
    /// How many questions state.md leaves open.
    pub open_questions: usize,
    /// Every hotspot that a node shares, by its name.
    pub hotspots: Vec<SharedHotspot>,
    /// What the bundle promises, in state.md's order.
    pub deltas: Vec<DeltaItem>,
    pub invariants: Vec<PlannedInvariant>,
    /// At most this many at once.
    pub max_parallel: usize,
    /// Pairs of patterns that were compared to make the plan: the part of the work that
    /// would grow with the square of the plan, were it not for the index.
    pub comparisons: usize,
}

impl Plan {}
