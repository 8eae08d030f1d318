//! Joins nodes with their prompts: one prompt for each node, one done_when from both, the
//! union of what both cite.

use std::collections::{BTreeMap, HashSet};

use super::cite::{Cited, Known};
use super::model::{Check, Node, Prompt};
use super::node::Draft;
use super::prompt::ParsedPrompt;
use crate::base::Id;
use crate::diag::{Diag, Diags, Spanned};

/// Prompts by the stem of their file's name. `None`: the file is there but was refused as a
/// whole.
pub(super) type Prompts = BTreeMap<String, Option<ParsedPrompt>>;

/// Ids that nodes may cite; `None` where they are not all known, so nothing is checked.
pub(super) struct Citable {
    pub invariants: Option<Known>,
    pub delta: Option<Known>,
}

/// Reports prompts without a node and nodes without a prompt. The former only if all
/// nodes are known.
pub(super) fn pair(drafts: &[Draft], all_nodes: bool, prompts: &Prompts, dir: &str, diags: &mut Diags) {
    let ids: HashSet<&str> = drafts.iter().map(|d| d.id.as_str()).collect();
    let folded: BTreeMap<String, &str> =
        prompts.keys().map(|p| (p.to_ascii_lowercase(), p.as_str())).collect();
    let mut reported = HashSet::new();
    for draft in drafts.iter().filter(|d| !prompts.contains_key(d.id.as_str())) {
        if reported.insert(draft.id.as_str()) {
            diags.push(no_prompt(draft, folded.get(&draft.id.as_str().to_ascii_lowercase()).copied(), dir));
        }
    }
    let folded: BTreeMap<String, &Draft> =
        drafts.iter().map(|d| (d.id.as_str().to_ascii_lowercase(), d)).collect();
    for (stem, prompt) in prompts.iter().filter(|(s, _)| all_nodes && !ids.contains(s.as_str())) {
        let name = super::decode::path(dir, &format!("prompts/{stem}.md"));
        let mut diag = Diag::error("bundle::prompt-without-node", format!("{name} belongs to no node"));
        if let Some(prompt) = prompt {
            diag = diag.at(&prompt.source.span(0, 0), "this prompt");
        }
        diags.push(match folded.get(&stem.to_ascii_lowercase()) {
            Some(node) => diag
                .at(&node.id.span, "its name differs in letter case")
                .help(format!("rename the file to {}.md", node.id.value)),
            None => diag.help(format!("add a node '{stem}' to graph.md, or remove the file")),
        });
    }
}

fn no_prompt(draft: &Draft, other_case: Option<&str>, dir: &str) -> Diag {
    let name = super::decode::path(dir, &format!("prompts/{}.md", draft.id.value));
    let diag =
        Diag::error("bundle::node-without-prompt", format!("the node '{}' has no prompt", draft.id.value))
            .at(&draft.id.span, "this node");
    match other_case {
        Some(stem) => diag.help(format!(
            "rename prompts/{stem}.md to {}.md: the names match to the letter",
            draft.id.value
        )),
        None => diag.help(format!("write {name}")),
    }
}

/// A node and its prompt, as far as both could be read.
pub(super) struct Joined {
    pub draft: Draft,
    pub prompt: Option<ParsedPrompt>,
    /// True if what it closes may not be known in full.
    pub unsure: bool,
}

/// Joins one node with its prompt.
pub(super) fn join(
    mut draft: Draft,
    prompt: Option<ParsedPrompt>,
    citable: &Citable,
    diags: &mut Diags,
) -> Joined {
    let unsure = prompt.is_none() && draft.closes.is_empty();
    if let Some(prompt) = &prompt {
        let closes = cited(prompt.delta_to_done.as_ref(), citable.delta.as_ref(), true);
        add(&mut draft.closes, closes, "delta_to_done item", citable.delta.as_ref(), diags);
        let invariants = cited(prompt.constraints.as_ref(), citable.invariants.as_ref(), false);
        add(&mut draft.invariants, invariants, "invariant", citable.invariants.as_ref(), diags);
        done_when(&mut draft, prompt, diags);
    }
    Joined { draft, prompt, unsure }
}

fn cited(text: Option<&Spanned<String>>, known: Option<&Known>, bare: bool) -> Cited {
    match (text, known) {
        (Some(text), Some(known)) if !super::sections::is_none(text) => known.cited(text, bare),
        _ => Cited::default(),
    }
}

