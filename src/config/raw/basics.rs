//! Settings of one value at the top level, `bounds` and `loc-confidence`.

use std::time::Duration;

use super::super::decode::{Args, Ctx, Shape};
use super::super::model::{ExpectedSignal, LocConfidence, RemediateFrom};
use super::super::tree::Node;
use super::super::types::{self, MANY, Read, choice, whole};
use super::{Slot, shapes};
use crate::base::Pattern;
use crate::diag::{Diag, Spanned};

/// More cycles than this would only burn money on a hopeless node.
const MAX_REMEDIATION: i128 = 2;

/// Single settings of the top level.
#[derive(Debug, Default)]
pub(crate) struct RawBasics {
    pub min_version: Slot<[u64; 3]>,
    pub bundle: Slot<String>,
    pub out: Slot<String>,
    pub concurrency: Slot<usize>,
    pub expected_signal: Slot<ExpectedSignal>,
    pub remediation: Slot<u8>,
    pub remediate_from: Slot<RemediateFrom>,
    pub sign: Slot<bool>,
    pub author: Slot<String>,
    pub grace: Slot<Duration>,
    pub check_timeout: Slot<Duration>,
    pub log_limit: Slot<u64>,
    pub disk_limit: Slot<u64>,
    pub process_limit: Slot<u64>,
    pub shell: Slot<Vec<String>>,
    pub dotenv: Slot<String>,
    pub loc_exclude: Slot<Vec<Pattern>>,
}

/// `bounds`.
#[derive(Debug, Default)]
pub(crate) struct RawBounds {
    pub max_iterations: Slot<u64>,
    pub timeout: Slot<Duration>,
    pub cost_usd: Slot<f64>,
    pub tokens: Slot<u64>,
}

/// `loc-confidence`; the cells of its rows are settings of their own.
#[derive(Debug, Default)]
pub(crate) struct RawLoc {
    pub default: Slot<LocConfidence>,
    pub tight: RawRow,
    pub rough: RawRow,
    pub extreme: Slot<f64>,
}

/// One row.
#[derive(Debug, Default)]
pub(crate) struct RawRow {
    pub factor: Slot<f64>,
    pub floor: Slot<u64>,
}

pub(super) fn decode(ctx: &Ctx, node: &Node, raw: &mut RawBasics) {
    match node.key.as_str() {
        "auditrun" => auditrun(ctx, node, raw),
        "bundle" => single(ctx, node, &mut raw.bundle, "a directory", types::text),
        "out" => single(ctx, node, &mut raw.out, "a directory", types::text),
        "concurrency" => single(ctx, node, &mut raw.concurrency, "a number of nodes", whole(1, 1024)),
        "expected-signal" => {
            single(
                ctx,
                node,
                &mut raw.expected_signal,
                "require_nonempty or allow_empty",
                choice(types::SIGNAL),
            );
        }
        "remediation" => remediation(ctx, node, raw),
        "sign" => single(ctx, node, &mut raw.sign, "#true or #false", types::boolean),
        "author" => single(ctx, node, &mut raw.author, "\"Name <mail>\"", types::author),
        "grace" => single(ctx, node, &mut raw.grace, "a duration", types::pause),
        "check-timeout" => single(ctx, node, &mut raw.check_timeout, "a duration", types::duration),
        "log-limit" => single(ctx, node, &mut raw.log_limit, "a size", types::size),
        "disk-limit" => single(ctx, node, &mut raw.disk_limit, "a size", types::size),
        "process-limit" => single(ctx, node, &mut raw.process_limit, "a number of processes", whole(1, MANY)),
        "shell" => list(ctx, node, &mut raw.shell, "a program and its arguments", types::text),
        "dotenv" => single(ctx, node, &mut raw.dotenv, "a file", types::text),
        "loc-exclude" => list(ctx, node, &mut raw.loc_exclude, "a pattern", types::pattern),
        _ => {}
    }
}

