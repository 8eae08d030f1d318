//! Targets, driven with the real binary: what is selected, what runs, what is said, and how
//! it ends.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use support::{Outcome, World};

/// A repository whose audit.kdl is `kdl`; nothing of it is committed.
fn world(kdl: &str) -> World {
    let world = World::new();
    world.write("audit.kdl", kdl);
    world
}

struct Row {
    /// What the row says, in a few words.
    name: &'static str,
    kdl: &'static str,
    args: &'static [&'static str],
    code: i32,
    /// On standard output or error.
    says: &'static [&'static str],
    never: &'static [&'static str],
}

const TABLE: &[Row] = &[
    Row {
        name: "needs run first",
        kdl: r#"target "a" { steps "echo on''e" }; target "b" { needs "a"; steps "echo tw''o" }"#,
        args: &["b"],
        code: 0,
        says: &["one\ntwo"],
        never: &[],
    },
    Row {
        name: "no words mean default",
        kdl: r#"target "default" { steps "echo R''AN" }"#,
        args: &[],
        code: 0,
        says: &["RAN"],
        never: &[],
    },
    Row {
        name: "without default and bundle the list is shown",
        kdl: r#"target "a" description="the first" { steps "true" }"#,
        args: &[],
        code: 2,
        says: &["the first", "audit.kdl:1:8", "default"],
        never: &[],
    },
    Row {
        name: "an unknown word has a suggestion",
        kdl: r#"target "lint" { steps "true" }"#,
        args: &["lnt"],
        code: 2,
        says: &["'lnt'", "did you mean 'lint'?"],
        never: &[],
    },
    Row {
        name: "a suggestion may be a subcommand",
        kdl: r#"target "lint" { steps "true" }"#,
        args: &["prefligth"],
        code: 2,
        says: &["did you mean 'preflight'?"],
        never: &[],
    },
    Row {
        name: "a failure exits 1 and skips dependents",
        kdl: r#"target "a" { steps "false" }; target "b" { needs "a"; steps "echo n''o" }"#,
        args: &["b"],
        code: 1,
        says: &["b: skipped: it needs 'a', which failed", "audit.kdl:1:21"],
        never: &["no\n"],
    },
    Row {
        name: "keep going runs the others",
        kdl: r#"target "a" { steps "false" }; target "b" { steps "echo y''es" }; target "c" { needs "a"; steps "echo n''o" }"#,
        args: &["-j1", "-k", "a", "b", "c"],
        code: 1,
        says: &["yes", "c: skipped"],
        never: &["no\n"],
    },
    Row {
        name: "without keep going the others are cancelled",
        kdl: r#"target "a" { steps "false" }; target "b" { steps "echo n''o" }"#,
        args: &["-j1", "a", "b"],
        code: 1,
        says: &["b: cancelled: because of 'a'"],
        never: &["no\n"],
    },
    Row {
        name: "a param takes its default",
        kdl: r#"target "a" { param "who" default="me"; steps "echo [$who]" }"#,
        args: &["a"],
        code: 0,
        says: &["[me]"],
        never: &[],
    },
    Row {
        name: "a param takes a value, one word with blanks",
        kdl: r#"target "a" { param "who" default="me"; steps "echo [$who]" }"#,
        args: &["a", "who=x  y"],
        code: 0,
        says: &["[x  y]"],
        never: &[],
    },
    Row {
        name: "a required param is asked for",
        kdl: r#"target "a" { param "who"; steps "echo $who" }"#,
        args: &["a"],
        code: 2,
        says: &["'who'", "auditrun a who=…"],
        never: &[],
    },
    Row {
        name: "an unknown param has a suggestion",
        kdl: r#"target "a" { param "base" default="x"; steps "true" }"#,
        args: &["a", "bsae=1"],
        code: 2,
        says: &["did you mean 'base'?"],
        never: &[],
    },
    Row {
        name: "a choice is checked",
        kdl: r#"target "a" { param "m" default="x" { choices "x" "y" }; steps "true" }"#,
        args: &["a", "m=z"],
        code: 2,
        says: &["take one of: x, y"],
        never: &[],
    },
    Row {
        name: "a param reaches what a target needs",
        kdl: r#"target "a" { param "who" default="me"; steps "echo [$who]" }; target "b" { needs "a" }"#,
        args: &["b", "who=you"],
        code: 0,
        says: &["[you]"],
        never: &[],
    },
    Row {
        name: "a program sees params",
        kdl: r#"target "a" { param "who" default="me"; steps "sh -c 'echo [$who]'" }"#,
        args: &["a"],
        code: 0,
        says: &["[me]"],
        never: &[],
    },
    Row {
        name: "an unset variable is found before anything runs",
        kdl: r#"target "a" { steps "echo e''arly" }; target "b" { needs "a"; steps "echo $NOPE_X" }"#,
        args: &["b"],
        code: 2,
        says: &["NOPE_X", "audit.kdl:1:"],
        never: &["early"],
    },
    Row {
        name: "an unset variable in an env value too",
        kdl: r#"target "a" { env { A "$NOPE_X" }; steps "true" }"#,
        args: &["a"],
        code: 2,
        says: &["NOPE_X"],
        never: &[],
    },
    Row {
        name: "what does not apply is left out with its needs",
        kdl: r#"target "a" { steps "echo n''o" }; target "b" { when env="NOPE_X"; needs "a"; steps "echo $NOPE_X" }"#,
        args: &["b"],
        code: 0,
        says: &["b does not apply: NOPE_X is not set"],
        never: &["no\n"],
    },
    Row {
        name: "another system's target does not apply",
        kdl: r#"target "a" { when os="windows"; steps "echo n''o" }"#,
        args: &["a"],
        code: 0,
        says: &["this is not windows"],
        never: &["no\n"],
    },
    Row {
        name: "a file decides",
        kdl: r#"target "a" { when exists="README.md"; steps "echo y''es" }; target "b" { when exists="nope"; steps "echo n''o" }"#,
        args: &["a", "b"],
        code: 0,
        says: &["yes", "nope does not exist"],
        never: &["no\n"],
    },
    Row {
        name: "a question without a terminal needs --yes",
        kdl: r#"target "a" { confirm "sure?"; steps "echo R''AN" }"#,
        args: &["a"],
        code: 2,
        says: &["sure?", "--yes"],
        never: &["RAN"],
    },
    Row {
        name: "a question is answered by --yes",
        kdl: r#"target "a" { confirm "sure?"; steps "echo R''AN" }"#,
        args: &["a", "--yes"],
        code: 0,
        says: &["RAN"],
        never: &[],
    },
    Row {
        name: "a timeout fails it",
        kdl: r#"target "a" { timeout "1s"; steps "sleep 60; echo n''o" }"#,
        args: &["a"],
        code: 1,
        says: &["timed out after 1s"],
        never: &["no\n"],
    },
    Row {
        name: "a folder of its own",
        kdl: r#"target "a" { cwd "src"; steps "cat a.txt" }"#,
        args: &["a"],
        code: 0,
        says: &["a\n"],
        never: &[],
    },
    Row {
        name: "values of env, in order",
        kdl: r#"env { A "1" }; target "a" { env { B "$A-2" }; steps "sh -c 'echo $A:$B'" }"#,
        args: &["a"],
        code: 0,
        says: &["1:1-2"],
        never: &[],
    },
    Row {
        name: "a secret is masked",
        kdl: r#"target "a" { env { A (secret)"correct-horse" }; steps "sh -c 'printf %s $A'; false" }"#,
        args: &["a", "-v"],
        code: 1,
        says: &["***"],
        never: &["correct-horse\n"],
    },
    Row {
        name: "a dry run expands and runs nothing",
        kdl: r#"target "a" { param "who" default="me"; steps "touch made-$who" }"#,
        args: &["a", "--dry-run", "who=you"],
        code: 0,
        says: &["# a\ntouch made-you\n"],
        never: &[],
    },
    Row {
        name: "a cycle of needs is an error",
        kdl: r#"target "a" { needs "b"; steps "true" }; target "b" { needs "a"; steps "true" }"#,
        args: &["a"],
        code: 2,
        says: &["a → b → a"],
        never: &[],
    },
    Row {
        name: "a step calls this program inside",
        kdl: r#"target "in" { steps "echo I''N" }; target "a" { steps "auditrun in; auditrun list" }"#,
        args: &["a"],
        code: 0,
        says: &["IN", "audit.kdl:1:8"],
        never: &[],
    },
    Row {
        name: "a target that calls itself is stopped",
        kdl: r#"target "a" { steps "auditrun a" }"#,
        args: &["a"],
        code: 1,
        says: &["calls itself"],
        never: &[],
    },
    Row {
        name: "a failed call inside fails the step",
        kdl: r#"target "a" { steps "auditrun nope; echo n''o" }"#,
        args: &["a"],
        code: 1,
        says: &["no target or subcommand 'nope'"],
        never: &["no\n"],
    },
    Row {
        name: "prefixed lines",
        kdl: r#"target "a" { steps "echo x; sh -c 'echo y >&2'" }"#,
        args: &["a", "--output", "prefixed"],
        code: 0,
        says: &["a | x\na | y\n"],
        never: &[],
    },
    Row {
        name: "raw keeps the streams apart",
        kdl: r#"target "a" { steps "echo x" }"#,
        args: &["a", "--output", "raw", "-q"],
        code: 0,
        says: &["x\n"],
        never: &["a |"],
    },
    Row {
        name: "hidden targets run and are not listed",
        kdl: r#"target "_h" { steps "echo h''i" }; target "a" { needs "_h" }"#,
        args: &["a"],
        code: 0,
        says: &["hi"],
        never: &[],
    },
    Row {
        name: "a param without a target",
        kdl: r#"target "a" { steps "true" }"#,
        args: &["x=1"],
        code: 2,
        says: &["no target"],
        never: &[],
    },
    Row {
        name: "no inputs always run and say so",
        kdl: r#"target "a" { steps "true" }"#,
        args: &["a", "--why"],
        code: 0,
        says: &["a runs: it has no inputs"],
        never: &[],
    },
];

