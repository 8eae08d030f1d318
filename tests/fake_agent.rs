//! The scripted agent does what its script says: the ground on which the tests of the
//! executor stand.

#![allow(clippy::unwrap_used)] // Clippy knows tests by their attribute, not their helpers.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where cargo has put the example, seen from the test's own program.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples/fake-agent");
    assert!(program.exists(), "cargo test --test NAME builds no examples: run cargo build --examples first");
    program
}

struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new(script: &str) -> World {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("tree")).unwrap();
        std::fs::write(dir.path().join("script"), script).unwrap();
        World { dir }
    }
    fn tree(&self) -> PathBuf {
        self.dir.path().join("tree")
    }
    fn run(&self, env: &[(&str, &str)], stdin: Stdio) -> Output {
        Command::new(program())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("FAKE_AGENT_SCRIPT", self.dir.path().join("script"))
            .envs(env.iter().copied())
            .current_dir(self.tree())
            .stdin(stdin)
            .output()
            .unwrap()
    }
    fn out(&self, env: &[(&str, &str)]) -> String {
        String::from_utf8(self.run(env, Stdio::null()).stdout).unwrap()
    }
    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.tree().join(path)).unwrap()
    }
}

#[test]
fn files_are_made_changed_moved_and_removed() {
    let world = World::new(
        "write a/b.txt one\\ntwo\nappend a/b.txt three\nlines n.txt 3\nrename n.txt c/n.txt\n\
         write gone x\ndelete gone\nsymlink a/b.txt link\nchmod 755 a/b.txt\nmkdir empty\nwrite none\n",
    );
    let done = world.run(&[], Stdio::null());
    assert!(done.status.success(), "{done:?}");
    assert_eq!(world.read("a/b.txt"), "one\ntwo\nthree\n");
    assert_eq!(world.read("link"), world.read("a/b.txt"));
    assert_eq!(world.read("c/n.txt"), "line 1\nline 2\nline 3\n");
    assert_eq!(world.read("none"), "");
    assert!(!world.tree().join("gone").exists() && world.tree().join("empty").is_dir());
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(world.tree().join("a/b.txt")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn the_most_specific_section_is_done() {
    let world = World::new(
        "print plain\n[always]\nprint first\n[attempt 2]\nprint second\n[role resolver]\nprint {}\n\
         [node A attempt 2]\nprint second of A\n",
    );
    assert_eq!(world.out(&[]), "first\nplain\n");
    assert_eq!(world.out(&[("AUDITRUN_ATTEMPT", "2")]), "first\nsecond\n");
    assert_eq!(world.out(&[("AUDITRUN_ATTEMPT", "2"), ("AUDITRUN_NODE_ID", "A")]), "first\nsecond of A\n");
    assert_eq!(world.out(&[("AUDITRUN_ROLE", "resolver")]), "first\n{}\n");
}

#[test]
fn calls_are_counted_for_each_attempt() {
    let world = World::new("print later\n[call 1]\nexit 75\n");
    assert_eq!(world.run(&[], Stdio::null()).status.code(), Some(75));
    assert_eq!(world.out(&[]), "later\n");
    assert_eq!(world.run(&[("AUDITRUN_ATTEMPT", "2")], Stdio::null()).status.code(), Some(75));
}

#[test]
fn output_comes_as_written() {
    let world =
        World::new("raw a\\e[0m\nprint $WHO\nstderr oh\ntranscript t.txt\nenv WHO\nenv NONE\nflood 100\n");
    std::fs::write(world.dir.path().join("t.txt"), "from a file\n").unwrap();
    let done = world.run(&[("WHO", "me")], Stdio::null());
    let flood = format!("{}\n{}", "x".repeat(79), "x".repeat(20));
    let want = format!("a\u{1b}[0mme\nfrom a file\nWHO=me\nNONE is not set\n{flood}");
    assert_eq!(String::from_utf8(done.stdout).unwrap(), want);
    assert_eq!(done.stderr, b"oh\n");
}

#[test]
fn the_prompt_is_read_or_refused() {
    let world = World::new("save-stdin prompt.txt\n");
    let file = world.dir.path().join("in");
    std::fs::write(&file, "do it").unwrap();
    let open = || Stdio::from(std::fs::File::open(&file).unwrap());
    assert!(world.run(&[], open()).status.success());
    assert_eq!(world.read("prompt.txt"), "do it");
    assert_eq!(World::new("close-stdin\nprint-stdin\n").run(&[], open()).stdout, b"");
}

#[test]
fn ends_are_by_code_by_shell_or_by_signal() {
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(World::new("exit 3\nprint no").run(&[], Stdio::null()).status.code(), Some(3));
    assert_eq!(World::new("sh exit 4").run(&[], Stdio::null()).status.code(), Some(4));
    assert_eq!(World::new("signal KILL").run(&[], Stdio::null()).status.signal(), Some(9));
    let deaf =
        World::new("ignore-term\nsh kill -TERM $PPID; sleep 0.1\nprint alive\n").run(&[], Stdio::null());
    assert_eq!(deaf.stdout, b"alive\n");
}

#[test]
fn daemons_outlive_it() {
    let out = World::new("spawn-daemon 60 marked\n").out(&[]);
    let pid = out.trim().strip_prefix("daemon ").unwrap();
    let cmdline = Path::new("/proc").join(pid).join("cmdline");
    // The program is there a moment before its arguments can be seen.
    let marked = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        std::fs::read(&cmdline).is_ok_and(|line| String::from_utf8_lossy(&line).contains("marked"))
    });
    assert!(marked);
    assert!(Command::new("kill").arg(pid).status().unwrap().success());
}

#[test]
fn a_broken_script_is_told_before_anything_is_done() {
    for (script, problem) in [
        ("write a x\nfly\n", "line 2: there is no command 'fly'"),
        ("exit often\n", "line 1: 'exit' expects a number, not 'often'"),
        ("[when 2]\n", "line 1: '[when 2]' is no section"),
        ("delete\n", "line 1: 'delete' lacks an argument"),
        ("sleep -1\n", "line 1: '-1' is no number of seconds"),
    ] {
        let world = World::new(script);
        let done = world.run(&[], Stdio::null());
        assert_eq!(done.status.code(), Some(70));
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(said.contains(problem), "{said}");
        assert!(!world.tree().join("a").exists());
    }
    let failing = World::new("delete nothing\n").run(&[], Stdio::null());
    assert_eq!(failing.status.code(), Some(70));
}
