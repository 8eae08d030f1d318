//! Computes every digest and claim of a finished run again, from artifacts and git facts
//! alone. Each disagreement is a finding that names the artifact or commit.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::bundle::ProofBundle;
use super::coverage::coverage_csv;
use super::facts::{CommitFacts, GitFacts};
use super::model::{GapKind, Proof};
use super::prove::{ProofInput, prove};
use super::source::ArtifactSource;
use super::statement::{ResourceDescriptor, Statement, StatementInput, statement};
use super::{names, sidecars};
use crate::base::digest::sha256_hex;
use crate::base::{Layout, Oid, text};
use crate::config::Role;
use crate::event::{CheckPhase, CheckRecord, InvariantRecord, NodeStatus, Verification, json_artifact};
use crate::journal::{self, NodeState, RunState};

/// What a verification looks at.
#[derive(Clone, Copy)]
pub struct VerifyInput<'a> {
    /// The artifacts, wherever they are kept.
    pub source: &'a dyn ArtifactSource,
    /// The audit branch as it is now.
    pub git: &'a GitFacts,
    /// The obligations, parsed from the bundle at the branch's head.
    pub bundle: &'a ProofBundle,
    /// Where the bundle lies.
    pub layout: &'a Layout,
    /// The fingerprint that somebody holds, if they gave one.
    pub expected: Option<&'a str>,
}

/// One disagreement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// An artifact's path relative to out, or a commit's id.
    pub subject: String,
    /// In one sentence.
    pub message: String,
}

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verified {
    /// The run; empty if there is no journal.
    pub run_id: String,
    /// The proof as made again; `None` if the journal can't be read.
    pub proof: Option<Proof>,
    /// Every disagreement; none: everything holds.
    pub findings: Vec<Finding>,
}

impl Verified {
    /// Everything agrees, and what agrees is a complete proof.
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.proof.as_ref().is_some_and(|p| p.complete)
    }
}

pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, subject: impl Into<String>, message: impl Into<String>) {
        let finding = Finding { subject: subject.into(), message: message.into() };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}

/// Verifies a run. Never stops at the first disagreement; without a readable journal there is
/// nothing to compare with, and that is the finding.
pub fn verify(input: &VerifyInput<'_>) -> Verified {
    let mut found = Findings(Vec::new());
    let Some(state) = read_journal(input.source, &mut found) else {
        return Verified { run_id: String::new(), proof: None, findings: found.0 };
    };
    let proof = prove(&ProofInput {
        state: &state,
        bundle: input.bundle,
        git: input.git,
        source: input.source,
        layout: input.layout,
    });
    verdict(&state, &proof, &mut found);
    commits(&proof, &mut found);
    let branch = input.git.commits.iter().map(|c| (&c.commit.id, c)).collect();
    for node in &state.nodes {
        node_artifacts(input.source, node, &branch, &mut found);
    }
    reports(input, &proof, &mut found);
    sidecars::check(input.source, &state, &mut found);
    let made = statement(&StatementInput {
        state: &state,
        proof: &proof,
        bundle: &input.git.bundle,
        source: input.source,
    });
    statements(input.source, &made, &mut found);
    Verified { run_id: state.run_id().to_owned(), proof: Some(proof), findings: found.0 }
}

/// What does not agree about work that has landed so far, in a run that is not done: commits
/// that the journal does not know or describes otherwise, and artifacts of verified nodes.
pub fn landed_findings(input: &ProofInput<'_>) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    let proof = prove(input);
    for gap in proof.gaps.iter().filter(|g| g.kind == GapKind::Commit) {
        found.add(gap.subject.clone(), gap.message.clone());
    }
    let branch = input.git.commits.iter().map(|c| (&c.commit.id, c)).collect();
    let verified = input.state.nodes.iter().filter(|n| n.status() == Some(NodeStatus::Verified));
    for node in verified {
        node_artifacts(input.source, node, &branch, &mut found);
    }
    found.0
}

fn read_journal(source: &dyn ArtifactSource, found: &mut Findings) -> Option<RunState> {
    let Some(bytes) = source.read(names::JOURNAL) else {
        found.add(names::JOURNAL, "there is no journal");
        return None;
    };
    let read = match journal::parse(&bytes) {
        Ok(read) => read,
        Err(error) => {
            found.add(names::JOURNAL, error.to_string());
            return None;
        }
    };
    if read.torn_tail.is_some() {
        found.add(names::JOURNAL, "its last line is not whole");
    }
    for problem in &read.problems {
        found.add(names::JOURNAL, problem.clone());
    }
    Some(journal::replay(&read.records))
}

