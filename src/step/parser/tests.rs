//! What is read, what is refused and with which words, and that no text is too much.

use proptest::prelude::*;

use super::*;
use crate::diag::{Format, Source, render};
use crate::step::ast::*;

fn read(script: &str) -> (Script, Diags) {
    parse(&StepText::plain(&Source::new("audit.kdl", script)))
}

fn codes(script: &str) -> Vec<&'static str> {
    read(script).1.iter().map(|d| d.code).collect()
}

fn printed(script: &str) -> String {
    let (tree, diags) = read(script);
    assert!(diags.is_empty(), "{script}: {:?}", diags.iter().map(|d| &d.message).collect::<Vec<_>>());
    tree.to_string()
}

#[test]
fn what_the_grammar_has_is_read() {
    for (script, tree) in [
        ("", ""),
        (" ; ;; \n\n # only a comment", ""),
        ("a b#c # d\n;b", "a b#c\nb\n"),
        ("a && b && c; d || e", "a && b && c\nd || e\n"),
        ("! a | b|c", "! a | b | c\n"),
        ("X=1 Y= cmd Z=2", "X=1 Y= cmd Z=2\n"),
        ("X=$A'b'\"c $D\"", "X=$A'b'\"c $D\"\n"),
        ("a>b>>c<d 2>e 2>>f &>g 2>&1 >&2", "a > b >> c < d 2> e 2>> f &> g 2>&1 >&2\n"),
        ("a2>x", "a2 > x\n"),
        ("a '2'>x \"2\">x", "a '2' \"2\" > x > x\n"),
        ("echo a\\\n  b", "echo a b\n"),
        ("echo 'a\nb' \"c\nd\"", "echo 'a\nb' \"c\nd\"\n"),
        ("echo \"\\$x \\\\ \\q \\\"\"", "echo \"\\$x \\\\ \\\\q \\\"\"\n"),
        ("echo $ a$ \"$\" $/ 100%$", "echo \\$ a\\$ \"\\$\" \\$/ 100%\\$\n"),
        ("echo ${A}b ${A:-} ${A:-b$C} \"${A:-b c}\"", "echo ${A}b ${A:-} ${A:-b$C} \"${A:-b c}\"\n"),
        ("echo $( a | b && c )x", "echo $(a | b && c)x\n"),
        ("git rev-parse HEAD~1 @{u} a~", "git rev-parse HEAD~1 @{u\\} a~\n"),
        ("\\for 'if' f\\or", "\\for 'if' for\n"),
        ("A\\=b c", "A\\=b c\n"),
        ("echo for if { } done ! [[ set", "echo for if { \\} done ! [[ set\n"),
        ("sh -c 'for i in 1; do echo $i & done'", "sh -c 'for i in 1; do echo $i & done'\n"),
    ] {
        assert_eq!(printed(script), tree, "{script:?}");
        assert_eq!(read(&printed(script)).0, read(script).0, "{script:?}");
    }
}

#[test]
fn spans_cover_words_and_statements() {
    let script = "a  && b 'c d' >e # f\n  X=$(g)";
    let (tree, _) = read(script);
    let texts: Vec<&str> = tree.statements.iter().map(|s| &script[s.at.range()]).collect();
    assert_eq!(texts, ["a  && b 'c d' >e", "X=$(g)"]);
    let command = &tree.statements[0].pipelines[1].commands[0];
    assert_eq!(&script[command.words[1].at.range()], "'c d'");
    assert_eq!(&script[command.redirects[0].at.range()], ">e");
    assert_eq!(&script[tree.statements[1].pipelines[0].commands[0].assignments[0].at.range()], "X=$(g)");
}

