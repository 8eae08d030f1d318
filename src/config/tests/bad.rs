//! What is refused, and how it is said: every message is a file under `snapshots`.

use std::fmt::Write;

use super::super::{Flags, SUBCOMMANDS};
use super::{World, shown};

/// Each topic's bad inputs, one after another, with what is said about them.
fn snapshot(topic: &str, inputs: &[&str]) {
    let mut all = String::new();
    for input in inputs {
        let problems = match World::new(input).load() {
            Ok((_, warnings)) => warnings,
            Err(problems) => problems,
        };
        assert!(!problems.is_empty(), "accepted: {input}");
        let _ = writeln!(all, "# {input}\n{}", shown(&problems));
    }
    insta::assert_snapshot!(topic, all);
}

#[test]
fn names() {
    snapshot(
        "names",
        &[
            "bundel \"docs\"",
            "zebra 1",
            "worktree { cpoy \".env\" }",
            "bounds max-iteration=5",
            "audit issue-labels=\"x\"",
            "concurrency 4 fast=#true",
            "(secret)bundle \"x\"",
            "bundle (path)\"x\"",
            "sign #true { x }",
            "bundle \"x\" {}",
        ],
    );
}

#[test]
fn arguments_and_types() {
    snapshot(
        "arguments",
        &[
            "bundle",
            "bundle \"a\" \"b\"",
            "env 4",
            "concurrency \"4\"",
            "concurrency 4.5",
            "bundle 4",
            "sign \"true\"",
            "sign 1",
            "bundle #null",
            "grace 10",
            "forge { dashboard port=\"7824\" }",
        ],
    );
}

#[test]
fn values() {
    snapshot(
        "values",
        &[
            "concurrency 0",
            "concurrency -1",
            "remediation 3",
            "remediation 2 from=\"start\"",
            "expected-signal \"require\"",
            "loc-confidence \"tigth\"",
            "loc-confidence { tight factor=-0.5; extreme factor=0 }",
            "bounds timeout=\"0s\"",
            "bounds timeout=\"480\"",
            "bounds cost-usd=#nan",
            "bounds max-iterations=0",
            "log-limit \"64\"",
            "grace \"ten seconds\"",
            "author \"me\"",
            "bundle \"\"",
            "bundle \"../x\"",
            "bundle \"/x\"",
            "out \"a/../../x\"",
            "sandbox \"on\"",
            "forge { recursion-depth 3; dashboard port=70000; database \"db\" }",
            "audit { repository \"name\" }",
            "auditrun min-version=\"99.1\"",
            "auditrun min-version=\"new\"",
        ],
    );
}

#[test]
fn duplicates() {
    snapshot(
        "duplicates",
        &[
            "concurrency 4\nconcurrency 5",
            "check-timeout \"1m\"\ncheck_timeout \"2m\"",
            "bounds tokens=1 tokens=2",
            "bounds tokens=1 { tokens 2 }",
            "target \"a\" { steps \"true\" }\ntarget \"a\" { steps \"true\" }",
            "agent \"x\" adapter=\"claude\"\nagent \"x\" adapter=\"claude\"",
            "node \"A\" timeout=\"1m\"\nnode \"A\" timeout=\"2m\"",
            "invariant \"I\" { check \"true\" }\ninvariant \"I\" { check \"true\" }",
            "env { A \"1\"; A \"2\"; pass \"A\" }",
            "hotspots { file \"a\" \"a\"; group \"a\" \"b\" }",
            "agent \"x\" adapter=\"claude\" default=#true\nagent \"y\" adapter=\"codex\" default=#true",
            "roles { node \"claude\"; node \"codex\" }",
            "worktree { copy \"a\" \"a\" }",
        ],
    );
}

#[test]
fn environment_blocks() {
    snapshot(
        "env",
        &[
            "env { 1A \"x\" }",
            "env { \"A-B\" \"x\" }",
            "env { A 1 }",
            "env { A \"5$\" }",
            "env { A \"${B\" }",
            "env { A \"x\" \"y\" }",
            "env { pass \"A*\" }",
            "env { pass }",
        ],
    );
}

