//! Where the configuration meets the step language: parses the text of `steps` and asks
//! for the checks of a recipe or a target.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::decode::Ctx;
use super::model::{Role, Script};
use super::tree::Value;
use crate::diag::{Diags, Spanned};
use crate::step::{self, StepText};

/// Parses the steps that stand in `value`.
pub(super) fn script(ctx: &Ctx, value: &Value, text: Spanned<String>) -> Script {
    let steps = StepText::from_kdl(ctx.source, value.literal(), &text.value);
    let (ast, problems) = step::parse(&steps);
    ctx.diags.borrow_mut().extend(problems);
    Script { text: text.value, ast: Arc::new(ast), source: Arc::new(steps), span: text.span }
}

/// The rules of `recipe "node"`.
pub(super) fn check_recipe(script: &Script) -> Diags {
    step::recipe::check(&script.ast, &script.source, &Role::ALL.map(Role::name))
}

/// The rules of a target, given the variables that are certain to exist.
pub(super) fn check_target(script: &Script, known: &BTreeSet<String>) -> Diags {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    step::check_target(&script.ast, &script.source, &known)
}
