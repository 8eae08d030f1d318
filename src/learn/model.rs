//! What is read from past runs, and the figures that come of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::base::Id;
use crate::config::LocConfidence;
use crate::event::DagPattern;

/// One run, as its artifacts tell it.
#[derive(Debug, Clone, Default)]
pub struct PastRun {
    /// Its id.
    pub run_id: String,
    /// The lines of its `.dag-patterns.jsonl`: nodes that verified.
    pub patterns: Vec<DagPattern>,
    /// The edges of its dispatch plan; empty where the plan is gone.
    pub edges: Vec<PastEdge>,
    /// What its journal says of each node, verified or not; empty where the journal is gone.
    pub nodes: BTreeMap<Id, PastNode>,
}

/// An edge of a plan: `to` waits for `from`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct PastEdge {
    pub from: Id,
    pub to: Id,
    /// Why it was added; `None` for one that graph.md declares.
    pub hotspot: Option<String>,
}

/// A node, as the journal tells it.
#[derive(Debug, Clone, Default)]
pub struct PastNode {
    /// All of its attempts, in milliseconds.
    pub duration_ms: u64,
    /// Attempts that were judged.
    pub attempts: usize,
    /// It verified in the end.
    pub verified: bool,
    /// Its bucket, and loc ÷ estimate of each attempt that was too large.
    pub oversized: Vec<(LocConfidence, f64)>,
}

/// All that was learned.
#[derive(Debug, Clone, Serialize)]
pub struct Learned {
    /// `auditrun.learned/1`.
    pub schema: String,
    /// The runs, oldest first.
    pub runs: Vec<String>,
    /// Verified nodes in them.
    pub nodes: usize,
    /// By how sure the estimate was said to be.
    pub buckets: Vec<Bucket>,
    /// By the deliverable's verb, the most remediated first.
    pub verbs: Vec<Verb>,
    /// The most costly first.
    pub hotspots: Vec<HotspotCost>,
    /// How many nodes the runs could have kept busy; null where no run has plan and journal.
    pub parallelism: Option<Parallelism>,
    /// What follows for audit.kdl.
    pub suggestions: Vec<Suggestion>,
}

/// Quantiles, each a value that occurred.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub p10: f64,
    pub p50: f64,
    pub p90: f64,
    pub max: f64,
}

/// How the estimates of one loc_confidence fitted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bucket {
    /// Which.
    pub loc_confidence: LocConfidence,
    /// Verified nodes with an estimate above 0.
    pub nodes: usize,
    /// Of actual ÷ estimated lines of those nodes; null where there are none.
    pub ratio: Option<Quantiles>,
    /// Attempts that were ended as oversized, in runs whose journal is there.
    pub oversized: usize,
    /// Share of those nodes and attempts that the present cap admits.
    pub within_cap: Option<f64>,
    /// The factor that would admit nine in ten of them; null for too few.
    pub factor_for_90: Option<f64>,
    /// The median lies within a third of the estimate and the cap admits nine in ten; null for
    /// too few to say.
    pub calibrated: Option<bool>,
}

/// How often one kind of deliverable needed another try.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Verb {
    pub verb: String,
    /// Verified nodes.
    pub nodes: usize,
    /// Of them: verified only after remediation.
    pub remediated: usize,
    /// remediated ÷ nodes.
    pub rate: f64,
    /// Remediation cycles of all of them.
    pub cycles: u32,
}

/// What one hotspot cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HotspotCost {
    /// Its name.
    pub hotspot: String,
    /// Runs in which it ordered nodes.
    pub runs: usize,
    /// Edges that it added.
    pub edges: usize,
    /// By how much the critical paths of these runs are longer for its edges, in milliseconds:
    /// what the runs would have saved without it, given lanes enough.
    pub lost_ms: u64,
    /// lost_ms ÷ the critical paths of these runs.
    pub share: f64,
}

/// Work against the longest chain of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parallelism {
    /// Work ÷ critical path, the median over runs.
    pub median: f64,
    /// The same in the run that had most to do at once.
    pub max: f64,
}

/// Something to put into audit.kdl.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// Lines of KDL, comments among them.
    pub kdl: String,
    /// What it rests on, in one sentence.
    pub because: String,
}
