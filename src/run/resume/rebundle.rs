//! A bundle that a person has corrected takes the place of the one on the audit branch, and
//! only the bundle: what landed and is not concerned stays, the rest is pending.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Id, Layout, Oid, names};
use crate::bundle::{self, BundleFiles, State};
use crate::diag::{Diag, Diags};
use crate::event::{Event, PlannedSummary};
use crate::git::{NewCommit, Repo, Swap};
use crate::journal::{QuestionEnd, RunState};
use crate::plan::{Plan, summaries};
use crate::run::context::{At, Context, Fault};

/// The corrected bundle.
pub struct Correction {
    /// As typed.
    pub rev: String,
    /// What it holds, with the questions that this run has answered in their new place.
    pub files: BundleFiles,
    /// SHA-256 of every input by its root-relative path, as the operator wrote them.
    pub inputs: BTreeMap<String, String>,
}

impl Correction {
    /// Answers that this run has already found are not asked for again: where the corrected
    /// state.md still has such a question open, it takes over the answer on the branch.
    pub fn carry_over(&mut self, state: &RunState, on_branch: &State, layout: &Layout) {
        for question in &state.questions {
            let QuestionEnd::Resolved { confidence, .. } = &question.end else { continue };
            let answered = on_branch.resolved_questions.iter().find(|r| r.id.value == question.id);
            let Some(answer) = answered.and_then(|r| r.answer.clone()) else { continue };
            let evidence: Vec<String> = answered
                .and_then(|r| r.evidence.as_deref())
                .map(|list| list.split(',').map(|e| e.trim().to_owned()).collect())
                .unwrap_or_default();
            let Ok((parsed, _)) = bundle::parse(&self.files, layout) else { return };
            let moved = bundle::move_question(&parsed.state, &question.id, &answer, *confidence, &evidence);
            if let Ok(text) = moved {
                self.files.state = Some(text.into_bytes());
            }
        }
    }
}

/// What speaks against a correction: work that is on the branch must keep a node that answers
/// for it, within what that node may touch.
///
/// # Errors
/// Git failed.
pub fn objections(repo: &Repo, layout: &Layout, state: &RunState, plan: &Plan) -> Result<Diags, Fault> {
    let mut diags = Diags::new();
    let help = "keep the node (or its touches) as it landed and add a new one for what is to change, or start a new run";
    for landed in &state.landings {
        let short = landed.landing.new.short().to_owned();
        let Some(node) = plan.nodes.iter().find(|n| n.node.id.value == landed.node) else {
            let what = format!("the corrected bundle has no node {}, which landed as {short}", landed.node);
            diags.push(Diag::error("rebundle::landed-node-removed", what).help(help));
            continue;
        };
        let diff = repo.diff(&repo.tree_of(&landed.landing.old)?, &landed.landing.landed_tree)?;
        let outside = crate::gate::touches::in_changes(&diff.changes, &node.touches, layout);
        if !outside.is_empty() {
            let names: Vec<String> = outside.iter().map(ToString::to_string).collect();
            let what = format!(
                "{} landed as {short}, which changes {}: outside of its corrected touches",
                landed.node,
                names.join(", ")
            );
            diags.push(Diag::error("rebundle::landed-outside-touches", what).help(help));
        }
    }
    Ok(diags)
}

/// Commits the corrected bundle on the audit branch. It is journalled before the branch moves.
///
/// # Errors
/// Git or the journal failed, or somebody else moved the branch.
pub fn commit(cx: &Context, correction: &Correction) -> Result<(), Fault> {
    let mut head = cx.lock_head();
    cx.head_is(&head)?;
    let old_tree = cx.repo.tree_of(&head)?;
    let tree = cx.repo.edit_tree(Some(&old_tree), &edits(cx, &head, &correction.files)?)?;
    let commit = cx.repo.commit_tree(&NewCommit {
        tree: tree.clone(),
        parents: vec![head.clone()],
        message: format!("rebundle: {}\n\nAudit-Run: {}\n", correction.rev, cx.run_id),
        author: cx.config.author.value.clone(),
        sign: cx.config.sign.value,
    })?;
    let nth = cx.recorder.state().rebundles.len() + 1;
    cx.write(&names::rebundle(nth), &cx.repo.diff(&old_tree, &tree)?.patch)?;
    let (rev, inputs) = (correction.rev.clone(), correction.inputs.clone());
    cx.keep_own(&commit)?;
    cx.announce(Event::Rebundled { rev, commit: commit.clone(), inputs })?;
    let branch = cx.run_id.branch_ref();
    cx.ledger.expect(&branch, &commit);
    match cx.repo.swap_ref(&branch, &head, &commit)? {
        Swap::Done => *head = commit,
        Swap::Moved(found) => return Err(cx.branch_moved(&head, found.as_ref())),
    }
    Ok(())
}

