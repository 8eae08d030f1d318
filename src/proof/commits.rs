//! Holds every commit of the audit branch against the journal: a node's landing, a resolved
//! question or a corrected bundle, each within what it may change. Nothing else belongs there.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::CommitFacts;
use super::model::{CommitKind, CommitProof, Gap, GapKind, ManifestFile};
use super::prove::Lookup;
use super::{names, unified};
use crate::base::{Id, Oid, RepoPath};
use crate::journal::{Landed, QuestionEnd};

/// Judges every commit, the chain that they form, and landings that are not among them.
pub(super) fn commits(lookup: &Lookup<'_>) -> (Vec<CommitProof>, Vec<Gap>) {
    let git = lookup.input.git;
    let mut gaps = Vec::new();
    let mut proofs = Vec::new();
    let mut parent = &git.base;
    for facts in &git.commits {
        let mut proof = judge(lookup, facts);
        if facts.commit.parents != [parent.clone()] {
            proof.problems.push(format!("its parent is not {}", parent.short()));
        }
        gaps.extend(proof.problems.iter().map(|p| commit_gap(&facts.commit.id, p)));
        parent = &facts.commit.id;
        proofs.push(proof);
    }
    if *parent != git.head {
        gaps.push(commit_gap(&git.head, "the branch's head is not the last of its commits"));
    }
    for landed in &lookup.input.state.landings {
        if !lookup.commits.contains_key(&landed.landing.new) {
            let what = format!("{} landed as it, but it is not on the branch", landed.node);
            gaps.push(commit_gap(&landed.landing.new, &what));
        }
    }
    (proofs, gaps)
}

fn commit_gap(commit: &Oid, problem: &str) -> Gap {
    Gap {
        kind: GapKind::Commit,
        subject: commit.to_string(),
        message: format!("commit {}: {problem}", commit.short()),
    }
}

fn judge(lookup: &Lookup<'_>, facts: &CommitFacts) -> CommitProof {
    let commit = &facts.commit;
    let (kind, node, problems) = if let [name] = commit.trailer("Audit-Node").as_slice() {
        let (node, problems) = node_commit(lookup, facts, name);
        (CommitKind::Node, node, problems)
    } else if let [name] = commit.trailer("Audit-Resolve").as_slice() {
        (CommitKind::Resolve, None, resolve_commit(lookup, facts, name))
    } else if let Some(nth) = lookup.input.state.rebundles.iter().position(|r| r.commit == commit.id) {
        (CommitKind::Rebundle, None, rebundle_commit(lookup, facts, nth + 1))
    } else {
        let what = "it is none of the run's: neither a node, nor a resolution, nor a bundle".to_owned();
        (CommitKind::Foreign, None, vec![what])
    };
    CommitProof {
        commit: commit.id.clone(),
        tree: commit.tree.clone(),
        kind,
        subject: commit.subject().to_owned(),
        node,
        problems,
    }
}

fn node_commit(lookup: &Lookup<'_>, facts: &CommitFacts, name: &str) -> (Option<Id>, Vec<String>) {
    let state = lookup.input.state;
    let Some((id, node)) = Id::parse(name).ok().and_then(|id| Some((id.clone(), *lookup.nodes.get(&id)?)))
    else {
        return (None, vec![format!("it names the node {name:?}, which the bundle does not have")]);
    };
    let mut problems = Vec::new();
    if facts.commit.trailer("Audit-Run") != [state.run_id()] {
        problems.push(format!("its Audit-Run is not {}", state.run_id()));
    }
    let at = lookup.landings.get(&facts.commit.id);
    match at.and_then(|at| state.landings.get(*at)) {
        Some(landed) => {
            problems.extend(against_landing(facts, landed, &id));
            let newest = lookup.newest.get(&id) == at;
            if newest && deltas(facts) != node.closes.iter().map(Id::as_str).collect() {
                problems.push("its Audit-Delta does not name what the node closes".to_owned());
            }
        }
        None => problems.push(format!("the journal knows no landing of {id} as this commit")),
    }
    let layout = lookup.input.layout;
    let outside = facts.files.iter().filter(|p| !node.touches.matches(p) || layout.owns(p));
    problems.extend(outside.map(|p| format!("it changes {p}, which {id} may not touch")));
    (Some(id), problems)
}

