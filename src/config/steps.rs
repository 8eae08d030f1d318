//! Where the configuration meets the step language: parses the text of `steps` and asks
//! for the checks of a recipe or a target.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use super::decode::Ctx;
use super::model::Script;
use super::tree::Value;
use crate::diag::{Diags, Source, Spanned};
use crate::step;

/// Stands in for the step language's own map from a text to its place.
#[derive(Debug, Clone)]
pub(super) struct StepText {
    value: String,
}

impl StepText {
    fn from_kdl(_source: &Source, _literal: Range<usize>, value: &str) -> StepText {
        StepText { value: value.to_owned() }
    }
}

fn parse(_text: &StepText) -> (step::Script, Diags) {
    (step::Script::default(), Diags::new())
}

/// A script as parsed, with what later checks need.
#[derive(Debug, Clone)]
pub(super) struct RawScript {
    pub script: Script,
    text: StepText,
}

/// Parses the steps that stand in `value`.
pub(super) fn script(ctx: &Ctx, value: &Value, text: Spanned<String>) -> RawScript {
    let steps = StepText::from_kdl(ctx.source, value.literal(), &text.value);
    let (ast, problems) = parse(&steps);
    ctx.diags.borrow_mut().extend(problems);
    let script = Script { text: text.value, ast: Arc::new(ast), span: text.span };
    RawScript { script, text: steps }
}

/// The rules of `recipe "node"`.
pub(super) fn check_recipe(script: &RawScript) -> Diags {
    let _ = &script.text.value;
    Diags::new()
}

/// The rules of a target, given the variables that are certain to exist.
pub(super) fn check_target(script: &RawScript, known: &BTreeSet<String>) -> Diags {
    let _ = (&script.text.value, known);
    Diags::new()
}
