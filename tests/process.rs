//! Supervised programs, driven for real: how they end, what they leave, and that nothing of
//! them outlives their job or their harness.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Helpers of tests.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use auditrun::process::sandbox::Quota;
use auditrun::process::{
    Bounded, Cancel, Deadline, Discard, EndCause, Ended, Exit, Input, Job, Limits, OutputSink, Runner,
    SpawnError, Stream, is_alive, stamp, sweep,
};

/// Only against hanging: no test is meant to come near it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Set in a copy of this test binary that plays a harness.
const PLAY: &str = "AUDITRUN_TEST_PLAY";

fn runner() -> Runner {
    Runner::with_supervisor(env!("CARGO_BIN_EXE_auditrun")).unwrap()
}

fn env() -> Vec<(OsString, OsString)> {
    vec![("PATH".into(), std::env::var_os("PATH").unwrap())]
}

fn job(program: &str, args: &[&str]) -> Job {
    Job {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        cwd: std::env::temp_dir(),
        env: env(),
        input: Input::Null,
        limits: Limits { timeout: Some(PATIENCE), first_output: None, stall: None, grace: PATIENCE },
        confine: None,
        quota: Quota::default(),
        label: "test".into(),
    }
}

fn sh(script: &str) -> Job {
    job("sh", &["-c", script])
}

fn run(job: &Job) -> (Ended, Bounded) {
    let mut output = Bounded::new(1 << 20);
    let ended = runner().run(job, &mut output, &Cancel::new()).unwrap();
    (ended, output)
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Running, not merely waiting to be reaped.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Shell text for a program that leaves its id in a file and then stays.
fn stay(dir: &Path, name: &str, before: &str) -> String {
    let dir = dir.display();
    format!("sh -c '{before} echo $$ > {dir}/{name}.tmp; mv {dir}/{name}.tmp {dir}/{name}; sleep 1000'")
}

/// A directory in which scripts leave their process ids.
struct Pids(tempfile::TempDir);

impl Pids {
    fn new() -> Pids {
        Pids(tempfile::tempdir().unwrap())
    }
    fn dir(&self) -> &Path {
        self.0.path()
    }
    fn stay(&self, name: &str, before: &str) -> String {
        stay(self.dir(), name, before)
    }
    fn get(&self, name: &str) -> Option<u32> {
        std::fs::read_to_string(self.dir().join(name)).ok()?.trim().parse().ok()
    }
    fn wait(&self, name: &str) -> u32 {
        wait_until(name, || self.get(name).is_some());
        self.get(name).unwrap()
    }
    /// Shell text that waits for all of them.
    fn all_there(&self, names: &[&str]) -> String {
        let each = names
            .iter()
            .map(|n| format!("until test -e {}/{n}; do sleep 0.01; done; ", self.dir().display()));
        each.collect()
    }
}

/// Every known way to get out of a process group, or to be hard to end.
fn escapees(pids: &Pids) -> (String, Vec<&'static str>) {
    let names = vec!["background", "double-fork", "setsid", "deaf", "stopped", "far"];
    let script = format!(
        "{} & ( ( {} & ) & ) ; setsid {} & setsid {} & {} & setsid sh -c 'setsid sh -c \"exec {}\" &' & {}",
        pids.stay("background", ""),
        pids.stay("double-fork", ""),
        pids.stay("setsid", ""),
        pids.stay("deaf", "trap \"\" TERM HUP INT;"),
        pids.stay("stopped", ""),
        pids.stay("far", "").replace('\'', "\\\"").replace("$$", "\\$\\$"),
        pids.all_there(&names),
    );
    (script + &format!("kill -STOP $(cat {}/stopped); ", pids.dir().display()), names)
}

// How a program ends.

#[test]
fn exit_codes_and_signals_are_reported_as_they_are() {
    for code in [0, 1, 77, 255] {
        let (ended, _) = run(&sh(&format!("exit {code}")));
        assert_eq!((ended.exit, ended.cause), (Exit::Code(code), EndCause::Own));
        assert_eq!(ended.success(), code == 0);
    }
    let (ended, _) = run(&sh("kill -SEGV $$"));
    assert_eq!((ended.exit, ended.cause), (Exit::Signal(11), EndCause::Own));
    assert_eq!(ended.exit.shell_code(), 139);
    assert!(ended.leaked.is_empty());
}

#[test]
fn a_program_that_is_not_there_or_can_not_run_is_refused_as_by_a_shell() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, mode: u32, text: &[u8]| {
        use std::os::unix::fs::PermissionsExt;
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    file("plain", 0o644, b"echo no");
    file("orphan", 0o755, b"#!/no/such/interpreter\n");
    file("garbage", 0o755, b"\x7fELF\0\0\0");
    let refused = |program: &str| {
        let mut job = job(program, &[]);
        job.cwd = dir.path().to_owned();
        job.env = vec![("PATH".into(), format!("/no/where:{}", dir.path().display()).into())];
        let error = runner().run(&job, &mut Discard, &Cancel::new()).unwrap_err();
        (error.shell_code(), error)
    };
    let (code, error) = refused("no-such-program");
    assert!(matches!(error, SpawnError::NotFound(_)), "{error}");
    assert_eq!((code, error.to_string().as_str()), (127, "'no-such-program' was not found on PATH"));
    let (code, error) = refused("./missing");
    assert_eq!((code, error.to_string().as_str()), (127, "'./missing' was not found"));
    assert_eq!(refused("").0, 127);
    assert_eq!(refused("orphan").0, 127);
    for present in ["plain", "./plain", "garbage", "./", "/"] {
        let (code, error) = refused(present);
        assert!(matches!(error, SpawnError::NotExecutable { .. }), "{present}: {error}");
        assert_eq!(code, 126, "{present}");
    }
}

#[test]
fn words_are_looked_up_on_the_jobs_path_and_against_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("bin")).unwrap();
    let tool = dir.path().join("bin/tool");
    // Without an interpreter line: a shell script to every shell.
    std::fs::write(&tool, "echo tool $1").unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for (program, path) in
        [("tool", format!("{}:/usr/bin", tool.parent().unwrap().display())), ("bin/tool", "/usr/bin".into())]
    {
        let mut job = job(program, &["x y"]);
        job.cwd = dir.path().to_owned();
        job.env = vec![("PATH".into(), path.into())];
        let (ended, output) = run(&job);
        assert!(ended.success());
        assert_eq!(output.stdout, b"tool x y\n");
    }
}

