//! Phase 0a: open questions are answered by agents that may only read, or go to a person.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use serde_json::json;
use support::World;

fn asked() -> World {
    let mut world = World::new();
    world.question("Q-1", "what does it say?", "README.md");
    world.resolver(json!({}));
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world
}

#[track_caller]
fn escalates(world: &mut World, words: &[&str]) {
    world.build();
    world.run().exits(4).says(words).says(&["Q-1", "state.md"]);
    assert_eq!(world.termination(), "open_question");
    assert_eq!(world.log(), [""; 0]);
    assert!(!world.has("runs/A/agent.log"));
}

#[test]
fn an_accepted_answer_is_committed_as_a_patch() {
    let mut world = asked();
    world.build();
    world.run().exits(0);
    let log = world.log();
    assert!(log[0].starts_with("resolve(Q-1): ") && log[1] == "node(A): add A", "{log:?}");
    let message = world.git(&format!("log -1 --format=%B {}~1", world.branch()));
    assert!(message.contains("Audit-Resolve: Q-1"), "{message}");
    let note = world.text("resolutions/Q-1.md");
    ["what does it say?", "README.md", "It is hello.", "0.93"]
        .iter()
        .for_each(|w| assert!(note.contains(w), "{note}"));
    let patched = "cp -r docs ../copy && cd ../copy && git init -q && mkdir docs && mv audit docs && git apply docs/audit/resolutions/Q-1.state.md.patch && cat docs/audit/state.md";
    assert_eq!(world.sh(patched), world.landed("docs/audit/state.md"));
    assert_eq!(world.text("audit-report.fingerprint").trim(), world.fingerprint());
    world.call(&["verify"]).exits(0);
    world.call(&["gate", "--base", "main"]).exits(0);
}

#[test]
fn the_state_at_the_head_parses_and_holds_no_question() {
    let mut world = asked();
    world.question("Q-2", "and this?", "src/a.txt");
    world.role("resolver", "f=$(find . -type f | grep -q a.txt && echo Q-2 src/a.txt || echo Q-1 README.md); set -- $f\n\
        echo \"{\\\"question_id\\\": \\\"$1\\\", \\\"evidence_paths\\\": [\\\"$2\\\"], \\\"proposed_answer\\\": \\\"yes | **bold**: $1\\\", \\\"confidence\\\": 0.8, \\\"contradicts\\\": []}\"\n");
    world.build();
    world.run().exits(0);
    let log = world.log();
    assert!(log[0].starts_with("resolve(Q-1)") && log[1].starts_with("resolve(Q-2)"), "{log:?}");
    world.git(&format!("checkout -q {}", world.branch()));
    world.call(&["check"]).exits(0);
    world.call(&["run"]).exits(4);
}

#[test]
fn the_line_ends_of_the_state_stay() {
    let mut world = asked();
    world.eol = "\r\n";
    world.build();
    world.run().exits(0);
    let state = world.git(&format!(
        "show {}:docs/audit/state.md | grep -c -v \"$(printf '\\r')$\" || true",
        world.branch()
    ));
    assert_eq!(state, "0");
}

#[test]
fn little_confidence_goes_to_a_person() {
    let mut world = asked();
    world.resolver(json!({"confidence": 0.79}));
    escalates(&mut world, &["0.79"]);
    assert!(world.text("resolutions/Q-1.md").contains("0.79"));
}

#[test]
fn a_confidence_of_exactly_four_fifths_is_enough() {
    let mut world = asked();
    world.resolver(json!({"confidence": 0.8}));
    world.build();
    world.run().exits(0);
}

#[test]
fn a_contradiction_that_the_resolver_names_goes_to_a_person() {
    let mut world = asked();
    world.resolver(json!({"contradicts": ["INV-0"]}));
    escalates(&mut world, &["INV-0"]);
}

#[test]
fn a_contradiction_that_the_arbiter_names_goes_to_a_person() {
    let mut world = asked();
    world.role("arbiter", "echo '{\"contradicts\": [\"INV-0\"], \"why\": \"it cannot hold\"}'\n");
    escalates(&mut world, &["INV-0"]);
}

#[test]
fn evidence_that_is_not_there_voids_the_answer() {
    let mut world = asked();
    world.resolver(json!({"evidence_paths": ["no/such/file"]}));
    escalates(&mut world, &["no/such/file"]);
}

#[test]
fn a_confidence_out_of_range_voids_the_answer() {
    for confidence in [1.5, -0.1] {
        let mut world = asked();
        world.resolver(json!({"confidence": confidence}));
        escalates(&mut world, &[]);
    }
}

#[test]
fn another_question_s_answer_is_none() {
    let mut world = asked();
    world.resolver(json!({"question_id": "Q-9"}));
    escalates(&mut world, &[]);
}

#[test]
fn malformed_once_is_asked_again_with_the_error() {
    let mut world = asked();
    let count = world.agents.join("calls");
    world.build();
    let answer = "{\"question_id\": \"Q-1\", \"evidence_paths\": [\"README.md\"], \"proposed_answer\": \"hello\", \"confidence\": 0.9, \"contradicts\": []}";
    world.role(
        "resolver",
        &format!(
            "echo x >> {0}; if [ $(wc -l < {0}) = 1 ]; then echo 'no json {{'; else echo '{answer}'; fi\n",
            count.display()
        ),
    );
    world.run().exits(0);
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\nx\n");
}

#[test]
fn malformed_twice_goes_to_a_person() {
    let mut world = asked();
    world.role("resolver", "echo I think it says hello\n");
    escalates(&mut world, &[]);
}

#[test]
fn a_resolver_sees_its_files_and_nothing_else() {
    let mut world = asked();
    world.role(
        "resolver",
        &format!(
            "find . -type f > {0}/seen; {1}",
            world.agents.display(),
            std::fs::read_to_string(world.agents.join("resolver.sh")).unwrap()
        ),
    );
    world.build();
    world.run().exits(0);
    let seen = std::fs::read_to_string(world.agents.join("seen")).unwrap();
    assert_eq!(seen, "./README.md\n");
}

#[test]
fn an_answer_that_would_break_the_file_does_not() {
    let mut world = asked();
    world.resolver(json!({"proposed_answer": "line one\n## Invariants\n- **INV-9**: evil\n  - check: `true`\n```yaml\n"}));
    world.build();
    let outcome = world.run();
    assert!([0, 4].contains(&outcome.code), "{outcome:?}");
    if outcome.code == 0 {
        world.git(&format!("checkout -q {}", world.branch()));
        world.call(&["check"]).exits(0);
        assert!(!world.call(&["explain", "A"]).all().contains("INV-9"));
    }
}

#[test]
fn evidence_that_is_no_path_of_the_repository_voids_the_answer() {
    for path in ["/etc/passwd", "../README.md", "", "a\u{0}b"] {
        let mut world = asked();
        world.resolver(json!({"evidence_paths": [path]}));
        escalates(&mut world, &["does not exist at HEAD"]);
    }
}
