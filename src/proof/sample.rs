//! A hand-made finished run for tests: a resolved question, a node that needed a second
//! attempt, a node that was rebased; with branch, bundle and every artifact in memory.

use std::collections::BTreeMap;

use super::*;
use crate::base::digest::sha256_hex;
use crate::base::{Layout, Pattern, PatternSet, RepoPath};
use crate::event::*;
use crate::git::Commit;
use crate::journal::sample::*;
use crate::journal::{self, RunState};

pub(crate) struct World {
    pub(crate) script: Script,
    pub(crate) bundle: ProofBundle,
    pub(crate) git: GitFacts,
    pub(crate) files: MemoryArtifacts,
    pub(crate) layout: Layout,
}

pub(crate) const STATE_BEFORE: &str = "# State\n## Open questions\n- Q-1: what?\n## Resolved questions\n";
const STATE_AFTER: &str =
    "# State\n## Open questions\n## Resolved questions\n- Q-1: what?\n  - answer: that\n";
const STATE_PATCH: &str = "--- a/state.md\n+++ b/state.md\n@@ -1,4 +1,5 @@\n # State\n ## Open questions\n-- Q-1: what?\n ## Resolved questions\n+- Q-1: what?\n+  - answer: that\n";

impl World {
    /// Everything up to the proof: nodes verified, checks and invariants run at the head.
    pub(crate) fn judged() -> World {
        let mut world = World {
            script: script(),
            bundle: obligations(),
            git: branch(),
            files: MemoryArtifacts::default(),
            layout: Layout::new("docs/audit", "docs/audit"),
        };
        world.write_nodes();
        world
    }

    /// A finished, proven run with all of its artifacts.
    pub(crate) fn proven() -> World {
        World::judged().finish()
    }

    /// Makes the proof and everything after it, the way a run does.
    pub(crate) fn finish(mut self) -> World {
        self.write_journal();
        let proof = self.prove();
        self.script.push(Event::Proof {
            complete: proof.complete,
            gaps: proof.gaps.iter().map(|g| g.message.clone()).collect(),
            fingerprint: proof.complete.then(|| proof.fingerprint.clone()),
            head: proof.head.clone(),
        });
        self.put(names::COVERAGE, coverage_csv(&proof.coverage).unwrap());
        self.put(names::FINGERPRINT, format!("{}\n", proof.fingerprint));
        self.put(names::REPORT_MD, "# Audit report\n");
        self.put(names::REPORT_JSON, json_artifact(&serde_json::json!({ "proof": proof })).unwrap());
        self.write_journal();
        self.write_statement(&proof);
        let (reason, exit) = match proof.complete {
            true => (Termination::AllDone, 0),
            false => (Termination::VerificationFailed, 1),
        };
        self.script.finished(reason, exit, "the end");
        self.put("audit/report.md", "# Audit\n");
        let files = BTreeMap::from([("audit/report.md".to_owned(), sha256_hex(b"# Audit\n"))]);
        self.script.push(Event::StageFinished { files, problems: Vec::new() });
        self.write_journal();
        self
    }

    pub(crate) fn put(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.0.insert(path.to_owned(), bytes.into());
    }

    pub(crate) fn state(&self) -> RunState {
        journal::replay(&self.script.records)
    }

    pub(crate) fn prove(&self) -> Proof {
        prove(&ProofInput {
            state: &self.state(),
            bundle: &self.bundle,
            git: &self.git,
            source: &self.files,
            layout: &self.layout,
        })
    }

    pub(crate) fn verify(&self) -> Verified {
        verify(&VerifyInput {
            source: &self.files,
            git: &self.git,
            bundle: &self.bundle,
            layout: &self.layout,
            expected: None,
        })
    }

    /// Journal and sidecars, as they stand after the script so far.
    pub(crate) fn write_journal(&mut self) {
        let state = self.state();
        self.put(names::JOURNAL, bytes(&self.script.records));
        self.put(names::ITERATION, json_artifact(&journal::iteration_state(&state)).unwrap());
        self.put(names::PREDICTED, json_artifact(&state.predicted.unwrap()).unwrap());
    }

    fn write_statement(&mut self, proof: &Proof) {
        let made = statement(&StatementInput {
            state: &self.state(),
            proof,
            bundle: &self.git.bundle,
            source: &self.files,
        });
        self.put(names::STATEMENT, json_artifact(&made).unwrap());
    }

    fn write_nodes(&mut self) {
        for name in ["trace_matrix.md", "dispatch_plan.md", "dispatch_plan.json", "check_normalization.md"] {
            self.put(&format!("preflight/{name}"), format!("{name}\n"));
        }
        self.put("resolutions/Q-1.md", "answer\n");
        self.put("resolutions/Q-1.state.md.patch", STATE_PATCH);
        self.put("remediation/A/cycle-1.md", "again\n");
        let state = self.state();
        for node in &state.nodes {
            let commit = self.git.commit(&node.landing.as_ref().unwrap().new).unwrap().clone();
            let run = |name: &str| format!("runs/{}/{name}", node.id);
            self.put(&run("diff.patch"), commit.patch);
            self.put(&run("agent.log"), "hello\n");
            self.put(&run("files_touched.txt"), "A  file\n");
            self.put(&run("verification.json"), json_artifact(&verification(&state, node)).unwrap());
        }
    }
}

