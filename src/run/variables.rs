//! What can be told before anything runs about the variables that the recipe and the env
//! blocks need: one that is missing would fail every attempt in the same way.

use std::collections::BTreeSet;

use crate::config::{self, Config, EnvBlock};
use crate::diag::{Diag, Diags};
use crate::plan::Plan;
use crate::run::environment::{self, Operator};
use crate::step;
use crate::step::verbs::RECIPE_VARS;

/// The problem of an env block that needs a variable which the operator does not have.
pub const ENV_UNSET: &str = "preflight::env-unset";

/// What is set nowhere. `agents` are those in use.
pub fn unset(plan: &Plan, config: &Config, agents: &[String], operator: &Operator) -> Diags {
    let mut blocks = vec![&config.env];
    blocks.extend(plan.nodes.iter().map(|n| &n.settings.env));
    let mut problems = of_recipe(config, &blocks);
    blocks.extend(agents.iter().filter_map(|name| Some(&config.agents.get(name)?.env)));
    of_blocks(&blocks, operator, &mut problems);
    problems
}

/// The recipe's variables that no environment of a node can have. Which of the possible ones
/// the operator has set, only the run can tell.
fn of_recipe(config: &Config, blocks: &[&EnvBlock]) -> Diags {
    let declared = |name: &str| {
        blocks.iter().any(|b| b.pass.iter().any(|p| p.value == name) || b.set.iter().any(|(n, _)| n == name))
    };
    let recipe = &config.recipe;
    step::unset_variables(&recipe.ast, &recipe.source, &|name| {
        RECIPE_VARS.contains(&name) || environment::may_be_set(name) || declared(name)
    })
}

/// `$NAME` in values, where nothing before it and not the operator sets NAME.
fn of_blocks(blocks: &[&EnvBlock], operator: &Operator, problems: &mut Diags) {
    let set: BTreeSet<&str> =
        blocks.iter().flat_map(|b| b.set.iter().map(|(name, _)| name.as_str())).collect();
    let mut told = BTreeSet::new();
    for (name, value) in blocks.iter().flat_map(|b| &b.set) {
        // A '$' that begins no variable was refused when audit.kdl and graph.md were read.
        for needed in config::variables(&value.template).unwrap_or_default() {
            let known = operator.contains_key(needed) || (needed != name && set.contains(needed));
            if known || !told.insert((value.span.source().name().to_owned(), value.span.offset(), needed)) {
                continue;
            }
            problems.push(
                Diag::error(ENV_UNSET, format!("{name} needs ${needed}, which is not set"))
                    .at(&value.span, "expanded before a program starts")
                    .help(format!("set {needed} in the environment of auditrun, or remove {name} here")),
            );
        }
    }
}
