//! Variables that nobody sets, and what can be asked of a plan that can't be run here.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail as tests do.

mod support;
use support::World;

fn with(kdl: &str) -> World {
    let mut world = World::new();
    world.node("A").agent("echo $GIVEN > n").touches(&["n"]).checks(&["test -f n"]);
    world.kdl = kdl.to_owned();
    world.build();
    world
}

#[track_caller]
fn nothing_was_begun(world: &World) {
    assert_eq!(world.git("for-each-ref refs/heads/audit refs/auditrun"), "");
    assert_eq!(world.worktrees(), [""; 0]);
}

#[test]
fn a_value_that_needs_an_unset_variable_stops_a_run_before_its_first_attempt() {
    for kdl in [
        "env { GIVEN \"x-$NOWHERE\" }",
        "node \"A\" { env { GIVEN \"$NOWHERE\" } }",
        "agent \"other\" adapter=\"exec\" { command \"/bin/true\"; env { GIVEN (secret)\"$NOWHERE\" } }\nroles { node \"other\" }",
    ] {
        let world = with(kdl);
        for command in ["preflight", "run"] {
            world.call(&[command]).exits(3).says(&["NOWHERE", "GIVEN", "audit.kdl:"]);
            nothing_was_begun(&world);
        }
        // Where it is only looked at, the variable may be missing.
        world.call(&["check"]).exits(0).says(&["NOWHERE", "audit.kdl:"]);
        world.call_with(&[("NOWHERE", "here")], &["preflight"]).exits(0);
    }
}

#[test]
fn a_value_may_need_what_another_block_sets() {
    let world = with("env { FIRST \"1\" }\nnode \"A\" { env { GIVEN \"$FIRST$HOME\" } }");
    world.run().exits(0);
    assert!(world.landed("n").starts_with("1/"));
}

#[test]
fn a_variable_of_the_recipe_that_nothing_can_set_is_an_error_of_audit_kdl() {
    let recipe = |step: &str, more: &str| {
        format!(
            "{more}\nrecipe \"node\" {{\n    steps \"\"\"\n        worktree enter; agent run; {step}\n        capture; gate touches; gate loc; gate signal\n        check done_when; check invariants; commit; land\n        \"\"\"\n}}"
        )
    };
    let world = with(&recipe("echo $NODE_IDD", ""));
    for command in ["check", "preflight", "run"] {
        world.call(&[command]).exits(2).says(&["NODE_IDD", "audit.kdl:"]);
    }
    nothing_was_begun(&world);
    for (step, more) in [
        ("echo $NODE_ID $HOME $TMPDIR ${NOWHERE:-}", ""),
        ("echo $NOWHERE", "env { pass \"NOWHERE\" }"),
        ("echo $NOWHERE", "node \"A\" { env { NOWHERE \"1\" } }"),
        ("NOWHERE=1; echo $NOWHERE", ""),
    ] {
        with(&recipe(step, more)).call(&["check"]).exits(0);
    }
    with(&recipe("agent run --role critc", "")).call(&["check"]).exits(2).says(&[
        "critc",
        "critic",
        "audit.kdl:",
    ]);
}

#[test]
fn a_plan_is_shown_where_its_agent_is_not_installed() {
    let world =
        with("agent \"gone\" adapter=\"exec\" { command \"no-such-agent\" }\nroles { node \"gone\" }");
    world.call(&["check"]).exits(3).says(&["no-such-agent"]);
    world.call(&["graph"]).exits(0).says(&["A: add A"]);
    world.call(&["explain", "A"]).exits(0).says(&["gone"]);
}
