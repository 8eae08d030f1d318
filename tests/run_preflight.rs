//! What is rejected before anything is done: with 3 for the bundle and the repository, with
//! 2 for audit.kdl, and never with a branch.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{World, program};

fn one() -> World {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["test -f n"]);
    world
}

#[track_caller]
fn rejected(world: &World, code: i32, words: &[&str]) {
    for command in ["preflight", "run"] {
        world.call(&[command]).exits(code).says(words);
        assert_eq!(world.git("for-each-ref refs/heads/audit refs/auditrun"), "", "{command}");
    }
    assert_eq!(world.worktrees(), [""; 0]);
}

#[test]
fn a_dirty_tree() {
    let mut world = one();
    world.build();
    world.write("src/a.txt", "changed\n");
    rejected(&world, 3, &["src/a.txt"]);
    world.git("checkout -q src/a.txt");
    world.write("new.txt", "untracked\n");
    rejected(&world, 3, &["new.txt"]);
    world.git("add new.txt");
    rejected(&world, 3, &["new.txt"]);
}

#[test]
fn a_head_that_is_not_born() {
    let world = one();
    world.write_bundle();
    rejected(&world, 3, &["commit"]);
}

#[test]
fn a_merge_under_way() {
    let mut world = one();
    world.build();
    world.git("checkout -q -b other");
    world.commit("other");
    world.git("checkout -q main");
    world.commit("mine");
    world.git("merge -q --no-commit --no-ff other");
    rejected(&world, 3, &["merge"]);
}

#[test]
fn a_rebase_under_way() {
    let mut world = one();
    world.build();
    world.commit("mine");
    world.git("-c sequence.editor=\"sed -i 's/^pick/edit/'\" rebase -q -i HEAD~1 2>/dev/null");
    rejected(&world, 3, &["rebase"]);
}

#[test]
fn a_branch_in_the_way_of_the_audit_branch() {
    let mut world = one();
    world.build();
    world.git("branch audit");
    world.call(&["preflight"]).exits(3).says(&["audit"]);
    world.call(&["run"]).exits(3).says(&["audit"]);
}

#[test]
fn missing_programs_all_at_once_with_their_places() {
    let mut world = one();
    world.nodes[0].checks(&["no-such-check-1 x", "true && no-such-check-2"]);
    world.invariant("INV-1", &["no-such-check-3"]);
    world.build();
    rejected(&world, 3, &["no-such-check-1", "no-such-check-2", "no-such-check-3", "A.md", "state.md", "A"]);
    world.kdl = "worktree { provides \"no-such-check-1\"; provides \"no-such-check-2\"; provides \"no-such-check-3\" }".to_owned();
    world.build();
    world.call(&["preflight"]).exits(0);
}

#[test]
fn keywords_builtins_and_paths_are_not_looked_up() {
    let mut world = one();
    world.nodes[0].checks(&[
        "if true; then ./tools/x; fi",
        "cd src && test -f a.txt",
        "! ./no/such",
        "X=1 [ -n a ]",
        "(exit 0)",
    ]);
    world.build();
    world.call(&["preflight"]).exits(0);
}

#[test]
fn an_untracked_bundle_names_the_command_that_commits_it() {
    let world = one();
    world.commit("before");
    world.write_bundle();
    world.git("add audit.kdl");
    world.git("commit -qm kdl");
    rejected(&world, 3, &["git add", "git commit", "docs/audit"]);
}

#[test]
fn a_changed_bundle_names_the_command_that_commits_it() {
    let mut world = one();
    world.build();
    let prompt = world.read("docs/audit/prompts/A.md");
    world.write("docs/audit/prompts/A.md", prompt + "\nmore\n");
    rejected(&world, 3, &["docs/audit/prompts/A.md", "git commit"]);
}

#[test]
fn a_tracked_artifact() {
    let mut world = one();
    world.write("docs/audit/runs/old.txt", "x\n");
    world.write_bundle();
    world.git("add -f docs/audit/runs/old.txt");
    world.build();
    rejected(&world, 3, &["docs/audit/runs"]);
}

