//! Makes the proof. Every rule adds to the list of gaps; the proof is complete if it is empty.

use std::collections::BTreeMap;

use super::bundle::{ProofBundle, ProofNode};
use super::facts::{CommitFacts, GitFacts};
use super::fingerprint::{FingerprintInput, fingerprint};
use super::model::{Gap, GapKind, NodeProof, Proof, status_word};
use super::source::ArtifactSource;
use super::{commits, coverage, head, names};
use crate::base::{Id, Layout, Oid};
use crate::event::NodeStatus;
use crate::journal::RunState;

/// What a proof is made from.
#[derive(Clone, Copy)]
pub struct ProofInput<'a> {
    /// The run, checks and invariants at the head included.
    pub state: &'a RunState,
    /// Its obligations.
    pub bundle: &'a ProofBundle,
    /// The audit branch.
    pub git: &'a GitFacts,
    /// The patches: runs/<id>/diff.patch and resolutions/<qid>.state.md.patch.
    pub source: &'a dyn ArtifactSource,
    /// Where the bundle lies.
    pub layout: &'a Layout,
}

/// The input with what is looked up often.
pub(super) struct Lookup<'a> {
    pub(super) input: ProofInput<'a>,
    pub(super) nodes: BTreeMap<&'a Id, &'a ProofNode>,
    pub(super) commits: BTreeMap<&'a Oid, &'a CommitFacts>,
    /// Each node's newest landing, as its place in the journal's list.
    pub(super) newest: BTreeMap<&'a Id, usize>,
    /// Each landing's place by its commit.
    pub(super) landings: BTreeMap<&'a Oid, usize>,
}

impl<'a> Lookup<'a> {
    fn new(input: ProofInput<'a>) -> Lookup<'a> {
        let mut newest = BTreeMap::new();
        let mut landings = BTreeMap::new();
        for (at, landed) in input.state.landings.iter().enumerate() {
            newest.insert(&landed.node, at);
            landings.insert(&landed.landing.new, at);
        }
        Lookup {
            input,
            nodes: input.bundle.nodes.iter().map(|n| (&n.id, n)).collect(),
            commits: input.git.commits.iter().map(|c| (&c.commit.id, c)).collect(),
            newest,
            landings,
        }
    }
}

/// Judges a run. Pure: the same input gives the same proof, so a reader can make it again.
pub fn prove(input: &ProofInput<'_>) -> Proof {
    let lookup = Lookup::new(*input);
    let (nodes, mut gaps) = nodes(input);
    let (coverage, more) = coverage::rows(input.bundle, input.state);
    gaps.extend(more);
    let (invariants, more) = head::invariants(input);
    gaps.extend(more);
    let (checks, more) = head::checks(&lookup);
    gaps.extend(more);
    let (commits, more) = commits::commits(&lookup);
    gaps.extend(more);
    let (manifest, more) = commits::manifest(&lookup, &commits);
    gaps.extend(more);
    let patches = patches(input.source);
    Proof {
        complete: gaps.is_empty(),
        gaps,
        base: input.git.base.clone(),
        head: input.git.head.clone(),
        fingerprint: fingerprint(&FingerprintInput {
            bundle: &input.git.bundle,
            patches: &patches,
            head: &input.git.head,
        }),
        nodes,
        coverage,
        invariants,
        checks,
        manifest,
        commits,
    }
}

/// Each `runs/<id>/diff.patch` of an artifact directory.
pub(super) fn patches(source: &dyn ArtifactSource) -> BTreeMap<String, Vec<u8>> {
    let paths = source.list("runs").into_iter().filter(|p| super::fingerprint::is_patch(p));
    paths.filter_map(|p| source.read(&p).map(|bytes| (p, bytes))).collect()
}

fn nodes(input: &ProofInput<'_>) -> (Vec<NodeProof>, Vec<Gap>) {
    let mut gaps = Vec::new();
    let proofs = input.bundle.nodes.iter().map(|node| {
        let state = input.state.node(&node.id);
        let landing = state.and_then(|s| s.landing.as_ref());
        match state.and_then(|s| s.status()) {
            Some(NodeStatus::Verified) if landing.is_some() => {}
            Some(NodeStatus::Verified) => gaps.push(gap(&node.id, "is verified but never landed")),
            Some(status) => gaps.push(gap(&node.id, &format!("is {}", status.name()))),
            None => gaps.push(gap(&node.id, "has no verdict")),
        }
        NodeProof {
            id: node.id.clone(),
            status: status_word(state.map_or_else(Default::default, |s| s.progress)),
            attempts: state.map_or(0, |s| s.dispatched().count()),
            commit: landing.map(|l| l.new.clone()),
            verification: names::verification(&node.id),
        }
    });
    let proofs = proofs.collect();
    (proofs, gaps)
}

fn gap(node: &Id, what: &str) -> Gap {
    Gap { kind: GapKind::Node, subject: node.to_string(), message: format!("{node} {what}") }
}
