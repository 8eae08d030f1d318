//! `env` blocks: names handed through and names set. The names of the children are data
//! here, so they keep their spelling.

use super::super::decode::{Args, Ctx, Shape, twice};
use super::super::expand;
use super::super::model::{EnvBlock, EnvValue};
use super::super::tree::{Node, Value};
use super::super::types;
use crate::diag::{Diag, Span, Spanned};

/// Reads `env { … }` into `block`.
pub(super) fn decode(ctx: &Ctx, node: &Node, block: &mut EnvBlock) {
    let bare = Node { children: None, ..node.clone() };
    ctx.check(&bare, &Shape::EMPTY);
    for child in node.nodes() {
        if child.word == "pass" {
            pass(ctx, child, block);
        } else {
            set(ctx, child, block);
        }
    }
}

/// The `env` block inside of `node`, if it has one.
pub(super) fn inside(ctx: &Ctx, node: &Node) -> EnvBlock {
    let mut block = EnvBlock::default();
    if let Some(env) = ctx.block(node, "env") {
        decode(ctx, env, &mut block);
    }
    block
}

fn place<'a>(block: &'a EnvBlock, name: &str) -> Option<&'a Span> {
    let passed = block.pass.iter().find(|p| p.value == name).map(|p| &p.span);
    passed.or_else(|| block.set.iter().find(|(n, _)| n == name).map(|(_, v)| &v.span))
}

/// True if `name` may be added; an including file's own wins silently.
fn free(ctx: &Ctx, block: &EnvBlock, name: &str, span: &Span) -> bool {
    match place(block, name) {
        None => true,
        Some(first) => {
            if !ctx.yields_to(first) {
                ctx.push(twice(&format!("the variable {name}"), first, span));
            }
            false
        }
    }
}

fn pass(ctx: &Ctx, node: &Node, block: &mut EnvBlock) {
    ctx.check(node, &Shape { args: Args::Some("the name of a variable"), ..Shape::EMPTY });
    for name in ctx.args(node, types::variable) {
        if free(ctx, block, &name.value, &name.span) {
            block.pass.push(name);
        }
    }
}

fn set(ctx: &Ctx, node: &Node, block: &mut EnvBlock) {
    if !types::is_variable(&node.word) {
        let message = format!("{:?} is not the name of a variable", node.word);
        let help = "write NAME \"value\", with letters, digits and '_' in the name";
        return ctx.push(Diag::error("config::bad-value", message).at(&node.span, "").help(help));
    }
    ctx.check(node, &Shape { args: Args::One("a value"), ..Shape::EMPTY });
    let Some(value) = node.args.first() else { return };
    let Some(text) = template(ctx, value) else { return };
    if free(ctx, block, &node.word, &node.span) {
        let found = EnvValue { template: text.value, secret: value.secret, span: text.span };
        block.set.push((node.word.clone(), found));
    }
}

fn template(ctx: &Ctx, value: &Value) -> Option<Spanned<String>> {
    // A secret template names a variable and is none itself; the engine masks what it expands to.
    let open = Value { secret: false, ..value.clone() };
    let text = ctx.read(&open, types::string)?;
    if let Err(problem) = expand::variables(&text.value) {
        let help = "write $NAME or ${NAME} for a variable, $$ for a '$' itself";
        let message = problem.split(';').next().unwrap_or_default();
        ctx.push(Diag::error("config::bad-expansion", message).at(&value.span, "").help(help));
        return None;
    }
    Some(text)
}
