//! What `auditrun run` says while it runs and at its end, on a terminal and without one.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

use support::World;

/// A node that lands, and one whose check fails and says so.
fn half() -> World {
    let mut world = World::new();
    world.kdl = "remediation 0\naudit { diagnose #false; }\n".into();
    world.node("good").agent("echo 1 > n").touches(&["n"]);
    let check = "echo first line; echo wanted 2 got 1; grep -q 2 m";
    world.node("bad").agent("echo 1 > m").touches(&["m"]).checks(&[check]).deps(&["good"]);
    world.node("after").deps(&["bad"]);
    world.build();
    world
}

#[test]
fn the_last_words_are_what_failed_why_and_where() {
    let world = half();
    let ended = world.run();
    ended.exits(4);
    let lines: Vec<&str> = ended.err.lines().collect();
    let from = lines.iter().position(|l| l.starts_with("report: ")).unwrap();
    let tail = lines[from..].join("\n");
    assert!(tail.contains("self_critique_exhausted: "), "{tail}");
    assert!(tail.contains("\nafter blocked: bad did not verify\n"), "{tail}");
    let last = &lines[lines.len() - 4..];
    assert!(last[0].starts_with("bad failed: 1 of 1 check failed"), "{last:?}");
    assert_eq!(last[1..3], ["  | first line", "  | wanted 2 got 1"]);
    assert!(last[3].starts_with("  docs/audit/runs/bad/verification.json; "), "{last:?}");
}

#[test]
fn quiet_and_verbose_differ_in_lines_only() {
    let quiet = half().call(&["run", "-q"]);
    assert!(quiet.exits(4).err.starts_with("self_critique_exhausted: "), "{quiet:?}");
    quiet.says(&["bad failed: "]).says_nothing_of(&["dispatched", "report: "]);
    let usual = half().run();
    usual.says(&["good dispatched (tier 0)"]).says_nothing_of(&["gate touches"]);
    let verbose = half().call(&["run", "-v"]);
    verbose.says(&["good: gate touches passed", "good: node fake started", "bad: check failed in"]);
}

#[test]
fn colours_follow_the_flag_then_the_environment() {
    let colours = |env: &[(&str, &str)], args: &[&str]| {
        let call: Vec<&str> = ["run"].iter().chain(args).copied().collect();
        half().call_with(env, &call).err.contains("\x1b[3")
    };
    assert!(!colours(&[("NO_COLOR", "")], &[]), "no terminal");
    assert!(colours(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")], &[]));
    assert!(!colours(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "0")], &[]));
    assert!(!colours(&[("NO_COLOR", "0"), ("CLICOLOR_FORCE", "1")], &[]), "NO_COLOR counts whatever it says");
    assert!(colours(&[("NO_COLOR", "1")], &["--color", "always"]));
    assert!(!colours(&[("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")], &["--color", "never"]));
}

/// What a terminal of that many columns gets to see; `None` where `script` is not installed.
fn on_a_terminal(world: &World, columns: u32, args: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_auditrun");
    let inside = format!("stty cols {columns} rows 20; exec env TERM=xterm {program} {args}");
    match world.program("script").args(["-qec", &inside, "/dev/null"]).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            eprintln!("skipped: script can't be started: {error}");
            None
        }
    }
}

#[test]
fn a_terminal_has_a_bar_that_a_resumed_run_goes_on_with() {
    let mut world = World::new();
    for (id, before) in [("one", None), ("two", Some("one")), ("three", Some("two"))] {
        let script = format!("echo working on {id}; sleep 1; echo 1 > {id}.txt");
        let node = world.node(id);
        node.agent(&script).touches(&[&format!("{id}.txt")]);
        node.deps(before.as_slice());
    }
    world.build();
    let Some(first) = on_a_terminal(&world, 100, "run --max-iterations 1") else { return };
    assert!(first.contains("one fake") && first.contains("working on one"), "{first}");
    assert!(first.contains("] 0/3 verified"), "{first}");
    // The rest on a narrow one: it begins with what was done, and none of its rows is too long.
    let rest = on_a_terminal(&world, 40, "resume --max-iterations 9").unwrap();
    assert!(rest.contains("1/3 verified") && !rest.contains(" 0/3 verified"), "{rest}");
    assert!(rest.contains("2/3 verified") && rest.contains("about "), "{rest}");
    assert!(rest.contains("two 0:00"), "{rest}");
    let plain = on_a_terminal(&world, 80, "run --no-progress").unwrap();
    assert!(plain.contains("one dispatched") && !plain.contains("verified  "), "{plain}");
    assert!(!plain.contains("\x1b["), "no escapes for who can't use them: {plain:?}");
}
