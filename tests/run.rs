//! `auditrun run` over small bundles: what lands, what is refused, how it ends.
#![allow(clippy::unwrap_used)] // Helpers of tests fail as they do.

mod example_world;

use example_world::{Bundle, Form, Node, World};

/// A node that writes one file and is satisfied with it.
fn writes(id: &str) -> Node {
    let file = format!("{id}.txt");
    Node::named(id).touches(&file).does(&format!("echo {id} > {file}")).done_when(&format!("test -f {file}"))
}

/// A script that writes `count` lines to `path`.
fn lines(count: usize, path: &str) -> String {
    format!("i=0; while [ $i -lt {count} ]; do echo line$i; i=$((i+1)); done > {path}")
}

#[test]
fn a_chain_lands_in_its_order_and_is_proven() {
    let world = World::with(Bundle::new().node(writes("A")).node(writes("B").after("A")));
    let before = world.standing();
    world.auditrun(["run"]).must_exit(0);
    assert_eq!(world.audit_log(), ["node(A): add A", "node(B): add B"]);
    assert_eq!(world.iteration(), (2, "done".to_owned(), "all_done".to_owned()));
    assert_eq!(world.fingerprint(), world.fingerprint_by("README.md"));
    assert_eq!(world.standing(), before);
    let message = world.git(&["log", "-1", "--format=%B", &world.audit_branch()]);
    for trailer in ["Audit-Run: ", "Audit-Node: B", "Audit-Delta: D-B", "Audit-Attempt: 1"] {
        assert!(message.contains(trailer), "{trailer} is not in\n{message}");
    }
    assert_eq!(world.artifact("runs/.dag-patterns.jsonl").lines().count(), 2);
}

#[test]
fn the_three_forms_of_a_graph_mean_the_same() {
    let plan = |form| {
        let world = World::with(
            Bundle::new()
                .written_as(form)
                .node(Node::named("A").touches("a/**").touches("b.txt").expects_lines(7).shares("b.txt"))
                .node(Node::named("B").touches("c").after("A").with_confidence("rough").alone())
                .node(Node::named("C").touches("b.txt").shares("b.txt").may_be_empty()),
        );
        world.auditrun(["preflight"]).must_exit(0);
        let plan = world.json("preflight/dispatch_plan.json");
        let mut settings = plan["nodes"].clone();
        for node in settings.as_object_mut().unwrap().values_mut() {
            for setting in node["settings"].as_object_mut().unwrap().values_mut() {
                setting.as_object_mut().unwrap().remove("source"); // Another line in each form.
            }
        }
        (plan["tiers"].clone(), plan["edges"].clone(), settings)
    };
    let headings = plan(Form::Headings);
    assert_eq!(headings.0, serde_json::json!([["A"], ["B", "C"]]));
    assert_eq!(plan(Form::Table), headings);
    assert_eq!(plan(Form::Yaml), headings);
}

#[test]
fn a_foreign_path_is_refused_and_the_next_attempt_may_land() {
    let node = writes("A").does("echo 1 > A.txt; echo 2 > foreign.txt");
    let node = node.does_at(2, "test ! -e foreign.txt; echo 1 > A.txt");
    let world = World::with(Bundle::new().node(node));
    world.auditrun(["run"]).must_exit(0);
    assert!(world.artifact("remediation/A/cycle-1.md").contains("foreign.txt"));
    assert!(world.artifact("runs/A/attempt-1/diff.patch").contains("foreign.txt"));
    assert!(!world.artifact("runs/A/diff.patch").contains("foreign.txt"));
    assert_eq!(world.git(&["ls-tree", "--name-only", &world.audit_branch(), "foreign.txt"]), "");
}

/// Size, confidence and estimate 10: status and dispatches.
#[track_caller]
fn loc(count: usize, confidence: &str, status: &str, dispatches: u64) {
    let node = Node::named("A").touches("f").with_confidence(confidence).does(&lines(count, "f"));
    let world = World::with(Bundle::new().node(node));
    world.auditrun(["run"]).must_exit(if status == "verified" { 0 } else { 4 });
    assert_eq!((world.status_of("A").as_str(), world.iteration().0), (status, dispatches), "{count} lines");
    assert_eq!(world.artifact_path("remediation/A/split.md").exists(), status != "verified");
}

#[test]
fn the_size_gate_holds_at_its_borders() {
    loc(30, "tight", "verified", 1);
    loc(31, "tight", "oversized", 3);
    loc(40, "rough", "verified", 1);
    loc(41, "rough", "oversized", 3);
    loc(51, "tight", "oversized", 1);
    loc(40, "unbounded", "verified", 1);
}

#[test]
fn an_empty_change_is_a_failure_unless_it_may_be_one() {
    let world = World::with(Bundle::new().node(Node::named("A").does("true").may_be_empty()));
    world.auditrun(["run"]).must_exit(0);
    let trees = world.git(&["rev-parse", "HEAD^{tree}", &format!("{}^{{tree}}", world.audit_branch())]);
    assert_eq!(trees.lines().next(), trees.lines().nth(1));
    assert!(world.git(&["log", "-1", "--format=%B", &world.audit_branch()]).contains("already satisfied"));

    let world = World::with(Bundle::new().node(Node::named("A").does("true")));
    world.auditrun(["run"]).must_exit(4);
    assert_eq!((world.status_of("A").as_str(), world.audit_log().len()), ("failed", 0));
}