/// The journal's own word on the proof against the proof made again.
fn verdict(state: &RunState, proof: &Proof, found: &mut Findings) {
    let Some(claimed) = &state.proof else {
        found.add(names::JOURNAL, "the run made no proof");
        return;
    };
    if claimed.head != proof.head {
        let message = format!(
            "the audit branch stands at {}, the proof was made at {}",
            proof.head.short(),
            claimed.head.short()
        );
        found.add(proof.head.to_string(), message);
    }
    if claimed.fingerprint.as_ref().is_some_and(|f| *f != proof.fingerprint) {
        found.add(names::JOURNAL, "the fingerprint that it recorded is not the one computed now");
    }
    let claimed_gaps: BTreeSet<&str> = claimed.gaps.iter().map(String::as_str).collect();
    for gap in proof.gaps.iter().filter(|g| !claimed_gaps.contains(g.message.as_str())) {
        found.add(gap.subject.clone(), gap.message.clone());
    }
    if claimed.complete && !claimed.gaps.is_empty() {
        found.add(names::JOURNAL, "it calls a proof with gaps complete");
    }
}

fn commits(proof: &Proof, found: &mut Findings) {
    for commit in &proof.commits {
        for problem in &commit.problems {
            found.add(commit.commit.to_string(), format!("commit {}: {problem}", commit.commit.short()));
        }
    }
}

/// verification.json and diff.patch of a node against journal and branch.
fn node_artifacts(
    source: &dyn ArtifactSource,
    node: &NodeState,
    branch: &BTreeMap<&Oid, &CommitFacts>,
    found: &mut Findings,
) {
    let path = names::verification(&node.id);
    let attempted = node.attempts.iter().any(|a| a.status.is_some());
    match read_json::<Verification>(source, &path) {
        Some(Ok(record)) => {
            for problem in against_journal(&record, node) {
                found.add(path.clone(), problem);
            }
        }
        Some(Err(error)) => found.add(path, format!("it can't be read: {error}")),
        None if attempted => found.add(path, "it is missing"),
        None => {}
    }
    let Some(landing) = &node.landing else { return };
    let path = names::patch(&node.id);
    match (source.read(&path), branch.get(&landing.new)) {
        (None, _) => found.add(path, "it is missing"),
        (Some(patch), Some(commit)) if patch != commit.patch => {
            found.add(path, format!("it is not the diff of commit {}", landing.new.short()));
        }
        // A landing that is not on the branch is a gap of the proof already.
        _ => {}
    }
}

fn against_journal(record: &Verification, node: &NodeState) -> Vec<String> {
    let Some(last) = node.attempts.iter().rev().find(|a| a.status.is_some()) else {
        return vec!["the journal knows no attempt of this node".to_owned()];
    };
    let mut problems = Vec::new();
    let mut hold = |ok: bool, what: &str| {
        if !ok {
            problems.push(format!("its {what} is not what the journal says"));
        }
    };
    hold(record.node_id == node.id, "node_id");
    hold(Some(record.status) == last.status, "status");
    hold(record.attempt == last.number, "attempt");
    hold(record.landing == last.landing, "landing");
    hold(record.agent.as_ref() == last.agents.iter().rfind(|a| a.role == Role::Node), "agent");
    hold(record.checks.iter().all(|c| ran(&last.checks, c)), "list of checks");
    let known = |i: &InvariantRecord| {
        last.invariants
            .iter()
            .any(|(_, r)| r.id == i.id && r.regression == i.regression && same_run(&r.check, &i.check))
    };
    hold(record.invariants.iter().all(known), "list of invariants");
    if let Some(captured) = &last.captured {
        hold(record.diff_evidence.is_some(), "diff_evidence");
        if last.landing.is_none() {
            hold(record.tree.as_ref().is_none_or(|t| *t == captured.tree), "tree");
        }
    }
    if let Some(landing) = &last.landing {
        hold(record.commit.as_ref() == Some(&landing.new), "commit");
        hold(record.tree.as_ref() == Some(&landing.landed_tree), "tree");
    }
    if record.status == NodeStatus::Verified {
        let green = record.checks.iter().all(|c| c.passed) && record.invariants.iter().all(|i| !i.regression);
        hold(green, "verdict");
    }
    problems
}