#[test]
fn every_row_of_the_table_holds() {
    for row in TABLE {
        let world = world(row.kdl);
        let outcome = world.call(row.args);
        println!("{}: {outcome:?}", row.name);
        outcome.exits(row.code).says(row.says).says_nothing_of(row.never);
    }
}

#[test]
fn a_dry_run_makes_nothing() {
    let world = world(r#"target "a" { inputs "src/a.txt"; outputs "made"; steps "touch made" }"#);
    world.call(&["a", "--dry-run"]).exits(0);
    assert!(!world.repo.join("made").exists() && !world.repo.join(".auditrun").exists());
    world.call(&["a"]).exits(0);
    world.call(&["a", "--dry-run"]).exits(0).says(&["# a: up to date"]);
}

#[test]
fn targets_run_in_the_folder_of_audit_kdl_wherever_one_stands() {
    let world = world("target \"a\" { steps \"cat README.md\" }");
    world.call_in(&world.repo.join("src"), &["a"]).exits(0).says(&["hello"]);
    world.write("sub/other.kdl", "target \"b\" { steps \"echo o''ther; test -f other.kdl\" }");
    world.call_in(&world.repo.join("src"), &["-f", "../sub/other.kdl", "b"]).exits(0).says(&["other"]);
}

#[test]
fn independent_targets_run_beside_each_other_up_to_j() {
    // Each waits for the other's file: only side by side can both succeed.
    let wait = |own: &str, other: &str| {
        format!(
            "touch {own}; sh -c 'i=0; until test -e {other}; do i=$((i+1)); test $i -lt 200 || exit 1; sleep 0.05; done'"
        )
    };
    let kdl = format!(
        "target \"a\" {{ steps {:?} }}\ntarget \"b\" {{ steps {:?} }}\n",
        wait("one", "two"),
        wait("two", "one")
    );
    world(&kdl).call(&["-j2", "a", "b"]).exits(0);
}

#[test]
fn groups_are_not_mixed_and_keep_the_order_of_both_streams() {
    let script = "sh -c 'for i in 1 2 3 4 5; do echo X-out$i; echo X-err$i >&2; sleep 0.02; done'";
    let kdl = ["a", "b", "c"].map(|n| format!("target {n:?} {{ steps {:?} }}\n", script.replace('X', n)));
    let out = world(&kdl.concat()).call(&["-j3", "a", "b", "c"]).exits(0).out.clone();
    let mut names: Vec<&str> = out.lines().map(|l| &l[..1]).collect();
    assert_eq!(names.len(), 30, "{out}");
    names.dedup();
    assert_eq!(names.len(), 3, "mixed:\n{out}");
    for name in ["a", "b", "c"] {
        let lines: Vec<&str> = out.lines().filter(|l| l.starts_with(name)).map(|l| &l[2..]).collect();
        let wanted: Vec<String> = (1..=5).flat_map(|i| [format!("out{i}"), format!("err{i}")]).collect();
        assert_eq!(lines, wanted);
    }
}

#[test]
fn the_root_cause_is_said_last() {
    let kdl = "target \"a\" { steps \"sh -c 'sleep 0.2; exit 7'\" }\ntarget \"b\" { steps \"sleep 60\" }\n";
    let outcome = world(kdl).call(&["-j2", "a", "b"]);
    outcome.exits(1).says(&["b: cancelled: because of 'a'"]);
    assert!(outcome.err.trim_end().ends_with("target 'a' failed: exit code 7"), "{outcome:?}");
}

#[test]
fn keep_going_holds_for_calls_inside_too_and_names_each_cause() {
    let kdl = "target \"bad\" { steps \"sh -c 'exit 4'\" }\ntarget \"good\" { steps \"echo go''od\" }\n\
               target \"outer\" { steps \"auditrun bad good\" }\ntarget \"after\" { needs \"outer\"; steps \"touch never\" }\n\
               target \"other\" { steps \"echo ot''her\" }\n";
    let world = world(kdl);
    let outcome = world.call(&["-k", "-j1", "after", "other"]);
    outcome.exits(1).says(&["good\n", "other\n", "after: skipped: it needs 'outer', which failed"]);
    outcome.says(&["target 'bad' failed: exit code 4"]);
    assert!(outcome.err.trim_end().ends_with("target 'outer' failed: exit code 1"), "{outcome:?}");
    assert!(!world.repo.join("never").exists());
    world.call(&["-j1", "after", "other"]).exits(1).says_nothing_of(&["good\n", "other\n"]);
}

#[test]
fn github_gets_its_group_markers() {
    let world = world("target \"a\" { steps \"echo x\" }");
    let outcome = world.call_with(&[("GITHUB_ACTIONS", "true")], &["a"]);
    assert_eq!(outcome.exits(0).out, "::group::a\nx\n::endgroup::\n");
}

#[test]
fn programs_get_one_json_object_a_line() {
    let outcome = world("target \"a\" { steps \"echo x\" }").call(&["a", "--format", "json"]);
    let lines: Vec<serde_json::Value> =
        outcome.exits(0).out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let events: Vec<&str> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(events.first(), Some(&"started"));
    assert_eq!(events.last(), Some(&"ended"));
    assert!(lines.iter().any(|l| l["event"] == "output" && l["text"] == "x\n"), "{outcome:?}");
}

#[test]
fn the_list_names_params_places_and_leaves_out_hidden_ones() {
    let kdl = "target \"_h\" { steps \"true\" }\ntarget \"a\" description=\"d\" {\n    param \"base\" default=\"main\" description=\"the base\"\n    steps \"true\"\n}\n";
    let world = world(kdl);
    world
        .call(&["list"])
        .exits(0)
        .says(&["a base=main  d  audit.kdl:2:8", "base: the base"])
        .says_nothing_of(&["_h"]);
    let json = world.call(&["list", "--format", "json"]).json();
    assert_eq!(json[0]["name"], "a");
    assert_eq!((&json[0]["line"], &json[0]["params"][0]["default"]), (&2.into(), &"main".into()));
}

#[test]
fn a_dotenv_file_is_read_and_the_environment_wins() {
    let world = world("dotenv \".env\"\ntarget \"a\" { steps \"echo $A-$B\" }");
    world.write(".env", "A=1\nB='two'\n");
    world.call(&["a"]).exits(0).says(&["1-two"]);
    world.call_with(&[("A", "9")], &["a"]).exits(0).says(&["9-two"]);
    world.write(".env", "nonsense\n");
    world.call(&["a"]).exits(2).says(&[".env:1"]);
}

#[test]
fn changed_since_sees_commits_and_the_work_tree() {
    let kdl = "target \"a\" { inputs \"src/**\"; when changed-since=\"main\"; steps \"echo R''AN\" }\n";
    let world = world(kdl);
    world.commit("base");
    let not = |o: Outcome| {
        o.exits(0).says(&["nothing of it changed since main"]).says_nothing_of(&["RAN"]);
    };
    not(world.call(&["a"]));
    world.write("README.md", "other\n");
    not(world.call(&["a"]));
    world.write("src/new.txt", "new\n");
    world.call(&["a"]).exits(0).says(&["RAN"]);
    world.write("audit.kdl", kdl.replace("\"main\"", "\"no-such-branch\""));
    world.call(&["a"]).exits(2).says(&["no-such-branch", "audit.kdl:1:"]);
}

#[test]
fn a_bundle_is_run_where_there_is_no_default_target() {
    let world = World::with_one_node();
    world.call(&[]).exits(0);
    assert_eq!(world.status("A"), "verified");
}

#[test]
fn a_step_runs_and_gates_the_bundle_with_the_same_configuration() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    world.kdl =
        "target \"all\" { steps \"auditrun run; auditrun gate --base main > verdict.txt\" }\n".to_owned();
    world.build();
    let outcome = world.call(&["all"]);
    outcome.exits(0);
    assert!(!world.read("verdict.txt").is_empty(), "the gate's verdict goes where the step says");
    assert_eq!(world.status("A"), "verified");
}

#[test]
fn notifications_fire_at_the_end_of_a_run_and_never_fail_it() {
    let mut world = World::new();
    world.node("A").agent("echo 1 > n").touches(&["n"]);
    let seen = world.agents.join("seen").display().to_string();
    world.kdl = format!(
        "notify {{\n    on \"done\" {{ run \"echo $STATUS $EVENT $REASON $RUN_ID $BRANCH [$URGENCY] > {seen}; false\" }}\n    \
         on \"halted\" {{ run \"touch {seen}.halted\" }}\n}}\n"
    );
    world.build();
    world.run().exits(0).says(&["the notification failed"]);
    let text = std::fs::read_to_string(&seen).unwrap();
    assert!(
        text.starts_with("done done all_done 2") && text.contains("audit/run-") && text.ends_with("[]\n"),
        "{text}"
    );
    assert!(!std::path::Path::new(&format!("{seen}.halted")).exists());
}
