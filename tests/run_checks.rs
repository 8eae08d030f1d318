//! Verification: what checks see, what they may do, and what is recorded of them.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::World;

fn with_checks(checks: &[&str]) -> World {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(checks);
    world
}

#[test]
fn every_check_runs_even_after_a_failure() {
    let mut world = with_checks(&["false", "echo second; exit 3", "true"]);
    world.build();
    world.run().exits(4).says(&["echo second"]);
    let checks = world.verification("A")["checks"].clone();
    let codes: Vec<i64> =
        checks.as_array().unwrap().iter().map(|c| c["exit_code"].as_i64().unwrap()).collect();
    assert_eq!(codes, [1, 3, 0]);
    assert_eq!(checks[1]["stdout_tail"], "second\n");
    for key in ["command", "normalized", "signal", "timed_out", "stderr_tail", "duration_ms"] {
        assert!(checks[0].get(key).is_some(), "{key}");
    }
}

#[test]
fn checks_see_the_change_in_git_diff() {
    let mut world = with_checks(&[
        "git diff --quiet HEAD -- src/a.txt; test $? -eq 1",
        "test \"$(git rev-parse HEAD)\" = \"$(git rev-parse main)\"",
        "git diff --cached --quiet",
    ]);
    world.nodes[0].agent("echo more >> src/a.txt").touches(&["src/**"]);
    world.build();
    // At the head, where the proof asks again, there is no difference any more.
    world.run().exits(1);
    assert_eq!(world.status("A"), "verified");
}

#[test]
fn a_check_that_changes_tracked_files_fails() {
    let mut world = with_checks(&["echo tampered >> README.md"]);
    world.build();
    world.run().exits(4);
    assert!(world.reason("A").contains("README.md"), "{}", world.reason("A"));
    assert_eq!(world.verification("A")["checks"][0]["exit_code"], 0);
}

