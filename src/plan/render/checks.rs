//! check_normalization.md: each check as it was written and as it runs.

use super::super::{Plan, PlannedCheck};
use super::markdown::{code, fence, plain};

/// preflight/check_normalization.md.
pub fn check_normalization(plan: &Plan) -> String {
    let mut out = String::from(
        "# Check normalization\n\nSearches leave out the harness's own files and ignored ones. A check that is not shown twice runs as it was written.\n",
    );
    let owners = owners(plan);
    let kept: Vec<(&str, &PlannedCheck, &str)> = owners
        .iter()
        .flat_map(|(_, owner, checks)| checks.iter().map(|c| (owner.as_str(), c)))
        .filter_map(|(owner, c)| Some((owner, c, c.verbatim_because.as_deref()?)))
        .collect();
    out.push_str("\n## Left verbatim\n\n");
    if kept.is_empty() {
        out.push_str("None.\n");
    }
    for (owner, check, because) in kept {
        out.push_str(&format!(
            "- {}: {}: {}\n",
            code(owner),
            code(&check.check.command.value),
            plain(because)
        ));
    }
    for (kind, owner, checks) in &owners {
        out.push_str(&format!("\n## {kind} {}\n", code(owner)));
        checks.iter().enumerate().for_each(|(i, c)| check(i + 1, c, &mut out));
    }
    out
}

/// Who has checks: the kind of owner, its id, its checks.
fn owners(plan: &Plan) -> Vec<(&'static str, String, &[PlannedCheck])> {
    let nodes = plan.nodes.iter().map(|n| ("Node", n.node.id.to_string(), n.checks.as_slice()));
    let invariants = plan.invariants.iter().map(|i| ("Invariant", i.id.to_string(), i.checks.as_slice()));
    nodes.chain(invariants).filter(|(_, _, checks)| !checks.is_empty()).collect()
}

fn check(number: usize, check: &PlannedCheck, out: &mut String) {
    let name = check.check.name.as_deref().map(|n| format!(" ({})", plain(n))).unwrap_or_default();
    let written = &check.check.command.value;
    let changed = check.normalized != *written;
    let title = if changed { "before" } else { "unchanged" };
    out.push_str(&format!("\nCheck {number}{name}, {title}:\n\n{}", fence(written)));
    if changed {
        out.push_str(&format!("\nafter:\n\n{}", fence(&check.normalized)));
    }
}
