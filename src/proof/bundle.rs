//! What a proof needs of a bundle: its obligations, without spans and settings.

use crate::base::{Id, PatternSet};
use crate::bundle::Bundle;
use crate::plan::{Plan, PlannedCheck};

/// The obligations that a run has to meet.
#[derive(Debug, Clone, Default)]
pub struct ProofBundle {
    /// delta_to_done in state.md's order.
    pub deltas: Vec<Id>,
    /// Nodes in graph.md's order.
    pub nodes: Vec<ProofNode>,
    /// Invariants in state.md's order.
    pub invariants: Vec<ProofInvariant>,
}

/// One node's obligations.
#[derive(Debug, Clone)]
pub struct ProofNode {
    /// The node.
    pub id: Id,
    /// The delta_to_done items that it closes.
    pub closes: Vec<Id>,
    /// Where it may write (the harness's own files aside).
    pub touches: PatternSet,
    /// Its done_when commands as written.
    pub checks: Vec<String>,
}

/// One invariant.
#[derive(Debug, Clone)]
pub struct ProofInvariant {
    /// The invariant.
    pub id: Id,
    /// What it says.
    pub text: String,
    /// It need not be confirmed by a check.
    pub advisory: bool,
    /// Its commands as written, those that audit.kdl binds to it included.
    pub checks: Vec<String>,
}

impl ProofBundle {
    /// The obligations of a bundle and its plan.
    pub fn new(bundle: &Bundle, plan: &Plan) -> ProofBundle {
        ProofBundle {
            deltas: bundle.state.delta_to_done.iter().map(|d| d.id.value.clone()).collect(),
            nodes: plan
                .nodes
                .iter()
                .map(|n| ProofNode {
                    id: n.node.id.value.clone(),
                    closes: n.node.closes.iter().map(|c| c.value.clone()).collect(),
                    touches: n.touches.clone(),
                    checks: commands(&n.checks),
                })
                .collect(),
            invariants: plan
                .invariants
                .iter()
                .map(|i| ProofInvariant {
                    id: i.id.clone(),
                    text: i.text.clone(),
                    advisory: i.advisory,
                    checks: commands(&i.checks),
                })
                .collect(),
        }
    }
}

fn commands(checks: &[PlannedCheck]) -> Vec<String> {
    checks.iter().map(|c| c.check.command.value.clone()).collect()
}
