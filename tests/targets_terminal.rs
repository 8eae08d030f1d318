//! Targets before a terminal: questions, programs that read and write for themselves, the
//! suspend key, colours, and secrets.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic)] // A test may.

mod support;
use support::terminal::Terminal;
use support::{World, wait_until};

fn world(kdl: &str) -> World {
    let world = World::new();
    world.write("audit.kdl", kdl);
    world
}

#[test]
fn a_question_is_asked_on_the_terminal_before_anything_runs() {
    let kdl = r#"target "a" { steps "touch ran-a" }; target "b" { needs "a"; confirm "Publish it?"; steps "touch ran-b" }"#;
    for (answer, code) in [("n\n", 1), ("\n", 1), ("\x04", 1), ("Yes\n", 0), ("y\n", 0)] {
        let world = world(kdl);
        let mut terminal = Terminal::start(world.command(&["b"]));
        terminal.wait_for("Publish it? [y/N] ");
        assert!(!world.repo.join("ran-a").exists());
        terminal.press(answer);
        let (ended, shown) = terminal.end();
        assert_eq!(ended, code, "{answer:?}: {shown}");
        assert_eq!(world.repo.join("ran-b").exists(), code == 0);
        assert_eq!(shown.contains("not confirmed; nothing was run"), code == 1, "{shown}");
    }
}

