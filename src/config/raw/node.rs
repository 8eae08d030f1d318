//! `node` (the operator's override for one node) and `invariant` (checks bound to one).

use super::super::decode::{Ctx, twice};
use super::super::model::{InvariantChecks, NodeOverride};
use super::super::tree::Node;
use super::super::types::{self, MANY, choice, whole};
use super::agent::MAX_RETRIES;
use super::{env, shapes};

pub(super) fn decode(ctx: &Ctx, node: &Node, all: &mut Vec<NodeOverride>) {
    ctx.check(node, &shapes::NODE);
    let Some(id) = ctx.arg(node, types::id) else { return };
    let first = all.iter().filter_map(|n| n.id.as_ref()).find(|i| i.value == id.value);
    if let Some(first) = first {
        return ctx.push(twice(&format!("node '{}'", id.value), &first.span, &id.span));
    }
    all.push(NodeOverride {
        loc_confidence: ctx.one(node, "loc-confidence", choice(types::LOC_CONFIDENCE)),
        estimated_loc: ctx.one(node, "estimated-loc", whole(0, MANY)),
        expected_signal: ctx.one(node, "expected-signal", choice(types::SIGNAL)),
        parallel_safe: ctx.one(node, "parallel-safe", types::boolean),
        agent: ctx.one(node, "agent", types::text),
        timeout: ctx.one(node, "timeout", types::duration),
        retries: ctx.one(node, "retries", whole(0, MAX_RETRIES)),
        env: env::inside(ctx, node),
        id: Some(id),
    });
}

pub(super) fn invariant(ctx: &Ctx, node: &Node, all: &mut Vec<InvariantChecks>) {
    ctx.check(node, &shapes::INVARIANT);
    let Some(id) = ctx.arg(node, types::id) else { return };
    let first = all.iter().filter_map(|n| n.id.as_ref()).find(|i| i.value == id.value);
    if let Some(first) = first {
        return ctx.push(twice(&format!("invariant '{}'", id.value), &first.span, &id.span));
    }
    let checks = ctx.many(node, "check", types::command);
    let timeout = ctx.one(node, "timeout", types::duration);
    all.push(InvariantChecks { checks, timeout, id: Some(id) });
}
