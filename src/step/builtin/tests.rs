//! The portable verbs: what they do and what they say.

use std::io::Cursor;

use super::*;
use crate::step::testing::{TestHost, run_script};

/// Standard output, standard error and exit code in `/w`, where the file `f` holds `text`.
fn ran(script: &str) -> (String, String, i32) {
    let mut host = TestHost::default();
    let outcome = run_script(&mut host, &format!("echo text > f\nmkdir d\n{script}"));
    (host.out(), host.err(), outcome.exit_code)
}

fn fails(script: &str, code: i32, message: &str) {
    let (_, err, found) = ran(script);
    assert_eq!((found, err.trim_end()), (code, message), "{script}");
}

#[test]
fn echo_prints_its_words_as_they_are() {
    assert_eq!(ran("echo a 'b  c' \"\" '\\n' -n -e").0, "a b  c  \\n -n -e\n");
    assert_eq!(ran("echo -n a\necho").0, "a\n");
    assert_eq!(ran("echo -n -n").0, "-n");
}

#[test]
fn cat_prints_files_and_its_input() {
    assert_eq!(ran("cat f f\necho in | cat f - f").0, "text\ntext\ntext\nin\ntext\n");
    let (out, err, code) = ran("cat nope f d *.rs");
    assert_eq!((out.as_str(), code), ("text\n", 1));
    assert_eq!(
        err,
        "cat: nope: no such file or folder\ncat: d: is a folder\n\
         cat: *.rs: no such file or folder (patterns are not expanded: sh -c '…' does that)\n"
    );
    fails("cat -A f", 2, "cat: option -A is not built in; the program has it: command cat …");
}

#[test]
fn test_knows_its_forms_and_says_so() {
    for (condition, code) in [
        ("-e f", 0),
        ("-e d", 0),
        ("-e nope", 1),
        ("-f f", 0),
        ("-f d", 1),
        ("-d d", 0),
        ("-d f", 1),
        ("-e ''", 1),
        ("-n x", 0),
        ("-n ''", 1),
        ("-z ''", 0),
        ("-z x", 1),
        ("a = a", 0),
        ("a = b", 1),
        ("a != b", 0),
        ("a != a", 1),
        ("x", 0),
        ("''", 1),
        ("", 1),
        ("'*' = '*'", 0),
        ("-n = -n", 0),
        ("-z = x", 1),
        ("-f", 0),
    ] {
        assert_eq!(ran(&format!("test {condition}")).2, code, "test {condition}");
    }
    fails("test 1 -eq 1", 2, "test: -eq compares numbers, which only the program does: command test …");
    fails("test a == b", 2, "test: '==' is written =");
    fails("test -f a -a -f b", 2, "test: -a and -o do not exist: join two tests by && or ||");
    fails("test ! -e x", 2, "test: '!' stands before test: ! test …");
    fails("test -x f", 2, "test: -x is not built in; the program may have it: command test -x …");
    fails(
        "test a b c d",
        2,
        "test: there are test -e|-f|-d PATH, test -n|-z TEXT, test A = B and test A != B",
    );
}

#[test]
fn mkdir_makes_folders() {
    assert_eq!(ran("mkdir -p a/b/c a/b d\ntest -d a/b/c").2, 0);
    fails("mkdir a/b", 1, "mkdir: a/b: no such file or folder");
    fails("mkdir d", 1, "mkdir: d: already exists");
    fails("mkdir -p f", 1, "mkdir: f: already exists");
    fails("mkdir -p f/x", 1, "mkdir: f/x: is not a folder");
    fails("mkdir", 2, "mkdir: needs a folder");
    fails("mkdir --mode x", 2, "mkdir: option --mode is not built in; the program has it: command mkdir …");
}

