//! The configuration as written: every setting optional, every value with its place. One
//! file for each topic, the language itself in `shapes`; this one hands each node to its topic.

mod agent;
mod basics;
mod env;
mod extras;
mod node;
mod places;
mod shapes;
mod target;

pub(super) use agent::{RawAgent, RawAudit};
pub(super) use basics::{RawBasics, RawBounds, RawLoc, RawRow};
pub use extras::NOTIFY_EVENTS;
pub(super) use extras::{RawForge, RawNotify};
pub(super) use places::{RawHotspot, RawSandbox, RawWorktree};
#[cfg(test)]
pub(super) use shapes::names as setting_names;
pub(super) use shapes::{SHAPES, ShapeOf};
pub use target::SUBCOMMANDS;
pub(super) use target::{RawTarget, RawTargets};

use std::collections::BTreeMap;

use shapes::DOCUMENT;

use super::decode::{Args, Ctx, Shape, twice};
use super::model::Script;
use super::model::{EnvBlock, InvariantChecks, NodeOverride, Role};
use super::tree::Node;
use super::types;
use crate::diag::Spanned;

/// A single setting: not given, or a value and its place.
pub(super) type Slot<T> = Option<Spanned<T>>;

/// Everything that audit.kdl and its included files say.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub basics: RawBasics,
    pub bounds: RawBounds,
    pub loc: RawLoc,
    pub env: EnvBlock,
    pub hotspots: Vec<RawHotspot>,
    pub invariants: Vec<InvariantChecks>,
    pub worktree: RawWorktree,
    pub agents: Vec<RawAgent>,
    pub roles: BTreeMap<Role, Spanned<String>>,
    pub sandbox: RawSandbox,
    pub nodes: Vec<NodeOverride>,
    pub recipe: Option<Script>,
    pub targets: RawTargets,
    pub audit: RawAudit,
    pub forge: RawForge,
    pub notify: Vec<RawNotify>,
}

/// Reads the nodes of one file into `raw`; gives the paths that it includes.
pub(super) fn decode(ctx: &Ctx, nodes: &[Node], raw: &mut Raw) -> Vec<Spanned<String>> {
    ctx.check_children("", nodes, &DOCUMENT);
    let mut includes = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for node in nodes {
        // The second of two is reported; reading it as well would only repeat that.
        if DOCUMENT.block.contains(&node.key.as_str()) && seen.contains(&node.key.as_str()) {
            continue;
        }
        seen.push(&node.key);
        match node.key.as_str() {
            "include" => includes.extend(include(ctx, node)),
            _ => setting(ctx, node, raw),
        }
    }
    includes
}

fn setting(ctx: &Ctx, node: &Node, raw: &mut Raw) {
    match node.key.as_str() {
        "agent" => agent::decode(ctx, node, &mut raw.agents),
        "audit" => agent::audit(ctx, node, &mut raw.audit),
        "bounds" => basics::bounds(ctx, node, &mut raw.bounds),
        "env" => env::decode(ctx, node, &mut raw.env),
        "forge" => extras::forge(ctx, node, &mut raw.forge),
        "hotspots" => places::hotspots(ctx, node, &mut raw.hotspots),
        "invariant" => node::invariant(ctx, node, &mut raw.invariants),
        "loc-confidence" => basics::loc_confidence(ctx, node, &mut raw.loc),
        "node" => node::decode(ctx, node, &mut raw.nodes),
        "notify" => extras::notify(ctx, node, &mut raw.notify),
        "recipe" => target::recipe(ctx, node, &mut raw.recipe),
        "roles" => agent::roles(ctx, node, &mut raw.roles),
        "sandbox" => places::sandbox(ctx, node, &mut raw.sandbox),
        "target" => target::decode(ctx, node, &mut raw.targets),
        "worktree" => places::worktree(ctx, node, &mut raw.worktree),
        _ => basics::decode(ctx, node, &mut raw.basics),
    }
}

fn include(ctx: &Ctx, node: &Node) -> Vec<Spanned<String>> {
    ctx.check(node, &Shape { args: Args::Some("the path of a file"), ..Shape::EMPTY });
    ctx.args(node, types::text)
}

/// Adds to a list of named things unless the name is taken.
fn add_named<'a, T: 'a>(
    ctx: &Ctx,
    what: &str,
    name: &Spanned<String>,
    mut taken: impl Iterator<Item = &'a Spanned<String>>,
    add: impl FnOnce() -> T,
) -> Option<T> {
    match taken.find(|t| t.value == name.value) {
        Some(first) => {
            ctx.push(twice(&format!("{what} '{}'", name.value), &first.span, &name.span));
            None
        }
        None => Some(add()),
    }
}