#[test]
fn touches_that_name_the_harness_s_own() {
    for (touches, word) in [
        ("docs/audit/state.md", "docs/audit/state.md"),
        (".git/config", ".git"),
        ("/etc/passwd", "/etc/passwd"),
        ("../x", "../x"),
    ] {
        let mut world = one();
        world.nodes[0].touches(&[touches]);
        world.build();
        rejected(&world, 3, &[word, "graph.md"]);
    }
    let mut world = one();
    world.nodes[0].touches(&["docs/", "n"]);
    world.build();
    world.call(&["preflight"]).exits(0);
}

#[test]
fn a_bundle_s_mistakes_all_at_once() {
    let mut world = one();
    world.node("B").deps(&["GHOST"]).closes(&["D-B"]);
    world.node("C").deps(&["C"]);
    world.node("D").with("toches", "x");
    world.open_deltas.push("D-open".to_owned());
    world.write_bundle();
    world.write("docs/audit/prompts/orphan.md", "## Success\nx\n\n## Failure modes\ny\n");
    world.remove("docs/audit/prompts/B.md");
    world.commit("base");
    rejected(&world, 3, &["GHOST", "C", "toches", "touches", "D-open", "orphan", "B.md", "graph.md"]);
    world.call(&["check"]).exits(3).says(&["GHOST", "toches", "D-open", "orphan"]);
}

#[test]
fn ids_that_collide_or_cannot_be_names() {
    for (ids, word) in [
        (["A", "a"], "case"),
        (["B.lock", "C"], ".lock"),
        (["x..y", "C"], "x..y"),
        (["events.jsonl", "C"], "events.jsonl"),
        (["D", "D"], "D"),
    ] {
        let mut world = World::new();
        ids.iter().for_each(|id| _ = world.node(id));
        world.nodes[1].closes(&["D-x"]);
        world.nodes[0].closes(&["D-y"]);
        world.build();
        rejected(&world, 3, &[word]);
    }
}

#[test]
fn audit_kdl_comes_first_when_both_are_broken() {
    let mut world = one();
    world.node("B").deps(&["GHOST"]);
    world.kdl = "remediatoin 1".to_owned();
    world.build();
    rejected(&world, 2, &["remediatoin", "remediation", "audit.kdl:"]);
    world.call(&["check"]).exits(2).says(&["remediatoin", "GHOST"]);
    let json = world.call(&["check", "--format", "json"]);
    json.exits(2);
    let problems: Vec<serde_json::Value> =
        json.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(problems.iter().any(|p| p.to_string().contains("GHOST")), "{json:?}");
    let github = world.call(&["check", "--format", "github"]);
    github.exits(2).says(&["::error ", "file=audit.kdl", "file=docs/audit/graph.md", "line="]);
}

#[test]
fn a_clean_check_says_so_in_every_form() {
    let mut world = one();
    world.build();
    world.call(&["check"]).exits(0);
    assert_eq!(world.call(&["check", "--format", "json"]).exits(0).out, "", "a line for each problem");
    assert_eq!(world.call(&["check", "--format", "github"]).exits(0).out.matches("::error").count(), 0);
}

#[test]
fn a_check_of_audit_kdl_is_one_command_line() {
    let check = |lines: &str| {
        let mut world = one();
        world.kdl = format!("invariant \"INV-0\" {{\n    check \"\"\"\n{lines}\n        \"\"\"\n}}");
        world.build();
        world.call(&["check"])
    };
    check("        false\n        true").exits(2).says(&["one command line", "audit.kdl:"]);
    check("        true &&\n          true").exits(0);
}

#[test]
fn words_of_graph_md_may_be_spelled_as_audit_kdl_spells_them() {
    let mut world = one();
    world.nodes[0].with("expected_signal", "allow-empty");
    world.build();
    world.call(&["explain", "A"]).exits(0).says(&["allow_empty"]);
}

