//! Tests of proof and verification.

use super::sample::*;
use super::*;
use crate::base::RepoPath;
use crate::event::*;
use crate::journal::sample::*;

fn gaps(world: &World) -> Vec<String> {
    world.prove().gaps.into_iter().map(|g| g.message).collect()
}

fn found(world: &World) -> Vec<String> {
    world.verify().findings.into_iter().map(|f| format!("{}: {}", f.subject, f.message)).collect()
}

#[test]
fn a_run_that_did_everything_is_proven_and_verifies() {
    let world = World::proven();
    assert_eq!(gaps(&world), Vec::<String>::new());
    assert_eq!(found(&world), Vec::<String>::new());
    assert!(world.verify().holds());
    let proof = world.prove();
    assert_eq!(proof.invariants[1].state, InvariantState::Unconfirmed, "advisory, without a check");
    assert_eq!(
        proof.commits.iter().map(|c| c.kind).collect::<Vec<_>>(),
        [CommitKind::Resolve, CommitKind::Node, CommitKind::Node]
    );
    let csv = String::from_utf8(coverage_csv(&proof.coverage).unwrap()).unwrap();
    insta::assert_snapshot!(csv);
}

#[test]
fn one_flipped_byte_in_any_artifact_is_found_and_named() {
    let world = World::proven();
    for (path, whole) in &world.files.0 {
        let step = (whole.len() / 20).max(1);
        for at in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            let mut bad = World::proven();
            bad.files.0.get_mut(path).unwrap()[at] ^= 1;
            let result = bad.verify();
            assert!(
                result.findings.iter().any(|f| f.subject == *path),
                "byte {at} of {path}: {:?}",
                result.findings
            );
        }
    }
}

#[test]
fn a_missing_or_added_artifact_is_found_and_named() {
    for path in World::proven().files.0.into_keys() {
        let mut world = World::proven();
        world.files.0.remove(&path);
        assert!(world.verify().findings.iter().any(|f| f.subject == path), "{path} removed");
    }
    for path in ["runs/A/extra.txt", "preflight/x", "audit/extra", "audit-report.zip"] {
        let mut world = World::proven();
        world.put(path, "x");
        assert!(world.verify().findings.iter().any(|f| f.subject == path), "{path} added");
    }
}

#[test]
fn one_added_commit_is_found_and_named() {
    let mut world = World::proven();
    world.git.commits.push(commit(13, 12, 52, "sneaky", &[]));
    world.git.head = oid(13);
    let named = world.verify().findings.iter().any(|f| f.subject == oid(13).to_string());
    assert!(named, "{:?}", found(&world));
}

#[test]
fn a_commit_that_only_looks_like_a_node_is_found() {
    let mut world = World::judged();
    world.git.commits.push(node_commit("B", 1, 13, 12, 53, &["B.txt"]));
    world.git.head = oid(13);
    assert_eq!(gaps(&world), ["commit 0000000d00: the journal knows no landing of B as this commit"]);
}

#[test]
fn each_lie_of_a_commit_is_a_gap_of_its_own() {
    let mut world = World::judged();
    let a = &mut world.git.commits[1];
    a.commit.tree = oid(99);
    a.commit.parents = vec![oid(1)];
    a.commit.message = a.commit.message.replace("Audit-Attempt: 2", "Audit-Attempt: 1");
    a.commit.message = a.commit.message.replace("Audit-Delta: D-A", "Audit-Delta: D-B");
    a.commit.message = a.commit.message.replace("Audit-Run: 2026", "Audit-Run: 2025");
    a.files = vec![RepoPath::from("A.txt"), RepoPath::from("docs/audit/graph.md"), RepoPath::from("x\ny")];
    insta::assert_snapshot!(gaps(&world).join("\n"));
}

#[test]
fn a_resolution_changes_state_md_as_recorded_and_nothing_else() {
    let mut world = World::judged();
    world.put("resolutions/Q-1.state.md.patch", "@@ -1 +1 @@\n-# State\n+# Stale\n");
    world.git.commits[0].files.push(RepoPath::from("src/x"));
    insta::assert_snapshot!(gaps(&world).join("\n"));
}

#[test]
fn a_rebundle_changes_only_the_bundle() {
    let mut world = World::judged();
    world.script.push(Event::Rebundled {
        rev: "main".to_owned(),
        commit: oid(13),
        inputs: Default::default(),
    });
    world.git.commits.push(commit(
        13,
        12,
        60,
        "rebundle: main",
        &["docs/audit/graph.md", "docs/audit/prompts/A.md"],
    ));
    world.git.head = oid(13);
    assert_eq!(gaps(&world), ["commit 0000000d00: it does not do what resolutions/rebundle-1.patch says"]);
    let patch = String::from_utf8(world.git.commits[3].patch.clone()).unwrap();
    world.put("resolutions/rebundle-1.patch", patch);
    assert_eq!(gaps(&world), Vec::<String>::new());
    world.git.commits[3].files.push(RepoPath::from("src/x"));
    assert_eq!(gaps(&world).len(), 2, "{:?}", gaps(&world));
}

#[test]
fn a_landing_that_is_not_on_the_branch_is_a_gap() {
    let mut world = World::judged();
    world.git.commits.pop();
    world.git.head = oid(11);
    assert_eq!(gaps(&world), ["commit 0000000c00: B landed as it, but it is not on the branch"]);
}