#[test]
fn a_missing_directory_and_a_nul_are_errors_that_say_so() {
    let mut nowhere = sh("true");
    nowhere.cwd = "/no/such/directory".into();
    let error = runner().run(&nowhere, &mut Discard, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("can't enter /no/such/directory"), "{error}");
    let error = runner().run(&job("echo", &["a\0b"]), &mut Discard, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("NUL"), "{error}");
}

#[test]
fn a_supervisor_that_is_none_is_an_error() {
    let error = Runner::with_supervisor("/bin/true").unwrap().run(&sh("true"), &mut Discard, &Cancel::new());
    assert!(matches!(error, Err(SpawnError::Other { .. })));
}

// What it gets.

#[test]
fn a_program_gets_its_environment_three_files_and_clean_signals_and_nothing_else() {
    let mut job = sh("env; ls /proc/self/fd | wc -w; grep -E 'Sig(Blk|Ign)' /proc/self/status; umask");
    job.env.push(("ONLY".into(), "this".into()));
    let (ended, output) = run(&job);
    assert!(ended.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<_> = text.lines().filter_map(|l| l.split_once('=')).map(|(name, _)| name).collect();
    let expected = ["AUDITRUN_SUPERVISED", "ONLY", "PATH", "PWD"];
    assert!(
        names.iter().all(|n| expected.contains(n) || matches!(*n, "_" | "SHLVL" | "OLDPWD")),
        "{names:?}"
    );
    // 0, 1, 2 and the directory that ls reads.
    assert!(text.lines().any(|l| l == "4"), "{text}");
    for line in text.lines().filter(|l| l.starts_with("Sig")) {
        let set = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
        // Signals 32 and 33 are the C library's own: nobody can set them, so nobody resets them.
        assert_eq!(set & !0x1_8000_0000, 0, "{line}");
    }
    let umask = Command::new("sh").args(["-c", "umask"]).output().unwrap().stdout;
    assert!(text.ends_with(&String::from_utf8(umask).unwrap()), "{text}");
}

#[test]
fn a_program_has_no_terminal_and_a_group_of_its_own() {
    let (_, output) = run(&sh("cut -d' ' -f1,5,6,7 /proc/$$/stat"));
    let text = String::from_utf8(output.stdout).unwrap();
    let fields: Vec<i32> = text.split_whitespace().map(|f| f.parse().unwrap()).collect();
    let [pid, group, session, terminal] = fields[..] else { panic!("{text}") };
    assert_eq!((group, terminal), (pid, 0));
    assert_ne!(session, pid, "the supervisor leads the session");
}

#[test]
fn input_is_delivered_whole_while_output_is_read() {
    let mut cat = job("cat", &[]);
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    cat.input = Input::Bytes(bytes.clone().into());
    let mut output = Bounded::new(bytes.len() + 1);
    let ended = runner().run(&cat, &mut output, &Cancel::new()).unwrap();
    assert!(ended.success());
    assert!(output.stdout == bytes, "{} bytes came back of {}", output.stdout.len(), bytes.len());
}

#[test]
fn a_program_that_closes_its_input_early_is_no_error() {
    for script in ["exec <&-; echo done", "head -c 1 >/dev/null; echo done", "echo done"] {
        let mut job = sh(script);
        job.input = Input::Bytes(vec![b'x'; 5_000_000].into());
        let (ended, output) = run(&job);
        assert!(ended.success(), "{script}");
        assert_eq!(output.stdout, b"done\n");
    }
}

#[test]
fn empty_input_ends_at_once() {
    let mut cat = job("cat", &[]);
    for input in [Input::Null, Input::Bytes(Vec::new().into())] {
        cat.input = input;
        let (ended, output) = run(&cat);
        assert!(ended.success() && output.stdout.is_empty());
    }
}

// What it says.

type Chunks = Vec<(Stream, Vec<u8>)>;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Chunks>>);

