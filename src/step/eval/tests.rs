//! What scripts do, on a host in memory.

use super::*;
use crate::step::testing::{TestHost, run_script, run_with};

/// Output, messages and exit code of a script.
fn ran(script: &str) -> (String, String, i32) {
    let mut host = TestHost::default();
    let outcome = run_script(&mut host, script);
    (host.out(), host.err(), outcome.exit_code)
}

fn out(script: &str) -> String {
    let (out, err, code) = ran(script);
    assert_eq!((err.as_str(), code), ("", 0), "{script}");
    out
}

#[test]
fn a_variable_is_one_word() {
    assert_eq!(out("X='a  b'\nargs $X \"$X\" x$X ${X}y"), "[\"a  b\", \"a  b\", \"xa  b\", \"a  by\"]\n");
    assert_eq!(out("X=\nargs $X \"\""), "[\"\", \"\"]\n");
    assert_eq!(out("args ${NOPE:-} ${NOPE:-d} \"${NOPE:-two words}\""), "[\"\", \"d\", \"two words\"]\n");
    assert_eq!(out("X=\necho ${X:-empty}"), "empty\n");
}

#[test]
fn nothing_is_globbed_or_split() {
    assert_eq!(
        out("args *.rs a?b https://x/?q=[1] {a,b}"),
        "[\"*.rs\", \"a?b\", \"https://x/?q=[1]\", \"{a,b}\"]\n"
    );
}

#[test]
fn a_script_stops_at_the_first_failure() {
    assert_eq!(ran("echo a\nfalse\necho b"), ("a\n".into(), String::new(), 1));
    assert_eq!(ran("code 7; echo b").2, 7);
    assert_eq!(ran("false && echo a\necho b").2, 1);
    assert_eq!(out("false || echo b\necho c"), "b\nc\n");
    assert_eq!(ran("! true").2, 1);
    assert_eq!(out("! false; echo x"), "x\n");
}

#[test]
fn a_pipeline_fails_if_any_part_fails() {
    assert_eq!(ran("code 3 | cat").2, 3);
    assert_eq!(ran("code 3 | code 4 | cat").2, 4);
    assert_eq!(ran("signal 13 | cat").2, 0);
    assert_eq!(ran("code 141 | cat").2, 0);
    assert_eq!(ran("cat | signal 13").2, 141);
    assert_eq!(ran("signal 9 | cat").2, 137);
    assert_eq!(out("! code 3 | cat\necho x"), "x\n");
}

#[test]
fn substitutions_strip_newlines_and_fail_their_statement() {
    assert_eq!(out("X=$(echo a)\nargs $X \"<$(echo b)>\""), "[\"a\", \"<b>\"]\n");
    assert_eq!(out("args \"$(echo 'a\n\n')\" end"), "[\"a\", \"end\"]\n");
    assert_eq!(out("args $(echo 'a b' | cat)"), "[\"a b\"]\n");
    for script in [
        "echo $(code 5)",
        "X=$(code 5)",
        "echo $(code 5) || echo caught",
        "! echo $(code 5)",
        "echo a | cat $(code 5)",
    ] {
        let (out, _, code) = ran(&format!("{script}\necho after"));
        assert_eq!((out.as_str(), code), ("", 5), "{script}");
    }
    assert_eq!(out("echo $(false || echo b)"), "b\n");
    assert_eq!(ran("X=$(exit 3)").2, 3);
}

#[test]
fn a_substitution_changes_nothing_outside() {
    assert_eq!(out("mkdir d\nX=1\nY=$(cd d && pwd)\necho $X $Y $(X=2)\npwd"), "1 /w/d \n/w\n");
}

#[test]
fn redirects_apply_from_left_to_right() {
    let mut host = TestHost::default();
    run_script(
        &mut host,
        "both > a 2>&1\nboth 2>&1 > b\nboth 2> c\nboth &> d\necho x >> d\nboth >&2\ncat < a",
    );
    assert_eq!(host.files.text("/w/a").unwrap(), "out\nerr\n");
    assert_eq!(host.files.text("/w/b").unwrap(), "out\n");
    assert_eq!(host.files.text("/w/c").unwrap(), "err\n");
    assert_eq!(host.files.text("/w/d").unwrap(), "out\nerr\nx\n");
    assert_eq!(host.out(), "err\nout\nout\nerr\n");
    assert_eq!(host.err(), "out\nerr\n");
}

#[test]
fn a_redirect_behind_a_pipe_belongs_to_its_part() {
    let mut host = TestHost::default();
    run_script(&mut host, "both 2>&1 | cat > p\necho a2>x\necho 2>y");
    assert_eq!(host.files.text("/w/p").unwrap(), "out\nerr\n");
    assert_eq!(host.files.text("/w/x").unwrap(), "a2\n");
    assert_eq!(host.files.text("/w/y").unwrap(), "");
}

#[test]
fn a_file_that_cannot_be_opened_fails_the_command() {
    let (out, err, code) =
        ran("cat < nope || echo instead\ncd nope > x || echo stay\necho y > no/where\necho never");
    assert_eq!((out.as_str(), code), ("instead\nstay\n", 1));
    assert_eq!(
        err,
        "nope: no such file or folder\ncd: nope: no such file or folder\nno/where: no such file or folder\n"
    );
}

