//! What becomes of checks, as text. tests/check_normalization.rs runs them.

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