/// A file's new content, or that it goes.
type Edit = (String, Option<Vec<u8>>);

/// The bundle's files as they are to be; those that the correction lacks go.
fn edits(cx: &Context, head: &Oid, files: &BundleFiles) -> Result<Vec<Edit>, Fault> {
    let layout = &cx.layout;
    let mut edits: BTreeMap<String, Option<Vec<u8>>> = BTreeMap::new();
    for path in cx.repo.files(head, &layout.in_bundle("prompts"))? {
        edits.insert(path.to_string(), None);
    }
    for (name, bytes) in [("state.md", &files.state), ("graph.md", &files.graph)] {
        edits.insert(layout.in_bundle(name), bytes.clone());
    }
    for (name, bytes) in &files.prompts {
        edits.insert(layout.in_bundle(&format!("prompts/{name}")), Some(bytes.clone()));
    }
    Ok(edits.into_iter().collect())
}

/// Takes the plan in, if it is another than the journal's or a correction brought it: what is
/// not landed and unchanged is pending, and the journal gets the new plan.
///
/// # Errors
/// The journal or the disk failed.
pub fn replan(cx: &Context) -> Result<(), Fault> {
    let state = cx.recorder.state();
    let new = summaries(&cx.plan);
    let old: Vec<&PlannedSummary> = state.nodes.iter().filter_map(|n| n.planned.as_ref()).collect();
    let same =
        old.len() == new.len() && old.iter().zip(&new).all(|(o, n)| o.id == n.id && o.digest == n.digest);
    if same && !state.replan_due {
        // A process that was killed may have taken the plan in and put nothing away.
        return put_away(cx);
    }
    for (node, reason) in resets(&state, &cx.plan, &new) {
        cx.announce(Event::NodeReset { node, reason })?;
    }
    cx.announce(Event::Planned { nodes: new, warnings: Vec::new() })?;
    put_away(cx)
}

/// The nodes that are to be done again, each with why.
fn resets(state: &RunState, plan: &Plan, new: &[PlannedSummary]) -> Vec<(Id, String)> {
    let changed = changed(state, plan, new);
    let mut resets = Vec::new();
    for planned in &plan.nodes {
        let id = &planned.node.id.value;
        let Some(node) = state.node(id) else { continue };
        let begun = node.dispatched().next().is_some();
        let landed = node.landing.is_some() && node.status() == Some(crate::event::NodeStatus::Verified);
        match changed.get(id) {
            Some(why) if begun => resets.push((id.clone(), why.clone())),
            None if begun && !landed => {
                resets.push((id.clone(), "the bundle was corrected; it had not landed".to_owned()));
            }
            _ => {}
        }
    }
    resets
}

/// Nodes whose own definition or prompt, or that of a node before them, is not what it was.
fn changed(state: &RunState, plan: &Plan, new: &[PlannedSummary]) -> BTreeMap<Id, String> {
    let digest = |id: &Id| state.node(id).and_then(|n| n.planned.as_ref()).map(|p| p.digest.as_str());
    let mut changed: BTreeMap<Id, String> = BTreeMap::new();
    for summary in new.iter().filter(|s| digest(&s.id) != Some(s.digest.as_str())) {
        changed.insert(summary.id.clone(), "its definition or prompt was corrected".to_owned());
    }
    // As many rounds as the longest chain: each takes the next generation in.
    loop {
        let heirs = plan.nodes.iter().filter_map(|n| {
            let id = &n.node.id.value;
            let from = n.node.depends_on.iter().find(|d| changed.contains_key(&d.value))?;
            (!changed.contains_key(id))
                .then(|| (id.clone(), format!("{} before it was corrected", from.value)))
        });
        let heirs: Vec<(Id, String)> = heirs.collect();
        if heirs.is_empty() {
            return changed;
        }
        changed.extend(heirs);
    }
}

/// What nodes that are gone have left in runs/ goes to remediation/: nothing in runs/ is
/// without a node, so that the fingerprint covers exactly the bundle's.
fn put_away(cx: &Context) -> Result<(), Fault> {
    let known: BTreeSet<&str> = cx.plan.nodes.iter().map(|n| n.node.id.as_str()).collect();
    let Ok(entries) = std::fs::read_dir(cx.artifact("runs")) else { return Ok(()) };
    for entry in entries.flatten().filter(|e| e.path().is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if known.contains(name.as_str()) {
            continue;
        }
        let home = cx.artifact(&format!("remediation/{name}"));
        std::fs::create_dir_all(&home).at(|| format!("can't make {}", home.display()))?;
        let place = (1..).map(|n| home.join(format!("runs-{n}"))).find(|p| !p.exists());
        if let Some(place) = place {
            std::fs::rename(entry.path(), &place).at(|| format!("can't move {}", entry.path().display()))?;
        }
    }
    Ok(())
}
