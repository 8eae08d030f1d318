//! The gates that judge what an agent changed: touches, lines, signal.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{World, lines};

/// A node whose agent does something, once.
fn once(script: &str, touches: &[&str]) -> World {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.node("A").agent(script).touches(touches);
    world
}

/// The run ends without the node, whose verdict names these.
#[track_caller]
fn violates(script: &str, touches: &[&str], named: &[&str]) {
    let mut world = once(script, touches);
    world.write(".gitignore", "*.ignored\n");
    world.build();
    let before = world.operators_own();
    world.run().exits(4);
    assert_eq!(world.status("A"), "failed");
    let reason = world.reason("A");
    named.iter().for_each(|n| assert!(reason.contains(n), "{n} is not in {reason}"));
    assert!(reason.contains("touches"), "{reason}");
    assert_eq!(world.log(), [""; 0]);
    assert_eq!(world.operators_own(), before);
    let left = world.worktrees().into_iter().find(|w| w.starts_with("audit-0-A-")).unwrap();
    let place = world.repo.join(".worktrees").join(left);
    assert_eq!(world.sh_in(&place, "git status --porcelain"), "", "it is put back to base");
}

#[test]
fn a_rename_out_of_touches_is_a_violation() {
    violates("mkdir ok; mv src/a.txt ok/a.txt", &["ok/**"], &["src/a.txt"]);
}

#[test]
fn a_rename_into_foreign_parts_is_a_violation() {
    violates("mkdir ok; mv src/a.txt ok/a.txt", &["src/**"], &["ok/a.txt"]);
}

#[test]
fn a_deletion_is_a_violation() {
    violates("rm README.md; echo x > n", &["n"], &["README.md"]);
}

#[test]
fn a_mode_change_is_a_violation() {
    violates("chmod +x README.md; echo x > n", &["n"], &["README.md"]);
}

#[test]
fn an_untracked_file_is_a_violation() {
    violates("echo x > n; echo y > other", &["n"], &["other"]);
}

#[test]
fn the_evidence_names_the_paths_alone() {
    let mut world = once("echo x > n; echo y > other; rm README.md; ln -s /etc link", &["n", "link"]);
    world.build();
    world.run().exits(4);
    let evidence = &world.verification("A")["diff_evidence"];
    assert_eq!(evidence["outside_touches"], serde_json::json!(["README.md", "link", "other"]));
    assert_eq!(evidence["violations"][0], "README.md (not covered by touches)");
    let leads_out = "link (a symbolic link that leads out of the worktree)";
    assert!(evidence["violations"].as_array().unwrap().contains(&leads_out.into()), "{evidence}");
}

#[test]
fn an_excluded_pattern_is_a_violation() {
    violates("echo x > src/a.txt; echo y > src/b.txt", &["src/**", "!src/b.txt"], &["src/b.txt"]);
}

#[test]
fn a_link_that_leaves_the_worktree_is_a_violation() {
    violates("ln -s /etc/passwd n", &["n"], &["n"]);
    violates("ln -s ../../outside n", &["n"], &["n"]);
}

#[test]
fn a_nested_repository_is_a_violation() {
    violates("mkdir n; cd n; git init -q .; echo x > f", &["n/**"], &["n"]);
}

#[test]
fn the_harness_s_own_files_are_nobody_s_to_write() {
    violates("echo x >> docs/audit/state.md; echo y > docs/n", &["docs/**"], &["docs/audit/state.md"]);
    violates(
        "mkdir -p docs/audit/runs; echo x > docs/audit/runs/x; echo y > docs/n",
        &["docs/"],
        &["docs/audit/runs/x"],
    );
}

#[test]
fn a_changed_gitignore_and_what_it_would_hide_are_violations() {
    violates("echo '*' > .gitignore; echo x > n; echo y > hidden", &["n"], &[".gitignore"]);
}

#[test]
fn hiding_bits_of_the_index_hide_nothing() {
    violates(
        "git update-index --assume-unchanged README.md || true; echo x > README.md; echo y > n",
        &["n"],
        &["README.md"],
    );
    violates(
        "git update-index --skip-worktree README.md || true; echo x > README.md; echo y > n",
        &["n"],
        &["README.md"],
    );
}

#[test]
fn a_moved_submodule_is_a_violation() {
    let mut world = once(
        "cd sub; echo x > f; git -c user.name=a -c user.email=a@b commit -qam moved || echo refused; cd ..; echo y > n",
        &["n"],
    );
    let other = world.repo.with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    world.sh_in(&other, "git init -q; echo f > f; git add f; git commit -qm f");
    world.git(&format!("-c protocol.file.allow=always submodule add -q {} sub", other.display()));
    world.kdl += "\nsandbox \"off\"";
    world.build();
    world.run().exits(4);
    assert!(world.reason("A").contains("sub"), "{}", world.reason("A"));
}

#[test]
fn ignored_files_never_land() {
    let mut world = once("echo x > n; echo y > secret.ignored", &["n", "*.ignored"]);
    world.write(".gitignore", "*.ignored\n");
    world.build();
    world.run().exits(0);
    assert_eq!(world.git(&format!("diff --name-only {} {}", world.base, world.branch())), "n");
}

