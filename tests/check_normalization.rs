//! Normalised checks, run by real shells beside the originals.

// Clippy's leave for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use auditrun::base::Layout;
use auditrun::plan::normalize;

fn layout() -> Layout {
    Layout::new("docs/audit", "docs/audit")
}

/// A repository with the bundle in it and an `rg` that writes down its arguments.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let world = World { dir: tempfile::tempdir().unwrap() };
        for (path, text) in [
            ("src/a.rs", "alpha one\nbeta\n"),
            ("src/sub/b.rs", "gamma-ray\nalpha\n"),
            ("src/sub/c.toml", "delta = 1\n"),
            ("src/prompts/p.rs", "zeta\n"),
            ("README.md", "epsilon\n"),
            ("ü dir/x y.txt", "alpha ü\n"),
            ("docs/audit/state.md", "needle\n"),
            ("docs/audit/prompts/A.md", "! grep -rn needle .\n"),
            ("docs/guide.md", "theta\n"),
            (".gitignore", "target/\n"),
            ("target/x.rs", "ignored\n"),
        ] {
            let file = world.root().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let tools = world.dir.path().join("tools");
        std::fs::create_dir_all(&tools).unwrap();
        // Ends with the number that RG_STATUS holds.
        let rg = "#!/bin/sh\nfor a; do printf '%s\\n' \"$a\"; done > \"$RG_LOG\"\nexit ${RG_STATUS:-0}\n";
        std::fs::write(tools.join("rg.txt"), rg).unwrap();
        // Copied by a process of its own: a file that this one has just written may still be
        // open in a child of another test, and then it can't be executed.
        let setup = "cp ../tools/rg.txt ../tools/rg; chmod +x ../tools/rg; git init -q; git add -A; \
                     rm src/sub/c.toml; echo delta > src/new.toml";
        assert_eq!(world.sh(setup), 0);
        world
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn command(&self, shell: &[&str], line: &str, status: i32) -> Command {
        let mut command = Command::new(shell[0]);
        let tools = self.dir.path().join("tools");
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
        command.args(&shell[1..]).arg(line).current_dir(self.root());
        command.env_clear().env("PATH", path).env("HOME", self.dir.path()).env("LC_ALL", "C.UTF-8");
        command.env("RG_LOG", self.dir.path().join("log")).env("RG_STATUS", status.to_string());
        command.stdin(Stdio::null());
        command
    }

    fn sh(&self, line: &str) -> i32 {
        self.run(&["sh", "-c"], line, 0)
    }

    fn run(&self, shell: &[&str], line: &str, status: i32) -> i32 {
        self.command(shell, line, status).output().unwrap().status.code().unwrap()
    }

    fn out(&self, line: &str) -> String {
        let out = self.command(&["sh", "-c"], line, 0).output().unwrap().stdout;
        String::from_utf8(out).unwrap()
    }

    fn rg_args(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join("log")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn normalized(check: &str) -> String {
    normalize(check, &layout()).text
}

#[test]
fn a_rewritten_grep_ends_as_the_original_does() {
    let world = World::new();
    for check in [
        "grep -rn alpha src",
        "grep -rq nothing src",
        "grep -rqi ALPHA src",
        "grep -rq ALPHA src",
        "grep -rqw gamma src",
        "grep -rqw gam src",
        "grep -rqE 'alph(a|b) one' src",
        "grep -rq 'alph(a|b) one' src",
        "grep -rqF 'a.pha' src",
        "grep -rq 'a.pha' src",
        "grep -rq 'alpha\\|nothing' src",
        "grep -rq -e nothing -e gamma src",
        "grep -rq -- -ray src",
        "grep -rqe -ray src",
        "grep -rl --include='*.toml' delta src",
        "grep -rl --include='*.toml' alpha src",
        "grep -rl --include='*.toml' --include='*.rs' alpha .",
        "grep -rq --exclude-dir=sub gamma src",
        "grep -rq --exclude-dir=sub alpha src",
        "grep -rq --exclude='b.*' gamma src",
        "grep -rqv alpha README.md",
        "grep -rq zeta src",
        "grep -rqx zeta src",
        "grep -rqx zet src",
        "grep -rq theta docs",
        "grep -rq epsilon README.md src",
        "grep -rq 'alpha ü' 'ü dir'",
        "grep -rq delta",
        "! grep -rq alpha src",
        "! grep -rq nothing src",
        "! grep -rq nothing src docs README.md",
        "! grep -rq no_such_word .",
        "! grep -rxq no_such_word .",
        "! grep -rxq zeta src",
        "! grep -q nothing README.md",
        "! grep -q epsilon README.md",
        "! cat README.md | grep -q nothing",
        "! grep -rn nothing src | grep -q .",
        "! grep -rq nothing src && ! grep -rq alpha src",
        "! grep -rq nothing src && ! grep -rq delta README.md",
        "! grep -rq alpha src || test -f README.md",
        "if grep -rq alpha src; then exit 3; fi",
        "if ! grep -rq nothing src; then exit 4; else exit 5; fi",
        "test -z \"$(grep -rn nothing src)\"",
        "test \"$(grep -rn alpha src | wc -l)\" -eq 2",
        "test \"$(grep -rl alpha . | wc -l)\" -eq 3",
        "grep -rc alpha src >/dev/null",
        "grep -rq nothing src; test $? -eq 1",
        "grep -rq nothing nowhere; test $? -eq 2",
        "grep -rq alpha src 2>/dev/null; echo done",
        "P=alpha; grep -rq \"$P\" src",
        "P=nothing; ! grep -rq \"$P\" src",
        "while ! grep -rq alpha src; do exit 9; done",
    ] {
        let text = normalized(check);
        for shell in [&["sh", "-c"][..], &["bash", "-c"]] {
            assert_eq!(world.run(shell, &text, 0), world.run(shell, check, 0), "{check}\n{text}");
        }
    }
}

#[test]
fn output_that_is_read_stays_the_same() {
    let world = World::new();
    for check in [
        "grep -rn alpha src | sort",
        "grep -rl alpha . | sort",
        "grep -rh alpha src | sort",
        "grep -rn alpha ./src | sort",
        "grep -rn alpha README.md | cat",
        "grep -rc alpha src | sort",
        "grep -ro alph src | sort",
        "grep -rn -A1 alpha src/a.rs | cat",
    ] {
        assert_eq!(world.out(&normalized(check)), world.out(check), "{check}");
    }
}

#[test]
fn own_and_ignored_files_are_not_seen() {
    let world = World::new();
    for (check, seen) in [
        ("grep -rq needle .", false),
        ("! grep -rn needle .", true),
        ("! grep -rn needle", true),
        ("! grep -rxn needle .", true),
        ("! grep -rn needle docs", true),
        ("! grep -rs needle docs", true),
        ("! git grep -q needle", true),
        ("! git grep -q needle -- docs", true),
        ("! grep -rq ignored .", true),
        ("grep -rn needle . | grep -q .", false),
        ("! grep -rq zeta src", false),
        ("! grep -rxq zeta src", false),
    ] {
        assert_eq!(world.sh(&normalized(check)) == 0, seen, "{check}\n{}", normalized(check));
    }
    assert_eq!(world.sh("grep -rq needle ."), 0, "the original sees it");
}

#[test]
fn a_search_that_cannot_run_is_no_pass() {
    let world = World::new();
    for check in [
        "! grep -rq nothing nowhere",
        "! grep -rq nothing src nowhere",
        "! grep -rxq nothing nowhere",
        "! grep -q nothing nowhere",
        "! grep -rq 'a\\(' src",
        "! grep -rqE 'a(' src",
        "! git grep -q 'a\\('",
        "! egrep -q 'a(' README.md",
    ] {
        assert_eq!(world.sh(check), 0, "the original passes: {check}");
        for shell in [&["sh", "-c"][..], &["sh", "-ec"], &["bash", "-euo", "pipefail", "-c"]] {
            assert_ne!(world.run(shell, &normalized(check), 0), 0, "{check}\n{}", normalized(check));
        }
    }
    for (status, passed) in [(0, false), (1, true), (2, false)] {
        for shell in [&["sh", "-c"][..], &["sh", "-ec"], &["bash", "-euo", "pipefail", "-c"]] {
            for check in ["! rg foo", "! rg foo src", "true && ! rg foo -- src", "! true | rg foo"] {
                let code = world.run(shell, &normalized(check), status);
                assert_eq!(code == 0, passed, "{check} with {status}: {}", normalized(check));
            }
        }
    }
}

#[test]
fn rg_gets_its_globs_last_and_before_a_double_dash() {
    let world = World::new();
    let own = layout().own_places().len();
    for (check, before, after) in [
        ("rg -g '*.md' 'a b' src", &["-g", "*.md", "a b", "src"][..], &[][..]),
        ("rg foo -- src -x", &["foo"], &["--", "src", "-x"]),
        ("rg -q foo >/dev/null", &["-q", "foo"], &[]),
        ("rg", &[], &[]),
    ] {
        world.sh(&normalized(check));
        let args = world.rg_args();
        assert_eq!(args.len(), before.len() + after.len() + 2 * own, "{check}: {args:?}");
        assert_eq!(args[..before.len()], *before, "{check}");
        assert_eq!(args[args.len() - after.len()..], *after, "{check}");
        assert!(
            args[before.len()..args.len() - after.len()]
                .chunks(2)
                .all(|p| p[0] == "--glob" && p[1].starts_with('!'))
        );
    }
    world.sh(&normalized("rg -e -- foo"));
    assert_eq!(world.rg_args(), ["-e", "--", "foo"]);
}
