//! The proof: what it holds, what shakes it, and that others can check it elsewhere.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use support::{Outcome, World};

fn done() -> World {
    let mut world = World::new();
    world.invariant("INV-1", &["test -f README.md"]);
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]).cites(&["INV-1"]);
    world
        .node("B")
        .agent("echo 2 > m")
        .attempt(1, "echo 2 > other")
        .touches(&["m"])
        .checks(&["test -f m"])
        .deps(&["A"]);
    world.build();
    world.run().exits(0);
    world
}

fn files_below(dir: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), found);
        } else {
            found.insert(entry.path());
        }
    }
}

#[test]
fn it_holds_after_a_run_and_names_its_fingerprint() {
    let world = done();
    let fingerprint = world.fingerprint();
    assert_eq!(world.text("audit-report.fingerprint"), format!("{fingerprint}\n"));
    world.call(&["verify"]).exits(0);
    world.call(&["verify", &fingerprint]).exits(0);
    world.call(&["verify", &"0".repeat(64)]).exits(1);
    world.call(&["gate", "--base", "main"]).exits(0);
    assert!(
        world.text("audit-report.md").contains(&fingerprint)
            || world.text("audit/report.md").contains(&fingerprint)
    );
}

#[test]
fn a_changed_byte_in_any_artifact_is_found_and_named() {
    let world = done();
    let out = world.out();
    let mut files = BTreeSet::new();
    files_below(&out, &mut files);
    let covered = |path: &PathBuf| {
        let relative = path.strip_prefix(&out).unwrap().to_string_lossy().into_owned();
        let bundle = relative == "state.md" || relative == "graph.md" || relative.starts_with("prompts/");
        (!bundle && !relative.starts_with("audit/") && !relative.starts_with(".history/")).then_some(relative)
    };
    let files: Vec<String> = files.iter().filter_map(covered).collect();
    assert!(files.len() > 20, "{files:?}");
    let mut missed = Vec::new();
    for relative in &files {
        let path = out.join(relative);
        let whole = std::fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        match bytes.len() {
            0 => bytes.push(b'x'),
            n => bytes[n / 2] ^= 1,
        }
        // Never in place: files of the same bytes may share them.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let outcome = world.call(&["verify"]);
        if outcome.code != 1 || !outcome.all().contains(relative.as_str()) {
            missed.push(format!("changed {relative}: exit {}", outcome.code));
        }
        std::fs::remove_file(&path).unwrap();
        let outcome = world.call(&["verify"]);
        if outcome.code != 1 || !outcome.all().contains(relative.as_str()) {
            missed.push(format!("removed {relative}: exit {}", outcome.code));
        }
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(missed.is_empty(), "{missed:#?}");
    world.call(&["verify"]).exits(0);
}

#[test]
fn a_line_more_in_the_journal_is_found() {
    let world = done();
    let journal = world.text("runs/events.jsonl");
    world.write("docs/audit/runs/events.jsonl", format!("{journal}{{}}\n"));
    world.call(&["verify"]).exits(1).says(&["events.jsonl"]);
}

#[track_caller]
fn gate_says_no(world: &World) {
    world.call(&["verify"]).exits(1);
    world.call(&["gate", "--base", "main"]).exits(1);
}

#[test]
fn a_commit_more_an_amended_and_a_missing_one_are_found() {
    let world = done();
    let branch = world.branch();
    let head = world.git(&format!("rev-parse {branch}"));
    let sneaky = world.git(&format!("commit-tree {branch}^{{tree}} -p {branch} -m sneaky"));
    world.git(&format!("update-ref refs/heads/{branch} {sneaky}"));
    gate_says_no(&world);
    let amended = world.git(&format!("commit-tree {head}^{{tree}} -p {head}^ -m 'node(B): add B'"));
    world.git(&format!("update-ref refs/heads/{branch} {amended}"));
    gate_says_no(&world);
    world.git(&format!("update-ref refs/heads/{branch} {head}^"));
    gate_says_no(&world);
    world.git(&format!("update-ref refs/heads/{branch} {head}"));
    world.call(&["verify"]).exits(0);
}

#[test]
fn a_base_that_conflicts_or_breaks_a_check_is_no() {
    let world = done();
    world.git("checkout -q -b conflicting");
    world.write("n", "other\n");
    world.commit("conflict");
    world.call(&["gate", "--base", "conflicting"]).exits(1).says(&["n"]);
    world.git("checkout -q -b breaking main");
    world.git("rm -q README.md");
    world.git("commit -qm 'no readme'");
    world.call(&["gate", "--base", "breaking"]).exits(1).says(&["INV-1"]);
    world.git("checkout -q -b fine main");
    world.write("else.txt", "x\n");
    world.commit("fine");
    world.call(&["gate", "--base", "fine"]).exits(0);
    world.call(&["gate", "--base", "no-such-branch"]).exits(2).says(&["no-such-branch"]);
    assert_eq!(world.git("status --porcelain"), "");
    assert_eq!(world.worktrees(), [""; 0]);
}

#[test]
fn the_branch_of_a_failed_run_has_no_proof() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["false"]);
    world.build();
    world.run().exits(4);
    for command in [vec!["gate", "--base", "main"], vec!["verify"]] {
        let outcome = world.call(&command);
        assert_eq!(outcome.code, 1, "{outcome:?}");
    }
}

