//! Invariants with every check that is bound to them, in state.md and in audit.kdl.

use super::{PlannedCheck, PlannedInvariant, normalize};
use crate::base::Layout;
use crate::bundle::{Check, CheckScope, Invariant};
use crate::config::{Config, InvariantChecks};
use crate::diag::{Diag, Diags};

pub(super) fn plan(
    invariants: &[Invariant],
    config: &Config,
    layout: &Layout,
    diags: &mut Diags,
) -> Vec<PlannedInvariant> {
    let own = config.invariants.iter().filter(|_| !config.about_another_bundle);
    for (id, bound) in own {
        if let (Some(at), false) = (&bound.id, invariants.iter().any(|i| i.id.value == *id)) {
            let known = invariants.iter().map(|i| i.id.value.as_str());
            diags.push(
                Diag::error("config::unknown-invariant", format!("state.md has no invariant '{id}'"))
                    .at(&at.span, "bound here")
                    .help("name an invariant of state.md, or take the block out")
                    .suggest(id.as_str(), known),
            );
        }
    }
    invariants.iter().map(|i| one(i, config.invariants.get(&i.id.value), layout, diags)).collect()
}

fn one(
    invariant: &Invariant,
    bound: Option<&InvariantChecks>,
    layout: &Layout,
    diags: &mut Diags,
) -> PlannedInvariant {
    let from_config = bound.iter().flat_map(|b| &b.checks).map(|command| Check {
        command: command.clone(),
        scope: CheckScope::Worktree,
        name: None,
        timeout: None,
    });
    let checks: Vec<Check> = invariant.checks.iter().cloned().chain(from_config).collect();
    if checks.is_empty() && !invariant.advisory {
        diags.push(unconfirmed(invariant));
    }
    let timeout = bound.and_then(|b| b.timeout.as_ref()).or(invariant.timeout.as_ref());
    PlannedInvariant {
        id: invariant.id.value.clone(),
        text: invariant.text.value.clone(),
        advisory: invariant.advisory,
        checks: checks.into_iter().map(|c| planned(c, layout)).collect(),
        timeout: timeout.map(|t| t.value),
    }
}

fn unconfirmed(invariant: &Invariant) -> Diag {
    let id = &invariant.id;
    Diag::error("plan::invariant-without-check", format!("nothing checks the invariant '{}'", id.value))
        .at(&id.span, "declared here, without a check")
        .help(format!(
            "add `check: <command>` to it, or `invariant \"{}\" {{ check \"<command>\" }}` to audit.kdl, or `advisory: true` if no machine can tell",
            id.value
        ))
}

/// A check with the form in which it runs.
pub(super) fn planned(check: Check, layout: &Layout) -> PlannedCheck {
    let (normalized, verbatim_because) = match check.scope {
        CheckScope::Repo => {
            (check.command.value.clone(), Some("it declares that it reads outside the worktree".to_owned()))
        }
        CheckScope::Worktree => {
            let done = normalize::normalize(&check.command.value, layout);
            (done.text, done.verbatim_because)
        }
    };
    PlannedCheck { check, normalized, verbatim_because }
}