#[test]
fn a_check_that_changes_the_candidate_fails() {
    for tamper in ["echo more >> n", "rm n", "chmod +x n"] {
        let mut world = with_checks(&[tamper, "test ! -x n", "grep -qx 1 n"]);
        world.build();
        world.run().exits(4);
        let codes = world.verification("A")["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["exit_code"].clone())
            .collect::<Vec<_>>();
        assert_eq!(codes, [0, 0, 0], "the next check sees the captured tree again: {tamper}");
        assert_eq!(world.status("A"), "failed");
    }
}

#[test]
fn untracked_files_of_a_check_are_gone_before_the_next() {
    let mut world =
        with_checks(&["echo x > residue; mkdir -p d; echo y > d/e", "test ! -e residue", "test ! -e d/e"]);
    world.build();
    world.run().exits(0);
    assert!(world.verification("A")["checks"][0].to_string().contains("residue"));
    assert_eq!(world.git(&format!("diff --name-only {} {}", world.base, world.branch())), "n");
}

#[test]
fn ignored_residue_of_the_agent_is_gone() {
    let mut world = with_checks(&["test ! -e cache.ignored"]);
    world.write(".gitignore", "*.ignored\n");
    world.nodes[0].agent("echo 1 > n; echo planted > cache.ignored");
    world.build();
    world.run().exits(0);
}

#[test]
fn a_check_has_no_input() {
    let mut world = with_checks(&["test -z \"$(cat)\"", "test \"$(readlink /proc/self/fd/0)\" = /dev/null"]);
    world.build();
    world.run().exits(0);
}

#[test]
fn long_output_is_kept_by_its_last_8_kib() {
    let mut world =
        with_checks(&["i=0; while [ $i -lt 3000 ]; do echo line$i; echo err$i >&2; i=$((i+1)); done"]);
    world.build();
    world.run().exits(0);
    let check = world.verification("A")["checks"][0].clone();
    for (stream, end) in [("stdout_tail", "line2999\n"), ("stderr_tail", "err2999\n")] {
        let tail = check[stream].as_str().unwrap();
        assert!(tail.len() <= 8192 && tail.len() > 8000 && tail.ends_with(end), "{stream}: {}", tail.len());
    }
}

#[test]
fn a_check_past_its_time_limit_fails_and_leaves_nothing() {
    let world = with_checks(&[]);
    world.write_bundle();
    let prompt = world.read("docs/audit/prompts/A.md").replace(
        "<done_when>\n",
        "<done_when>\n<check name=\"slow\" timeout=\"1s\">sleep 86392 & sleep 86391</check>\n",
    );
    world.write("docs/audit/prompts/A.md", prompt);
    world.commit("base");
    world.run().exits(4).says(&["slow"]);
    let check = world.verification("A")["checks"][0].clone();
    assert_eq!(check["timed_out"], true);
    assert!(!check["exit_code"].is_i64() || check["exit_code"] != 0, "{check}");
    assert_eq!((world.processes("sleep 86391"), world.processes("sleep 86392")), (vec![], vec![]));
}

#[test]
fn a_check_that_leaves_a_daemon_leaves_nothing() {
    let mut world = with_checks(&["setsid sleep 86390 >/dev/null 2>/dev/null </dev/null & true"]);
    world.build();
    world.run().exits(0);
    assert_eq!(world.processes("sleep 86390"), [""; 0]);
}

#[test]
fn a_check_that_a_signal_ends_fails_and_says_so() {
    let mut world = with_checks(&["kill -SEGV $$"]);
    world.build();
    world.run().exits(4);
    let check = world.verification("A")["checks"][0].clone();
    assert!(check["signal"] == 11 || check["exit_code"] == 139, "{check}");
}

#[test]
fn a_check_of_scope_repo_runs_verbatim() {
    let world = with_checks(&["true"]);
    world.write_bundle();
    let dir = world.repo.display().to_string();
    let check = format!(
        "<check scope=\"repo\">grep -rq hello {dir}/README.md</check>\n<check>grep -rq hello .</check>\n"
    );
    let prompt = world.read("docs/audit/prompts/A.md").replace("<check>true</check>\n", &check);
    world.write("docs/audit/prompts/A.md", prompt);
    world.commit("base");
    world.run().exits(0);
    let checks = world.verification("A")["checks"].clone();
    assert_eq!(checks[0]["command"], checks[0]["normalized"]);
    assert!(checks[1]["normalized"].as_str().unwrap().contains("git grep"), "{checks}");
    let listed = world.text("preflight/check_normalization.md");
    assert!(listed.contains("README.md") && listed.contains("git grep"), "{listed}");
}

#[test]
fn a_search_does_not_find_the_bundle_itself() {
    let mut world = with_checks(&["! grep -rn forbidden-word .", "! grep -rn -e forbidden-word"]);
    world.nodes[0].prompt("Remove every forbidden-word.");
    world.build();
    world.run().exits(0);
}

#[test]
fn a_search_program_s_own_error_is_no_absence() {
    let mut world = with_checks(&["! grep -rn 'unclosed[' ."]);
    world.build();
    world.run().exits(4);
    assert_eq!(world.status("A"), "failed");
}

#[test]
fn the_shell_may_be_another() {
    let mut world = with_checks(&["[[ abc == a* ]]"]);
    world.kdl += "\nshell \"bash\" \"-c\"";
    world.build();
    world.run().exits(0);
}

#[test]
fn done_when_may_stand_in_the_graph_but_not_differ() {
    let mut world = with_checks(&["test -f n"]);
    world.nodes[0].with("done_when", "`test -f n`");
    world.build();
    world.run().exits(0);
    world.nodes[0].with("agent", "fake");
    let graph = world.read("docs/audit/graph.md").replace("`test -f n`", "`test -f m`");
    world.write("docs/audit/graph.md", graph);
    world.commit("differ");
    world.run().exits(3).says(&["test -f n", "test -f m"]);
}

#[test]
fn a_broken_invariant_that_was_broken_before_is_a_warning_then_a_gap() {
    let mut world = with_checks(&["true"]);
    world.invariant("INV-1", &["test -f never"]);
    world.nodes[0].cites(&["INV-1"]);
    world.build();
    let outcome = world.run();
    outcome.exits(1).says(&["INV-1"]);
    assert_eq!(world.status("A"), "verified", "it is no regression");
    let invariant = world.verification("A")["invariants"][0].clone();
    assert_eq!(
        (invariant["regression"].as_bool(), invariant["baseline_exit"].as_i64()),
        (Some(false), Some(1))
    );
}

#[test]
fn breaking_a_cited_invariant_is_a_regression() {
    let mut world = with_checks(&["true"]);
    world.invariant("INV-1", &["test ! -e n"]);
    world.nodes[0].cites(&["INV-1"]);
    world.build();
    world.run().exits(4).says(&["INV-1"]);
    assert_eq!(world.status("A"), "failed");
    assert_eq!(world.verification("A")["invariants"][0]["regression"], true);
}

#[test]
fn fixed_then_broken_is_a_regression() {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.invariant("INV-1", &["test -f fixed"]);
    world.node("A").agent("echo 1 > fixed").touches(&["fixed"]).cites(&["INV-1"]);
    world.node("B").agent("rm fixed").touches(&["fixed"]).cites(&["INV-1"]).deps(&["A"]);
    world.build();
    world.run().exits(4).says(&["INV-1"]);
    assert_eq!((world.status("A"), world.status("B")), ("verified".into(), "failed".into()));
}

#[test]
fn an_invariant_without_any_check_is_rejected_unless_it_is_advisory() {
    let mut world = with_checks(&["true"]);
    world.invariant("INV-7", &[]);
    world.build();
    world.run().exits(3).says(&["INV-7"]);
    world.kdl += "\ninvariant \"INV-7\" { check \"true\" }";
    world.build();
    world.run().exits(0);
    world.kdl = "remediation 0".to_owned();
    world.write_bundle();
    let state = world
        .read("docs/audit/state.md")
        .replace("- **INV-7**: holds\n", "- **INV-7**: holds\n  - advisory: true\n");
    world.write("docs/audit/state.md", state);
    world.commit("advisory");
    world.run().exits(0);
    assert!(
        world.text("audit-report.md").contains("INV-7")
            && world.text("audit-report.md").contains("unconfirmed")
    );
}

#[test]
fn a_check_that_a_later_node_supersedes_is_named() {
    let mut world = World::new();
    world.node("A").agent("echo one > f").touches(&["f"]).checks(&["grep -q one f"]);
    world.node("B").agent("echo two > f").touches(&["f"]).checks(&["grep -q two f"]).deps(&["A"]);
    world.build();
    world.run().exits(0);
    let report = world.text("audit-report.md");
    assert!(report.contains("superseded") && report.contains('B'), "{report}");
    world.call(&["gate", "--base", "main"]).exits(0);
}

#[test]
fn a_check_that_nobody_superseded_fails_the_proof() {
    let mut world = World::new();
    world.node("A").agent("echo one > f").touches(&["f"]).checks(&["test ! -e g"]);
    world.node("B").agent("echo two > g").touches(&["g"]).deps(&["A"]);
    world.build();
    world.run().exits(1).says(&["test ! -e g"]);
    assert_eq!(world.termination(), "verification_failed");
}