fn ran(journalled: &[(CheckPhase, CheckRecord)], check: &CheckRecord) -> bool {
    journalled.iter().any(|(_, j)| same_run(j, check))
}

/// What a verdict hangs on; tails of output may be cut differently in the two files.
fn same_run(a: &CheckRecord, b: &CheckRecord) -> bool {
    a.command == b.command && a.exit_code == b.exit_code && a.passed == b.passed
}

/// The report's files against the proof made again.
fn reports(input: &VerifyInput<'_>, proof: &Proof, found: &mut Findings) {
    let source = input.source;
    match source.read(names::FINGERPRINT) {
        Some(bytes) if bytes == format!("{}\n", proof.fingerprint).into_bytes() => {}
        Some(_) => found.add(names::FINGERPRINT, format!("the fingerprint is {}", proof.fingerprint)),
        None => found.add(names::FINGERPRINT, "it is missing"),
    }
    if input.expected.is_some_and(|f| !f.trim().eq_ignore_ascii_case(&proof.fingerprint)) {
        let message = format!("the fingerprint is {}, not the one given", proof.fingerprint);
        found.add(names::FINGERPRINT, message);
    }
    match (source.read(names::COVERAGE), coverage_csv(&proof.coverage)) {
        (Some(bytes), Ok(made)) if bytes == made => {}
        (None, _) => found.add(names::COVERAGE, "it is missing"),
        _ => found.add(names::COVERAGE, "its rows are not those of the journal"),
    }
    match read_json::<ReportClaim>(source, names::REPORT_JSON) {
        Some(Ok(claim)) if claim.proof.as_ref() == Some(proof) => {}
        Some(Ok(_)) => found.add(names::REPORT_JSON, "its proof is not the one made again"),
        Some(Err(error)) => found.add(names::REPORT_JSON, format!("it can't be read: {error}")),
        None => found.add(names::REPORT_JSON, "it is missing"),
    }
    if source.read(names::REPORT_MD).is_none() {
        found.add(names::REPORT_MD, "it is missing");
    }
}

/// The one part of audit-report.json that is a claim of its own.
#[derive(serde::Deserialize)]
struct ReportClaim {
    proof: Option<Proof>,
}

/// The statement on disk against the one made again: each subject that differs is named.
fn statements(source: &dyn ArtifactSource, made: &Statement, found: &mut Findings) {
    let (Some(bytes), Ok(expected)) = (source.read(names::STATEMENT), json_artifact(made)) else {
        found.add(names::STATEMENT, "it is missing");
        return;
    };
    if bytes == expected {
        return;
    }
    match serde_json::from_slice::<Statement>(&bytes) {
        Ok(claimed) => subjects(&claimed, made, found),
        Err(error) => found.add(names::STATEMENT, format!("it can't be read: {error}")),
    }
    // Which of the two was changed can't be known: both are named.
    found.add(names::STATEMENT, "it is not the statement that the other artifacts give");
}

fn subjects(claimed: &Statement, made: &Statement, found: &mut Findings) {
    let by_name = |s: &Statement| -> BTreeMap<String, ResourceDescriptor> {
        s.subject.iter().map(|r| (r.name.clone(), r.clone())).collect()
    };
    let (claimed, now) = (by_name(claimed), by_name(made));
    for (name, subject) in &claimed {
        match now.get(name) {
            None => found.add(name.clone(), "the statement names it, and it is not there"),
            Some(found_now) if found_now != subject => {
                found.add(name.clone(), "its digest is not the one in the statement");
            }
            Some(_) => {}
        }
    }
    for name in now.keys().filter(|n| !claimed.contains_key(*n)) {
        found.add(name.clone(), "it is there, and the statement does not name it");
    }
}

pub(super) fn read_json<T: DeserializeOwned>(
    source: &dyn ArtifactSource,
    path: &str,
) -> Option<Result<T, String>> {
    let bytes = source.read(path)?;
    Some(serde_json::from_slice(&bytes).map_err(|e| text::neutral(&e.to_string())))
}

pub(super) fn digest_of(source: &dyn ArtifactSource, path: &str) -> Option<String> {
    source.read(path).map(|bytes| sha256_hex(&bytes))
}
