//! Scripts on this machine: mixes of verbs and programs, exit codes, ends from outside, files.

use std::sync::mpsc;

use super::*;
use crate::diag::{Format, Source, render};
use crate::step::eval::{Env, Outcome};
use crate::step::{StepText, parse};

mod against_sh;

/// No verbs but `note`, which answers what it was told.
#[derive(Default)]
struct Noted(Vec<StatementRecord>);

impl Verbs for Noted {
    fn verb(&mut self, call: &VerbCall, io: &mut Streams<'_>) -> VerbResult {
        let mut read = String::new();
        let input = io.stdin.read_to_string(&mut read);
        match writeln!(io.stdout, "{} {}<{read}", call.name, call.args.join(" ")).and(input) {
            Ok(_) => VerbResult::ok(),
            Err(error) => VerbResult::failed(1, error.to_string()),
        }
    }
    fn event(&mut self, record: StatementRecord) {
        self.0.push(record);
    }
}

#[derive(Default)]
struct Kept(Vec<u8>, Vec<u8>, Option<mpsc::Sender<()>>);

impl OutputSink for Kept {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        if let Some(tell) = self.2.take() {
            tell.send(()).unwrap();
        }
        match stream {
            Stream::Stdout => self.0.extend(bytes),
            Stream::Stderr => self.1.extend(bytes),
        }
    }
}

struct Ran {
    outcome: Outcome,
    out: String,
    err: String,
}

fn env(dir: &Path) -> Env {
    let mut env = Env::new(dir);
    env.export("PATH", std::env::var("PATH").unwrap());
    env.export("LC_ALL", "C");
    env
}

fn run_with(script: &str, env: Env, options: ShellOptions) -> Ran {
    let text = StepText::plain(&Source::new("steps", script));
    let (parsed, diags) = parse(&text);
    assert!(diags.is_empty(), "{}", render(&diags, Format::Text { color: false, width: 100 }));
    let kept = Arc::new(Mutex::new(Kept::default()));
    let sink = options.sink.clone().unwrap_or_else(|| kept.clone());
    let mut verbs = Noted::default();
    let options = ShellOptions { sink: Some(sink), ..options };
    let outcome = {
        let mut host = ShellHost::new(&mut verbs, &Direct, options);
        crate::step::eval::run(&parsed, &text, &mut host, env)
    };
    if outcome.stopped.is_none() {
        assert_eq!(verbs.0.len(), outcome.begun, "each statement that was begun is told of");
    }
    let kept = kept.lock().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran { outcome, out: text(&kept.0), err: text(&kept.1) }
}

/// Runs in a new folder.
fn run(script: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    run_with(script, env(dir.path()), ShellOptions::default())
}

fn out(script: &str) -> String {
    let ran = run(script);
    assert_eq!((ran.outcome.exit_code, ran.err.as_str()), (0, ""), "{script}");
    ran.out
}

#[test]
fn programs_and_verbs_are_connected_in_every_mix() {
    assert_eq!(out("echo hi | tr a-z A-Z | cat"), "HI\n");
    assert_eq!(out("sh -c 'echo a; echo b' | cat | wc -l").trim(), "2");
    assert_eq!(out("echo x | note a b | cat"), "note a b<x\n\n");
    assert_eq!(out("X=$(sh -c 'echo a b')\ncommand printf '%s|' $X $X"), "a b|a b|");
    assert_eq!(out("echo a > f\nsh -c 'echo b' >> f\ncat < f | sort -r\nrm f"), "b\na\n");
    assert_eq!(out("sh -c 'echo o; echo e >&2' 2>&1 | sort"), "e\no\n");
}

#[test]
fn a_reader_that_leaves_early_ends_the_writer() {
    assert_eq!(out("yes | head -1"), "y\n");
    assert_eq!(out("yes | cat | cat | head -1"), "y\n");
    assert_eq!(out("cat /dev/zero | head -c 3 | wc -c").trim(), "3");
    assert_eq!(out("sh -c 'yes; exit $?' | head -1"), "y\n");
}

#[test]
fn more_than_a_pipe_holds_passes() {
    assert_eq!(out("head -c 1000000 /dev/zero | cat | wc -c").trim(), "1000000");
    assert_eq!(
        out("head -c 300000 /dev/zero > f\nX=$(cat f | tr '\\0' a)\necho $X | wc -c").trim(),
        "300001"
    );
    let err = run("sh -c 'head -c 200000 /dev/zero | tr \"\\0\" e >&2; echo done'").err;
    assert_eq!(err.len(), 200_000);
}

