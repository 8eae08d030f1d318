//! Which layer wins, and what `config --explain` says about it.

use std::time::Duration;

use super::super::model::*;
use super::super::{DEFAULTS, explain};
use super::World;

fn flags() -> Flags {
    Flags {
        bundle: Some("flag".to_owned()),
        out: Some("./out/".to_owned()),
        max_parallel: Some(9),
        max_iterations: Some(7),
        timeout_minutes: Some(5),
        agent: Some("gemini".to_owned()),
    }
}

fn with_env(text: &str) -> World {
    World::new(text)
        .env("AUDIT_MAX_PARALLEL", "6")
        .env("AUDIT_MAX_ITERATIONS", "60")
        .env("AUDIT_TIMEOUT_MINUTES", "61")
        .env("AUDIT_COST_USD", "1.5")
        .env("AUDIT_TOKENS", "")
        .env("AUDIT_BUNDLE", "env")
        .env("AUDIT_AGENT", "codex")
}

#[test]
fn each_layer_beats_the_ones_below() {
    let text = "concurrency 2\nbundle \"file\"\nbounds max-iterations=20 timeout=\"21m\" tokens=3";
    let seen = |c: Config| {
        let bundle = c.bundle.unwrap().value;
        (c.concurrency.value, c.bounds.max_iterations.value, c.bounds.timeout.value.as_secs() / 60, bundle)
    };
    assert_eq!(seen(World::new(text).good()), (2, 20, 21, "file".to_owned()));
    assert_eq!(seen(with_env(text).good()), (6, 60, 61, "env".to_owned()));
    assert_eq!(seen(with_env(text).flags(flags()).good()), (9, 7, 5, "flag".to_owned()));
}

#[test]
fn a_flag_may_choose_another_bundle_than_the_one_that_the_file_is_about() {
    let chosen = |text: &str, flag: Option<&str>| {
        let flags = Flags { bundle: flag.map(str::to_owned), ..Flags::default() };
        World::new(text).flags(flags).good().about_another_bundle
    };
    assert!(chosen("bundle \"docs/audit\"", Some("docs/other")));
    assert!(!chosen("bundle \"docs/audit\"", Some("docs/audit/")));
    assert!(!chosen("bundle \"docs/audit\"", None));
    assert!(!chosen("", Some("docs/other")));
}

#[test]
fn every_value_knows_its_origin() {
    let config = with_env("\n  sign #true").flags(Flags { max_parallel: Some(1), ..Flags::default() }).good();
    assert_eq!(config.sign.origin.to_string(), "audit.kdl:2:8");
    assert_eq!(config.concurrency.origin.to_string(), "flag --max-parallel");
    assert_eq!(config.bounds.timeout.origin.to_string(), "environment AUDIT_TIMEOUT_MINUTES");
    assert!(config.grace.origin.to_string().starts_with("built-in default (defaults.kdl:"));
    assert_eq!(config.bounds.tokens, None, "an empty variable counts as not set");
    assert_eq!(config.bounds.cost_usd.unwrap().value, 1.5);
}

#[test]
fn the_agent_of_flag_or_environment_also_takes_the_nodes() {
    let text = "agent \"x\" adapter=\"claude\" default=#true\nroles { node \"x\"; critic \"x\" }";
    let agents = |c: Config| [Role::Node, Role::Critic, Role::Mutator].map(|r| c.agent_for(r).value.clone());
    assert_eq!(agents(World::new(text).good()), ["x", "x", "x"]);
    assert_eq!(agents(with_env(text).good()), ["codex", "x", "codex"]);
    let config = with_env(text).flags(flags()).good();
    assert_eq!(config.agent_for(Role::Node).origin, Origin::Flag("--agent".to_owned()));
    assert_eq!(agents(config), ["gemini", "x", "gemini"]);
}

