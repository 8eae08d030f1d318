//! What becomes of checks, as text and as run by a real shell.

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;

use super::normalize;
use crate::base::Layout;

fn layout() -> Layout {
    Layout::new("docs/audit", "docs/audit")
}

const LEFT_ALONE: &[&str] = &[
    "true",
    "test -f x && ! test -e y",
    "grep -q both y",
    "grep -n 'a b' src/*.rs | wc -l",
    "cargo test -- -r",
    "! test -e x || grep -q both y",
    "A=1 make -r",
    "",
];

const REWRITTEN: &[&str] = &[
    "rg foo src",
    "rg \"$(rg -l foo)\" src",
    "rg -g '*.md' foo",
    "rg foo -- src -x",
    "rg -q 'a b' > /dev/null",
    "! rg foo",
    "! rg foo src && test -f x",
    "grep -rn foo src",
    "grep -r foo",
    "grep -RiE 'a|b' . --include='*.rs' --include=*.toml",
    "grep -rlw --include '*.rs' --exclude=gen.rs --exclude-dir target foo src/ ./docs",
    "grep --recursive --line-number --regexp=foo -e 'b c' src",
    "! grep -rqn foo src docs",
    "! grep -rq foo .",
    "! grep -q foo README.md",
    "egrep -r 'a+' src; fgrep -r a+ src",
    "grep -rx foo src",
    "grep -rx foo .",
    "! grep -rx foo docs",
    "grep -rn foo . | wc -l",
    "grep -rn foo src | wc -l",
    "grep -rc foo src > counts",
    "grep -rc foo src > /dev/null",
    "grep -rn foo $DIR",
    "grep -rn \"$PAT\" src",
    "grep -rn foo /etc ../x",
    "grep -rn foo src/*",
    "grep -rq foo src; test $? -eq 1",
    "grep -rn 2>/dev/null foo src 2>&1",
    "test -z \"$(grep -rn foo src)\"",
    "if grep -rq foo src; then exit 1; fi",
    "if ! rg -q foo; then make; fi",
    "! cat x | grep foo",
    "! rg foo | head -1",
    "git grep -n foo",
    "! git grep -q foo -- src",
    "command rg foo; env A=1 grep -r foo src",
    "grep -rn -A 3 -B2 foo src",
    "grep -rnf pats src; grep -rP '\\d' src; grep -rs foo src; grep -rm1 foo src; grep -rL foo src",
    "grep -rn foo src --include='*.rs' --exclude='*' --include='a'",
    "grep -rn -- -foo src",
    "grep -rh --color=never foo src",
];

const VERBATIM: &[&str] = &[
    "cd src && rg foo",
    "(cd src; grep -r foo .)",
    "pushd x; rg foo",
    "cat <<EOF\nrg foo\nEOF",
    "rg `cat pats`",
    "find . -name '*.rs' | xargs grep foo",
    "sh -c 'grep -rn foo .'",
    "timeout 5 rg foo",
    "grep -rn foo > \"$(rg -l x)\" src",
    "rg 'foo",
    "! rg -e -- foo",
    "rg --iglob '*.MD' foo",
    "case x in x) rg foo;; esac",
    "$TOOL foo",
];

#[test]
fn checks_without_a_wide_search_stay_as_they_are() {
    for check in LEFT_ALONE {
        let done = normalize(check, &layout());
        assert_eq!((done.text.as_str(), done.verbatim_because), (*check, None));
    }
}

#[test]
fn searches_leave_the_own_files_out() {
    // A layout with short names keeps the snapshot readable.
    let layout = Layout::new("b", "b");
    let places = ["preflight", "resolutions", "runs", "remediation", "audit", ".history"];
    let told: Vec<String> = REWRITTEN
        .iter()
        .map(|check| {
            let mut text = normalize(check, &layout).text;
            for place in places {
                text = text.replace(&format!(" --glob '!b/{place}/**'"), "");
                text = text.replace(&format!(" ':(exclude)b/{place}'"), "");
            }
            format!("  {check}\n→ {text}\n")
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn every_place_is_named_in_a_rewritten_search() {
    let layout = layout();
    for (path, _) in layout.own_places() {
        let rg = normalize("rg foo", &layout).text;
        assert!(rg.contains(&format!("--glob '!{path}")), "{path}: {rg}");
        let grep = normalize("grep -r foo .", &layout).text;
        assert!(grep.contains(&format!("){path}'")), "{path}: {grep}");
    }
    let root = Layout::new("", "");
    let text = normalize("rg foo", &root).text;
    for glob in ["'!/state.md'", "'!/audit-report*'", "'!runs/**'", "'!prompts/**'"] {
        assert!(text.contains(glob), "{glob}: {text}");
    }
    let odd = normalize("rg foo", &Layout::new("a [x]", "a [x]")).text;
    assert!(odd.contains(r"'!a \[x\]/state.md'"), "{odd}");
}

#[test]
fn what_is_not_certain_is_left_and_listed() {
    let told: Vec<String> = VERBATIM
        .iter()
        .map(|check| {
            let done = normalize(check, &layout());
            assert_eq!(done.text, *check);
            format!("{check:?}: {}", done.verbatim_because.unwrap())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn rewriting_twice_changes_nothing() {
    for check in REWRITTEN.iter().chain(VERBATIM).chain(LEFT_ALONE) {
        let once = normalize(check, &layout()).text;
        assert_eq!(normalize(&once, &layout()).text, once, "{check}");
    }
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
        std::fs::write(tools.join("rg"), rg).unwrap();
        world.sh(
            "chmod +x ../tools/rg; git init -q; git add -A; rm src/sub/c.toml; echo delta > src/new.toml",
        );
        world
    }

    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("repo")
    }

    fn command(&self, shell: &[&str], line: &str, status: i32) -> Command {
        let mut command = Command::new(shell[0]);
        let tools = self.dir.path().join("tools");
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
        command.args(&shell[1..]).arg(line).current_dir(self.root());
        command.env_clear().env("PATH", path).env("HOME", self.dir.path()).env("LC_ALL", "C.UTF-8");
        command.env("RG_LOG", self.dir.path().join("log")).env("RG_STATUS", status.to_string());
        command.stdin(std::process::Stdio::null());
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

#[test]
fn the_tools_that_the_tests_need_are_here() {
    let world = World::new();
    assert_eq!(world.sh("grep --version | grep -q GNU && git --version >/dev/null && test -x /bin/sh"), 0);
    assert!(Path::new(&world.root()).join("docs/audit/state.md").exists());
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "rg",
        "grep",
        "-r",
        "-rn",
        "-R",
        "!",
        "foo",
        "'a b'",
        "src",
        ".",
        "--",
        "-e",
        "--include=*.rs",
        "|",
        "&&",
        ";",
        "git",
        "$X",
        "\"$(",
        ")\"",
        "{",
        "}",
        "(",
        ")",
        "if",
        "then",
        "fi",
        "> out",
        "2>&1",
        "-x",
        "-q",
    ]);
    prop::collection::vec(word, 0..14).prop_map(|w| w.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_line_is_rewritten_once_and_for_all(line in words()) {
        let once = normalize(&line, &layout());
        let twice = normalize(&once.text, &layout());
        prop_assert_eq!(&twice.text, &once.text);
        if once.verbatim_because.is_some() {
            prop_assert_eq!(&once.text, &line);
        }
        prop_assert_eq!(twice.verbatim_because, once.verbatim_because);
    }
}
