//! `target` and `recipe`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::super::decode::{Ctx, twice};
use super::super::model::Script;
use super::super::model::{Param, Target, When};
use super::super::steps;
use super::super::tree::{Node, Scalar};
use super::super::types::{self, Wrong};
use super::{env, shapes};
use crate::diag::{Diag, Span, Spanned};

/// One `target`.
#[derive(Debug)]
pub(crate) struct RawTarget {
    pub target: Target,
    /// Steps stand there, be they valid or not.
    pub steps_written: bool,
}

/// Every `target`, in the order written.
#[derive(Debug, Default)]
pub(crate) struct RawTargets {
    pub all: Vec<RawTarget>,
    /// Where each was named first: with hundreds of them a search for each would add up.
    names: HashMap<String, Span>,
}

pub(super) fn decode(ctx: &Ctx, node: &Node, targets: &mut RawTargets) {
    ctx.check(node, &shapes::TARGET);
    let Some(name) = ctx.arg(node, target_name) else { return };
    match targets.names.entry(name.value.clone()) {
        Entry::Occupied(first) => {
            ctx.push(twice(&format!("target '{}'", name.value), first.get(), &name.span));
        }
        Entry::Vacant(slot) => {
            slot.insert(name.span.clone());
            let steps_written = node.holds("steps");
            targets.all.push(RawTarget { target: read(ctx, node, name), steps_written });
        }
    }
}

fn read(ctx: &Ctx, node: &Node, name: Spanned<String>) -> Target {
    Target {
        description: ctx.one(node, "description", types::string).map(|d| d.value),
        params: params(ctx, node),
        needs: ctx.many(node, "needs", types::text),
        inputs: ctx.many(node, "inputs", types::pattern),
        outputs: ctx.many(node, "outputs", types::inner_path),
        when: node.nodes().iter().filter(|c| c.key == "when").flat_map(|c| when(ctx, c)).collect(),
        confirm: ctx.one(node, "confirm", types::text),
        timeout: ctx.one(node, "timeout", types::duration),
        cwd: ctx.one(node, "cwd", types::inner_path),
        dotenv: ctx.one(node, "dotenv", types::text),
        env: env::inside(ctx, node),
        steps: script(ctx, node, "steps"),
        name,
    }
}

/// The script in the setting `key`: a property or a child.
pub(super) fn script(ctx: &Ctx, node: &Node, key: &str) -> Option<Script> {
    let text = ctx.one(node, key, types::text)?;
    let prop = node.props.iter().find(|p| p.key == key).map(|p| &p.value);
    let value = prop.or_else(|| node.nodes().iter().find(|c| c.key == key)?.args.first())?;
    Some(steps::script(ctx, value, text))
}

/// Subcommands of the program; a target of such a name could never be called.
pub const SUBCOMMANDS: [&str; 23] = [
    "run",
    "preflight",
    "resume",
    "clean",
    "status",
    "shell",
    "gate",
    "verify",
    "report",
    "qa",
    "learn",
    "list",
    "check",
    "fmt",
    "init",
    "config",
    "explain",
    "graph",
    "demo",
    "dashboard",
    "completions",
    "man",
    "db",
];

fn target_name(scalar: &Scalar) -> Result<String, Wrong> {
    let name = types::text(scalar)?;
    let wrong = |why: &str| {
        Err(Wrong::Value(format!("{name:?} can't name a target: {why}"), "take another name".to_owned()))
    };
    if SUBCOMMANDS.contains(&name.as_str()) || name == "help" {
        return wrong("it is a subcommand of auditrun");
    }
    if name.starts_with('-') {
        return wrong("it would be read as a flag");
    }
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '=') {
        return wrong("it has to be one word without '='");
    }
    Ok(name)
}

fn params(ctx: &Ctx, node: &Node) -> Vec<Param> {
    let mut all: Vec<Param> = Vec::new();
    for child in node.nodes().iter().filter(|c| c.key == "param") {
        ctx.check(child, &shapes::PARAM);
        let Some(name) = ctx.arg(child, types::variable) else { continue };
        if let Some(first) = all.iter().find(|p| p.name.value == name.value) {
            ctx.push(twice(&format!("param '{}'", name.value), &first.name.span, &name.span));
            continue;
        }
        let param = Param {
            default: ctx.one(child, "default", types::string),
            choices: ctx.many(child, "choices", types::string),
            description: ctx.one(child, "description", types::string).map(|d| d.value),
            name,
        };
        check_choice(ctx, &param);
        all.push(param);
    }
    all
}

fn check_choice(ctx: &Ctx, param: &Param) {
    let (Some(default), false) = (&param.default, param.choices.is_empty()) else { return };
    if param.choices.iter().any(|c| c.value == default.value) {
        return;
    }
    let message =
        format!("the default {:?} is not one of the choices of '{}'", default.value, param.name.value);
    let diag = Diag::error("config::bad-value", message).at(&default.span, "not a choice");
    let diag = param.choices.iter().fold(diag, |d, c| d.at(&c.span, ""));
    let known: Vec<_> = param.choices.iter().map(|c| c.value.as_str()).collect();
    ctx.push(diag.help(format!("take one of {}, or add it to them", known.join(", "))));
}

const OS: &[(&str, &str)] = &[
    ("linux", "linux"),
    ("macos", "macos"),
    ("windows", "windows"),
    ("freebsd", "freebsd"),
    ("netbsd", "netbsd"),
    ("openbsd", "openbsd"),
];

fn when(ctx: &Ctx, node: &Node) -> Vec<When> {
    ctx.check(node, &shapes::WHEN);
    if node.props.is_empty() && node.nodes().is_empty() {
        let help = "write when env=\"CI\", os=\"linux\", exists=\"path\" or changed-since=\"main\"";
        ctx.push(
            Diag::error("config::missing-value", "'when' has no condition").at(&node.span, "").help(help),
        );
    }
    let found = [
        ctx.one(node, "env", types::variable).map(When::Env),
        ctx.one(node, "os", types::choice(OS)).map(|os| When::Os(os.map(str::to_owned))),
        ctx.one(node, "exists", types::inner_path).map(When::Exists),
        ctx.one(node, "changed-since", types::text).map(When::ChangedSince),
    ];
    found.into_iter().flatten().collect()
}

/// `recipe "node" { steps … }`.
pub(super) fn recipe(ctx: &Ctx, node: &Node, slot: &mut Option<Script>) {
    ctx.check(node, &shapes::RECIPE);
    let named = ctx.arg(node, types::choice(&[("node", ())]));
    if named.is_none() {
        return;
    }
    if !node.holds("steps") {
        let help =
            "write steps with the statements of a node's work, or remove the recipe for the built-in one";
        ctx.push(
            Diag::error("config::missing-value", "the recipe has no steps").at(&node.span, "").help(help),
        );
    }
    let Some(found) = script(ctx, node, "steps") else { return };
    match slot {
        Some(first) => ctx.push(twice("recipe 'node'", &first.span, &node.span)),
        None => *slot = Some(found),
    }
}
