//! Checks and invariants as they ran again at the audit branch's head.

use super::bundle::{ProofInvariant, ProofNode};
use super::model::{CommandResult, Gap, GapKind, HeadCheck, HeadState, InvariantProof, InvariantState};
use super::prove::{Lookup, ProofInput};
use crate::base::{Id, RepoPath};
use crate::event::CheckRecord;

/// Every invariant with its newest results. One that is not advisory must be confirmed.
pub(super) fn invariants(input: &ProofInput<'_>) -> (Vec<InvariantProof>, Vec<Gap>) {
    let mut gaps = Vec::new();
    let proofs = input.bundle.invariants.iter().map(|invariant| {
        let proof = invariant_proof(input, invariant);
        if proof.state == InvariantState::Failed {
            gaps.push(invariant_gap(&proof));
        }
        proof
    });
    let proofs = proofs.collect();
    (proofs, gaps)
}

fn invariant_proof(input: &ProofInput<'_>, invariant: &ProofInvariant) -> InvariantProof {
    let runs = input.state.head_invariants.iter().filter(|r| r.id == invariant.id).map(|r| &r.check);
    let checks = results(&invariant.checks, &runs.collect::<Vec<_>>());
    let confirmed = !checks.is_empty() && checks.iter().all(|c| c.passed);
    InvariantProof {
        id: invariant.id.clone(),
        text: invariant.text.clone(),
        advisory: invariant.advisory,
        state: match (confirmed, invariant.advisory) {
            (true, _) => InvariantState::Confirmed,
            (false, true) => InvariantState::Unconfirmed,
            (false, false) => InvariantState::Failed,
        },
        checks,
    }
}

fn invariant_gap(proof: &InvariantProof) -> Gap {
    let id = &proof.id;
    let message = match proof.checks.iter().find(|c| !c.passed) {
        None => format!("{id} has no check, so nothing confirms it"),
        Some(c) => format!("{id} does not hold at the head: `{}` {}", c.command, ending(c.exit_code)),
    };
    Gap { kind: GapKind::Invariant, subject: id.to_string(), message }
}

/// Every done_when of every node. One that fails is excused only by a later node, by name.
pub(super) fn checks(lookup: &Lookup<'_>) -> (Vec<HeadCheck>, Vec<Gap>) {
    let mut checks = Vec::new();
    let mut gaps = Vec::new();
    let mut runs = std::collections::BTreeMap::<&Id, Vec<&CheckRecord>>::new();
    for (node, record) in &lookup.input.state.head_checks {
        runs.entry(node).or_default().push(record);
    }
    for node in &lookup.input.bundle.nodes {
        let mut later = None;
        for result in results(&node.checks, runs.get(&node.id).map_or(&[], Vec::as_slice)) {
            let by = if result.passed {
                Vec::new()
            } else {
                later.get_or_insert_with(|| later_touchers(lookup, node)).clone()
            };
            let state = match (result.passed, by.is_empty()) {
                (true, _) => HeadState::Passed,
                (false, false) => HeadState::Superseded,
                (false, true) => HeadState::Failed,
            };
            if state == HeadState::Failed {
                gaps.push(check_gap(node, &result));
            }
            checks.push(HeadCheck {
                node: node.id.clone(),
                command: result.command,
                exit_code: result.exit_code,
                state,
                superseded_by: by,
            });
        }
    }
    (checks, gaps)
}

fn check_gap(node: &ProofNode, result: &CommandResult) -> Gap {
    let message = format!(
        "a check of {} does not hold at the head, and no later node touched its files: `{}` {}",
        node.id,
        result.command,
        ending(result.exit_code)
    );
    Gap { kind: GapKind::Check, subject: node.id.to_string(), message }
}

/// The expected commands, each with the newest run of that text. One that did not run has failed.
fn results(expected: &[String], runs: &[&CheckRecord]) -> Vec<CommandResult> {
    expected
        .iter()
        .map(|command| {
            let run = runs.iter().rev().find(|r| r.command == *command);
            CommandResult {
                command: command.clone(),
                exit_code: run.and_then(|r| r.exit_code),
                passed: run.is_some_and(|r| r.passed),
            }
        })
        .collect()
}

fn ending(exit_code: Option<i32>) -> String {
    match exit_code {
        Some(code) => format!("ends with exit code {code}"),
        None => "did not run to its end".to_owned(),
    }
}

/// Nodes that landed after `node` and touched its files: those that its commit changed, or,
/// where it found its deliverable satisfied, those that it may touch.
fn later_touchers(lookup: &Lookup<'_>, node: &ProofNode) -> Vec<Id> {
    let landings = &lookup.input.state.landings;
    let Some(at) = lookup.newest.get(&node.id) else { return Vec::new() };
    let files = |at: &usize| -> &[RepoPath] {
        let commit = landings.get(*at).and_then(|l| lookup.commits.get(&l.landing.new));
        commit.map_or(&[], |c| c.files.as_slice())
    };
    let own = files(at);
    let is_own = |path: &RepoPath| {
        if own.is_empty() { node.touches.matches(path) } else { own.binary_search(path).is_ok() }
    };
    let mut by = Vec::new();
    for (later, landed) in landings.iter().enumerate().skip(at + 1) {
        if landed.node != node.id && !by.contains(&landed.node) && files(&later).iter().any(is_own) {
            by.push(landed.node.clone());
        }
    }
    by
}
