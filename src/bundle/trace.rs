//! The trace: every id cited exists, every node closes something, everything to do is
//! closed by a node.

use std::collections::HashSet;

use super::join::{Citable, Joined, unknown};
use super::model::DeltaItem;
use super::node::Draft;
use crate::base::{Id, text::count};
use crate::diag::{Diag, Diags, Spanned};

/// How many places a message about many nodes shows; it names all of them.
const SHOWN: usize = 12;
/// Most ids that one sentence lists.
const LISTED: usize = 30;
/// How many comparisons may be spent on "did you mean" in one bundle.
const SUGGESTIONS: usize = 2_000_000;

/// Checks what the nodes of graph.md cite: each other, invariants, delta_to_done items.
/// `all_nodes` says that the graph is known in full.
pub(super) fn citations(drafts: &mut [Draft], all_nodes: bool, citable: &Citable, diags: &mut Diags) {
    let ids: HashSet<Id> = drafts.iter().map(|d| d.id.value.clone()).collect();
    let in_order: Vec<Id> = drafts.iter().map(|d| d.id.value.clone()).collect();
    let names: Vec<&str> = in_order.iter().map(Id::as_str).collect();
    let mut budget = SUGGESTIONS;
    for draft in drafts {
        let mut check =
            |cited: &mut Vec<Spanned<Id>>, what: &str, has: &dyn Fn(&Id) -> bool, names: &[&str]| {
                // "none" is how people write an empty list, unless there is such an id.
                let sole = cited.len() == 1;
                cited.retain(|id| has(id) || !(sole && id.as_str().eq_ignore_ascii_case("none")));
                for id in cited.iter().filter(|id| !has(id)) {
                    let word = Spanned::new(id.to_string(), id.span.clone());
                    let near = if budget >= names.len() { names } else { &[] };
                    budget -= near.len();
                    diags.push(unknown(&word, what).suggest(&word, near.iter().copied()));
                }
            };
        if all_nodes {
            check(&mut draft.depends_on, "node", &|id| ids.contains(id), &names);
        }
        for (cited, what, known) in [
            (&mut draft.closes, "delta_to_done item", &citable.delta),
            (&mut draft.invariants, "invariant", &citable.invariants),
        ] {
            if let Some(known) = known {
                let names: Vec<&str> =
                    if cited.iter().all(|i| known.has(i)) { Vec::new() } else { known.names().collect() };
                check(cited, what, &|id| known.has(id), &names);
            }
        }
        if let Some(itself) = draft.depends_on.iter().find(|d| d.value == draft.id.value) {
            diags.push(
                Diag::error(
                    "bundle::self-dependency",
                    format!("the node '{}' depends on itself", draft.id.value),
                )
                .at(&itself.span, "here")
                .help("remove it from depends_on"),
            );
        }
    }
}

/// Reports nodes that close nothing and items that no node closes, each with all of them
/// in one message. `all_nodes` says that the graph is known in full.
pub(super) fn orphans(joined: &[Joined], all_nodes: bool, delta: Option<&[DeltaItem]>, diags: &mut Diags) {
    let idle: Vec<&Spanned<Id>> =
        joined.iter().filter(|j| j.draft.closes.is_empty() && !j.unsure).map(|j| &j.draft.id).collect();
    if !idle.is_empty() {
        let message = format!(
            "{} nothing of delta_to_done: {}",
            verb(idle.len(), "node", "closes", "close"),
            names(&idle)
        );
        let diag = Diag::error("bundle::node-closes-nothing", message).help(
            "name the item with 'closes' in graph.md or <delta_to_done> in the prompt, or remove the node",
        );
        diags.push(places(diag, &idle, "closes nothing"));
    }
    let Some(delta) = delta.filter(|_| all_nodes && !joined.iter().any(|j| j.unsure)) else { return };
    let closed: HashSet<&Id> = joined.iter().flat_map(|j| j.draft.closes.iter().map(|c| &c.value)).collect();
    let open: Vec<&Spanned<Id>> =
        delta.iter().map(|d| &d.id).filter(|id| !closed.contains(&id.value)).collect();
    if !open.is_empty() {
        let message =
            format!("no node closes {} of delta_to_done: {}", count(open.len(), "item"), names(&open));
        let diag = Diag::error("bundle::delta-not-closed", message)
            .help("add a node for it, or name it in 'closes' of the node that does it");
        diags.push(places(diag, &open, "closed by no node"));
    }
}

/// One warning for all nodes that do not say if they may run beside others.
pub(super) fn parallel_safe(drafts: &[Draft], diags: &mut Diags) {
    let silent: Vec<&Spanned<Id>> =
        drafts.iter().filter(|d| d.parallel_safe.is_none()).map(|d| &d.id).collect();
    if silent.is_empty() {
        return;
    }
    let message =
        format!("{} not say if parallel_safe: {}", verb(silent.len(), "node", "does", "do"), names(&silent));
    let diag = Diag::warning("bundle::parallel-safe-default", message)
        .help("they run alone, which is the safe side; set parallel_safe to true or false");
    diags.push(places(diag, &silent, "taken as false"));
}

/// Drops nodes whose id another one had before; they are reported elsewhere.
pub(super) fn first_of_each(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut seen = HashSet::new();
    drafts.into_iter().filter(|d| seen.insert(d.id.value.clone())).collect()
}

fn verb(n: usize, noun: &str, one: &str, many: &str) -> String {
    format!("{} {}", count(n, noun), if n == 1 { one } else { many })
}

/// The first of them by name, the others by number.
fn names(ids: &[&Spanned<Id>]) -> String {
    let shown = ids.iter().take(LISTED).map(|i| i.as_str()).collect::<Vec<_>>().join(", ");
    match ids.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn places(diag: Diag, ids: &[&Spanned<Id>], label: &str) -> Diag {
    ids.iter().take(SHOWN).fold(diag, |diag, id| diag.at(&id.span, label))
}