impl OutputSink for Heard {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        self.0.lock().unwrap().push((stream, bytes.to_vec()));
    }
}

#[test]
fn output_comes_while_the_program_runs_and_in_the_order_in_which_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let step = |n: u32| format!("until test -e {}/{n}; do sleep 0.01; done", dir.path().display());
    let job = sh(&format!("echo a; {}; echo b >&2; {}; echo c", step(1), step(2)));
    let heard = Heard::default();
    let mut sink = heard.clone();
    let thread = std::thread::spawn(move || runner().run(&job, &mut sink, &Cancel::new()).unwrap());
    for n in 1..3 {
        wait_until("the next line", || heard.0.lock().unwrap().len() == n);
        std::fs::write(dir.path().join(n.to_string()), "").unwrap();
    }
    assert!(thread.join().unwrap().success());
    let heard = heard.0.lock().unwrap();
    let expected = [(Stream::Stdout, b"a\n"), (Stream::Stderr, b"b\n"), (Stream::Stdout, b"c\n")];
    assert_eq!(*heard, expected.map(|(stream, text)| (stream, text.to_vec())));
}

#[test]
fn the_last_words_of_both_streams_arrive() {
    for _ in 0..50 {
        let (_, output) = run(&sh("echo out; echo err >&2; kill -KILL $$"));
        assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    }
}

/// Counts, slowly for a while, as a sink on a busy disk would.
struct Slow(u64);