#[test]
fn a_clone_that_fetched_the_proof_can_gate() {
    let world = done();
    let clone = world.repo.with_file_name("clone");
    world.git(&format!("clone -q . {}", clone.display()));
    world.sh_in(&clone, "git fetch -q origin '+refs/auditrun-proof/*:refs/auditrun-proof/*'");
    for command in
        [vec!["gate", "--base", "main"], vec!["verify"], vec!["verify", world.fingerprint().as_str()]]
    {
        world.call_in(&clone, &command).exits(0);
        world.call_in(&clone.join("src"), &command).exits(0);
    }
    assert_eq!(world.sh_in(&clone, "git status --porcelain"), "");
    let hook = format!("#!/bin/sh\nexec {} gate --base main\n", env!("CARGO_BIN_EXE_auditrun"));
    support::program(&clone, ".git/hooks/pre-commit", hook);
    world.sh_in(&clone, "git commit -q --allow-empty -m gated");
}

#[test]
fn a_clone_of_one_branch_without_the_proof_is_told_what_to_fetch() {
    let world = done();
    let clone = world.repo.with_file_name("clone");
    world.git(&format!("clone -q . {}", clone.display()));
    let outcome = world.call_in(&clone, &["gate", "--base", "main"]);
    assert_ne!(outcome.code, 0, "{outcome:?}");
    outcome.says(&["git fetch", "refs/auditrun-proof/"]);
}

#[test]
fn every_form_of_the_verdict_is_well_formed() {
    let world = done();
    let all = |code: i32| {
        for form in ["text", "json", "github", "junit", "sarif"] {
            let outcome = world.call(&["gate", "--base", "main", "--format", form]);
            outcome.exits(code);
            match form {
                "json" | "sarif" => drop(outcome.json()),
                "junit" => well_formed(&outcome),
                _ => {}
            }
            if form == "sarif" {
                assert_eq!(outcome.json()["version"], "2.1.0");
            }
            if form == "github" && code == 1 {
                outcome.says(&["::error"]);
            }
        }
    };
    all(0);
    world.write("docs/audit/runs/A/diff.patch", "tampered <&>\n");
    all(1);
}

/// Elements close in the order in which they open.
#[track_caller]
fn well_formed(outcome: &Outcome) {
    let text = &outcome.out;
    assert!(text.starts_with("<?xml"), "{outcome:?}");
    let mut open: Vec<&str> = Vec::new();
    for tag in text.split('<').skip(1).filter_map(|t| t.split_once('>')).map(|(tag, _)| tag) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{outcome:?}");
        } else if !tag.starts_with('?') && !tag.starts_with('!') && !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    assert!(open.is_empty() && text.contains("<testcase"), "{outcome:?}");
}