#[test]
fn what_breaks_beside_a_sibling_is_caught_before_it_lands() {
    // B is green on its base and red on A's result: seen only if it is tested there again.
    let landed = "i=0; until git log --format=%s --branches='audit/*' | grep -q '^node(A)'; \
                  do i=$((i+1)); test $i -lt 600; sleep 0.1; done; echo 1 > B.txt";
    let b = Node::named("B").touches("B.txt").done_when("! test -e A.txt || grep -q both B.txt");
    let world =
        World::with(Bundle::new().node(writes("A")).node(b.does(landed).does_at(2, "echo both > B.txt")));
    world.auditrun(["run"]).must_exit(0);
    assert_eq!(world.landed("B.txt"), "both");
    assert_eq!(world.verification("B")["attempt"], 2);
}

#[test]
fn an_invariant_that_an_agent_breaks_fails_its_node() {
    let bundle = Bundle::new().invariant("INV-1", &["grep -q hello README.md"]);
    let world = World::with(
        bundle.node(Node::named("A").touches("README.md").cites("INV-1").does("echo bye > README.md")),
    );
    world.auditrun(["run"]).must_exit(4);
    let invariant = &world.verification("A")["invariants"][0];
    assert_eq!((&invariant["id"], &invariant["regression"]), (&"INV-1".into(), &true.into()));
}

#[test]
fn a_bound_ends_the_run_and_keeps_what_has_landed() {
    let bundle = Bundle::new().node(writes("A").alone()).node(writes("B").alone()).node(writes("C").alone());
    let world = World::with(bundle);
    world.auditrun(["run", "--max-iterations", "2"]).must_exit(5);
    assert_eq!(world.iteration(), (2, "halted".to_owned(), "max_iterations".to_owned()));
    assert_eq!(world.audit_log(), ["node(A): add A", "node(B): add B"]);
    let bundle = Bundle::new().node(writes("A").done_when("false")).node(writes("B").after("A"));
    let world = World::with(bundle);
    world.auditrun(["run", "--max-iterations", "2"]).must_exit(5);
    assert_eq!(world.iteration(), (2, "halted".to_owned(), "max_iterations".to_owned()));
    assert_eq!(world.audit_log(), [] as [&str; 0]);
}

#[test]
fn what_an_agent_leaves_running_ends_with_it() {
    let node = writes("A").does(
        "(sleep 1000 & echo $! > A.txt); setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >> A.txt",
    );
    let world = World::with(Bundle::new().node(node));
    world.auditrun(["run"]).must_exit(0);
    for pid in world.landed("A.txt").split_whitespace() {
        let alive = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|c| c.contains("1000"));
        assert!(!alive, "process {pid} has outlived the run");
    }
}

#[test]
fn a_cycle_is_named_whole_and_nothing_is_made() {
    let node = |id: &str, after: &str| Node::named(id).after(after);
    let bundle = Bundle::new()
        .node(node("Axolotl", "Cobra"))
        .node(node("Badger", "Axolotl"))
        .node(node("Cobra", "Badger"));
    let world = World::with(bundle);
    for command in ["check", "preflight", "run"] {
        let ended = world.auditrun([command]).must_exit(3);
        for word in ["Axolotl", "Badger", "Cobra", "docs/audit/graph.md"] {
            assert!(ended.says(word), "{command} does not name {word}:\n{}", ended.err);
        }
    }
    assert_eq!(world.git(&["for-each-ref", "refs/heads/audit"]), "");
}

#[test]
fn a_bundle_that_is_not_committed_is_refused_with_the_command_that_commits_it() {
    let world = World::with(Bundle::new().node(writes("A")));
    world.write("docs/audit/prompts/A.md", "changed");
    world.auditrun(["run"]).must_exit(3).must_say("git add docs/audit");
}

#[test]
fn tampering_is_found() {
    let world = World::with(Bundle::new().node(writes("A")));
    world.auditrun(["run"]).must_exit(0);
    let patch = world.artifact_path("runs/A/diff.patch");
    let honest = std::fs::read_to_string(&patch).unwrap();
    std::fs::write(&patch, honest.replace("+A", "+B")).unwrap();
    world.auditrun(["verify"]).must_exit(1).must_say("runs/A/diff.patch");
    world.auditrun(["gate", "--base", "main"]).must_exit(1);
    std::fs::write(&patch, honest).unwrap();
    world.auditrun(["verify"]).must_exit(0);
    world.auditrun(["verify", &"0".repeat(64)]).must_exit(1);
    let branch = world.audit_branch();
    let sneaky = world.git(&["commit-tree", &format!("{branch}^{{tree}}"), "-p", &branch, "-m", "sneaky"]);
    world.git(&["update-ref", &format!("refs/heads/{branch}"), &sneaky]);
    world.auditrun(["gate", "--base", "main"]).must_exit(1);
}