#[test]
fn braces_classes_and_folders_are_patterns() {
    let mut world = once(
        "mkdir -p a/b c; echo 1 > a/b/x.rs; echo 2 > c/y.txt; echo 3 > c/z.md; echo 4 > f1",
        &["a/", "c/*.{txt,md}", "f[0-9]"],
    );
    world.build();
    world.run().exits(0);
    let touched = world.text("runs/A/files_touched.txt");
    ["a/b/x.rs", "c/y.txt", "c/z.md", "f1"].iter().for_each(|p| assert!(touched.contains(p), "{touched}"));
}

#[test]
fn a_link_inside_of_the_worktree_is_fine() {
    let mut world = once("ln -s ../README.md src/l", &["src/l"]);
    world.build();
    world.run().exits(0);
}

#[test]
fn odd_names_land_as_they_are() {
    let script = "printf 1 > 'a b'; printf 2 > 'ü.txt'; printf 3 > \"$(printf 'tab\\there')\"; printf 4 > \"$(printf 'bad\\377name')\"; printf 5 > -dash";
    let mut world = once(script, &["*"]);
    world.build();
    world.run().exits(0);
    assert_eq!(
        world.git(&format!("diff --name-only -z {} {} | tr -dc '\\000' | wc -c", world.base, world.branch())),
        "5"
    );
    assert_eq!(world.text("audit-report.fingerprint").trim(), world.fingerprint());
    world.call(&["verify"]).exits(0);
}

#[track_caller]
fn sized(est: u64, confidence: Option<&str>, n: usize, status: &str, code: i32, dispatches: u64) {
    let mut world = World::new();
    let node = world.node("A").agent(&lines(n, "f")).touches(&["f"]).est(est);
    if let Some(confidence) = confidence {
        node.with("loc_confidence", confidence);
    }
    world.build();
    let outcome = world.run();
    outcome.exits(code);
    assert_eq!(
        (world.status("A").as_str(), world.iteration()["iteration"].as_u64()),
        (status, Some(dispatches))
    );
    assert_eq!(world.has("remediation/A/split.md"), code == 4);
}

#[test]
fn the_caps_hold_at_their_edge() {
    sized(0, None, 20, "verified", 0, 1);
    sized(100, None, 150, "verified", 0, 1);
    sized(10, Some("rough"), 40, "verified", 0, 1);
}

#[test]
fn a_line_past_the_cap_is_oversized_after_two_remediations() {
    sized(100, None, 151, "oversized", 4, 3);
    sized(10, None, 31, "oversized", 4, 3);
}

#[test]
fn five_times_the_estimate_is_past_remedy() {
    sized(10, None, 51, "oversized", 4, 1);
    sized(1, None, 22, "oversized", 4, 1);
    sized(10, Some("unbounded"), 51, "oversized", 4, 1);
}

#[test]
fn no_cap_but_a_warning() {
    let mut world = World::new();
    world.node("A").agent(&lines(41, "f")).touches(&["f"]).with("loc_confidence", "unbounded");
    world.build();
    world.run().exits(0).says(&["41"]);
    let notes = world.verification("A")["notes"].clone();
    assert_eq!(notes.as_array().unwrap().len(), 1, "measured again at the landing, said once: {notes}");
    assert!(world.verification("A")["diff_evidence"]["cap"].is_null());
    assert_eq!(world.verification("A")["diff_evidence"]["loc"], 41);
}

#[test]
fn binaries_renames_and_lock_files_count_nothing() {
    let mut world = World::new();
    world.write("big.txt", (0..200).map(|i| format!("{i}\n")).collect::<String>());
    let script = format!(
        "mv big.txt moved.txt; head -c 9000 /dev/zero > b.bin; {}; {}",
        lines(500, "Cargo.lock"),
        lines(400, "src/package-lock.json")
    );
    world.node("A").agent(&script).touches(&["*", "src/*"]).est(0);
    world.build();
    world.run().exits(0);
    assert_eq!(world.verification("A")["diff_evidence"]["loc"], 0);
    assert!(world.text("runs/A/diff.patch").contains("GIT binary patch"));
    assert!(world.text("runs/A/diff.patch").contains("rename from big.txt"));
}

#[test]
fn silence_is_a_failure_that_remediation_mends() {
    let mut world = World::new();
    world.node("A").agent("true").touches(&["n"]).attempt(2, "echo 1 > n");
    world.build();
    world.run().exits(0);
    assert_eq!(world.verification("A")["attempt"], 2);
    assert!(
        world.text("remediation/A/cycle-1.md").contains("empty"),
        "{}",
        world.text("remediation/A/cycle-1.md")
    );
}

#[test]
fn a_deliverable_that_is_there_gets_a_marker_if_its_checks_agree() {
    let mut world = World::new();
    world
        .node("A")
        .touches(&[])
        .deliverable("assert the readme stands")
        .with("expected_signal", "allow_empty")
        .checks(&["grep -q hello README.md"]);
    world.build();
    world.run().exits(0);
    assert!(
        world
            .git(&format!("log -1 --format=%B {}", world.branch()))
            .contains("deliverable already satisfied")
    );
    assert_eq!(world.git(&format!("diff {} {}", world.base, world.branch())), "");
    assert_eq!(world.iteration()["last_outcome"], "empty");
    assert_eq!(world.text("runs/A/diff.patch"), "");
}

#[test]
fn a_deliverable_that_is_not_there_fails_for_all_its_empty_diff() {
    let mut world = once("true", &["n"]);
    world.nodes[0].with("expected_signal", "allow_empty").checks(&["test -e n"]);
    world.build();
    world.run().exits(4);
    assert_eq!(world.status("A"), "failed");
}