#[test]
fn variables_reach_programs_only_by_export() {
    assert_eq!(out("A=1\nexport B=2\nC=3 env\nenv"), "B=2\nC=3\nB=2\n");
    assert_eq!(out("A=1\nexport A\nA=2\nenv"), "A=2\n");
    assert_eq!(out("A=1 B=$(echo x) C=y env"), "A=1\nB=x\nC=y\n");
    assert_eq!(out("A=1 B=${A}2 env"), "A=1\nB=12\n");
    assert_eq!(out("A=1\nA=2 args $A"), "[\"1\"]\n");
}

#[test]
fn an_unset_variable_is_seen_before_anything_runs() {
    let mut host = TestHost::default();
    let outcome = run_script(&mut host, "echo a\necho $NOPE ${FINE:-}\nX=$NADA");
    assert_eq!((outcome.exit_code, outcome.begun, host.out().as_str()), (2, 0, ""));
    let messages: Vec<_> = outcome.diags.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(messages, ["the variable 'NOPE' is not set", "the variable 'NADA' is not set"]);
}

#[test]
fn an_unset_variable_on_a_branch_fails_when_it_is_reached() {
    assert_eq!(out("true || echo $NOPE\necho b"), "b\n");
    assert_eq!(ran("true && echo $NOPE\necho b"), (String::new(), String::new(), 2));
}

#[test]
fn exit_codes_are_those_of_sh() {
    assert_eq!(ran("nowhere"), (String::new(), "nowhere: not found\n".into(), 127));
    assert_eq!(ran("locked"), (String::new(), "locked: permission denied\n".into(), 126));
    assert_eq!(ran("signal 15").2, 143);
}

#[test]
fn exit_ends_the_script() {
    assert_eq!(ran("echo a\nexit 0\necho b"), ("a\n".into(), String::new(), 0));
    assert_eq!(ran("exit 3\necho b").2, 3);
    assert_eq!(ran("code 4 || exit").2, 4);
    assert_eq!(ran("exit 300").2, 1);
    assert_eq!(ran("exit 3 | cat\necho b").2, 3);
}

#[test]
fn command_forces_the_program() {
    let mut host = TestHost::default();
    host.program("echo", |run| {
        run.stdout.extend(b"program\n");
        StageEnd::Code(0)
    });
    run_script(&mut host, "command echo x\necho x");
    assert_eq!(host.out(), "program\nx\n");
    assert_eq!(ran("command -v x").2, 1);
}

#[test]
fn a_verb_can_move_the_script_and_set_variables() {
    let mut host = TestHost::default();
    let entered = VerbResult {
        cwd: Some("/w/tree".into()),
        set: vec![("WORKTREE".into(), "/w/tree".into())],
        ..VerbResult::ok()
    };
    host.answers.insert("worktree enter".into(), entered);
    host.answers.insert("gate loc".into(), VerbResult::failed(1, "120 lines, the cap is 30"));
    let mut env = Env::new("/w");
    env.set("WORKTREE", "");
    let outcome =
        run_with(&mut host, "worktree enter\npwd\nenv\nauditrun report --format json\ngate loc\nland", env);
    assert_eq!(host.out(), "/w/tree\nWORKTREE=/w/tree\n");
    assert_eq!(host.verbs, ["worktree enter", "auditrun report --format json", "gate loc"]);
    assert_eq!(host.err(), "gate: 120 lines, the cap is 30\n");
    assert_eq!(outcome.exit_code, 1);
    assert_eq!(outcome.diags.iter().next().unwrap().message, "gate: 120 lines, the cap is 30");
}

#[test]
fn every_statement_is_recorded_with_secrets_masked() {
    let mut host = TestHost::default();
    let mut env = Env::new("/w");
    env.export("TOKEN", "s3cr3t-value");
    env.secret("s3cr3t-value");
    run_with(&mut host, "X=1\nargs \"$TOKEN\" $X | cat > f  # gone\nfalse || code 9\ntrue", env);
    let records: Vec<_> =
        host.records.iter().map(|r| (r.text.as_str(), r.words.join(" "), r.exit_code)).collect();
    assert_eq!(
        records,
        [
            ("X=1", "X=1".into(), 0),
            ("args \"$TOKEN\" $X | cat > f", "args *** 1 | cat > f".into(), 0),
            ("false || code 9", "false || code 9".into(), 9),
        ]
    );
    assert!(host.records.iter().all(|r| !r.duration.is_zero()));
}

#[test]
fn a_stop_ends_the_script_and_no_operator_catches_it() {
    for (stop, code) in [(Stop::Deadline, 124), (Stop::Interrupt, 130)] {
        let mut host = TestHost::default();
        host.stop = Some(stop);
        let outcome = run_script(&mut host, "! true || echo x\necho y");
        assert_eq!((outcome.exit_code, outcome.stopped), (code, Some(stop)));
        assert_eq!(host.out(), "");
    }
}

#[test]
fn the_deepest_script_runs_on_a_small_stack() {
    let deep = format!("echo {}x{}", "$(echo ".repeat(60), ")".repeat(60));
    assert_eq!(out(&deep), "x\n");
}