/// Every construct of sh that is left out: one error each, and the statement behind it is read.
#[test]
fn each_foreign_construct_is_one_error_and_the_rest_is_read() {
    let mut wrong = Vec::new();
    for script in [
        "for i in 1 2; do echo $i; done",
        "for i in a; do if true; then echo done; fi; done > x",
        "for i in 1 2\ndo\n  echo $1 $?\ndone",
        "while true; do sleep 1; done",
        "until false; do x; done",
        "if a; then b; elif c; then d; else e; fi",
        "case $X in a) b ;; *) c ;; esac",
        "f() { echo $1; }",
        "f () {\n  echo $1\n}",
        "function f { echo $@; }",
        "{ a; b; }",
        "(cd x; ls)",
        "a && (b; c)",
        "echo (x)",
        "cat <<EOF\n$? `x` ((\nEOF",
        "cat <<-'EOF' > f\n\tfor\n\tEOF",
        "cat <<< x",
        "echo `date`",
        "echo \"`date`\"",
        "[[ -f x ]]",
        "[[ $a == b && c ]]",
        "[ -f x ]",
        "sleep 1 &",
        "a & b",
        "a &| b",
        "a |& b",
        "a >| b",
        "a <> b",
        "a >&1",
        "a 1>&2",
        "a 2>&3",
        "a 2>&-",
        "a 1>x",
        "a 3<x",
        "a 2<x",
        "a <&3",
        "a &>> x",
        "echo $((1 + 2))",
        "((i++))",
        "a=(1 2 3)",
        "A+=x",
        "diff <(a) b",
        "tee >(a)",
        "echo ${A%x}",
        "echo ${A##*/}",
        "echo ${A:-b c}",
        "echo ${A-b}",
        "echo ${A:=b}",
        "echo ${A:?b}",
        "echo ${A:+b}",
        "echo ${A/b/c}",
        "echo ${A:1:2}",
        "echo ${#A}",
        "echo ${!A}",
        "echo ${A[0]}",
        "echo ${A^^}",
        "echo ${}",
        "echo ${1}",
        "echo ${?}",
        "echo $?",
        "echo $1",
        "echo $@",
        "echo \"$*\"",
        "echo $#",
        "echo $$",
        "echo $!",
        "echo $-",
        "echo $'a\\n'",
        "echo $\"a\"",
        "ls ~",
        "ls ~/x",
        "ls ~joe/x",
        "A=~/x",
        "a > ~/x",
        "set -e",
        "source x",
        ". x",
        "eval x",
        "trap x EXIT",
        "local X=1",
        "alias a=b",
        "exec a",
        "read X",
        "unset X",
        "shift",
        ": x",
        "then",
        "done",
        "}",
        "a && b || c",
        "a || b && c && d || e",
        "a &&",
        "a ||",
        "a |",
        "&& a",
        "| a",
        "a | | b",
        "!",
        "! ! a",
        "> x",
        "> x a",
        "A=1 > x",
        "a >",
        "a > > b",
        "a )",
        "echo $()",
        "echo $(a; b)",
        "echo $(a\nb)",
        "echo 'a",
        "echo \"a",
        "echo $(a",
        "echo \"$(a\"",
        "echo ${A",
        "echo ${A:-b",
    ] {
        let (_, alone) = read(script);
        let messages: Vec<_> = alone.iter().map(|d| &d.message).collect();
        if messages.len() != 1 {
            wrong.push(format!("{script:?}: {messages:?}"));
        }
        assert!(alone.iter().all(|d| d.help.as_ref().is_some_and(|h| !h.is_empty())), "{script:?}");
        assert!(alone.iter().all(|d| !d.labels.is_empty()), "{script:?}");
        let (tree, _) = read(&format!("first\n{script}\nlast"));
        let names: Vec<_> =
            tree.statements.iter().filter_map(|s| s.pipelines[0].commands[0].literal(0)).collect();
        assert_eq!(names.first().map(String::as_str), Some("first"), "{script:?}");
        let at_line_end = !matches!(script, "echo $(a" | "echo \"$(a\"" | "then" | "done" | "}");
        if at_line_end && names.last().map(String::as_str) != Some("last") {
            wrong.push(format!("{script:?} swallows what follows: {names:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_problems_are_reported_at_once() {
    assert_eq!(
        codes("echo $? $1 ~\nfor i in 1; do x; done\na && b || c\necho 'x\nland\necho `y` > \n"),
        [
            "step::special-variable",
            "step::special-variable",
            "step::tilde",
            "step::unsupported",
            "step::mixed-operators",
            "step::unclosed-quote",
            "step::unsupported",
            "step::redirect-target",
        ]
    );
}

#[test]
fn nesting_has_a_limit_that_is_one_error() {
    for (open, close) in [("$(echo ", ")"), ("${A:-", "}"), ("\"${A:-", "}\"")] {
        let fits = format!("echo {}x{}", open.repeat(30), close.repeat(30));
        assert_eq!(codes(&fits), [] as [&str; 0]);
        for depth in [65, 5000] {
            let deep = format!("echo {}x{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(codes(&deep), ["step::too-deep"], "{open}");
        }
    }
}

#[test]
fn hostile_texts_are_read_in_linear_time() {
    for piece in [
        "for ",
        "for\n",
        "\"${X:-\n",
        "echo 'a \" $(\n",
        "(",
        "(\n",
        "cat <<A\n",
        "$(",
        "${",
        "`",
        "f() {\n",
        "\"$(",
        "case\n",
        "<<",
        "a && ",
        "\\\n",
    ] {
        let text = piece.repeat(20_000);
        // The time is bounded by the test runner's own limit: what was quadratic took minutes.
        let (_, diags) = read(&text);
        assert!(!diags.is_empty(), "{piece:?}");
    }
}

#[test]
fn kdl_escapes_are_mentioned_where_they_matter() {
    let document = "steps \"\"\"\n    echo \\\"it's\n    \"\"\"";
    let source = Source::new("audit.kdl", document);
    let text = StepText::from_kdl(&source, 6..document.len(), "echo \"it's");
    let (_, diags) = parse(&text);
    let help = diags.iter().next().and_then(|d| d.help.clone()).unwrap_or_default();
    assert!(help.contains("#\"\"\" … \"\"\"#"), "{help}");
}

/// All diagnostics of reading, as they are shown, with their places in a configuration.
#[test]
fn diagnostics_as_shown() {
    let lines = [
        "for i in 1 2; do echo $i; done",
        "if a; then b; fi",
        "case x in esac",
        "f() { x; }",
        "{ a; }",
        "(a; b)",
        "cat <<EOF",
        "cat <<< x",
        "echo `a`",
        "[[ -f x ]]",
        "[ -f x ]",
        "a & b",
        "a |& b",
        "a >| b",
        "a <> b",
        "a 1>&2",
        "a &>> b",
        "a <(b)",
        "a=(b)",
        "A+=b",
        "echo $((1))",
        "echo ${A%b} ${A:=c} ${A:+d} ${A:?e} ${A-f} ${A/g} ${#A}",
        "echo $? $1 $@ $$ $! $-",
        "echo $'a' ~/b",
        "set -e",
        "source x",
        "eval x",
        ": x",
        "a && b || c",
        "a &&",
        "> x",
        "a >",
        "a )",
        "echo $() $(a; b)",
        "! ! a",
        "echo ${A:-b c}",
        "done",
        "echo 'x",
    ];
    let body: String = lines.iter().map(|l| format!("    {l}\n")).collect();
    let document = format!("target \"t\" {{\n  steps #\"\"\"\n{body}    \"\"\"#\n}}\n");
    let (start, end) = (document.find('#').unwrap(), document.rfind('#').unwrap() + 1);
    let text = StepText::from_kdl(
        &Source::new("audit.kdl", document.clone()),
        start..end,
        lines.join("\n").as_str(),
    );
    insta::assert_snapshot!(render(&parse(&text).1, Format::Text { color: false, width: 110 }));
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_]{0,3}"
}

/// Neighbouring texts are one, and no text is empty: what reading gives.
fn joined_texts(parts: Vec<Part>) -> Vec<Part> {
    let mut out: Vec<Part> = Vec::new();
    for part in parts {
        match (out.last_mut(), part) {
            (_, Part::Text(t)) if t.is_empty() => {}
            (Some(Part::Text(last)), Part::Text(t)) => last.push_str(&t),
            (_, part) => out.push(part),
        }
    }
    out
}

fn word_of(parts: Vec<Part>) -> Word {
    Word { parts: joined_texts(parts), at: At::default() }
}

fn inner_parts(statement: BoxedStrategy<Statement>) -> BoxedStrategy<Vec<Part>> {
    let leaf = prop_oneof![
        "[ -~é\n]{0,5}".prop_map(Part::Text),
        name().prop_map(|n| Part::Var(n, At::default())),
        statement.prop_map(|s| Part::Substitution(Box::new(s), At::default())),
    ];
    let leaves = proptest::collection::vec(leaf, 0..3).prop_map(joined_texts);
    (leaves.clone(), proptest::option::of((name(), leaves)))
        .prop_map(|(mut parts, default)| {
            parts.extend(default.map(|(n, word)| Part::Default(n, word_of(word), At::default())));
            joined_texts(parts)
        })
        .boxed()
}

fn part(statement: BoxedStrategy<Statement>) -> BoxedStrategy<Part> {
    let simple = prop_oneof![
        "[ -~é]{1,5}".prop_map(Part::Text),
        "[ -&(-~é\n]{0,5}".prop_map(Part::Single),
        name().prop_map(|n| Part::Var(n, At::default())),
    ];
    prop_oneof![
        4 => simple.clone(),
        1 => inner_parts(statement.clone()).prop_map(Part::Double),
        1 => statement.prop_map(|s| Part::Substitution(Box::new(s), At::default())),
        1 => (name(), proptest::collection::vec(simple, 0..3))
            .prop_map(|(n, word)| Part::Default(n, word_of(word), At::default())),
    ]
    .boxed()
}

fn word(statement: BoxedStrategy<Statement>) -> BoxedStrategy<Word> {
    proptest::collection::vec(part(statement), 1..4)
        .prop_map(word_of)
        .prop_filter("a word has parts", |w| !w.parts.is_empty())
        .boxed()
}

fn command(statement: BoxedStrategy<Statement>) -> BoxedStrategy<Command> {
    let value = proptest::collection::vec(part(statement.clone()), 0..2).prop_map(word_of);
    let assignment = (name(), value).prop_map(|(name, value)| Assignment { name, value, at: At::default() });
    let kinds = [
        RedirectKind::Out,
        RedirectKind::Append,
        RedirectKind::In,
        RedirectKind::Err,
        RedirectKind::ErrAppend,
        RedirectKind::Both,
        RedirectKind::ErrToOut,
        RedirectKind::OutToErr,
    ];
    let redirect =
        (proptest::sample::select(kinds.to_vec()), word(statement.clone())).prop_map(|(kind, file)| {
            Redirect { kind, file: kind.takes_file().then_some(file), at: At::default() }
        });
    (
        proptest::collection::vec(assignment, 0..3),
        proptest::collection::vec(word(statement), 0..4),
        proptest::collection::vec(redirect, 0..3),
    )
        .prop_filter("something to run", |(a, w, _)| !(a.is_empty() && w.is_empty()))
        .prop_map(|(assignments, words, redirects)| {
            let redirects = if words.is_empty() { Vec::new() } else { redirects };
            Command { assignments, words, redirects, at: At::default() }
        })
        .boxed()
}

fn statement(depth: u32) -> BoxedStrategy<Statement> {
    let inner = if depth == 0 {
        Just(Statement { pipelines: vec![], operator: Operator::And, at: At::default() })
            .prop_map(|_| simple_statement())
            .boxed()
    } else {
        statement(depth - 1)
    };
    let pipeline = (any::<bool>(), proptest::collection::vec(command(inner), 1..3))
        .prop_map(|(negated, commands)| Pipeline { negated, commands, at: At::default() });
    (proptest::collection::vec(pipeline, 1..3), any::<bool>())
        .prop_map(|(pipelines, or)| {
            let operator = if or && pipelines.len() > 1 { Operator::Or } else { Operator::And };
            Statement { pipelines, operator, at: At::default() }
        })
        .boxed()
}

fn simple_statement() -> Statement {
    read("a b").0.statements.remove(0)
}

proptest! {
    #[test]
    fn printing_and_reading_give_the_same_tree(statements in proptest::collection::vec(statement(1), 0..3)) {
        let script = Script { statements };
        let text = script.to_string();
        let (again, diags) = read(&text);
        prop_assert!(diags.is_empty(), "{}: {:?}", text, diags.iter().map(|d| &d.message).collect::<Vec<_>>());
        prop_assert_eq!(again, script, "{}", text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "[ -~\n\té]{0,60}") {
        let (tree, diags) = read(&text);
        if diags.is_empty() {
            prop_assert_eq!(read(&tree.to_string()).0, tree);
        }
    }

    #[test]
    fn no_mix_of_tokens_makes_the_reader_panic(tokens in proptest::collection::vec(
        proptest::sample::select(vec![
            "$(", "${", ":-", "}", ")", "(", "\"", "'", "`", "\\", "\n", ";", "&&", "||", "|", "&", ">", "2>", ">&2",
            "2>&1", "<<", "<", "EOF", "for", "do", "done", "if", "fi", "case", "esac", "{", "[[", "]]", "!", "=", "A", "$",
            "#", " ", "~", "x", "$A", "((", "))", "set",
        ]), 0..40))
    {
        let text = tokens.concat();
        let (tree, diags) = read(&text);
        for diag in diags.iter() {
            prop_assert!(diag.labels.iter().all(|(s, _)| s.offset() + s.len() <= text.len()));
        }
        if diags.is_empty() {
            prop_assert_eq!(read(&tree.to_string()).0, tree, "{}", text);
        }
    }
}