impl OutputSink for Slow {
    fn chunk(&mut self, _: Stream, bytes: &[u8]) {
        if self.0 < 1 << 20 {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.0 += bytes.len() as u64;
    }
}

#[test]
fn a_flood_is_delivered_whole_in_bounded_memory() {
    play("flood", || {
        let before = peak_memory();
        let mut sink = Slow(0);
        let ended = runner().run(&sh("head -c 100000000 /dev/zero"), &mut sink, &Cancel::new()).unwrap();
        assert!(ended.success());
        assert_eq!(sink.0, 100_000_000);
        let grown = peak_memory() - before;
        assert!(grown < 20_000, "{grown} KiB more");
    });
}

/// In KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

// Deadlines and requests.

fn ended_by(deadline: Deadline, script: &str, set: impl Fn(&mut Limits)) -> Ended {
    let mut job = sh(script);
    set(&mut job.limits);
    let (ended, _) = run(&job);
    assert_eq!(ended.cause, EndCause::Deadline(deadline), "{script}");
    assert!(!ended.success());
    ended
}

const SHORT: Option<Duration> = Some(Duration::from_millis(200));

#[test]
fn each_deadline_ends_a_program_in_its_own_name() {
    let ended = ended_by(Deadline::Wall, "while :; do echo x; sleep 0.01; done", |l| l.timeout = SHORT);
    assert_eq!(ended.exit, Exit::Signal(15));
    ended_by(Deadline::FirstOutput, "sleep 1000", |l| l.first_output = SHORT);
    ended_by(Deadline::Stall, "echo x >&2; sleep 1000", |l| l.stall = SHORT);
    ended_by(Deadline::Stall, "sleep 1000", |l| l.stall = SHORT);
    ended_by(Deadline::Stall, "echo x; sleep 1000", |l| (l.first_output, l.stall) = (SHORT, SHORT));
}

#[test]
fn a_deadline_holds_although_output_never_stops_and_sigterm_is_ignored() {
    let ended = ended_by(Deadline::Wall, "trap '' TERM; yes", |l| {
        (l.timeout, l.grace) = (SHORT, Duration::from_millis(100));
    });
    assert_eq!(ended.exit, Exit::Signal(9));
}

#[test]
fn a_deadline_that_is_met_changes_nothing() {
    let mut job = sh("echo x; exit 3");
    job.limits.first_output = Some(PATIENCE);
    job.limits.stall = Some(PATIENCE);
    let (ended, _) = run(&job);
    assert_eq!((ended.exit, ended.cause), (Exit::Code(3), EndCause::Own));
}

/// Starts a job on a thread, waits until its script has said something, and hands over.
fn cancelled(job: Job, act: impl FnOnce(&Cancel, &Heard)) -> Ended {
    let (cancel, heard) = (Cancel::new(), Heard::default());
    let (theirs, mut sink) = (cancel.clone(), heard.clone());
    let thread = std::thread::spawn(move || runner().run(&job, &mut sink, &theirs).unwrap());
    wait_until("it speaks", || !heard.0.lock().unwrap().is_empty());
    act(&cancel, &heard);
    let ended = thread.join().unwrap();
    assert_eq!(ended.cause, EndCause::Cancelled);
    ended
}

#[test]
fn a_request_lets_the_whole_tree_end_gracefully() {
    let pids = Pids::new();
    let child = format!(
        "sh -c 'trap \"sleep 0.3; touch {0}/child; exit 0\" TERM; touch {0}/up; while :; do sleep 0.01; done'",
        pids.dir().display()
    );
    let script = format!(
        "{child} & trap 'exit 5' TERM; {} echo ready; while :; do sleep 0.01; done",
        pids.all_there(&["up"])
    );
    let ended = cancelled(sh(&script), |cancel, _| cancel.request());
    assert_eq!(ended.exit, Exit::Code(5));
    assert!(pids.dir().join("child").exists(), "a child may outlive its leader within the grace time");
    assert!(ended.leaked.is_empty());
}

#[test]
fn who_ignores_a_request_is_killed_after_the_grace_time() {
    let mut job = sh("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    job.limits.grace = Duration::from_millis(100);
    assert_eq!(cancelled(job, |cancel, _| cancel.request()).exit, Exit::Signal(9));
}

#[test]
fn a_second_request_kills_within_the_grace_time() {
    let job = sh("trap 'echo no' TERM; echo ready; while :; do sleep 0.01; done");
    let ended = cancelled(job, |cancel, heard| {
        cancel.request();
        wait_until("it refused", || heard.0.lock().unwrap().len() > 1);
        cancel.request_now();
    });
    assert_eq!(ended.exit, Exit::Signal(9));
}

#[test]
fn a_request_for_the_end_at_once_does_not_ask() {
    let job = sh("trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    assert_eq!(cancelled(job, |cancel, _| cancel.request_now()).exit, Exit::Signal(9));
}

#[test]
fn a_stopped_program_hears_a_request() {
    let job = sh("trap 'exit 6' TERM; echo ready; kill -STOP $$; while :; do sleep 0.01; done");
    assert_eq!(cancelled(job, |cancel, _| cancel.request()).exit, Exit::Code(6));
}

#[test]
fn what_was_cancelled_before_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let cancel = Cancel::new();
    cancel.request();
    let job = sh(&format!("touch {}/started", dir.path().display()));
    let ended = runner().run(&job, &mut Discard, &cancel).unwrap();
    assert_eq!(ended.cause, EndCause::Cancelled);
    assert!(!dir.path().join("started").exists());
}

#[test]
fn a_program_that_ended_by_itself_is_not_cancelled_by_what_came_later() {
    // The leader has ended; only a survivor is waited for when the request comes.
    let pids = Pids::new();
    let survivor = format!("{} & {}", pids.stay("survivor", ""), pids.all_there(&["survivor"]));
    let script = format!("{survivor} echo $$ > {0}/l; mv {0}/l {0}/leader; exit 4", pids.dir().display());
    let cancel = Cancel::new();
    let theirs = cancel.clone();
    let thread = std::thread::spawn(move || runner().run(&sh(&script), &mut Discard, &theirs).unwrap());
    let leader = pids.wait("leader");
    wait_until("the leader has ended", || !alive(leader));
    cancel.request();
    let ended = thread.join().unwrap();
    assert_eq!((ended.exit, ended.cause), (Exit::Code(4), EndCause::Own));
    assert!(ended.leaked.iter().any(|line| line.contains("survivor")), "{:?}", ended.leaked);
    assert!(!alive(pids.wait("survivor")));
}

// What it leaves.

#[test]
fn survivors_are_ended_and_named_whatever_they_did_to_get_away() {
    let pids = Pids::new();
    let (script, names) = escapees(&pids);
    let (ended, _) = run(&sh(&(script + "exit 3")));
    assert_eq!((ended.exit, ended.cause), (Exit::Code(3), EndCause::Own));
    for name in &names {
        assert!(!alive(pids.wait(name)), "{name}");
    }
    for name in &names {
        assert!(
            ended.leaked.iter().any(|line| line.contains(&format!("/{name}"))),
            "{name}: {:#?}",
            ended.leaked
        );
    }
}

#[test]
fn a_cancelled_tree_leaves_nobody() {
    let pids = Pids::new();
    let (script, names) = escapees(&pids);
    let mut job = sh(&(script + "echo ready; sleep 1000"));
    job.limits.grace = Duration::from_millis(200);
    cancelled(job, |cancel, _| cancel.request());
    for name in names {
        assert!(!alive(pids.wait(name)), "{name}");
    }
}

#[test]
fn a_survivor_that_holds_the_output_open_is_not_waited_for() {
    let pids = Pids::new();
    let (ended, output) =
        run(&sh(&format!("setsid {} & {} echo said", pids.stay("holder", ""), pids.all_there(&["holder"]))));
    assert!(ended.success());
    assert_eq!(output.stdout, b"said\n");
    assert!(!alive(pids.wait("holder")));
}

#[test]
fn the_tail_of_a_pipeline_may_finish_after_its_leader() {
    let (ended, output) = run(&sh("( sleep 0.03; echo late ) & echo early"));
    assert_eq!(output.stdout, b"early\nlate\n");
    assert_eq!(ended.leaked, Vec::<String>::new());
}

#[test]
fn programs_that_keep_forking_are_ended() {
    let script = "f() { while :; do ( ( sleep 0.02; exec sh -c \"$0\" \"$0\" ) & ) ; sleep 0.05; done; }; f & echo up; exit 0";
    let (ended, _) = run(&job("sh", &["-c", script, "sleep 0.2; sh -c \"$0\" \"$0\" & sh -c \"$0\" \"$0\""]));
    assert!(ended.success());
    assert!(!ended.leaked.is_empty());
}

#[test]
fn a_program_that_kills_its_supervisor_is_an_error_and_leaves_nobody() {
    let pids = Pids::new();
    let (script, names) = escapees(&pids);
    let supervisor = "$(cut -d' ' -f4 /proc/$$/stat)";
    let job = sh(&format!("{script} kill -KILL {supervisor}; sleep 1000"));
    let runner = runner();
    let error = runner.run(&job, &mut Discard, &Cancel::new()).unwrap_err();
    assert!(error.to_string().contains("supervisor"), "{error}");
    for name in names {
        let pid = pids.wait(name);
        wait_until("the host has ended it", || !alive(pid));
    }
    assert!(runner.run(&sh("true"), &mut Discard, &Cancel::new()).unwrap().success());
}

#[test]
fn a_program_that_stops_supervisor_and_host_gains_nothing() {
    let pids = Pids::new();
    let (script, names) = escapees(&pids);
    let up = "s=$(cut -d' ' -f4 /proc/$$/stat); h=$(cut -d' ' -f4 /proc/$s/stat);";
    let mut job = sh(&format!("{script} {up} kill -STOP $h $s; sleep 1000"));
    job.limits = Limits { timeout: SHORT, grace: Duration::from_millis(50), ..job.limits };
    let runner = runner();
    let ended = runner.run(&job, &mut Discard, &Cancel::new()).unwrap();
    assert_eq!(ended.cause, EndCause::Deadline(Deadline::Wall));
    for name in names {
        let pid = pids.wait(name);
        wait_until("the host has ended it", || !alive(pid));
    }
    assert!(runner.run(&sh("true"), &mut Discard, &Cancel::new()).unwrap().success());
}

#[test]
fn a_host_that_was_killed_is_replaced() {
    let runner = runner();
    let host = || {
        let mut output = Bounded::new(100);
        let script = "p=$(cut -d' ' -f4 /proc/$$/stat); cut -d' ' -f4 /proc/$p/stat";
        runner.run(&sh(script), &mut output, &Cancel::new()).unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().unwrap()
    };
    let first = host();
    assert_eq!(host(), first);
    assert!(Command::new("kill").args(["-KILL", &first.to_string()]).status().unwrap().success());
    wait_until("it is dead", || !alive(first));
    assert_ne!(host(), first);
}

// The harness.

/// Runs `part` in a copy of this test binary, where nothing else goes on.
fn play(name: &str, part: impl FnOnce()) {
    if std::env::var_os(PLAY).is_some_and(|played| played == name) {
        part();
        return;
    }
    let output = player(name).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

/// The calling test again, in a process of its own.
fn player(name: &str) -> Command {
    let test = std::thread::current().name().unwrap().to_owned();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &test, "--nocapture", "--test-threads=1"]).env(PLAY, name);
    command
}

fn played(name: &str) -> bool {
    std::env::var_os(PLAY).is_some_and(|played| played == name)
}

fn place() -> PathBuf {
    PathBuf::from(std::env::var_os("AUDITRUN_TEST_DIR").unwrap())
}

#[test]
fn a_harness_that_is_killed_takes_every_tree_along() {
    if played("killed") {
        let job = sh(&std::fs::read_to_string(place().join("script")).unwrap());
        let runner = runner();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                runner.run(
                    &sh("trap '' TERM; echo $$ > deaf-leader; while :; do sleep 1; done").at(&place()),
                    &mut Discard,
                    &Cancel::new(),
                )
            });
            scope.spawn(|| runner.run(&job, &mut Discard, &Cancel::new()));
        });
        return;
    }
    let pids = Pids::new();
    let (script, mut names) = escapees(&pids);
    std::fs::write(pids.dir().join("script"), script + "sleep 1000").unwrap();
    let mut harness =
        player("killed").env("AUDITRUN_TEST_DIR", pids.dir()).stdout(Stdio::null()).spawn().unwrap();
    names.push("deaf-leader");
    let all: Vec<u32> = names.iter().map(|name| pids.wait(name)).collect();
    assert!(all.iter().all(|pid| alive(*pid)));
    harness.kill().unwrap();
    assert_eq!(harness.wait().unwrap().signal(), Some(9));
    for (pid, name) in all.iter().zip(names) {
        wait_until(name, || !alive(*pid));
    }
}