#[test]
fn an_agent_takes_from_its_adapter_what_it_does_not_say() {
    let text = "agent \"fast\" adapter=\"codex\" { timeout \"1m\" }\nagent \"claude\" { model \"m\" }";
    let config = World::new(text).good();
    let fast = &config.agents["fast"];
    assert_eq!((fast.adapter, fast.command.value.as_str()), (AdapterKind::Codex, "codex"));
    assert_eq!(fast.timeout.value, Duration::from_secs(60));
    assert_eq!(fast.first_output.as_ref().unwrap().value, Duration::from_secs(120));
    assert_eq!(config.agents["claude"].model.as_ref().unwrap().value, "m");
    assert_eq!(config.agents["claude"].command.value, "claude");
    assert_eq!(config.default_agent.value, "claude");
}

#[test]
fn a_partly_written_row_keeps_the_rest() {
    let config = World::new("loc_confidence \"rough\" { tight floor=5 }").good();
    assert_eq!(config.loc.default.value, LocConfidence::Rough);
    assert_eq!(config.loc.tight.value, LocRow { factor: 0.5, floor: 5 });
    assert_eq!(config.loc.tight.origin.to_string(), "audit.kdl:1:38");
    assert_eq!(config.loc.rough.value, LocRow { factor: 1.0, floor: 30 });
}

#[test]
fn snake_case_means_the_same() {
    let snake = "expected_signal \"allow-empty\"\ncheck_timeout \"1m\"\nbounds max_iterations=3\n\
        audit { create_issues #false; issue_labels \"a_b\" }\nroles { self_auditor \"codex\" }\n\
        env { MY_VAR \"x\" }\nnode \"A_1\" loc_confidence=\"rough\" parallel_safe=#true expected_signal=\"allow_empty\"\n\
        notify { on \"open_question\" { run \"true\" } }";
    let config = World::new(snake).good();
    assert_eq!(config.expected_signal.value, ExpectedSignal::AllowEmpty);
    assert_eq!(config.audit.create_issues.as_ref().map(|c| c.value), Some(false));
    assert_eq!(config.audit.issue_labels[0].value, "a_b", "values keep their spelling");
    assert_eq!(config.env.set[0].0, "MY_VAR");
    assert_eq!(config.agent_for(Role::SelfAuditor).value, "codex");
    assert_eq!(config.notify[0].events[0].value, "open-question");
    assert_eq!(config.nodes.keys().next().unwrap().as_str(), "A_1");
}

#[test]
fn the_including_file_wins_single_settings_and_lists_add_up() {
    let config = World::new("include \"ci/a.kdl\"\nconcurrency 2\nenv { A \"1\" }\nsandbox { hide \"~/.x\" }\nloc-exclude \"a\"")
        .file("ci/a.kdl", "concurrency 8\nsign #true\nenv { A \"2\"; B \"3\" }\nsandbox { hide \"~/.y\" }\nloc-exclude \"b\"\ninclude \"b.kdl\"")
        .file("ci/b.kdl", "sign #false\nauthor \"A <a@b>\"\nbundle \"docs\"")
        .good();
    assert_eq!((config.concurrency.value, config.sign.value), (2, true));
    assert_eq!(config.author.origin.to_string(), "ci/b.kdl:2:8");
    assert_eq!(config.bundle.unwrap().value, "docs", "relative to audit.kdl's folder");
    let env: Vec<_> = config.env.set.iter().map(|(n, v)| (n.as_str(), v.template.as_str())).collect();
    assert_eq!(env, [("A", "1"), ("B", "3")]);
    assert_eq!(config.sandbox.hide.len(), 2);
    assert_eq!(config.loc_exclude.value.len(), 1);
}

#[test]
fn directories_are_resolved_from_audit_kdls_folder() {
    let mut world = World::new("").file("sub/audit.kdl", "bundle \"docs/./audit\"\nout \"../out\"");
    world.main = "sub/audit.kdl";
    let config = world.good();
    assert_eq!(config.folder, "sub");
    assert_eq!(config.bundle.unwrap().value, "sub/docs/audit");
    assert_eq!(config.out.unwrap().value, "out");
    assert_eq!(World::new("").flags(flags()).good().out.unwrap().value, "out");
}