#[test]
fn a_substitution_is_bounded_and_text() {
    let ran = run("X=$(head -c 20000000 /dev/zero)");
    assert_eq!(ran.outcome.exit_code, 1);
    let message = ran.outcome.diags.iter().next().unwrap().message.clone();
    assert!(message.contains("longer than 16 MiB"), "{message}");
    assert_eq!(run("X=$(command printf '\\377')").outcome.exit_code, 1);
}

#[test]
fn exit_codes_are_those_of_sh() {
    assert_eq!(run("no-such-program-here").outcome.exit_code, 127);
    assert_eq!(run("./nothing").outcome.exit_code, 127);
    assert_eq!(run("echo x > f\n./f").outcome.exit_code, 126);
    assert_eq!(run("echo x > f\nchmod +x f\n./f").outcome.exit_code, 126);
    assert_eq!(run("mkdir d\n./d").outcome.exit_code, 126);
    assert_eq!(run("sh -c 'kill -9 $$'").outcome.exit_code, 137);
    assert_eq!(run("sh -c 'exit 7' | cat").outcome.exit_code, 7);
    assert_eq!(run("no-such-program-here | cat").outcome.exit_code, 127);
}

#[test]
fn path_is_the_one_that_the_program_sees() {
    let found = out(
        "mkdir bin\necho '#!/bin/sh\necho mine' > bin/tool\nchmod +x bin/tool\nexport PATH=$(pwd)/bin:$PATH\ntool\nPATH=bin tool",
    );
    assert_eq!(found, "mine\nmine\n");
}

#[test]
fn nothing_is_inherited_but_what_is_exported() {
    let dir = tempfile::tempdir().unwrap();
    let mut env = Env::new(dir.path());
    env.set("HIDDEN", "1");
    env.export("SHOWN", "2");
    let ran = run_with("/usr/bin/env", env, ShellOptions::default());
    assert_eq!(ran.out, "SHOWN=2\n");
}

#[test]
fn standard_input_is_what_was_given() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(out("cat; sh -c cat"), "");
    let options =
        || ShellOptions { input: Input::Bytes(Arc::from(&b"given"[..])), ..ShellOptions::default() };
    assert_eq!(run_with("cat", env(dir.path()), options()).out, "given");
    assert_eq!(run_with("sh -c cat", env(dir.path()), options()).out, "given");
}

#[test]
fn a_pipeline_is_one_process_group() {
    let groups = out(
        "sh -c 'ps -o pgid= -p $$ 2>/dev/null || cut -d\" \" -f5 /proc/$$/stat' | sh -c 'cat; cut -d\" \" -f5 /proc/$$/stat'",
    );
    let groups: Vec<&str> = groups.split_whitespace().collect();
    assert_eq!(groups.len(), 2);
    assert_eq!(groups[0], groups[1]);
    let own = rustix::process::getpgrp().as_raw_nonzero().to_string();
    assert_ne!(groups[0], own);
}

/// Runs a script that says `ready` and then waits, and ends it as `end` does.
fn ended(
    script: &str,
    end: impl FnOnce(&Cancel) + Send + 'static,
    grace: Duration,
) -> (Ran, PathBuf, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (tell, ready) = mpsc::channel();
    let cancel = Cancel::new();
    let ours = cancel.clone();
    let ender = thread_that_waits(ready, move || end(&ours));
    let kept: Arc<Mutex<dyn OutputSink>> = Arc::new(Mutex::new(Kept(Vec::new(), Vec::new(), Some(tell))));
    let options = ShellOptions { sink: Some(kept), cancel, grace, ..ShellOptions::default() };
    let ran = run_with(script, env(dir.path()), options);
    ender.join().unwrap();
    let path = dir.path().to_owned();
    (ran, path, dir)
}

fn thread_that_waits(
    ready: mpsc::Receiver<()>,
    then: impl FnOnce() + Send + 'static,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        ready.recv().unwrap();
        then();
    })
}

#[test]
fn an_interrupt_ends_the_whole_group() {
    let script = "sh -c 'sleep 1000 & echo $! > child; echo ready; wait' | cat\necho never";
    let (ran, dir, _kept) = ended(script, Cancel::request, Duration::from_secs(60));
    assert_eq!((ran.outcome.exit_code, ran.outcome.stopped), (130, Some(Stop::Interrupt)));
    assert_eq!(ran.outcome.begun, 1);
    let child = std::fs::read_to_string(dir.join("child")).unwrap();
    assert!(is_gone(child.trim()), "process {child} outlived the script");
}

