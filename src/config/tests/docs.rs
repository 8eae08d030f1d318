//! The documentation and the code say the same.

use super::super::raw::setting_names;
use super::super::{DEFAULTS, NOTIFY_EVENTS, SUBCOMMANDS};
use super::World;

const DOCS: &str = include_str!("../../../docs/config.md");

/// Each example, in order.
fn examples() -> Vec<&'static str> {
    DOCS.split("```kdl\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_of_the_documentation_is_accepted() {
    let examples = examples();
    assert!(examples.len() > 15);
    for example in examples {
        World::new(example).file("ci/audit.shared.kdl", "").good();
    }
}

#[test]
fn every_setting_is_documented_and_among_the_defaults() {
    for name in setting_names() {
        assert!(DOCS.contains(name), "docs/config.md lacks '{name}'");
        assert!(DEFAULTS.contains(name), "defaults.kdl lacks '{name}'");
    }
    for (event, _) in NOTIFY_EVENTS {
        assert!(DOCS.contains(event), "docs/config.md lacks the event '{event}'");
    }
    assert!(SUBCOMMANDS.contains(&"config"));
}
