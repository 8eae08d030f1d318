//! What is likely not meant: signals that contradict verbs, bounds that can't be met.

use super::PlannedNode;
use crate::base::text;
use crate::config::{Config, ExpectedSignal, Origin};
use crate::diag::{Diag, Diags};

/// Verbs whose deliverable shows as a diff.
const WANT_A_DIFF: [&str; 4] = ["add", "create", "replace", "rename"];
/// Verbs whose deliverable may stand already.
const MAY_HAVE_NONE: [&str; 3] = ["assert", "document", "prune-if-present"];

/// The node's signal against the first word of its deliverable.
pub(super) fn signal(node: &PlannedNode) -> Option<Diag> {
    let verb = text::verb(&node.node.deliverable.value).trim_end_matches([':', ',', ';']).to_lowercase();
    let signal = &node.settings.expected_signal;
    let (why, instead) = match signal.value {
        ExpectedSignal::AllowEmpty if WANT_A_DIFF.contains(&verb.as_str()) => {
            ("promises a change, and no change would pass", "require_nonempty")
        }
        ExpectedSignal::RequireNonempty if MAY_HAVE_NONE.contains(&verb.as_str()) => {
            ("may find nothing to do, and that would fail", "allow_empty")
        }
        _ => return None,
    };
    let id = &node.node.id.value;
    let mut diag = Diag::warning("plan::signal-contradicts-verb", format!("{id}: '{verb}' {why}"))
        .at(&node.node.deliverable.span, format!("the verb is '{verb}'"))
        .help(format!("set `expected_signal: {instead}`, or choose another verb"));
    if let Origin::Written(span) = &signal.origin {
        diag = diag.at(span, "the signal is set here");
    }
    Some(diag)
}

/// The number of nodes against the number of dispatches that the run may make. Too few
/// for one attempt each is an error where a file or the default says so; by a flag or a
/// variable the operator asked for a part of the graph on purpose.
pub(super) fn iterations(nodes: usize, config: &Config, diags: &mut Diags) {
    let bound = &config.bounds.max_iterations;
    let nodes = nodes as u64;
    let with_cycles = nodes.saturating_mul(1 + u64::from(config.remediation.value));
    let nodes_text = text::count(nodes as usize, "node");
    let diag = if nodes > bound.value {
        let message = format!("{nodes_text} can't finish within {} iterations", bound.value);
        match bound.origin {
            Origin::Default(_) | Origin::Written(_) => Diag::error("plan::too-many-nodes", message),
            Origin::Env(_) | Origin::Flag(_) => Diag::warning("plan::too-many-nodes", message),
        }
    } else if with_cycles > bound.value {
        let message = format!(
            "{nodes_text} with {} each may need {with_cycles} iterations; {} are allowed",
            text::count(usize::from(config.remediation.value), "remediation cycle"),
            bound.value
        );
        Diag::warning("plan::iterations-tight", message)
    } else {
        return;
    };
    let diag = match &bound.origin {
        Origin::Written(span) => diag.at(span, "the bound is set here"),
        _ => diag,
    };
    diags.push(
        diag.help(format!(
            "raise it: `bounds max-iterations={with_cycles}` or --max-iterations {with_cycles}"
        )),
    );
}
