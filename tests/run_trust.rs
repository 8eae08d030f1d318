//! What agents do to the repository around them, what operators do meanwhile, and what a recipe may not leave out.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::{World, program};

fn once(script: &str) -> World {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    world.node("A").agent(script).touches(&["n"]);
    world
}

/// An agent that changes something of the repository's own: it can't, or the node fails.
#[track_caller]
fn is_a_violation(deed: &str, evidence: &str) {
    let mut world = once("");
    let script = deed.replace("REPO", &world.repo.display().to_string());
    world.nodes[0].agent(&format!("echo 1 > n; {{ {script}; }} || true"));
    world.build();
    let outcome = world.run();
    let done = world.sh(&format!("{evidence} && echo done || echo not"));
    match done.lines().last() {
        Some("done") => {
            outcome.exits(4);
            assert_eq!(world.status("A"), "failed");
            assert!(world.reason("A").contains("touches"), "{}", world.reason("A"));
        }
        _ => drop(outcome.exits(0).code),
    }
}

#[test]
fn a_hook_planted_in_the_repository() {
    is_a_violation("echo x > REPO/.git/hooks/post-commit", "test -e .git/hooks/post-commit");
}

#[test]
fn a_setting_planted_in_the_repository() {
    is_a_violation("git -C REPO config alias.x '!evil'", "git config alias.x");
}

#[test]
fn an_audit_ref_planted_in_the_repository() {
    is_a_violation(
        "git -C REPO update-ref refs/heads/audit/run-20200101T000000Z HEAD",
        "git rev-parse -q --verify refs/heads/audit/run-20200101T000000Z",
    );
}

#[test]
fn the_bundle_on_disk_is_not_what_is_judged_by() {
    let mut world = once("echo 1 > n");
    world.nodes[0].checks(&["false"]);
    let prompt = world.repo.join("docs/audit/prompts/A.md").display().to_string();
    world.nodes[0].agent(&format!("echo 1 > n; sed -i 's/false/true/' {prompt} || true"));
    world.build();
    world.run().exits(4);
    assert_eq!(world.verification("A")["checks"][0]["command"], "false");
}

#[test]
fn commits_of_the_operator_s_during_a_run_do_no_harm() {
    let mut world = once("");
    let go = world.agents.join("go").display().to_string();
    world.nodes[0].agent(&format!("touch {go}.ready; until [ -e {go} ]; do sleep 0.1; done; echo 1 > n"));
    world.build();
    let run = world.start(&["run"]);
    support::wait_until("the agent runs", || world.agents.join("go.ready").exists());
    world.write("src/a.txt", "the operator works on\n");
    world.commit("meanwhile");
    world.git("branch another");
    world.write("src/b.txt", "not committed\n");
    std::fs::write(&go, "").unwrap();
    support::Outcome::of(run.wait_with_output().unwrap()).exits(0);
    assert_eq!(world.log(), ["node(A): add A"]);
    assert_eq!(world.git(&format!("rev-parse {}~1", world.branch())), world.base);
    assert_eq!(world.git("status --porcelain"), " M src/b.txt");
    let report = world.text("audit-report.md");
    assert!(report.contains("refs/heads/main changed while A ran"), "{report}");
}

#[test]
fn worktree_preparation_is_outside_of_capture() {
    let mut world = once("test -f copied.env && test -e modules/m && test -f made; echo 1 > n");
    world.write(".gitignore", "/copied.env\n/modules/\n/made\n");
    world.write("copied.env", "X=1\n");
    world.write("modules/m", "m\n");
    program(&world.repo, "tools/prepare", "#!/bin/sh\necho prepared > made\n");
    world.kdl += "\nworktree { copy \"copied.env\"; link \"modules\"; setup \"./tools/prepare\" }";
    world.nodes[0].checks(&["test -f copied.env && test -e modules/m && test -f made"]);
    world.build();
    world.run().exits(0);
    assert_eq!(world.git(&format!("diff --name-only {} {}", world.base, world.branch())), "n");
    assert_eq!(world.read("modules/m"), "m\n");
}

#[test]
fn a_setup_that_fails_fails_the_node_with_its_output() {
    let mut world = once("echo 1 > n");
    world.kdl += "\nworktree { setup \"echo no luck today; exit 3\" }";
    world.build();
    let outcome = world.run();
    assert!([1, 3, 4, 7].contains(&outcome.code), "{outcome:?}");
    outcome.says(&["setup"]);
}

#[test]
fn a_recipe_may_do_more_but_not_less() {
    let gates = [
        "worktree enter",
        "agent run",
        "capture",
        "gate touches",
        "gate loc",
        "gate signal",
        "check done_when",
        "check invariants",
        "commit",
        "land",
    ];
    let recipe = |lines: &[&str]| {
        let lines: String = lines.iter().map(|l| format!("        {l}\n")).collect();
        format!("recipe \"node\" {{\n    steps \"\"\"\n{lines}        \"\"\"\n}}")
    };
    let mut more = gates.to_vec();
    more.insert(6, "test -f n");
    let mut world = once("echo 1 > n");
    world.kdl += &format!("\n{}", recipe(&more));
    world.build();
    world.run().exits(0);
    for (i, gate) in gates.iter().enumerate().filter(|(_, g)| g.contains(' ') && **g != "worktree enter") {
        let mut less = gates.to_vec();
        less.remove(i);
        world.kdl = recipe(&less);
        world.build();
        world.call(&["check"]).exits(2).says(&[gate, "audit.kdl"]);
    }
    let mut swapped = gates.to_vec();
    swapped.swap(8, 3);
    world.kdl = recipe(&swapped);
    world.build();
    world.call(&["check"]).exits(2);
}
