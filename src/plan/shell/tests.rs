//! What is read of a line, and what is doubted.

use proptest::prelude::*;

use super::{parse, programs};
use crate::base::text::shell_quote;

fn names(line: &str) -> String {
    let all: Vec<String> = programs(line).into_iter().map(|p| p.name).collect();
    all.join(" ")
}

#[test]
fn the_first_word_of_every_command_is_found() {
    for (line, expected) in [
        ("cargo test", "cargo"),
        ("  cargo test | tee log && git diff || jq . ; make", "cargo tee git jq make"),
        ("! rg foo src", "rg"),
        ("RUST_LOG=x A='b c' cargo test", "cargo"),
        ("A=b", ""),
        ("env X=1 prog a", "env prog"),
        ("env -i X=1 prog", "env"),
        ("command rg x", "rg"),
        ("exec node a.js", "node"),
        ("if test -f x; then rg a; elif grep b c; then jq; else make; fi", "rg grep jq make"),
        ("while read l; do wc; done < x", "wc"),
        ("for f in a b; do node $f; done", "node"),
        ("(cd x && npm test)", "npm"),
        ("{ npm test; } > log 2>&1", "npm"),
        ("test -z \"$(git status --porcelain)\"", "git"),
        ("echo $(( 1 + 2 ))", ""),
        ("./run.sh && tools/x && $CMD a && \"$CMD\"", ""),
        ("find . -exec grep x {} \\;", "find"),
        ("ls | xargs grep x", "ls xargs"),
        ("2>/dev/null rg x", "rg"),
        ("'my prog' a", "my prog"),
        ("\"if\" x", "if"),
        ("git diff # && rm -rf", "git"),
        ("a#b", "a#b"),
        ("npm test &", "npm"),
        ("make\njq", "make jq"),
        ("case x in a) rg;; esac", ""),
        ("make && case x in a) rg;; esac", "make"),
        ("cat <<EOF\nrg\nEOF", ""),
        ("make; `rg x`", "make"),
        ("rg 'unclosed", ""),
        ("time cargo test", ""),
        ("\u{fc}ber x", "\u{fc}ber"),
    ] {
        assert_eq!(names(line), expected, "{line}");
    }
    let found = programs("true && cargo test");
    assert_eq!((found[0].name.as_str(), found[0].offset), ("cargo", 8));
}

#[test]
fn what_is_not_certain_is_doubted_with_its_reason() {
    let lines = [
        "cat <<EOF",
        "a `b`",
        "case x in a) b;; esac",
        "f() { a; }",
        "a &> b",
        "a |& b",
        "[[ -f x ]]",
        "((1))",
        "echo $((1))",
        "a 'b",
        "a \"b",
        "a \\",
        "( a",
        "a )",
        "{ a",
        "if a; then b",
        "fi",
        "a &&",
        "| a",
        "a;; b",
        "a <(b)",
        "a >",
        "echo ${x:-\"y\"}",
        "! ! a",
        "for x in a b",
        "(a) b",
        "echo $'x'",
        "function f { a; }",
    ];
    let told: Vec<String> = lines
        .into_iter()
        .map(|line| match parse(line) {
            Ok(read) => panic!("{line}: {read:?}"),
            Err(doubt) => format!("{line:<24} {}", doubt.because),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(parse(&"(".repeat(10_000)).is_err());
    assert!(parse(&"echo \"$(".repeat(10_000)).is_err());
}

#[test]
fn words_know_their_value_and_if_it_is_fixed() {
    let line = parse(r#"p 'a b'"c$" d\ e "x$y" $z *.rs {a,b} {} ~/f "q\"\n" a"b"'c'"#).unwrap();
    let words: Vec<String> = line.commands[0]
        .words
        .iter()
        .map(|w| format!("{:?}{}", w.text.as_deref().unwrap_or("-"), if w.unstable { "?" } else { "" }))
        .collect();
    let expected = [
        r#""p""#,
        r#""a bc$""#,
        r#""d e""#,
        r#""-""#,
        r#""-"?"#,
        r#""*.rs"?"#,
        r#""{a,b}"?"#,
        r#""{}""#,
        r#""~/f"?"#,
    ];
    assert_eq!(words[..9], expected);
    assert_eq!(line.commands[0].words[9].fixed(), Some("q\"\\n"));
    assert_eq!(line.commands[0].words[10].fixed(), Some("abc"));
}

#[test]
fn pipelines_know_their_bang_and_their_stages() {
    let text = "a && ! b x | c > f 2>&1; ! { d; }";
    let line = parse(text).unwrap();
    let told: Vec<String> = line
        .pipelines
        .iter()
        .map(|p| format!("{}{} {:?}", p.bang.map_or("", |_| "! "), &text[p.span.clone()], p.stages))
        .collect();
    assert_eq!(
        told,
        ["a [Some(0)]", "! b x | c > f 2>&1 [Some(1), Some(2)]", "d [Some(3)]", "! { d; } [None]"]
    );
    let operators: Vec<&str> = line.commands[2].redirects.iter().map(|r| r.operator.as_str()).collect();
    assert_eq!(operators, [">", "2>&"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quoted_words_come_back_as_they_were(words in prop::collection::vec("[^\\x00]{0,12}", 0..6)) {
        let line: Vec<String> = std::iter::once("echo".to_owned()).chain(words.iter().map(|w| shell_quote(w))).collect();
        let read = parse(&line.join(" ")).unwrap();
        prop_assert_eq!(read.commands.len(), 1);
        let back: Vec<&str> = read.commands[0].words.iter().skip(1).map(|w| w.fixed().unwrap()).collect();
        prop_assert_eq!(back, words.iter().map(String::as_str).collect::<Vec<_>>());
    }

    #[test]
    fn no_line_makes_the_reader_panic(line in "\\PC{0,30}", odd in "[a${}()'\"`|&;<>! \\\\\n#=*~\\[-]{0,30}") {
        for text in [line, odd] {
            let _ = parse(&text);
            for p in programs(&text) {
                prop_assert!(p.offset < text.len());
            }
        }
    }
}
