//! Phase 3: a second and a third try in words that say what failed, then a proposal to split.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use serde_json::json;
use support::World;

fn failing_once() -> World {
    let mut world = World::new();
    world
        .node("A")
        .agent("echo right > n")
        .attempt(1, "echo wrong > n")
        .touches(&["n"])
        .checks(&["echo the-tail-of-it; grep -q right n"]);
    world
}

#[test]
fn a_cycle_says_what_failed_and_shows_the_diff_as_anti_evidence() {
    let mut world = failing_once();
    world.build();
    world.run().exits(0);
    let cycle = world.text("remediation/A/cycle-1.md");
    for words in ["grep -q right n", "the-tail-of-it", "+wrong", "A is there.", "Anything else changes."] {
        assert!(cycle.contains(words), "{words} is not in {cycle}");
    }
    assert!(cycle.contains("`n`") || cycle.contains("- n"), "touches: {cycle}");
    assert!(!world.has("remediation/A/cycle-2.md") && !world.has("remediation/A/split.md"));
    assert_eq!(world.verification("A")["attempt"], 2);
    assert!(world.git(&format!("log -1 --format=%B {}", world.branch())).contains("Audit-Attempt: 2"));
    assert_eq!(world.landed("docs/audit/prompts/A.md"), world.read("docs/audit/prompts/A.md").trim_end());
}

#[test]
fn attempts_are_kept_as_files_and_as_commits() {
    let mut world = failing_once();
    world.build();
    world.run().exits(0);
    assert!(world.text("runs/A/attempt-1/diff.patch").contains("+wrong"));
    assert!(world.text("runs/A/attempt-2/diff.patch").contains("+right"));
    let refs = world.git("for-each-ref --format='%(refname)' refs/auditrun/");
    let run = world.branch().replace("audit/run-", "");
    for n in [1, 2] {
        assert!(refs.contains(&format!("refs/auditrun/{run}/A/attempt-{n}")), "{refs}");
    }
    assert_eq!(world.git(&format!("show refs/auditrun/{run}/A/attempt-1:n")), "wrong");
}

#[test]
fn a_cycle_begins_from_the_base_unless_told_otherwise() {
    for (from, kept) in [("", false), (" from=\"attempt\"", true)] {
        let mut world = World::new();
        world.kdl = format!("remediation 2{from}");
        world
            .node("A")
            .agent("test -e n && echo kept > n || echo fresh > n")
            .attempt(1, "echo wrong > n")
            .touches(&["n"])
            .checks(&["! grep -q wrong n"]);
        world.build();
        world.run().exits(0);
        assert_eq!(world.landed("n"), if kept { "kept" } else { "fresh" });
    }
}

#[test]
fn the_number_of_cycles_is_a_setting() {
    for (n, dispatches) in [(0, 1), (1, 2)] {
        let mut world = World::new();
        world.kdl = format!("remediation {n}");
        world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["false"]);
        world.build();
        world.run().exits(4);
        assert_eq!(world.iteration()["iteration"], dispatches);
        assert_eq!(world.has("remediation/A/cycle-1.md"), n == 1);
    }
    let mut world = failing_once();
    world.kdl = "remediation 3".to_owned();
    world.build();
    world.run().exits(2).says(&["remediation"]);
}

#[test]
fn the_proposal_is_a_graph_that_can_be_checked() {
    let mut world = World::new();
    world
        .node("A")
        .agent("mkdir -p a b/c; for i in 1 2 3; do echo $i >> a/x.txt; echo $i >> b/y.txt; echo $i >> b/c/z.txt; done")
        .touches(&["a/**", "b/**"])
        .checks(&["test -f a/x.txt", "grep -q 9 b/y.txt"])
        .est(4);
    world.build();
    world.run().exits(4);
    let split = world.text("remediation/A/split.md");
    let ids: Vec<String> = split
        .lines()
        .filter_map(|l| l.strip_prefix("### ")?.split_once(": ").map(|(id, _)| id.to_owned()))
        .collect();
    assert!(ids.len() >= 2, "{split}");
    // It becomes the graph of a new bundle, with a prompt for each of its nodes.
    let mut next = World::new();
    next.node("A");
    next.write_bundle();
    next.remove("docs/audit/prompts/A.md");
    next.write("docs/audit/graph.md", &split);
    for id in &ids {
        next.write(&format!("docs/audit/prompts/{id}.md"), "## Success\nDone.\n\n## Failure modes\nNone.\n");
    }
    next.commit("split");
    next.call(&["check"]).exits(0);
    next.call(&["preflight"]).exits(0);
}