#[test]
fn agents_and_roles() {
    snapshot(
        "agents",
        &[
            "agent \"x\"",
            "agent adapter=\"claude\"",
            "agent \"x\" adapter=\"cluade\"",
            "agent \"x\" adapter=\"exec\"",
            "agent \"x\" adapter=\"claude\" { prompt via=\"mail\" }",
            "agent \"x\" adapter=\"claude\" { retries -1 }",
            "agent \"x\" adapter=\"claude\" { price { input 3 } }",
            "agent \"x\" adapter=\"claude\" { config-home \"mine\" }",
            "agent \"x\" adapter=\"claude\" { config-home \"shared\" }",
            "agent \"x\" adapter=\"claude\" { audit { repository \"a/b\" } }",
            "roles { node \"claud\" }",
            "roles { resolver \"zebra\" }",
            "roles { judge \"claude\" }",
            "roles { node \"exec\" }",
            "node \"A\" agent=\"codx\"",
        ],
    );
}

#[test]
fn nodes_invariants_and_hotspots() {
    snapshot(
        "nodes",
        &[
            "node \"a b\"",
            "node \"A\" parallel-safe=\"yes\"",
            "node \"A\" colour=\"red\"",
            "invariant \"..\" { check \"true\" }",
            "invariant \"I\" { check }",
            "hotspots { group \"g\" }",
            "hotspots { file \"\" }",
            "loc-exclude",
        ],
    );
}

#[test]
fn targets() {
    snapshot(
        "targets",
        &[
            "target \"run\" { steps \"true\" }",
            "target \"-x\" { steps \"true\" }",
            "target \"a b\" { steps \"true\" }",
            "target \"a=b\" { steps \"true\" }",
            "target \"lint\" { steps \"true\" }\ntarget \"x\" { needs \"lnit\" }",
            "target \"x\" { needs \"x\" }",
            "target \"a\" { needs \"b\" }\ntarget \"b\" { needs \"c\" }\ntarget \"c\" { needs \"a\" }",
            "target \"x\" { param \"level\" default=\"high\" { choices \"low\" \"mid\" }; steps \"true\" }",
            "target \"x\" { param \"a-b\"; steps \"true\" }",
            "target \"x\" { param \"a\"; param \"a\"; steps \"true\" }",
            "target \"x\" { when; steps \"true\" }",
            "target \"x\" { when os=\"linus\"; steps \"true\" }",
            "target \"x\" { outputs \"../y\"; steps \"true\" }",
            "target \"x\" { steps \"true\" \"false\" }",
            "target \"x\" { timeout \"soon\"; steps \"true\" }",
            "target \"x\"",
            "recipe \"nodes\" { steps \"x\" }",
            "recipe \"node\"",
            "notify { on \"finished\" { run \"true\" } }",
            "notify { on \"done\" }",
            "notify { on { run \"true\" } }",
        ],
    );
}

#[test]
fn no_target_takes_the_name_of_a_subcommand() {
    for name in SUBCOMMANDS {
        let world = World::new(&format!("target \"{name}\" {{ steps \"true\" }}"));
        assert_eq!(world.codes(), ["config::bad-value"], "{name}");
    }
}

