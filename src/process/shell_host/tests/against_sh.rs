//! The same scripts through the real `sh` and through the step language: where they should
//! agree they do, and where they differ on purpose the table says how.

use super::*;
use std::process::Command as Program;

/// What sh prints and its exit code, in a folder of its own.
fn sh(script: &str) -> (String, i32) {
    let dir = tempfile::tempdir().unwrap();
    let output = Program::new("sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let code = std::os::unix::process::ExitStatusExt::signal(&output.status)
        .map_or_else(|| output.status.code().unwrap(), |s| 128 + s);
    (String::from_utf8_lossy(&output.stdout).into_owned(), code)
}

fn steps(script: &str) -> (String, i32) {
    let ran = run(script);
    (ran.out, ran.outcome.exit_code)
}

#[test]
fn scripts_that_mean_the_same() {
    let mut wrong = Vec::new();
    for script in [
        "",
        "# nothing\n\n",
        "true",
        "false",
        "echo a b   c",
        "echo -n a; echo b",
        "echo 'a  b' \"c  d\" e\\ f",
        "echo a'b'\"c\"d",
        "echo '' \"\" x",
        "echo \"a'b\" 'c\"d'",
        "echo \"\\$HOME \\\" \\\\\"",
        "echo \\$HOME \\# \\;",
        "echo a#b #c",
        "echo a;echo b",
        "echo a \\\n  b",
        "echo 'a\nb'",
        "echo $ 5$ a$",
        "X=1; echo $X ${X}2 \"$X\" '$X'",
        "X='a  b'; echo \"$X\"",
        "X=a; Y=$X$X; echo $Y",
        "X=a Y=b; echo $X$Y",
        "X=1; X=2 sh -c 'echo $X'; echo $X",
        "X=1 sh -c 'echo $X'",
        "X=1; sh -c 'echo \"<$X>\"'",
        "export X=1; sh -c 'echo $X'",
        "export X=1; X=2; sh -c 'echo $X'",
        "X=1; export X; sh -c 'echo $X'",
        "echo ${NOPE:-default} ${NOPE:-}x",
        "X=; echo ${X:-empty}",
        "X=a; echo ${X:-b}",
        "Y=y; echo ${X:-a$Y'q'}",
        "echo \"${X:-two words}\"",
        "echo $(echo a)$(echo b)",
        "echo \"$(echo 'a  b')\"",
        "X=$(printf 'a\\n\\n\\n'); echo \"<$X>\"",
        "echo \"$(echo \"$(echo deep)\")\"",
        "X=$(cd / && pwd); echo $X; test -e /",
        "true && echo a",
        "! test -e x || echo there; ! test -d . || echo folder",
        "false || echo a",
        "true || echo a",
        "true && true && echo c",
        "false || false || echo c",
        "! false && echo n",
        "! true || echo n",
        "echo a | cat | tr a b",
        "echo a | tr a b | tr b c",
        "printf 'b\\na\\n' | sort | head -1",
        "yes | head -1",
        "echo a > f; cat f",
        "echo a > f; echo b >> f; cat f",
        "echo a > f; echo b > f; cat f",
        "echo a>f; cat<f",
        "echo 2>f; cat f",
        "echo a2>f; cat f",
        "echo a 2>f; cat f",
        "echo '2'>f; cat f",
        "sh -c 'echo o; echo e >&2' 2>f; cat f",
        "sh -c 'echo o; echo e >&2' >f 2>&1; cat f",
        "sh -c 'echo o; echo e >&2' 2>&1 >f; cat f",
        "sh -c 'echo e >&2' 2>>f; cat f",
        "echo err >&2",
        "echo a | cat > f; cat f",
        "cat < missing 2> /dev/null || echo no",
        "test -e x || echo no; mkdir x; test -d x && echo yes",
        "test -f x || echo no; echo > x; test -f x && echo yes",
        "test -n a; test -z ''; test a = a; test a != b; echo ok",
        "test a = b || echo differ",
        "mkdir -p a/b; mkdir -p a/b; echo x > a/b/c; cp a/b/c d; mv d e; cat e; rm -r a; test -e a || echo gone",
        "mkdir d; cd d; pwd | sed 's/.*\\///'; cd ..; test -d d",
        "cd nowhere 2> /dev/null || echo stay",
        "exit 3; echo no",
        "exit",
        "true; exit 0; echo no",
        "sh -c 'exit 9' || exit 4",
        "sh -c 'exit 7'",
        "no-such-program-at-all 2>&1 | cat > /dev/null || true",
        "no-such-program-at-all",
        "sh -c 'kill -15 $$'",
        "sh -c 'kill -9 $$' || echo killed",
        "command echo forced",
        "command printf '%s\\n' a b",
        "cat /dev/null",
        "echo x | cat - | cat",
        "rm -f nothing; echo ok",
        "echo {a,b} @ % ^ , + = : / . - _",
        "echo a=b --x=y",
        "echo done for if then",
        "echo HEAD~1 a~b",
    ] {
        // sh is told to stop as the step language does.
        let (ours, theirs) = (steps(script), sh(&format!("set -e\n{script}")));
        if ours != theirs {
            wrong.push(format!("{script:?}: {ours:?}, in sh {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Standard output and exit code.
type Does = (&'static str, i32);

/// Script, what sh does, what the step language does.
const DIFFERENT: &[(&str, Does, Does)] = &[
    // A variable is one word.
    ("X='a  b'; sh -c 'echo $#' _ $X", ("2\n", 0), ("1\n", 0)),
    ("X=; sh -c 'echo $#' _ $X", ("0\n", 0), ("1\n", 0)),
    ("sh -c 'echo $#' _ $(echo a b)", ("2\n", 0), ("1\n", 0)),
    // Nothing is globbed.
    ("echo > a.x; echo *.x", ("a.x\n", 0), ("*.x\n", 0)),
    ("X='*'; echo > a; echo $X", ("a\n", 0), ("*\n", 0)),
    // The first failure ends the script.
    ("false; echo on", ("on\n", 0), ("", 1)),
    ("false && true; echo on", ("on\n", 0), ("", 1)),
    // Every part of a pipeline counts.
    ("false | cat; echo on", ("on\n", 0), ("", 1)),
    ("sh -c 'exit 3' | sh -c 'exit 4' | true", ("", 0), ("", 4)),
    // A failing substitution fails its statement.
    ("echo $(false); echo on", ("\non\n", 0), ("", 1)),
    ("X=$(false) || echo caught", ("caught\n", 0), ("", 1)),
    ("! echo $(false); echo on", ("\non\n", 0), ("", 1)),
    // An unset variable is an error, before anything runs.
    ("echo first; echo \"<$NOPE>\"", ("first\n<>\n", 0), ("", 2)),
    // echo prints what it is given, everywhere.
    ("echo 'a\\nb'", ("a\nb\n", 0), ("a\\nb\n", 0)),
];

#[test]
fn scripts_that_differ_on_purpose() {
    let dash = sh("echo 'a\\nb'").0 == "a\nb\n";
    for (script, in_sh, in_steps) in DIFFERENT {
        let is_echo = script.starts_with("echo 'a\\n");
        if dash || !is_echo {
            assert_eq!(sh(script), (in_sh.0.to_owned(), in_sh.1), "sh: {script}");
        }
        assert_eq!(steps(script), (in_steps.0.to_owned(), in_steps.1), "steps: {script}");
    }
}