#[test]
fn a_node_that_audit_kdl_names_must_exist() {
    let mut world = one();
    world.kdl = "node \"AA\" timeout=\"5m\"".to_owned();
    world.build();
    rejected(&world, 2, &["AA", "audit.kdl"]);
}

#[test]
fn preflight_writes_its_reports_and_makes_no_branch() {
    let mut world = one();
    world.node("B").deps(&["A"]).agent("echo 1 > B.out");
    world.build();
    world.call(&["preflight"]).exits(0);
    for name in ["trace_matrix.md", "dispatch_plan.md", "dispatch_plan.json", "check_normalization.md"] {
        assert!(world.has(&format!("preflight/{name}")), "{name}");
    }
    assert_eq!(world.branch(), "");
    assert_eq!(world.git("status --porcelain"), "");
    let first = world.text("preflight/dispatch_plan.json");
    world.run().exits(0);
    let (mut a, mut b): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&first).unwrap(), world.json("preflight/dispatch_plan.json"));
    [&mut a, &mut b].into_iter().for_each(|plan| drop(plan.as_object_mut().unwrap().remove("run_id")));
    assert_eq!(a, b, "the run consumed exactly this plan");
}

#[test]
fn a_dry_run_does_nothing() {
    let mut world = one();
    world.build();
    world.call(&["run", "--dry-run"]).exits(0).says(&["A"]);
    assert_eq!(world.branch(), "");
    assert!(!world.has("runs"));
}

#[test]
fn no_bundle_at_all_is_told() {
    let world = World::new();
    world.commit("base");
    let outcome = world.run();
    assert!([2, 3].contains(&outcome.code), "{outcome:?}");
    outcome.says(&["docs/audit"]);
    let elsewhere = world.repo.with_file_name("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let outcome = world.call_in(&elsewhere, &["run"]);
    assert!([2, 3].contains(&outcome.code), "{outcome:?}");
    outcome.says(&["git"]);
}

#[test]
fn a_bundle_at_the_root_and_out_elsewhere() {
    let world = one();
    world.write_bundle();
    world.sh("mv docs/audit/state.md docs/audit/graph.md docs/audit/prompts . && rm -r docs && rm audit.kdl");
    let agent = world.agents.join("agent.sh").display().to_string();
    world.write(
        "audit.kdl",
        format!("agent \"fake\" adapter=\"exec\" default=#true {{ command \"{agent}\" }}\nout \"proof\"\n"),
    );
    world.commit("base");
    world.call(&["run"]).exits(0);
    assert!(
        world.repo.join("proof/audit-report.md").exists()
            && world.repo.join("proof/runs/A/diff.patch").exists()
    );
    assert_eq!(world.git("status --porcelain"), "");
    world.call(&["verify"]).exits(0);
    world.call(&["gate", "--base", "main"]).exits(0);
}

#[test]
fn a_bundle_of_the_flag_wins() {
    let mut world = one();
    world.write_bundle();
    world.sh("mkdir other && mv docs/audit other/bundle && rmdir docs");
    world.build();
    world.sh("git rm -rq --cached docs; rm -r docs; git commit -qm moved");
    world.call(&["run", "--bundle", "other/bundle"]).exits(0);
    assert!(world.repo.join("other/bundle/audit-report.md").exists());
}

#[test]
fn a_program_that_only_setup_brings_is_used() {
    let mut world = one();
    program(
        &world.repo,
        "tools/prepare",
        "#!/bin/sh\nmkdir -p bin && printf '#!/bin/sh\\nexit 0\\n' > bin/brought && chmod +x bin/brought\n",
    );
    world.write(".gitignore", "/bin/\n");
    world.kdl = "worktree { setup \"./tools/prepare\"; provides \"brought\" }".to_owned();
    world.nodes[0].checks(&["PATH=$PWD/bin:$PATH brought"]);
    world.build();
    world.run().exits(0);
}