fn verification(state: &RunState, node: &journal::NodeState) -> Verification {
    let last = node.last_attempt().unwrap();
    let landing = node.landing.clone().unwrap();
    Verification {
        schema: "auditrun.verification/1".to_owned(),
        run_id: state.run_id().to_owned(),
        node_id: node.id.clone(),
        attempt: last.number,
        status: last.status.unwrap(),
        base: last.base.clone(),
        commit: Some(landing.new.clone()),
        tree: Some(landing.landed_tree.clone()),
        checks: last.checks.iter().map(|(_, c)| c.clone()).collect(),
        invariants: last.invariants.iter().map(|(_, i)| i.clone()).collect(),
        diff_evidence: last.captured.as_ref().map(|c| c.diff.clone()),
        agent: last.agents.last().cloned(),
        landing: Some(landing),
        started_at: last.started_at.clone(),
        finished_at: last.finished_at.clone().unwrap(),
        reason: last.reason.clone(),
        notes: Vec::new(),
    }
}

fn script() -> Script {
    let mut s = Script::started();
    s.ready(&[("A", 0), ("B", 1)]);
    s.push(Event::QuestionResolved { question: id("Q-1"), confidence: 0.93, commit: oid(10) });
    s.dispatch("A", 1, 1).captured("A", 1, 49, &["A.txt", "bad.txt"]);
    s.gate("A", 1, GateName::Touches, Some("bad.txt is outside of touches"));
    s.judged("A", 1, NodeStatus::Failed, "gate touches: bad.txt is outside of touches");
    s.push(Event::Remediation { node: id("A"), cycle: 1, prompt: "remediation/A/cycle-1.md".to_owned() });
    s.dispatch("A", 2, 2).captured("A", 2, 50, &["A.txt"]);
    s.gate("A", 2, GateName::Touches, None).gate("A", 2, GateName::Loc, None).gate(
        "A",
        2,
        GateName::Signal,
        None,
    );
    s.check("A", 2, CheckPhase::Verify, 0);
    s.landed("A", 2, landing(10, 11, 50, false)).judged(
        "A",
        2,
        NodeStatus::Verified,
        "every check and gate holds",
    );
    s.dispatch("B", 1, 3).captured("B", 1, 51, &["B.txt"]);
    s.gate("B", 1, GateName::Touches, None).gate("B", 1, GateName::Loc, None).gate(
        "B",
        1,
        GateName::Signal,
        None,
    );
    s.check("B", 1, CheckPhase::Verify, 0).check("B", 1, CheckPhase::Retest, 0);
    s.push(Event::Invariant {
        node: Some(id("B")),
        attempt: 1,
        phase: CheckPhase::Retest,
        record: invariant("INV-1", 0),
    });
    s.landed("B", 1, landing(11, 12, 52, true)).judged(
        "B",
        1,
        NodeStatus::Verified,
        "every check and gate holds",
    );
    s.check("A", 2, CheckPhase::Proof, 0).check("B", 1, CheckPhase::Proof, 0);
    s.push(Event::Invariant {
        node: None,
        attempt: 0,
        phase: CheckPhase::Proof,
        record: invariant("INV-1", 0),
    });
    s
}

fn touches(pattern: &str) -> PatternSet {
    PatternSet::new([Pattern::parse(pattern).unwrap()])
}

fn obligations() -> ProofBundle {
    let node = |name: &str, pattern: &str| ProofNode {
        id: id(name),
        closes: vec![id(&format!("D-{name}"))],
        touches: touches(pattern),
        checks: vec![format!("test -f {name}.txt")],
    };
    let invariant = |name: &str, advisory: bool, checks: &[&str]| ProofInvariant {
        id: id(name),
        text: format!("{name} | holds"),
        advisory,
        checks: checks.iter().map(|c| (*c).to_owned()).collect(),
    };
    ProofBundle {
        deltas: vec![id("D-A"), id("D-B")],
        nodes: vec![node("A", "A.txt"), node("B", "{A,B}.txt")],
        invariants: vec![invariant("INV-1", false, &["make lint"]), invariant("INV-2", true, &[])],
    }
}

fn branch() -> GitFacts {
    let resolve = commit(10, 1, 40, "resolve(Q-1): that\n\nAudit-Resolve: Q-1\n", &["docs/audit/state.md"]);
    let bundle = [
        ("state.md", STATE_AFTER),
        ("graph.md", "# Graph\n"),
        ("prompts/A.md", "do A\n"),
        ("prompts/B.md", "do B\n"),
    ];
    GitFacts {
        base: oid(1),
        head: oid(12),
        commits: vec![
            CommitFacts { state: Some((STATE_BEFORE.into(), STATE_AFTER.into())), ..resolve },
            node_commit("A", 2, 11, 10, 50, &["A.txt"]),
            node_commit("B", 1, 12, 11, 52, &["B.txt"]),
        ],
        bundle: bundle.iter().map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect(),
    }
}

pub(crate) fn node_commit(
    node: &str,
    attempt: u32,
    new: u32,
    old: u32,
    tree: u32,
    files: &[&str],
) -> CommitFacts {
    let message = format!(
        "node({node}): add {node}\n\nAudit-Run: 20260102T030405Z\nAudit-Node: {node}\nAudit-Delta: D-{node}\nAudit-Attempt: {attempt}\n"
    );
    commit(new, old, tree, &message, files)
}

pub(crate) fn commit(new: u32, old: u32, tree: u32, message: &str, files: &[&str]) -> CommitFacts {
    CommitFacts {
        commit: Commit {
            id: oid(new),
            tree: oid(tree),
            parents: vec![oid(old)],
            message: message.to_owned(),
        },
        files: files.iter().map(|f| RepoPath::from(*f)).collect(),
        patch: format!("diff of {new}\n").into_bytes(),
        state: None,
    }
}