#[test]
fn the_interrupt_key_at_a_question_runs_nothing() {
    let world = world(r#"target "a" { confirm "Really?"; steps "touch ran" }"#);
    let mut terminal = Terminal::start(world.command(&["a"]));
    terminal.wait_for("Really?");
    terminal.press("\x03");
    let (code, shown) = terminal.end();
    assert!(code != 0 && !world.repo.join("ran").exists(), "{code} {shown}");
}

#[test]
fn a_single_target_has_the_terminal_and_several_have_not() {
    let see = "sh -c 'test -t 1 && echo out''put; test -t 0 && echo in''put; true'";
    let kdl = format!("target \"a\" {{ steps {see:?} }}\ntarget \"b\" {{ needs \"a\"; steps {see:?} }}\n");
    let world = world(&kdl);
    let (code, shown) = Terminal::start(world.command(&["a"])).end();
    assert!(code == 0 && shown.contains("output\n") && shown.contains("input\n"), "{shown}");
    let (code, shown) = Terminal::start(world.command(&["b"])).end();
    assert!(code == 0 && !shown.contains("output\n") && !shown.contains("input\n"), "{shown}");
    let (_, shown) = Terminal::start(world.command(&["a", "--output", "grouped"])).end();
    assert!(!shown.contains("output\n") && shown.contains("input\n"), "{shown}");
    let (_, shown) = Terminal::start(world.command(&["b", "--output", "raw"])).end();
    assert_eq!(shown.matches("output\n").count(), 2, "{shown}");
}

#[test]
fn a_program_reads_what_is_typed() {
    let world = world(r#"target "a" { steps "sh -c 'read x; echo got $x'" }"#);
    for args in [&["a"][..], &["a", "--output", "prefixed"]] {
        let mut terminal = Terminal::start(world.command(args));
        terminal.press("so''me thing\n");
        let (code, shown) = terminal.end();
        assert!(code == 0 && shown.contains("got so''me thing"), "{shown}");
    }
}

#[test]
fn the_interrupt_key_ends_a_program_that_has_the_terminal() {
    let world = world("grace \"1s\"\ntarget \"a\" { steps \"sh -c 'echo be''gun; sleep 97531 & wait'\" }");
    let mut terminal = Terminal::start(world.command(&["a"]));
    terminal.wait_for("begun");
    terminal.press("\x03");
    let (code, shown) = terminal.end();
    assert_eq!(code, 130, "{shown}");
    assert!(world.processes("sleep 97531").is_empty());
}

#[test]
fn standard_input_goes_to_a_single_target_alone() {
    let world = world(
        "target \"one\" { steps \"cat\" }\ntarget \"other\" { steps \"cat\" }\n\
         target \"inner\" { steps \"auditrun -q one\" }\n",
    );
    world.write("given", "from outside\n");
    let given = |args: &[&str]| {
        let mut call = world.command(args);
        call.stdin(std::fs::File::open(world.repo.join("given")).unwrap());
        support::Outcome::of(call.output().unwrap()).exits(0).out.clone()
    };
    assert_eq!(given(&["one"]), "from outside\n");
    assert_eq!(given(&["one", "other"]), "");
    assert_eq!(given(&["inner"]), "", "who is called by a step gets nothing");
}

#[test]
fn the_suspend_key_stops_programs_and_the_time() {
    let steps = "sh -c 'echo $$ > up.tmp; mv up.tmp up; until test -e go; do sleep 0.05; done'";
    let world = world(&format!("target \"a\" {{ timeout \"4s\"; steps {steps:?} }}"));
    let child = world.start(&["a", "--output", "grouped"]);
    let up = world.repo.join("up");
    wait_until("it runs", || up.exists());
    let program: u32 = world.read("up").trim().parse().unwrap();
    let send = |signal: &str| {
        assert!(world.program("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    };
    send("-TSTP");
    wait_until("both stand still", || state(child.id()) == 'T' && state(program) == 'T');
    std::thread::sleep(std::time::Duration::from_secs(5));
    send("-CONT");
    wait_until("both go on", || state(child.id()) != 'T' && state(program) != 'T');
    world.write("go", "");
    support::Outcome::of(child.wait_with_output().unwrap()).exits(0);
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}

#[test]
fn the_suspend_key_reaches_a_program_that_has_the_terminal() {
    let world = world(
        "target \"a\" { steps \"sh -c 'echo $$ > up.tmp; mv up.tmp up; until test -e go; do sleep 0.05; done; echo do''ne'\" }",
    );
    // A shell between them, so that the suspended group is no orphan.
    let auditrun = env!("CARGO_BIN_EXE_auditrun");
    let mut shell = world.program("sh");
    shell.args(["-c", &format!("set -m; {auditrun} a; echo st''opped; fg; echo o''ver")]);
    let mut terminal = Terminal::start(shell);
    wait_until("it runs", || world.repo.join("up").exists());
    let program: u32 = world.read("up").trim().parse().unwrap();
    terminal.press("\x1a");
    terminal.wait_for("stopped");
    world.write("go", "");
    let (_, shown) = terminal.end();
    assert!(shown.contains("done\n") && shown.contains("over"), "{shown}");
    assert_eq!(state(program), '-');
}

#[test]
fn colours_are_handed_on_where_they_are_wanted() {
    let world =
        world("target \"a\" { steps \"sh -c 'echo [${FORCE_COLOR:-}${CLICOLOR_FORCE:-}${NO_COLOR:-}]'\" }");
    let coloured = |env: &[(&str, &str)], args: &[&str]| {
        let mut call = world.command(args);
        call.env_remove("NO_COLOR").envs(env.iter().copied());
        support::Outcome::of(call.output().unwrap()).exits(0).out.clone()
    };
    assert_eq!(coloured(&[], &["a"]), "[]\n");
    assert_eq!(coloured(&[], &["a", "--color", "always"]), "[11]\n");
    assert_eq!(coloured(&[("CLICOLOR_FORCE", "1")], &["a"]), "[11]\n");
    assert_eq!(coloured(&[("FORCE_COLOR", "3")], &["a", "--color", "always"]), "[31]\n");
    assert_eq!(coloured(&[("NO_COLOR", "1")], &["a"]), "[1]\n");
    assert_eq!(coloured(&[], &["a", "--color", "never"]), "[]\n");
    let mut call = world.command(&["a", "--output", "grouped"]);
    call.env_remove("NO_COLOR").env("TERM", "xterm");
    let (_, shown) = Terminal::start(call).end();
    assert!(shown.contains("[11]"), "{shown}");
}

#[test]
fn a_declared_secret_is_masked_in_raw_output_too() {
    let kdl = "env { PASS_PHRASE (secret)\"correct-horse\" }\n\
               target \"a\" { steps \"sh -c 'printf \\\"%s? \\\" $PASS_PHRASE; read x; echo $x $PASS_PHRASE; echo $PASS_PHRASE >&2'\" }\n\
               target \"b\" { steps \"echo $PASS_PHRASE\" }\n";
    let world = world(kdl);
    let mut terminal = Terminal::start(world.command(&["a"]));
    terminal.wait_for("***? ");
    terminal.press("typed\n");
    let (code, shown) = terminal.end();
    assert!(code == 0 && shown.contains("typed ***\n***\n") && !shown.contains("horse"), "{shown}");
    let outcome = world.call(&["b", "--output", "raw", "-v"]);
    outcome.exits(0).says(&["***\n"]).says_nothing_of(&["horse"]);
}
