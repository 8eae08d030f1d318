//! dispatch_plan.json and the graph as JSON.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::super::{
    DispatchEdge, DispatchNode, DispatchPlan, GraphDocument, GraphNode, NodeIx, NodeSettings, Plan,
    SourcedValue,
};
use super::graph::Statuses;
use crate::base::Id;
use crate::base::mask::MASK;
use crate::base::quantity::format_duration;
use crate::config::{EnvValue, Setting};

/// preflight/dispatch_plan.json as a value.
pub fn dispatch_document(plan: &Plan, run_id: &str) -> DispatchPlan {
    DispatchPlan {
        schema: "auditrun.dispatch-plan/1".to_owned(),
        run_id: run_id.to_owned(),
        max_parallel: plan.max_parallel,
        tiers: plan.tiers.iter().map(|t| ids(plan, t)).collect(),
        edges: edges(plan),
        nodes: plan
            .nodes
            .iter()
            .map(|n| {
                (n.node.id.value.clone(), DispatchNode { tier: n.tier, settings: settings(&n.settings) })
            })
            .collect(),
        critical_path: ids(plan, &plan.critical_path),
    }
}

/// preflight/dispatch_plan.json, ended by a newline.
pub fn dispatch_json(plan: &Plan, run_id: &str) -> String {
    text(&dispatch_document(plan, run_id))
}

/// The graph with tiers, edges and statuses.
pub fn graph_document(plan: &Plan, statuses: &Statuses) -> GraphDocument {
    let critical: HashSet<NodeIx> = plan.critical_path.iter().copied().collect();
    let nodes = plan.nodes.iter().enumerate().map(|(i, n)| GraphNode {
        id: n.node.id.value.clone(),
        deliverable: n.node.deliverable.value.clone(),
        tier: n.tier,
        parallel_safe: n.settings.parallel_safe.value,
        critical: critical.contains(&i),
        status: statuses.get(&n.node.id.value).copied(),
    });
    GraphDocument {
        schema: "auditrun.graph/1".to_owned(),
        tiers: plan.tiers.iter().map(|t| ids(plan, t)).collect(),
        nodes: nodes.collect(),
        edges: edges(plan),
        critical_path: ids(plan, &plan.critical_path),
    }
}

pub(super) fn text(value: &impl Serialize) -> String {
    // These types hold nothing that JSON can't: string keys, finite numbers.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

fn ids(plan: &Plan, nodes: &[NodeIx]) -> Vec<Id> {
    nodes.iter().filter_map(|i| plan.nodes.get(*i)).map(|n| n.node.id.value.clone()).collect()
}

fn edges(plan: &Plan) -> Vec<DispatchEdge> {
    let id = |i: NodeIx| plan.nodes.get(i).map(|n| n.node.id.value.clone());
    let edge = |e: &super::super::Edge| {
        Some(DispatchEdge { from: id(e.from)?, to: id(e.to)?, kind: e.kind, hotspot: e.hotspot.clone() })
    };
    plan.edges.iter().filter_map(edge).collect()
}

/// Every setting of a node by its name. What a value looks like does not depend on the
/// form in which the bundle was written.
///
/// A name is text of whichever kind suits the caller: most are fixed, and a plan has many nodes.
pub fn settings<N>(s: &NodeSettings) -> BTreeMap<N, SourcedValue>
where
    N: Ord + From<&'static str> + From<String>,
{
    let loc = |value: Option<u64>| SourcedValue { value: json!(value), source: s.loc_origin.to_string() };
    let mut all: BTreeMap<N, SourcedValue> = [
        ("agent", sourced(&s.agent, |a| json!(a))),
        ("timeout", sourced(&s.timeout, |t| json!(format_duration(*t)))),
        ("retries", sourced(&s.retries, |r| json!(r))),
        ("parallel_safe", sourced(&s.parallel_safe, |p| json!(p))),
        ("estimated_loc", sourced(&s.estimated_loc, |e| json!(e))),
        ("loc_confidence", sourced(&s.loc_confidence, |c| json!(c))),
        ("expected_signal", sourced(&s.expected_signal, |e| json!(e))),
        ("loc_cap", loc(s.loc_cap)),
        ("loc_warn", loc(s.loc_warn)),
        ("loc_extreme", loc(Some(s.loc_extreme))),
    ]
    .into_iter()
    .map(|(name, value)| (N::from(name), value))
    .collect();
    for (name, value) in &s.env.set {
        let shown = SourcedValue { value: json!(shown(name, value)), source: value.span.to_string() };
        all.insert(N::from(format!("env.{name}")), shown);
    }
    for name in &s.env.pass {
        let passed = SourcedValue { value: json!("passed through"), source: name.span.to_string() };
        all.insert(N::from(format!("env.{}", name.value)), passed);
    }
    all
}

fn sourced<T>(setting: &Setting<T>, value: impl Fn(&T) -> Value) -> SourcedValue {
    SourcedValue { value: value(&setting.value), source: setting.origin.to_string() }
}

/// A value of an environment, hidden if it is marked secret or its name says so.
fn shown<'a>(name: &str, value: &'a EnvValue) -> &'a str {
    let name = name.to_ascii_uppercase();
    let tells = ["TOKEN", "KEY", "SECRET", "PASSWORD"].iter().any(|end| name.ends_with(end));
    if value.secret || (tells && !value.template.starts_with('$')) { MASK } else { &value.template }
}