#[test]
fn nodes_and_items_without_a_verdict_are_gaps() {
    let mut world = World::judged();
    world.bundle.deltas.push(id("D-X"));
    world.script.push(Event::NodeReset { node: id("B"), reason: "again".to_owned() });
    assert_eq!(
        gaps(&world),
        ["B has no verdict", "no verified node closes D-B", "no verified node closes D-X"]
    );
    let rows = world.prove().coverage;
    assert_eq!((rows[2].prompt_id.clone(), rows[2].verification.clone()), (None, None));
}

#[test]
fn a_check_that_fails_at_the_head_is_excused_only_by_a_later_node_that_touched_its_files() {
    let mut world = World::judged();
    world.script.check("A", 2, CheckPhase::Proof, 1).check("B", 1, CheckPhase::Proof, 1);
    assert_eq!(
        gaps(&world),
        [
            "a check of A does not hold at the head, and no later node touched its files: `test -f A.txt` ends with exit code 1",
            "a check of B does not hold at the head, and no later node touched its files: `test -f B.txt` ends with exit code 1",
        ]
    );
    world.git.commits[2].files = vec![RepoPath::from("A.txt"), RepoPath::from("B.txt")];
    let proof = world.prove();
    assert_eq!(
        (proof.checks[0].state, &proof.checks[0].superseded_by),
        (HeadState::Superseded, &vec![id("B")])
    );
    assert_eq!(proof.gaps.len(), 1, "the last node has no later one");
}

#[test]
fn what_did_not_run_at_the_head_is_not_proven() {
    let mut world = World::judged();
    world.script.records.retain(|r| {
        !matches!(
            r.event,
            Event::Check { phase: CheckPhase::Proof, .. } | Event::Invariant { node: None, .. }
        )
    });
    insta::assert_snapshot!(gaps(&world).join("\n"));
}

#[test]
fn an_invariant_that_fails_at_the_head_is_a_gap_and_an_advisory_one_is_not() {
    let mut world = World::judged();
    let record = invariant("INV-1", 2);
    world.script.push(Event::Invariant { node: None, attempt: 0, phase: CheckPhase::Proof, record });
    assert_eq!(gaps(&world), ["INV-1 does not hold at the head: `make lint` ends with exit code 2"]);
    world.bundle.invariants[0].advisory = true;
    assert_eq!(gaps(&world), Vec::<String>::new());
}

#[test]
fn an_incomplete_proof_is_honest_and_still_does_not_hold() {
    let mut world = World::judged();
    world.bundle.deltas.push(id("D-X"));
    let world = world.finish();
    assert_eq!(found(&world), Vec::<String>::new(), "it claims no more than is true");
    assert!(!world.verify().holds());
}

#[test]
fn a_fingerprint_that_somebody_holds_is_compared() {
    let world = World::proven();
    let input = |expected| VerifyInput {
        source: &world.files,
        git: &world.git,
        bundle: &world.bundle,
        layout: &world.layout,
        expected,
    };
    let right = format!("{}\n", world.prove().fingerprint);
    assert_eq!(verify(&input(Some(&right))).findings, []);
    assert_eq!(verify(&input(Some("00"))).findings[0].subject, names::FINGERPRINT);
}

#[test]
fn without_a_journal_that_is_the_only_finding() {
    let mut world = World::proven();
    world.files.0.remove(names::JOURNAL);
    assert_eq!(found(&world), ["runs/events.jsonl: there is no journal"]);
}

#[test]
fn a_forged_verdict_is_held_against_the_journal() {
    let mut world = World::proven();
    let path = "runs/B/verification.json";
    let text = String::from_utf8(world.files.0[path].clone()).unwrap();
    world.put(path, text.replace("\"retested\": true", "\"retested\": false"));
    assert!(found(&world).contains(&format!("{path}: its landing is not what the journal says")));
}

#[test]
fn the_statement_is_in_toto_v1_with_the_head_and_every_file() {
    let world = World::proven();
    let mut made: Statement = serde_json::from_slice(&world.files.0[names::STATEMENT]).unwrap();
    for subject in made.subject.iter_mut().filter(|s| !s.digest.contains_key("gitCommit")) {
        let bytes = match world.files.0.get(&subject.name).or_else(|| world.git.bundle.get(&subject.name)) {
            Some(bytes) if subject.name == names::JOURNAL => &bytes[..crate::journal::proof_prefix(bytes).0],
            bytes => bytes.unwrap(),
        };
        assert_eq!(subject.digest["sha256"], crate::base::digest::sha256_hex(bytes), "{}", subject.name);
        subject.digest.insert("sha256".to_owned(), "checked above".to_owned());
        subject.annotations.entry("bytes".to_owned()).and_modify(|n| *n = 0);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&made).unwrap());
}

#[test]
fn artifacts_on_disk_are_listed_in_byte_order_and_links_are_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    };
    for path in
        ["runs/A/diff.patch", "runs/A-1/diff.patch", "audit-report.md", ".history/old/runs/A/x", "state.md"]
    {
        write(path);
    }
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("runs/link")).unwrap();
    std::os::unix::fs::symlink("/etc", dir.path().join("runs/dir")).unwrap();
    let source = DirArtifacts::new(dir.path());
    assert_eq!(
        source.list(""),
        ["audit-report.md", "runs/A-1/diff.patch", "runs/A/diff.patch", "runs/dir", "runs/link"]
    );
    assert_eq!(source.list("runs/A"), ["runs/A/diff.patch"]);
    assert_eq!(source.read("runs/A/diff.patch").as_deref(), Some(&b"x"[..]));
    for path in ["runs/link", "runs/dir/hostname", "../x", "runs/../runs/A/diff.patch", "runs/A", "runs//A"] {
        assert_eq!(source.read(path), None, "{path}");
    }
}
