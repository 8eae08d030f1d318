//! preflight/dispatch_plan.json: the plan as programs read it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EdgeKind;
use crate::base::Id;
use crate::event::NodeStatus;

/// preflight/dispatch_plan.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DispatchPlan {
    /// `auditrun.dispatch-plan/1`.
    pub schema: String,
    pub run_id: String,
    pub max_parallel: usize,
    pub tiers: Vec<Vec<Id>>,
    pub edges: Vec<DispatchEdge>,
    pub nodes: BTreeMap<Id, DispatchNode>,
    pub critical_path: Vec<Id>,
}

/// `to` waits for `from`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DispatchEdge {
    pub from: Id,
    pub to: Id,
    pub kind: EdgeKind,
    pub hotspot: Option<String>,
}

/// One node of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct DispatchNode {
    pub tier: usize,
    pub settings: BTreeMap<String, SourcedValue>,
}

/// An effective value and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourcedValue {
    /// The value.
    pub value: serde_json::Value,
    /// `file:line:column`, the built-in default, an environment variable or a flag.
    pub source: String,
}

/// What `auditrun graph --format json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct GraphDocument {
    /// `auditrun.graph/1`.
    pub schema: String,
    pub tiers: Vec<Vec<Id>>,
    pub nodes: Vec<GraphNode>,
    pub edges: Vec<DispatchEdge>,
    pub critical_path: Vec<Id>,
}

/// One node of the graph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct GraphNode {
    pub id: Id,
    pub deliverable: String,
    pub tier: usize,
    pub parallel_safe: bool,
    /// It lies on the critical path.
    pub critical: bool,
    /// Null before a run has judged it.
    pub status: Option<NodeStatus>,
}