fn deltas(facts: &CommitFacts) -> BTreeSet<&str> {
    facts.commit.trailer("Audit-Delta").iter().flat_map(|l| l.split(',')).map(str::trim).collect()
}

fn against_landing(facts: &CommitFacts, landed: &Landed, id: &Id) -> Vec<String> {
    let mut problems = Vec::new();
    let landing = &landed.landing;
    if landed.node != *id {
        problems.push(format!("the journal has it as a landing of {}", landed.node));
    }
    if facts.commit.parents.first() != Some(&landing.old) {
        problems.push(format!("it landed on {}, which is not its parent", landing.old.short()));
    }
    if landing.landed_tree != facts.commit.tree {
        problems.push("its tree is not the tree that landed".to_owned());
    }
    if landing.tested_tree != landing.landed_tree {
        problems.push("the tree that landed is not the tree that was tested".to_owned());
    }
    if facts.commit.trailer("Audit-Attempt") != [landed.attempt.to_string()] {
        problems.push(format!("its Audit-Attempt is not {}", landed.attempt));
    }
    problems
}

fn resolve_commit(lookup: &Lookup<'_>, facts: &CommitFacts, name: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let known = lookup.input.state.questions.iter().any(|q| {
        q.id.as_str() == name
            && matches!(&q.end, QuestionEnd::Resolved { commit, .. } if *commit == facts.commit.id)
    });
    if !known {
        problems.push(format!("the journal knows no resolution of {name} as this commit"));
    }
    let state_md = RepoPath::from(lookup.input.layout.in_bundle("state.md").as_str());
    if facts.files != [state_md] {
        problems.push("it changes more (or less) than state.md".to_owned());
    }
    let recorded = known.then(|| lookup.input.source.read(&format!("resolutions/{name}.state.md.patch")));
    let same = match (recorded.flatten(), &facts.state) {
        (Some(patch), Some((before, after))) => unified::apply(before, &patch).as_ref() == Some(after),
        _ => false,
    };
    if !same {
        problems.push(format!("it does not do what resolutions/{name}.state.md.patch says"));
    }
    problems
}

fn rebundle_commit(lookup: &Lookup<'_>, facts: &CommitFacts, nth: usize) -> Vec<String> {
    let outside = facts.files.iter().filter(|p| !lookup.input.layout.owns_bundle_file(p));
    let mut problems: Vec<String> =
        outside.map(|p| format!("it changes {p}, which is not part of the bundle")).collect();
    let path = names::rebundle(nth);
    if lookup.input.source.read(&path).as_ref() != Some(&facts.patch) {
        problems.push(format!("it does not do what {path} says"));
    }
    problems
}

/// The aggregate diff by file: changes that a later commit took back count too.
pub(super) fn manifest(lookup: &Lookup<'_>, proofs: &[CommitProof]) -> (Vec<ManifestFile>, Vec<Gap>) {
    let mut files: BTreeMap<&RepoPath, Vec<&CommitProof>> = BTreeMap::new();
    for (facts, proof) in lookup.input.git.commits.iter().zip(proofs) {
        for path in &facts.files {
            files.entry(path).or_default().push(proof);
        }
    }
    let mut gaps = Vec::new();
    let mut manifest = Vec::new();
    for (path, commits) in files {
        let allowed = allowed(lookup, path, &commits);
        if !allowed {
            let message = format!("{path} was changed, and lies outside of what all nodes may touch");
            gaps.push(Gap { kind: GapKind::Touches, subject: path.to_string(), message });
        }
        let commits = commits.iter().map(|c| c.commit.clone()).collect();
        manifest.push(ManifestFile { path: path.to_string(), commits, allowed });
    }
    (manifest, gaps)
}

/// The harness changes its bundle and nothing else of its own; everything else must match the
/// union of touches. The nodes that changed the path are asked first: they nearly always match.
fn allowed(lookup: &Lookup<'_>, path: &RepoPath, commits: &[&CommitProof]) -> bool {
    let layout = lookup.input.layout;
    if layout.owns(path) {
        let harness = |c: &&CommitProof| matches!(c.kind, CommitKind::Resolve | CommitKind::Rebundle);
        return layout.owns_bundle_file(path) && commits.iter().all(harness);
    }
    let changed = commits.iter().filter_map(|c| lookup.nodes.get(c.node.as_ref()?));
    changed.copied().chain(&lookup.input.bundle.nodes).any(|n| n.touches.matches(path))
}
