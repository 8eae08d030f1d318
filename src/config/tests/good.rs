//! What is accepted, and what it means.

use std::time::Duration;

use super::super::model::*;
use super::super::{DEFAULTS, explain};
use super::World;
use crate::base::Id;

pub(super) const EXAMPLE: &str = include_str!("example.kdl");

fn example() -> World {
    World::new(EXAMPLE).file("ci/audit.shared.kdl", "")
}

/// The example declares an agent `codex` by its predeclared name and the rest by blocks.
#[test]
fn the_example_of_the_language_is_accepted_whole() {
    let config = example().good();
    assert_eq!(config.bundle.as_ref().map(|b| b.value.as_str()), Some("docs/audit"));
    assert_eq!(config.bounds.timeout.value, Duration::from_secs(480 * 60));
    assert_eq!(config.bounds.cost_usd.as_ref().map(|c| c.value), Some(50.0));
    assert_eq!(config.bounds.tokens.as_ref().map(|t| t.value), Some(20_000_000));
    assert_eq!(config.remediation.value, 2);
    assert_eq!(config.shell.value, ["sh", "-c"]);
    assert_eq!(config.env.pass.len(), 1);
    assert_eq!(config.env.set[0].0, "CARGO_TERM_COLOR");
    let hotspots: Vec<_> = config.hotspots.iter().map(|h| (h.name.as_str(), h.patterns.len())).collect();
    assert_eq!(hotspots, [("Cargo.lock", 1), ("src/lib.rs", 1), ("schema", 2)]);
    let invariant = &config.invariants[&Id::parse("INV-1").unwrap()];
    assert_eq!(invariant.checks[0].value, "cargo test --workspace");
    assert_eq!(invariant.timeout.as_ref().map(|t| t.value), Some(Duration::from_secs(600)));
    assert!(config.worktree.reuse);
    assert_eq!(config.worktree.provides[0].value, "pnpm");
    let claude = &config.agents["claude"];
    assert_eq!(claude.args, ["--max-turns", "60"]);
    assert!(claude.env.set[0].1.secret);
    assert_eq!(claude.audit.issue_labels[0].value, "agent-failure");
    let replay = &config.agents["replay"];
    assert_eq!((replay.adapter, replay.prompt), (AdapterKind::Exec, PromptVia::File));
    assert!(replay.first_output.is_none() && replay.stall.is_none());
    assert_eq!(config.agent_for(Role::SelfAuditor).value, "claude");
    assert_eq!(config.sandbox.hide.len(), 4);
    let node = &config.nodes[&Id::parse("N-003").unwrap()];
    assert_eq!(node.loc_confidence.as_ref().map(|l| l.value), Some(LocConfidence::Rough));
    assert_eq!(node.agent.as_ref().map(|a| a.value.as_str()), Some("codex"));
    assert_eq!(config.recipe.text.lines().count(), 10);
    assert_eq!(config.targets.len(), 3);
    let merge = &config.targets[2];
    assert_eq!(merge.description.as_deref(), Some("what a gate script runs before a merge"));
    assert_eq!(merge.params[0].default.as_ref().map(|d| d.value.as_str()), Some("main"));
    assert!(matches!(&merge.when[..], [When::Env(name)] if name.value == "CI"));
    assert_eq!(config.audit.repository.as_ref().map(|r| r.value.as_str()), Some("owner/name"));
    assert_eq!(config.forge.dashboard_port.value, 7824);
    assert_eq!(config.notify[0].events.len(), 2);
    assert_eq!(config.notify[0].run.text, "notify-send auditrun $STATUS");
}

#[test]
fn the_short_example_is_accepted() {
    let config = World::new(include_str!("short.kdl")).good();
    assert_eq!(config.audit.issue_labels[0].value, "team:platform");
    assert_eq!(config.forge.patience.value, 10);
}

#[test]
fn without_a_file_the_defaults_hold() {
    let config = World::default().good();
    assert!(config.source.is_none() && config.bundle.is_none());
    assert_eq!(config.concurrency.value, 4);
    assert_eq!(config.default_agent.value, "claude");
    for adapter in AdapterKind::ALL {
        assert_eq!(config.agents[adapter.name()].adapter, adapter);
    }
    assert!(config.agents["claude"].first_output.is_some() && config.agents["aider"].stall.is_none());
    assert_eq!(config.check_timeout.value, Duration::from_secs(1800));
    assert_eq!(config.log_limit.value, 64 << 20);
    assert!(matches!(config.grace.origin, Origin::Default(_)));
}

#[test]
fn the_defaults_are_an_audit_kdl_that_changes_nothing() {
    let (config, warnings) = World::new(DEFAULTS).load().unwrap();
    assert!(warnings.is_empty());
    let values = |c: &Config| {
        let set = explain(c).into_iter().filter(|(_, value, _)| value != "not set");
        set.map(|(path, value, _)| (path, value)).collect::<Vec<_>>()
    };
    assert_eq!(values(&config), values(&World::default().good()));
}

/// The agents whose comments in the defaults would only repeat those of `claude`.
const OTHERS: [&str; 7] = ["codex", "gemini", "opencode", "goose", "cursor", "aider", "exec"];

/// The settings without a default stand there as comments, so that they can be read.
#[test]
fn what_the_defaults_show_in_comments_is_accepted() {
    let written = DEFAULTS.lines().map(uncomment).collect::<Vec<_>>().join("\n");
    let world = World::new(&written).file("ci/audit.shared.kdl", "target \"generate\" { steps \"true\" }");
    // The other bounds are on a line of their own.
    assert_eq!(world.codes(), ["config::duplicate"], "{}", super::shown(&world.load().unwrap_err()));
    let joined = written.replace("\nbounds cost-usd", " cost-usd");
    let config = World { files: world.files, ..World::new("") }.file("audit.kdl", joined).good();
    let unset: Vec<_> = explain(&config)
        .into_iter()
        .filter(|(path, value, _)| value == "not set" && !OTHERS.iter().any(|o| path.contains(o)))
        .collect();
    assert!(unset.is_empty(), "{unset:?}");
}

/// `//key …` as `key …`; prose has a space after the slashes.
fn uncomment(line: &str) -> String {
    match line.split_once("//") {
        Some((indent, rest)) if indent.trim().is_empty() && !rest.starts_with(' ') => {
            format!("{indent}{rest}")
        }
        _ => line.to_owned(),
    }
}