fn add(ids: &mut Vec<Spanned<Id>>, cited: Cited, what: &str, known: Option<&Known>, diags: &mut Diags) {
    let had: HashSet<Id> = ids.iter().map(|i| i.value.clone()).collect();
    ids.extend(cited.found.into_iter().filter(|id| !had.contains(&id.value)));
    for word in cited.unknown {
        let names = known.into_iter().flat_map(Known::names);
        diags.push(unknown(&word, what).suggest(&word, names));
    }
}

/// The diagnostic for a cited id that does not exist.
pub(super) fn unknown(word: &Spanned<String>, what: &str) -> Diag {
    Diag::error("bundle::unknown-id", format!("there is no {what} '{}'", word.value))
        .at(&word.span, "cited here")
        .help(format!("name one that exists, or add '{}'", word.value))
}

/// done_when stands in graph.md, in the prompt, or in both and then equal.
fn done_when(draft: &mut Draft, prompt: &ParsedPrompt, diags: &mut Diags) {
    match &prompt.done_when {
        None if !draft.has_done_when => diags.push(no_checks(draft)),
        None => {}
        Some(given) if !draft.has_done_when => draft.done_when = given.value.clone(),
        Some(given) => match merge(&draft.done_when, &given.value) {
            Some(merged) => draft.done_when = merged,
            None => diags.push(unequal(draft, given)),
        },
    }
}

fn no_checks(draft: &Draft) -> Diag {
    Diag::error("bundle::no-done-when", format!("the node '{}' has no done_when", draft.id.value))
        .at(&draft.id.span, "nothing can tell when it is done")
        .help("add <done_when><check>command</check></done_when> to its prompt, or 'done_when' to graph.md")
}

/// The checks of both if they are equal. A name or a time limit may be given on one side.
fn merge(graph: &[Check], prompt: &[Check]) -> Option<Vec<Check>> {
    if graph.len() != prompt.len() {
        return None;
    }
    graph.iter().zip(prompt).map(|(g, p)| merged(g, p)).collect()
}

fn merged(g: &Check, p: &Check) -> Option<Check> {
    let differ = |a: bool, b: bool, equal: bool| a && b && !equal;
    let limits = (g.timeout.as_ref().map(|t| t.value), p.timeout.as_ref().map(|t| t.value));
    if g.command.value != p.command.value
        || g.scope != p.scope
        || differ(g.name.is_some(), p.name.is_some(), g.name == p.name)
        || differ(limits.0.is_some(), limits.1.is_some(), limits.0 == limits.1)
    {
        return None;
    }
    let mut check = p.clone();
    check.name = check.name.or_else(|| g.name.clone());
    check.timeout = check.timeout.or_else(|| g.timeout.clone());
    Some(check)
}

fn unequal(draft: &Draft, given: &Spanned<Vec<Check>>) -> Diag {
    let at = draft.done_when.iter().zip(&given.value).position(|(g, p)| merged(g, p).is_none());
    let at = at.unwrap_or(draft.done_when.len().min(given.value.len()));
    let graph = draft.done_when.get(at).map_or(&draft.span, |c| &c.command.span);
    let prompt = given.value.get(at).map_or(&given.span, |c| &c.command.span);
    Diag::error(
        "bundle::done-when-differs",
        format!("graph.md and the prompt of '{}' give different done_when", draft.id.value),
    )
    .at(graph, if at < draft.done_when.len() { "graph.md says this" } else { "graph.md has fewer checks" })
    .at(prompt, if at < given.value.len() { "the prompt says this" } else { "the prompt has fewer checks" })
    .help("make both equal (command, scope and order), or remove one of them")
}

/// The node, if everything that it needs was there.
pub(super) fn node(joined: Joined, bytes: &[u8]) -> Option<Node> {
    let (d, p) = (joined.draft, joined.prompt?);
    Some(Node {
        id: d.id,
        deliverable: d.deliverable?,
        touches: d.touches,
        depends_on: d.depends_on,
        parallel_safe: d.parallel_safe,
        estimated_loc: d.estimated_loc?,
        loc_confidence: d.loc_confidence,
        expected_signal: d.expected_signal,
        hotspot_files: d.hotspot_files,
        closes: d.closes,
        invariants: d.invariants,
        done_when: d.done_when,
        agent: d.agent,
        timeout: d.timeout,
        retries: d.retries,
        env: d.env,
        span: d.span,
        prompt: Prompt {
            source: p.source,
            bytes: bytes.to_vec(),
            success: p.success?,
            failure_modes: p.failure_modes?,
        },
    })
}