#[test]
fn what_ignores_the_polite_signal_is_killed() {
    let script = "sh -c 'trap \"\" TERM; echo ready; while true; do sleep 1; done'";
    let (ran, ..) = ended(script, Cancel::request, Duration::ZERO);
    assert_eq!(ran.outcome.exit_code, 130);
    let (ran, ..) = ended(script, Cancel::request_now, Duration::from_secs(3600));
    assert_eq!(ran.outcome.exit_code, 130);
}

#[test]
fn a_waiting_verb_is_ended_too() {
    for script in ["sh -c 'echo ready'\nsleep 1000", "sh -c 'echo ready >&2; exec sleep 1000' | cat"] {
        let (ran, ..) = ended(script, Cancel::request, Duration::from_secs(60));
        assert_eq!(ran.outcome.exit_code, 130, "{script}");
    }
}

#[test]
fn a_timeout_ends_the_script() {
    let dir = tempfile::tempdir().unwrap();
    let options = ShellOptions { timeout: Some(Duration::from_millis(50)), ..ShellOptions::default() };
    let ran = run_with("! sleep 1000 || command sleep 1000\necho never", env(dir.path()), options);
    assert_eq!((ran.outcome.exit_code, ran.outcome.stopped), (124, Some(Stop::Deadline)));
    assert_eq!(ran.out, "");
}

#[test]
fn a_program_left_behind_does_not_hold_the_script() {
    assert_eq!(out("sh -c 'sleep 5 & echo started'\necho next"), "started\nnext\n");
    assert_eq!(out("X=$(sh -c 'sleep 5 & echo started')\necho $X"), "started\n");
}

/// Gone, or a zombie that only its reaper has to collect.
fn is_gone(pid: &str) -> bool {
    for _ in 0..500 {
        match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Err(_) => return true,
            Ok(stat) if stat.contains(") Z ") => return true,
            Ok(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    false
}

#[test]
fn files_verbs_work_on_real_files() {
    let dir = tempfile::tempdir().unwrap();
    let script = "
mkdir -p a/b/c
mkdir -p a/b
echo one > a/b/one
cp a/b/one a/two
cp a/two a/b/one a/b/c
cp -r a copy
mv copy/b moved
mv moved/one copy/two copy/b2 || true
test -f a/b/c/two
test ! || true
test -d copy
! test -e copy/b
rm -r a/b a/two
rm -f nothing
cat moved/c/one
";
    let ran = run_with(script, env(dir.path()), ShellOptions::default());
    assert_eq!(ran.outcome.exit_code, 0, "{}", ran.err);
    assert_eq!(ran.out, "one\n");
    let mut left: Vec<String> = walk(dir.path());
    left.sort();
    assert_eq!(
        left,
        ["a", "copy", "copy/two", "moved", "moved/c", "moved/c/one", "moved/c/two", "moved/one"]
    );
}

fn walk(root: &Path) -> Vec<String> {
    let mut pending = vec![root.to_owned()];
    let mut out = Vec::new();
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            out.push(path.strip_prefix(root).unwrap().display().to_string());
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            }
        }
    }
    out
}

#[test]
fn links_are_copied_as_links_and_never_followed_by_rm() {
    let dir = tempfile::tempdir().unwrap();
    let script = "mkdir d keep\necho x > keep/x\nln -s ../keep d/link\ncp -r d e\ntest -e e/link/x\nrm -r d e\ntest -f keep/x\nln -s . self\nrm -r self\ntest -f keep/x";
    let ran = run_with(script, env(dir.path()), ShellOptions::default());
    assert_eq!(ran.outcome.exit_code, 0, "{}", ran.err);
    assert_eq!(walk(dir.path()).len(), 2);
}

#[test]
fn rm_refuses_the_ground_it_stands_on() {
    let dir = tempfile::tempdir().unwrap();
    for what in ["/", ".", "..", "./", "../", "//", "/.", "d/..", "$PWD_", "$PWD_/", "''", "/tmp/.."] {
        let mut env = env(dir.path());
        env.set("PWD_", dir.path().display().to_string());
        let ran = run_with(&format!("mkdir -p d\nrm -r {what}"), env, ShellOptions::default());
        assert_eq!(ran.outcome.exit_code, 1, "{what}");
        assert!(dir.path().join("d").is_dir());
    }
}