#[test]
fn a_sibling_that_runs_finishes_and_lands() {
    let mut world = World::new();
    world.kdl = "remediation 0".to_owned();
    let marker = world.agents.join("failed");
    world
        .node("A")
        .agent(&format!("echo 1 > n; touch {}", marker.display()))
        .touches(&["n"])
        .checks(&["false"]);
    world
        .node("B")
        .agent(&format!("until [ -e {} ]; do sleep 0.1; done; sleep 1; echo 1 > B.out", marker.display()));
    world.node("C").deps(&["A"]);
    world.node("D").deps(&["C"]);
    world.build();
    let outcome = world.run();
    outcome.exits(4);
    assert_eq!(world.status("B"), "verified");
    assert_eq!(world.log(), ["node(B): add B"]);
    for (id, cause) in [("C", 'A'), ("D", 'A')] {
        assert_eq!(world.status(id), "blocked");
        assert!(world.reason(id).contains(cause), "{}", world.reason(id));
    }
    let last = outcome.err.trim_end().lines().rev().find(|l| !l.starts_with("report")).unwrap();
    assert!(last.contains('A') && !last.contains("blocked"), "the root cause comes last: {last}");
    assert!(world.worktrees().iter().any(|w| w.starts_with("audit-0-A-")), "{:?}", world.worktrees());
    assert!(!world.worktrees().iter().any(|w| w.starts_with("audit-0-B-")), "{:?}", world.worktrees());
}

#[test]
fn a_splitter_s_proposal_stands_if_it_parses() {
    let proposal = "Like so:\n\n### A-one: add one\n- touches: `n`\n- estimated_loc: 3\n- done_when:\n  - `true`\n\n\
                    ### A-two: add two\n- touches: `m`\n- depends_on: A-one\n- estimated_loc: 3\n- done_when:\n  - `true`\n";
    let part = |id: &str| json!({"id": id, "deliverable": "add it", "touches": ["n"], "estimated_loc": 2, "done_when": ["true"]});
    let object = json!({"nodes": [part("A-one"), part("A-two")]}).to_string();
    let escaping = proposal.replace("`m`", "`/etc/passwd`");
    let cases = [
        (proposal, true),
        (&object, true),
        ("no idea", false),
        (&escaping, false),
        ("{\"nodes\": []}", false),
    ];
    for (answer, refined) in cases {
        let mut world = World::new();
        world.kdl = "remediation 0\nroles { splitter \"fake\" }".to_owned();
        world.role("splitter", &format!("cat <<'X'\n{answer}\nX\n"));
        world.node("A").agent("echo 1 > n").touches(&["n"]).checks(&["false"]);
        world.build();
        world.run().exits(4);
        assert_eq!(
            world.text("remediation/A/split.md").contains("A-one"),
            refined,
            "{}",
            world.text("remediation/A/split.md")
        );
    }
}

#[test]
fn a_large_diff_is_cut_with_its_path() {
    let mut world = World::new();
    world
        .node("A")
        .agent("echo right > n")
        .attempt(1, "head -c 200000 /dev/zero | tr '\\0' 'x' | fold -w 1000 > n")
        .touches(&["n"])
        .est(10_000)
        .checks(&["grep -q right n"]);
    world.build();
    world.run().exits(0);
    let cycle = world.text("remediation/A/cycle-1.md");
    assert!(cycle.len() < 90_000, "{}", cycle.len());
    assert!(cycle.contains("runs/A/attempt-1/diff.patch"), "{}", &cycle[..2000]);
}