#[test]
fn coverage_has_a_row_for_each_pair() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).closes(&["D-1", "D-2"]);
    world.node("B").agent("echo 2 > m").touches(&["m"]).closes(&["D-2"]);
    world.build();
    world.run().exits(0);
    let rows = world.text("audit-report.coverage.csv");
    let lines: Vec<&str> = rows.lines().collect();
    assert_eq!(lines[0], "delta_id,prompt_id,status,verification");
    assert_eq!(lines.len(), 4, "{rows}");
    for pair in ["D-1,A,verified,", "D-2,A,verified,", "D-2,B,verified,"] {
        assert!(
            lines.iter().any(|l| l.starts_with(pair) && l.ends_with("verification.json")),
            "{pair}: {rows}"
        );
    }
}

#[test]
fn the_statement_names_every_file_by_its_digest() {
    let world = done();
    let statement = world.json("audit-report.intoto.json");
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    let head = world.git(&format!("rev-parse {}", world.branch()));
    assert!(statement.to_string().contains(&head));
    for subject in statement["subject"].as_array().unwrap() {
        let (name, digest) = (subject["name"].as_str().unwrap(), &subject["digest"]["sha256"]);
        let candidates = [world.out().join(name), world.repo.join(name)];
        if let (Some(path), Some(digest)) = (candidates.iter().find(|p| p.is_file()), digest.as_str()) {
            // The journal goes on after the proof: the digest covers what stood before it.
            let covered = subject["annotations"].as_object().and_then(|a| a.values().next()?.as_u64());
            let n = covered.map_or(String::new(), |n| format!("-c {n}"));
            let all = if n.is_empty() { "cat" } else { "head" };
            let sum = world.sh(&format!("{all} {n} '{}' | sha256sum", path.display()));
            assert!(sum.starts_with(digest), "{name}");
        }
    }
    let names = statement["subject"].to_string();
    for name in [
        "runs/A/diff.patch",
        "runs/B/verification.json",
        "audit-report.coverage.csv",
        "audit-report.fingerprint",
        "prompts/A.md",
    ] {
        assert!(names.contains(name), "{name}: {names}");
    }
}

#[test]
fn the_proof_s_ref_holds_the_artifacts_on_the_head() {
    let world = done();
    let proof = format!("refs/auditrun-proof/{}", world.branch().replace("audit/run-", ""));
    assert_eq!(
        world.git(&format!("rev-parse {proof}^")),
        world.git(&format!("rev-parse {}", world.branch()))
    );
    let names = world.git(&format!("ls-tree -r --name-only {proof}"));
    for name in [
        "audit-report.md",
        "audit-report.json",
        "runs/A/diff.patch",
        "runs/events.jsonl",
        "preflight/dispatch_plan.json",
    ] {
        assert!(names.lines().any(|l| l.ends_with(name)), "{name}: {names}");
    }
}

#[test]
fn what_one_check_leaves_behind_is_not_what_another_one_passes_by() {
    let mut world = World::new();
    world.write(".gitignore", "built\n");
    world.kdl += "\nremediation 0";
    world.node("A").agent("echo 1 > a").touches(&["a"]).checks(&["echo x > built"]);
    // Holds alone, is broken by C, and would hold at the head beside what A's check left.
    world
        .node("B")
        .agent("echo 1 > b")
        .touches(&["b"])
        .checks(&["test ! -e c || test -e built"])
        .deps(&["A"]);
    world.node("C").agent("echo 1 > c").touches(&["c"]).deps(&["B"]);
    world.build();
    world.run().exits(1);
    assert_eq!(world.termination(), "verification_failed");
    gate_says_no(&world);
}
