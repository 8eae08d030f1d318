//! `agent`, `roles` and the `audit` block that both the top level and an agent may hold.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::decode::{Args, Ctx, Shape};
use super::super::model::{AdapterKind, EnvBlock, PromptVia, Role};
use super::super::tree::{Node, Scalar, kebab};
use super::super::types::{self, choice, whole};
use super::{Slot, add_named, env, shapes};
use crate::diag::{Diag, Spanned};

/// One `agent`.
#[derive(Debug)]
pub(crate) struct RawAgent {
    pub name: Spanned<String>,
    pub adapter: Slot<AdapterKind>,
    /// Something stands there, be it valid or not: what is wrong is then reported there.
    pub adapter_written: bool,
    pub default: Slot<bool>,
    pub command: Slot<String>,
    pub command_written: bool,
    pub model: Slot<String>,
    pub args: Slot<Vec<String>>,
    pub prompt: Slot<PromptVia>,
    pub env: EnvBlock,
    pub timeout: Slot<Duration>,
    pub first_output: Slot<Duration>,
    pub stall: Slot<Duration>,
    pub retries: Slot<u32>,
    pub price: RawPrice,
    pub config_home: Slot<bool>,
    pub audit: RawAudit,
}

/// `price`.
#[derive(Debug, Default)]
pub(crate) struct RawPrice {
    pub input: Slot<f64>,
    pub output: Slot<f64>,
    pub cached: Slot<f64>,
}

/// `audit`.
#[derive(Debug, Default)]
pub(crate) struct RawAudit {
    pub create_issues: Slot<bool>,
    pub issue_labels: Vec<Spanned<String>>,
    pub repository: Slot<String>,
    pub diagnose: Slot<bool>,
    pub close_on_green: Slot<bool>,
}

/// Attempts past this are a loop, not patience.
pub(super) const MAX_RETRIES: i128 = 100;

pub(super) fn decode(ctx: &Ctx, node: &Node, all: &mut Vec<RawAgent>) {
    ctx.check(node, &shapes::AGENT);
    let Some(name) = ctx.arg(node, types::text) else { return };
    let taken: Vec<_> = all.iter().map(|a| a.name.clone()).collect();
    if let Some(agent) = add_named(ctx, "agent", &name, taken.iter(), || read(ctx, node, name.clone())) {
        all.push(agent);
    }
}

fn read(ctx: &Ctx, node: &Node, name: Spanned<String>) -> RawAgent {
    let mut audit = RawAudit::default();
    if let Some(block) = ctx.block(node, "audit") {
        agent_audit(ctx, block, &mut audit);
    }
    RawAgent {
        adapter: ctx.one(node, "adapter", choice(types::ADAPTER)),
        adapter_written: node.holds("adapter"),
        default: ctx.one(node, "default", types::boolean),
        command: ctx.one(node, "command", types::text),
        command_written: node.holds("command"),
        model: ctx.one(node, "model", types::text),
        args: args(ctx, node),
        prompt: prompt(ctx, node),
        env: env::inside(ctx, node),
        timeout: ctx.one(node, "timeout", types::duration),
        first_output: ctx.one(node, "first-output", types::duration),
        stall: ctx.one(node, "stall", types::duration),
        retries: ctx.one(node, "retries", whole(0, MAX_RETRIES)),
        price: price(ctx, node),
        config_home: ctx.one(node, "config-home", choice(types::CONFIG_HOME)),
        audit,
        name,
    }
}

fn args(ctx: &Ctx, node: &Node) -> Slot<Vec<String>> {
    let args = ctx.block(node, "args")?;
    ctx.check(args, &Shape { args: Args::Some("at least one argument"), ..Shape::EMPTY });
    let all = ctx.args(args, types::string);
    let span = all.first()?.span.clone();
    Some(Spanned::new(all.into_iter().map(|a| a.value).collect(), span))
}

fn prompt(ctx: &Ctx, node: &Node) -> Slot<PromptVia> {
    let prompt = ctx.block(node, "prompt")?;
    ctx.check(prompt, &shapes::PROMPT);
    ctx.one(prompt, "via", choice(types::VIA))
}

fn price(ctx: &Ctx, node: &Node) -> RawPrice {
    let Some(price) = ctx.block(node, "price") else { return RawPrice::default() };
    ctx.check(price, &shapes::PRICE);
    let cell = |key| ctx.one(price, key, types::amount);
    let found = RawPrice { input: cell("input"), output: cell("output"), cached: cell("cached") };
    for (key, value) in [("input", &found.input), ("output", &found.output)] {
        if value.is_none() && !price.holds(key) {
            let message = format!("'price' lacks '{key}'");
            let help = format!("add {key} with USD for a million tokens");
            ctx.push(Diag::error("config::missing-value", message).at(&price.span, "").help(help));
        }
    }
    found
}

/// The top level's `audit`.
pub(super) fn audit(ctx: &Ctx, node: &Node, raw: &mut RawAudit) {
    ctx.check(node, &shapes::AUDIT);
    audit_cells(ctx, node, raw);
}

fn agent_audit(ctx: &Ctx, node: &Node, raw: &mut RawAudit) {
    ctx.check(node, &shapes::AGENT_AUDIT);
    audit_cells(ctx, node, raw);
}

fn audit_cells(ctx: &Ctx, node: &Node, raw: &mut RawAudit) {
    ctx.put(&mut raw.create_issues, ctx.one(node, "create-issues", types::boolean), "create-issues");
    ctx.put(&mut raw.repository, ctx.one(node, "repository", repository), "repository");
    ctx.put(&mut raw.diagnose, ctx.one(node, "diagnose", types::boolean), "diagnose");
    ctx.put(&mut raw.close_on_green, ctx.one(node, "close-on-green", types::boolean), "close-on-green");
    raw.issue_labels.extend(ctx.many(node, "issue-labels", types::text));
}

/// `owner/name`.
fn repository(scalar: &Scalar) -> Result<String, types::Wrong> {
    let raw = types::text(scalar)?;
    let part = |p: &str| {
        !p.is_empty()
            && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && p != "."
            && p != ".."
    };
    match raw.split_once('/') {
        Some((owner, name)) if part(owner) && part(name) => Ok(raw),
        _ => Err(types::Wrong::Value(
            format!("{raw:?} is not a repository"),
            "write \"owner/name\"".to_owned(),
        )),
    }
}

pub(super) fn roles(ctx: &Ctx, node: &Node, raw: &mut BTreeMap<Role, Spanned<String>>) {
    ctx.check(node, &shapes::ROLES);
    for role in Role::ALL {
        let name = kebab(role.name());
        let mut slot = raw.remove(&role);
        ctx.put(&mut slot, ctx.one(node, &name, types::text), &format!("the role {name}"));
        raw.extend(slot.map(|s| (role, s)));
    }
}