#[test]
fn cp_and_mv_go_into_folders() {
    assert_eq!(
        ran("cp f g\ncp f g d\nmv g h\nmv h d/\ncat d/f d/g d/h\ntest -e f && ! test -e g").0,
        "text\n".repeat(3)
    );
    assert_eq!(ran("cp f d\ncp -r d e\ncp -r d e\ncat e/f e/d/f").0, "text\ntext\n");
    assert_eq!(ran("cp f d/x\nmv d e\ncat e/x\n! test -e d").0, "text\n");
    fails("cp f", 2, "cp: needs a source and a target: cp FROM TO");
    fails("cp d x", 1, "cp: d: is a folder: cp -r copies it");
    fails("cp nope x", 1, "cp: nope: no such file or folder");
    fails("mv nope x", 1, "mv: nope: no such file or folder");
    fails("cp f f", 1, "cp: f: source and target are the same");
    fails("cp -r d d/in", 1, "cp: d: a folder can't go into itself");
    fails("mv d d/in", 1, "mv: d: a folder can't go into itself");
    fails("cp f d nope", 1, "cp: nope: is not a folder");
    fails("cp f nope/", 1, "cp: nope/: is not a folder");
    assert_eq!(ran("cp nope f d\ncat d/f").0, "");
}

#[test]
fn rm_removes_what_it_is_told_and_no_more() {
    assert_eq!(ran("cp f d/g\nrm -r d f\n! test -e d && ! test -e f").2, 0);
    assert_eq!(ran("rm -f nope\nrm -rf nope d\nrm -f").2, 0);
    assert_eq!(ran("echo x > -a\nrm -- -a\n! test -e -a").2, 0);
    fails("rm d", 1, "rm: d: is a folder: rm -r removes it");
    fails("rm nope", 1, "rm: nope: no such file or folder");
    fails("rm", 2, "rm: needs a file or folder");
    fails("rm -i f", 2, "rm: option -i is not built in; the program has it: command rm …");
    for ground in ["/", ".", "..", "../w", "/w", "d/.."] {
        let message =
            format!("rm: {ground}: refuses to remove the root, the current folder or one around it");
        fails(&format!("rm -rf {ground}"), 1, &message);
    }
}

#[test]
fn sleep_reads_times() {
    for (text, millis) in
        [("2", 2000), ("0.5", 500), (".5", 500), ("30s", 30_000), ("3m", 180_000), ("1h", 3_600_000)]
    {
        assert_eq!(seconds(text), Some(Duration::from_millis(millis)), "{text}");
    }
    for bad in ["", "-1", "x", "1x", "inf", "nan", "1e3", "s", "1..2", "99999999999999999999d"] {
        assert_eq!(seconds(bad), None, "{bad}");
    }
    fails("sleep soon", 2, "sleep: 'soon' is not a time: write 2, 0.5, 30s, 3m or 1h");
    fails("sleep", 2, "sleep: takes one time: sleep 2, sleep 0.5, sleep 3m");
}

#[test]
fn cd_export_and_exit_say_what_is_wrong() {
    fails("cd", 1, "cd: needs one folder");
    fails("cd -", 1, "cd: '-': write the folder's name");
    fails("cd f", 1, "cd: f: is not a folder");
    fails("export", 1, "export: needs NAME or NAME=value");
    fails("export NOPE", 1, "export: NOPE is not set");
    fails("export 1A=x", 1, "export: '1A' is not a variable's name");
    fails("exit x", 1, "exit: 'x' is not a number from 0 to 255");
    fails("exit 1 2", 1, "exit: takes one number");
    fails("command", 1, "command: needs the name of a program, without options");
}

struct Closed;
impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_left_counts_as_sigpipe() {
    let host = TestHost::default();
    for (name, arg) in [("echo", "x"), ("cat", "-")] {
        let verb = Builtin { name: name.into(), args: vec![arg.into()], cwd: "/w".into() };
        let mut io = Streams { stdin: &mut Cursor::new("in"), stdout: &mut Closed, stderr: &mut Closed };
        assert_eq!(verb.run(&host.files, &mut io), 141);
    }
}