trait At {
    fn at(self, dir: &Path) -> Self;
}

impl At for Job {
    fn at(mut self, dir: &Path) -> Job {
        self.cwd = dir.to_owned();
        self
    }
}

#[test]
fn many_at_once_leak_no_file_and_leave_no_process() {
    play("many", || {
        let runner = runner();
        runner.run(&sh("true"), &mut Discard, &Cancel::new()).unwrap();
        let before = files_of(std::process::id());
        std::thread::scope(|scope| {
            for n in 0..16 {
                let runner = &runner;
                scope.spawn(move || {
                    for round in 0..5 {
                        let mut output = Bounded::new(1000);
                        let job = sh(&format!("echo {n} {round}; sleep 0.01; ls /proc/self/fd | wc -w >&2"));
                        assert!(runner.run(&job, &mut output, &Cancel::new()).unwrap().success());
                        assert_eq!(output.stdout, format!("{n} {round}\n").as_bytes());
                        assert_eq!(output.stderr.trim_ascii(), b"4", "files of other jobs");
                    }
                });
            }
        });
        wait_until("every file is closed", || files_of(std::process::id()) == before);
        let hosts = children(std::process::id());
        assert_eq!(hosts.len(), 1);
        wait_until("the host has reaped its supervisors", || children(hosts[0]).is_empty());
        assert_eq!(files_of(hosts[0]), HOST_FILES);
        drop(runner);
        assert!(children(std::process::id()).is_empty(), "the host ends with the runner");
    });
}