#[test]
fn syntax() {
    snapshot(
        "syntax",
        &[
            "sign true",
            "bundle \"docs",
            "worktree {",
            "bundle docs/audit",
            "}",
            "bundle=\"x\"",
            "a \"\\q\"",
            "target \"x\" { steps \"\"\"\n    a\n  b\n    \"\"\" }",
            "/* open",
            "bundle=\"x\"; sign #yes",
            "target \"x\" { steps \"grep \\d x\" }",
            "target \"x\" {\n  steps \"\"\"\n    grep \\d x\n    \"\"\"\n}",
        ],
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let world = World::new(
        "concurrency \"x\"\nbundel \"a\"\nremediation 9\ntarget \"x\" { needs \"y\" }\nroles { node \"z\" }\ninclude \"more.kdl\"",
    )
    .file("more.kdl", "sign 1");
    assert_eq!(
        world.codes(),
        [
            "config::wrong-type",
            "config::unknown-setting",
            "config::bad-value",
            "config::unknown-target",
            "config::unknown-agent",
            "config::wrong-type"
        ]
    );
}

/// What a file that can't be read may have declared is not missed as well.
#[test]
fn a_broken_include_hides_nothing_and_blames_nobody_else() {
    let world =
        World::new("include \"a.kdl\" \"b.kdl\"\nroles { node \"x\" }\ntarget \"t\" { needs \"u\" }\nsign 1")
            .file("a.kdl", "agent \"x\" adapter=\"claude");
    assert_eq!(world.codes(), ["config::syntax", "config::include-missing", "config::wrong-type"]);
}

#[test]
fn includes() {
    let told = |world: World| shown(&world.load().unwrap_err());
    let mut all = String::new();
    for world in [
        World::new("include \"no.kdl\""),
        World::new("include \"../x.kdl\""),
        World::new("include \"/etc/x.kdl\""),
        World::new("include \"audit.kdl\""),
        World::new("include \"ci/a.kdl\"")
            .file("ci/a.kdl", "include \"b.kdl\"")
            .file("ci/b.kdl", "include \"../audit.kdl\""),
        World::new("include \"a.kdl\"")
            .file("a.kdl", "include \"./b.kdl\"")
            .file("b.kdl", "include \"a.kdl\""),
        World::new("include \"a.kdl\" \"b.kdl\"").file("a.kdl", "include \"b.kdl\"").file("b.kdl", ""),
        World::new("target \"t\" { steps \"true\" }\ninclude \"a.kdl\"")
            .file("a.kdl", "target \"t\" { steps \"true\" }"),
        World::new("include \"a.kdl\" \"b.kdl\"")
            .file("a.kdl", "concurrency 1")
            .file("b.kdl", "concurrency 2"),
        World::new("include \"a.kdl\"").file("a.kdl", "sign {"),
        World::new("include \"a.kdl\"").file("a.kdl", b"\xff"),
        World::new("include"),
    ] {
        all.push_str(&told(world));
    }
    insta::assert_snapshot!("includes", all);
}

#[test]
fn environment_and_flags() {
    let mut all = String::new();
    for (name, value) in [
        ("AUDIT_MAX_PARALLEL", "many"),
        ("AUDIT_MAX_PARALLEL", "0"),
        ("AUDIT_MAX_ITERATIONS", "-1"),
        ("AUDIT_TIMEOUT_MINUTES", "8h"),
        ("AUDIT_COST_USD", "inf"),
        ("AUDIT_TOKENS", "1e6"),
        ("AUDIT_AGENT", "claud"),
        ("AUDIT_BUNDLE", "../x"),
    ] {
        all.push_str(&shown(&World::new("").env(name, value).load().unwrap_err()));
    }
    for flags in [
        Flags { max_parallel: Some(0), ..Flags::default() },
        Flags { max_iterations: Some(0), ..Flags::default() },
        Flags { timeout_minutes: Some(0), ..Flags::default() },
        Flags { agent: Some("exec".to_owned()), ..Flags::default() },
        Flags { out: Some("/tmp".to_owned()), ..Flags::default() },
    ] {
        all.push_str(&shown(&World::new("").flags(flags).load().unwrap_err()));
    }
    let (_, warnings) = World::new("").env("AUDIT_MAX_PARALEL", "3").env("AUDIT_TRAIL", "x").load().unwrap();
    all.push_str(&shown(&warnings));
    insta::assert_snapshot!("environment", all);
}

#[test]
fn encoding_and_size() {
    let latin = World { main: "audit.kdl", ..World::default() }.file("audit.kdl", b"bundle \"\xe4\"");
    assert_eq!(latin.codes(), ["config::not-utf8"]);
    let huge = World { main: "audit.kdl", ..World::default() }.file("audit.kdl", vec![b' '; (8 << 20) + 1]);
    assert_eq!(huge.codes(), ["config::too-large"]);
}

/// What would exhaust the parser's stack or its time.
#[test]
fn bombs() {
    for (bomb, code) in [
        ("a {".repeat(200_000), "config::too-deep"),
        (format!("{}{}", "a {\n".repeat(65), "}\n".repeat(65)), "config::too-deep"),
        ("/*".repeat(200_000), "config::too-deep"),
        (format!("/{}/ zebra", "*".repeat(200_000)), "config::unknown-setting"),
        (format!("/* {} */ zebra", "a/b*".repeat(100_000)), "config::unknown-setting"),
        ("}".repeat(200_000), "config::syntax"),
        ("/-".repeat(10_000), "config::syntax"),
        (format!("{}a{}", "/- x {".repeat(30), "}".repeat(30)), "config::too-deep"),
        (format!("a b\"{}\"", "{".repeat(100_000)), "config::too-large"),
        (format!("a b\"{}\"", "{".repeat(20_000)), "config::syntax"),
        (format!("a \"\\q{}\"", "{".repeat(20_000)), "config::syntax"),
        ("(".repeat(20_000), "config::syntax"),
        (")".repeat(20_000), "config::syntax"),
        ("[".repeat(20_000), "config::syntax"),
        ("a \\\n".repeat(10_000), "config::unknown-setting"),
        ("=".repeat(100_000), "config::too-large"),
        ("=".repeat(20_000), "config::syntax"),
        ("a=b=c".repeat(10_000), "config::syntax"),
        ("a=b=c\n".repeat(10_000), "config::syntax"),
        ("a\"b\"".repeat(10_000), "config::syntax"),
        ("a/b".repeat(20_000), "config::syntax"),
        ("a\u{200e}".repeat(20_000), "config::bad-character"),
        (";".repeat(100_000) + "zebra", "config::unknown-setting"),
    ] {
        let codes = World::new(&bomb).codes();
        assert!(codes.contains(&code), "{} … gave {:?}", &bomb[..20], codes.first());
    }
}

/// Six levels of `/-` are the most that is parsed; it must not take noticeable time.
#[test]
fn what_is_commented_out_is_not_read() {
    let nested = format!("{}a{}", "/- x {\n".repeat(6), "\n}".repeat(6));
    assert!(World::new(&nested).codes().is_empty());
    assert!(World::new("/- kdl-version 2\nsign #true // end").codes().is_empty());
    assert!(World::new("/- bundel \"x\"\nsign /-#true #false /-{ x }").codes().is_empty());
}

mod random {
    use proptest::prelude::*;

    use super::super::good::EXAMPLE;
    use super::World;

    /// Pieces that files are made of, and some that break them.
    fn pieces() -> impl Strategy<Value = String> {
        let known = EXAMPLE.split_inclusive([' ', '\n', ';']).map(str::to_owned).collect::<Vec<_>>();
        let odd = [
            "{", "}", "\"", "\"\"\"\n", "#\"", "/*", "*/", "/-", "\\", "\u{feff}", "$", "=", "(", "\r\n", "é",
        ];
        let odd = proptest::sample::select(odd.map(str::to_owned).to_vec());
        let piece = prop_oneof![8 => proptest::sample::select(known), 1 => odd];
        proptest::collection::vec(piece, 0..60).prop_map(|all| all.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn shuffled_settings_never_panic(text in pieces()) {
            let _ = World::new(&text).load();
        }

        #[test]
        fn any_text_never_panics(text in "(?s).{0,200}") {
            let _ = World::new(&text).load();
        }

        #[test]
        fn a_changed_byte_never_panics(at in 0..EXAMPLE.len(), byte in any::<u8>()) {
            let mut bytes = EXAMPLE.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = World::new("").file("audit.kdl", bytes).load();
        }
    }
}