#[test]
fn bom_crlf_and_one_line_blocks_are_read() {
    let text = "\u{feff}sign #true\r\ntarget \"gen\" { inputs \"src/*.txt\"; outputs \"out.txt\"; steps \"cp a b; echo RAN\" }\r\n";
    let config = World::new(text).good();
    assert_eq!(config.sign.origin.to_string(), "audit.kdl:1:6");
    let steps = config.targets[0].steps.as_ref().unwrap();
    assert_eq!(steps.text, "cp a b; echo RAN");
    assert_eq!(steps.span.text(), "\"cp a b; echo RAN\"");
}

#[test]
fn the_place_of_steps_is_their_literal() {
    let text = "target \"x\" {\n    steps #\"\"\"\n        echo \\d\n        \"\"\"#\n}\ntarget \"y\" { steps \"\"\"\n  a\n  \"\"\" }";
    let config = World::new(text).good();
    let steps = |i: usize| config.targets[i].steps.as_ref().unwrap();
    assert_eq!(steps(0).text, "echo \\d");
    assert!(steps(0).span.text().starts_with("#\"\"\"\n") && steps(0).span.text().ends_with("\"\"\"#"));
    assert_eq!(steps(1).span.text(), "\"\"\"\n  a\n  \"\"\"");
}

#[test]
fn secrets_are_masked_in_what_is_shown() {
    let text = "env { A (secret)\"hunter22\"; B \"plain\" }\n\
        forge { database (secret)\"postgres://u:hunter33@h/d\" }\n\
        agent \"x\" adapter=\"exec\" { command \"c\"; args \"--key\" (secret)\"hunter44\" }";
    let config = World::new(text).good();
    let all = format!("{:?}", explain(&config));
    assert!(!all.contains("hunter"), "{all}");
    assert!(all.contains("plain") && all.contains("***"));
    assert_eq!(config.secrets, ["postgres://u:hunter33@h/d", "hunter44"]);
    assert!(config.env.set[0].1.secret);
}

#[test]
fn the_password_of_a_database_is_a_secret_without_a_word() {
    let config = World::new("forge { database \"postgres://u:hunter33@h/d\" }").good();
    let all = format!("{:?}", explain(&config));
    assert!(!all.contains("hunter") && all.contains("postgres://u:***@h/d"), "{all}");
    assert_eq!(config.secrets, ["hunter33"]);
}

#[test]
fn explain_says_every_value_with_its_source() {
    let config = World::new("sign #true\nnode \"A\" timeout=\"5m\"\ntarget \"t\" { steps \"true\" }")
        .env("AUDIT_MAX_PARALLEL", "3")
        .flags(Flags { max_iterations: Some(2), ..Flags::default() })
        .good();
    let all: Vec<String> =
        explain(&config).into_iter().map(|(p, v, o)| format!("{p} = {v}  [{o}]")).collect();
    insta::assert_snapshot!("explain", all.join("\n"));
}

/// Each setting that the defaults give a value appears in the listing at its place there.
#[test]
fn the_listing_covers_every_default() {
    let listed = explain(&World::default().good());
    let lines: Vec<usize> = listed
        .iter()
        .filter_map(|(_, _, origin)| {
            origin.strip_prefix("built-in default (defaults.kdl:")?.split(':').next()?.parse().ok()
        })
        .collect();
    let mut in_steps = false;
    for (n, line) in DEFAULTS.lines().enumerate().map(|(n, l)| (n + 1, l.trim())) {
        in_steps ^= line.contains("\"\"\"");
        let opens = line.ends_with('{') && !line.contains('"');
        let silent = line.is_empty()
            || line.starts_with("//")
            || line.starts_with('}')
            || line.starts_with("\"**/")
            || opens;
        if in_steps || silent || line.starts_with("\"\"\"") || line.starts_with("recipe") {
            continue;
        }
        assert!(lines.contains(&n), "line {n} of the defaults is not listed: {line}");
    }
}
