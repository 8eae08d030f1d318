//! What concerns paths: `hotspots`, `worktree`, `sandbox`.

use super::super::decode::{Args, Ctx, Shape, twice};
use super::super::model::SandboxMode;
use super::super::tree::Node;
use super::super::types::{self, choice};
use super::{Slot, shapes};
use crate::base::Pattern;
use crate::diag::{Diag, Spanned};

/// One serialised resource.
#[derive(Debug)]
pub(crate) struct RawHotspot {
    pub name: Spanned<String>,
    pub patterns: Vec<Spanned<Pattern>>,
}

/// `worktree`.
#[derive(Debug, Default)]
pub(crate) struct RawWorktree {
    pub root: Slot<String>,
    pub copy: Vec<Spanned<String>>,
    pub link: Vec<Spanned<String>>,
    pub keep: Vec<Spanned<String>>,
    pub setup: Vec<Spanned<String>>,
    pub provides: Vec<Spanned<String>>,
    pub reuse: Slot<bool>,
}

/// `sandbox`.
#[derive(Debug, Default)]
pub(crate) struct RawSandbox {
    pub mode: Slot<SandboxMode>,
    pub write: Vec<Spanned<String>>,
    pub hide: Vec<Spanned<String>>,
    pub network: Slot<bool>,
}

pub(super) fn hotspots(ctx: &Ctx, node: &Node, all: &mut Vec<RawHotspot>) {
    ctx.check(node, &shapes::HOTSPOTS);
    for child in node.nodes() {
        match child.key.as_str() {
            "file" => files(ctx, child, all),
            "group" => group(ctx, child, all),
            _ => {}
        }
    }
}

fn files(ctx: &Ctx, node: &Node, all: &mut Vec<RawHotspot>) {
    ctx.check(node, &Shape { args: Args::Some("a path or pattern"), ..Shape::EMPTY });
    for file in ctx.args(node, types::pattern) {
        let name = Spanned::new(file.value.raw().to_owned(), file.span.clone());
        add(ctx, all, RawHotspot { name, patterns: vec![file] });
    }
}

fn group(ctx: &Ctx, node: &Node, all: &mut Vec<RawHotspot>) {
    ctx.check(node, &Shape { args: Args::Some("a name and at least one pattern"), ..Shape::EMPTY });
    let (Some(name), rest) = (ctx.arg(node, types::text), node.args.get(1..).unwrap_or_default()) else {
        return;
    };
    if rest.is_empty() {
        let message = format!("group '{}' holds no pattern", name.value);
        let help = format!("name what belongs to it: group \"{}\" \"src/schema/**\"", name.value);
        return ctx.push(Diag::error("config::missing-value", message).at(&name.span, "").help(help));
    }
    let patterns = rest.iter().filter_map(|v| ctx.read(v, types::pattern)).collect();
    add(ctx, all, RawHotspot { name, patterns });
}

fn add(ctx: &Ctx, all: &mut Vec<RawHotspot>, new: RawHotspot) {
    match all.iter().find(|h| h.name.value == new.name.value) {
        Some(first) => {
            ctx.push(twice(&format!("hotspot '{}'", new.name.value), &first.name.span, &new.name.span))
        }
        None => all.push(new),
    }
}

pub(super) fn worktree(ctx: &Ctx, node: &Node, raw: &mut RawWorktree) {
    ctx.check(node, &shapes::WORKTREE);
    ctx.put(&mut raw.root, ctx.one(node, "root", types::text), "worktree root");
    ctx.put(&mut raw.reuse, ctx.one(node, "reuse", types::boolean), "worktree reuse");
    raw.copy.extend(ctx.many(node, "copy", types::inner_path));
    raw.link.extend(ctx.many(node, "link", types::inner_path));
    raw.keep.extend(ctx.many(node, "keep", types::inner_path));
    raw.setup.extend(ctx.many(node, "setup", types::text));
    raw.provides.extend(ctx.many(node, "provides", types::text));
}

pub(super) fn sandbox(ctx: &Ctx, node: &Node, raw: &mut RawSandbox) {
    ctx.check(node, &shapes::SANDBOX);
    ctx.put(&mut raw.mode, ctx.arg(node, choice(types::SANDBOX)), "sandbox");
    ctx.put(&mut raw.network, ctx.one(node, "network", types::boolean), "sandbox network");
    raw.write.extend(ctx.many(node, "write", types::text));
    raw.hide.extend(ctx.many(node, "hide", types::text));
}
