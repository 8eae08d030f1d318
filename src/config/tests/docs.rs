//! The documentation and the code say the same.

use super::super::raw::setting_names;
use super::super::{DEFAULTS, NOTIFY_EVENTS, NOTIFY_VARIABLES, VARIABLES};
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
}

#[test]
fn events_and_variables_are_documented() {
    let quoted = |word: &str| DOCS.contains(&format!("`{word}`"));
    for event in NOTIFY_EVENTS {
        assert!(quoted(event), "docs/config.md lacks the event '{event}'");
    }
    for variable in VARIABLES {
        assert!(quoted(variable), "docs/config.md lacks {variable}");
    }
    for variable in NOTIFY_VARIABLES {
        assert!(quoted(&format!("${variable}")), "docs/config.md lacks ${variable}");
    }
}