/// `name VALUE`.
fn single<T>(ctx: &Ctx, node: &Node, slot: &mut Slot<T>, what: &'static str, read: impl Read<T>) {
    ctx.check(node, &Shape { args: Args::One(what), ..Shape::EMPTY });
    ctx.put(slot, ctx.arg(node, read), &node.key);
}

/// `name VALUE …`, all of it one setting whose place is the first value's.
fn list<T>(ctx: &Ctx, node: &Node, slot: &mut Slot<Vec<T>>, what: &'static str, read: impl Read<T>) {
    ctx.check(node, &Shape { args: Args::Some(what), ..Shape::EMPTY });
    let all = ctx.args(node, read);
    let Some(span) = all.first().map(|v| v.span.clone()) else { return };
    let values = all.into_iter().map(|v| v.value).collect();
    ctx.put(slot, Some(Spanned::new(values, span)), &node.key);
}

fn auditrun(ctx: &Ctx, node: &Node, raw: &mut RawBasics) {
    ctx.check(node, &shapes::AUDITRUN);
    let Some(needed) = ctx.one(node, "min-version", types::version) else { return };
    if types::parse_version(env!("CARGO_PKG_VERSION")).is_some_and(|own| own < needed.value) {
        let message = format!(
            "{} needs auditrun {} or newer; this is {}",
            ctx.source.name(),
            needed.span.text().trim_matches('"'),
            env!("CARGO_PKG_VERSION")
        );
        ctx.push(
            Diag::error("config::min-version", message)
                .at(&needed.span, "asked for here")
                .help("update auditrun"),
        );
    }
    ctx.put(&mut raw.min_version, Some(needed), "min-version");
}

fn remediation(ctx: &Ctx, node: &Node, raw: &mut RawBasics) {
    ctx.check(node, &shapes::REMEDIATION);
    ctx.put(&mut raw.remediation, ctx.arg(node, whole(0, MAX_REMEDIATION)), "remediation");
    ctx.put(
        &mut raw.remediate_from,
        ctx.one(node, "from", choice(types::REMEDIATE_FROM)),
        "remediation from",
    );
}

pub(super) fn bounds(ctx: &Ctx, node: &Node, raw: &mut RawBounds) {
    ctx.check(node, &shapes::BOUNDS);
    ctx.put(
        &mut raw.max_iterations,
        ctx.one(node, "max-iterations", whole(1, MANY)),
        "bounds max-iterations",
    );
    ctx.put(&mut raw.timeout, ctx.one(node, "timeout", types::duration), "bounds timeout");
    ctx.put(&mut raw.cost_usd, ctx.one(node, "cost-usd", types::amount), "bounds cost-usd");
    ctx.put(&mut raw.tokens, ctx.one(node, "tokens", whole(1, MANY)), "bounds tokens");
}

pub(super) fn loc_confidence(ctx: &Ctx, node: &Node, raw: &mut RawLoc) {
    ctx.check(node, &shapes::LOC_CONFIDENCE);
    ctx.put(&mut raw.default, ctx.arg(node, choice(types::LOC_CONFIDENCE)), "loc-confidence");
    row(ctx, node, "tight", &mut raw.tight);
    row(ctx, node, "rough", &mut raw.rough);
    if let Some(extreme) = ctx.block(node, "extreme") {
        ctx.check(extreme, &shapes::LOC_EXTREME);
        ctx.put(&mut raw.extreme, ctx.one(extreme, "factor", types::multiple), "extreme factor");
    }
}

fn row(ctx: &Ctx, node: &Node, key: &str, raw: &mut RawRow) {
    let Some(row) = ctx.block(node, key) else { return };
    ctx.check(row, &shapes::LOC_ROW);
    ctx.put(&mut raw.factor, ctx.one(row, "factor", types::amount), &format!("{key} factor"));
    ctx.put(&mut raw.floor, ctx.one(row, "floor", whole(0, MANY)), &format!("{key} floor"));
}
