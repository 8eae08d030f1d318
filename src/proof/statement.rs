//! audit-report.intoto.json: an in-toto v1 statement over the head and every file of the
//! proof. It holds nothing that can't be computed from the others, which is how a reader
//! finds a byte that was changed in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Proof;
use super::source::ArtifactSource;
use super::{fingerprint, names};
use crate::base::digest::sha256_hex;
use crate::base::{Id, Oid};
use crate::journal::{RunState, proof_prefix};

/// in-toto's own name for statements of version 1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What the predicate below means.
pub const PREDICATE_TYPE: &str = "https://auditrun.dev/completeness-proof/v1";

/// An in-toto statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// The head, then every file in byte order.
    pub subject: Vec<ResourceDescriptor>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said of them.
    pub predicate: Predicate,
}

/// One subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceDescriptor {
    /// Relative to the artifact directory; files of the bundle relative to the bundle; the
    /// audit branch's ref for the head.
    pub name: String,
    /// Algorithm to lower-case hex.
    pub digest: BTreeMap<String, String>,
    /// For the journal, which grows after the proof: how much of it the digest covers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, u64>,
}

/// Facts of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Predicate {
    pub run_id: String,
    pub auditrun_version: String,
    pub command: Vec<String>,
    pub trigger: String,
    pub branch: Option<String>,
    pub base: Oid,
    pub head: Oid,
    pub complete: bool,
    pub gaps: Vec<String>,
    pub fingerprint: String,
    /// Every node's status.
    pub nodes: BTreeMap<Id, String>,
    /// SHA-256 of every input by its root-relative path, as the run took it in.
    pub inputs: BTreeMap<String, String>,
}

/// What a statement is made from.
#[derive(Clone, Copy)]
pub struct StatementInput<'a> {
    /// The run.
    pub state: &'a RunState,
    /// Its proof.
    pub proof: &'a Proof,
    /// The bundle at the head, by paths relative to it.
    pub bundle: &'a BTreeMap<String, Vec<u8>>,
    /// The artifacts; every `audit-report*` but the statement must be written already.
    pub source: &'a dyn ArtifactSource,
}

/// True for an artifact whose bytes the statement vouches for. Not among them: the statement
/// itself and the two sidecars (both computed again from the journal), and what the audit
/// stage writes later (the journal's last lines hold its digests).
pub fn is_subject(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let known = matches!(first, "preflight" | "resolutions" | "runs" | "remediation")
        || (first == path && path.starts_with(crate::base::layout::REPORT_PREFIX));
    known && !matches!(path, names::STATEMENT | names::ITERATION | names::PREDICTED)
}

/// The statement about a run's proof.
pub fn statement(input: &StatementInput<'_>) -> Statement {
    let mut subject = vec![head_subject(input)];
    subject.extend(files(input).into_values());
    Statement {
        kind: STATEMENT_TYPE.to_owned(),
        subject,
        predicate_type: PREDICATE_TYPE.to_owned(),
        predicate: predicate(input),
    }
}

/// One file at a time: logs of thousands of nodes need not fit into memory together.
fn files(input: &StatementInput<'_>) -> BTreeMap<String, ResourceDescriptor> {
    let mut files = BTreeMap::new();
    for (path, bytes) in input.bundle {
        if matches!(path.as_str(), "state.md" | "graph.md") || fingerprint::is_prompt(path) {
            files.insert(path.clone(), describe(path, bytes));
        }
    }
    for path in input.source.list("").into_iter().filter(|p| is_subject(p)) {
        let bytes = input.source.read(&path).unwrap_or_default();
        let described = describe(&path, &bytes);
        files.insert(path, described);
    }
    files
}

fn describe(name: &str, bytes: &[u8]) -> ResourceDescriptor {
    let mut annotations = BTreeMap::new();
    let mut covered = bytes;
    if name == names::JOURNAL {
        let (length, lines) = proof_prefix(bytes);
        covered = bytes.get(..length).unwrap_or(bytes);
        annotations.insert("bytes".to_owned(), length as u64);
        annotations.insert("records".to_owned(), lines as u64);
    }
    let digest = BTreeMap::from([("sha256".to_owned(), sha256_hex(covered))]);
    ResourceDescriptor { name: name.to_owned(), digest, annotations }
}

fn head_subject(input: &StatementInput<'_>) -> ResourceDescriptor {
    let head = input.proof.head.as_str();
    let algorithm = if head.len() == 64 { "sha256" } else { "sha1" };
    let digest = ["gitCommit", algorithm].map(|name| (name.to_owned(), head.to_owned()));
    ResourceDescriptor {
        name: match &input.state.branch {
            Some(branch) => format!("refs/heads/{branch}"),
            None => "HEAD".to_owned(),
        },
        digest: BTreeMap::from(digest),
        annotations: BTreeMap::new(),
    }
}

fn predicate(input: &StatementInput<'_>) -> Predicate {
    let start = input.state.start.as_ref();
    Predicate {
        run_id: input.state.run_id().to_owned(),
        auditrun_version: start.map(|s| s.version.clone()).unwrap_or_default(),
        command: start.map(|s| s.command.clone()).unwrap_or_default(),
        trigger: start.map(|s| s.trigger.clone()).unwrap_or_default(),
        branch: input.state.branch.clone(),
        base: input.proof.base.clone(),
        head: input.proof.head.clone(),
        complete: input.proof.complete,
        gaps: input.proof.gaps.iter().map(|g| g.message.clone()).collect(),
        fingerprint: input.proof.fingerprint.clone(),
        nodes: input.proof.nodes.iter().map(|n| (n.id.clone(), n.status.clone())).collect(),
        inputs: input.state.inputs.clone(),
    }
}
