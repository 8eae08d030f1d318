//! temporary
use super::*;
use crate::base::*;
use crate::event::NodeStatus;
use std::collections::BTreeMap;
pub fn trace_matrix(_: &Plan) -> String { String::new() }
pub fn dispatch_plan(p: &Plan, _: &RunId) -> String { format!("{:?}", p.hotspots) }
pub fn dispatch_plan_json(_: &Plan, _: &RunId) -> String { "{}".into() }
pub fn check_normalization(_: &Plan) -> String { String::new() }
pub fn text(_: &Plan, _: &BTreeMap<Id, NodeStatus>) -> String { String::new() }
pub fn dot(_: &Plan, _: &BTreeMap<Id, NodeStatus>) -> String { String::new() }
pub fn mermaid(_: &Plan, _: &BTreeMap<Id, NodeStatus>) -> String { String::new() }
pub fn svg(_: &Plan, _: &BTreeMap<Id, NodeStatus>) -> String { String::new() }
pub fn json(_: &Plan, _: &BTreeMap<Id, NodeStatus>) -> String { String::new() }
pub fn explain(_: &PlannedNode) -> Vec<(String, String, String)> { vec![] }