/// Standard input, output and error, the socket and both ends of the bell.
const HOST_FILES: usize = 6;

fn files_of(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Children in any state, zombies included.
fn children(pid: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |child: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    pids.filter(|child| parent(*child) == Some(pid)).collect()
}

#[test]
fn what_outlived_harness_host_and_supervisor_is_found_by_its_environment() {
    if played("swept") {
        let mut job = sh(&format!("{} & sleep 1000", stay(&place(), "left", "")));
        job.env.push(("AUDITRUN_RUN_ID".into(), "R1".into()));
        std::fs::write(place().join("stamp"), serde_json::to_vec(&stamp()).unwrap()).unwrap();
        runner().run(&job, &mut Discard, &Cancel::new()).unwrap();
        return;
    }
    let pids = Pids::new();
    let mut harness =
        player("swept").env("AUDITRUN_TEST_DIR", pids.dir()).stdout(Stdio::null()).spawn().unwrap();
    let left = pids.wait("left");
    let harness_stamp = serde_json::from_slice(&std::fs::read(pids.dir().join("stamp")).unwrap()).unwrap();
    assert!(is_alive(&harness_stamp));
    assert_eq!(sweep(&harness_stamp, "R1"), [], "nothing while the harness lives");
    let host = children(harness.id());
    let supervisors = children(host[0]);
    let send = |signal: &str, pid: u32| {
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
    };
    // All of them stand still, or whoever is left would do the others' work.
    let all = || supervisors.iter().chain(&host).copied().chain([harness.id()]);
    all().for_each(|pid| send("-STOP", pid));
    all().for_each(|pid| send("-KILL", pid));
    harness.wait().unwrap();
    assert!(alive(left) && !is_alive(&harness_stamp));
    assert_eq!(sweep(&harness_stamp, "R2"), [], "another run's");
    let found = sweep(&harness_stamp, "R1");
    assert!(found.iter().any(|f| f.pid == left && f.ended && f.command_line.contains("left")), "{found:?}");
    assert!(!alive(left));
    assert_eq!(sweep(&harness_stamp, "R1"), []);
}

#[test]
fn signals_are_counted_and_a_suspended_harness_suspends_its_trees() {
    if played("signals") {
        let runner = runner();
        let cancel = Cancel::new();
        let asked = cancel.clone();
        auditrun::process::signals::watch(&runner, move |nth| match nth {
            1 => asked.request(),
            _ => asked.request_now(),
        })
        .unwrap();
        // Without children: a shell that waits for one to start is not seen to stop.
        let script = "trap 'touch asked' TERM; echo $$ > up.tmp; mv up.tmp up; while :; do :; done";
        let mut job = sh(script).at(&place());
        job.limits.timeout = Some(PATIENCE);
        let ended = runner.run(&job, &mut Discard, &cancel).unwrap();
        assert_eq!((ended.cause, ended.exit), (EndCause::Cancelled, Exit::Signal(9)));
        return;
    }
    let pids = Pids::new();
    let harness =
        player("signals").env("AUDITRUN_TEST_DIR", pids.dir()).stdout(Stdio::null()).spawn().unwrap();
    let leader = pids.wait("up");
    let send = |signal: &str| {
        assert!(Command::new("kill").args([signal, &harness.id().to_string()]).status().unwrap().success());
    };
    send("-TSTP");
    wait_until("both stand still", || state(harness.id()) == 'T' && state(leader) == 'T');
    send("-CONT");
    wait_until("both go on", || state(harness.id()) != 'T' && state(leader) != 'T');
    send("-INT");
    wait_until("it is asked to end", || pids.dir().join("asked").exists());
    assert!(alive(leader));
    send("-TERM");
    let output = harness.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(!alive(leader));
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-')
}
