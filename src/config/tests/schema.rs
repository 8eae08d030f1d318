//! The KDL Schema document says what the decoder does: every node, every setting, every type
//! in it is tried with a value that fits and one that doesn't.

use super::super::decode::Args;
use super::super::raw::{SHAPES, ShapeOf};
use super::super::schema::{Type, schema, type_of};
use super::World;

fn find(owner: &str, key: &str) -> &'static ShapeOf {
    SHAPES.iter().find(|s| s.key == key && s.owners.contains(&owner)).unwrap()
}

fn fitting(is: &Type) -> String {
    match is {
        Type::Text => "\"x\"".to_owned(),
        Type::Number => "1".to_owned(),
        Type::Boolean => "#true".to_owned(),
        Type::Choice(words) => format!("{:?}", words[0]),
    }
}

fn unfitting(is: &Type) -> &'static str {
    match is {
        Type::Text | Type::Choice(_) => "#true",
        Type::Number | Type::Boolean => "\"x\"",
    }
}

/// `inner` within the node `found`, which stands in `owner`.
fn within(found: &ShapeOf, owner: &str, inner: &str) -> String {
    if found.key.is_empty() {
        return inner.to_owned();
    }
    let arg = match found.shape.args {
        Args::No | Args::Optional(_) => String::new(),
        _ => fitting(&type_of(owner, found.key)),
    };
    inside(owner, &format!("{} {arg} {{ {inner} }}", found.key))
}

/// `inner` within a node of that name at the top level.
fn inside(owner: &str, inner: &str) -> String {
    within(find("", owner), "", inner)
}

/// `key VALUE`, put where it belongs by `place`, is read as a value of that type.
fn check_type(owner: &str, key: &str, place: impl Fn(&str) -> String) {
    let is = type_of(owner, key);
    let good = place(&format!("{key} {}", fitting(&is)));
    let codes = World::new(&good).codes();
    let refused =
        ["config::wrong-type", "config::unknown-setting", "config::unexpected-value", "config::syntax"];
    assert!(!codes.iter().any(|c| refused.contains(c)), "{good}: {codes:?}");
    let bad = place(&format!("{key} {}", unfitting(&is)));
    assert!(World::new(&bad).codes().contains(&"config::wrong-type"), "{bad}");
    if let Type::Choice(_) = is {
        let odd = place(&format!("{key} \"zebra\""));
        assert!(World::new(&odd).codes().contains(&"config::bad-value"), "{odd}");
    }
}

#[test]
fn every_value_is_of_the_type_that_the_schema_says() {
    for found in SHAPES {
        for key in found.shape.one.iter().chain(found.shape.many) {
            for owner in found.owners {
                check_type(found.key, key, |inner| within(found, owner, inner));
            }
        }
        if !matches!(found.shape.args, Args::No) {
            for owner in found.owners {
                check_type(owner, found.key, |inner| inside(owner, inner));
            }
        }
    }
}

#[test]
fn the_numbers_of_values_are_those_of_the_schema() {
    for found in SHAPES.iter().filter(|s| !s.key.is_empty()) {
        for owner in found.owners {
            let value = fitting(&type_of(owner, found.key));
            let needs = matches!(found.shape.args, Args::One(_) | Args::Some(_));
            let told =
                World::new(&inside(owner, found.key)).load().map_or_else(|d| d, |(_, warnings)| warnings);
            let missed = told.iter().any(|d| d.message.starts_with(&format!("'{}' needs", found.key)));
            assert_eq!(missed, needs, "{}", found.key);
            let two = World::new(&inside(owner, &format!("{} {value} {value}", found.key))).codes();
            let one = !matches!(found.shape.args, Args::Some(_));
            assert_eq!(two.contains(&"config::unexpected-value"), one, "{}", found.key);
        }
    }
}

#[test]
fn the_table_holds_every_node_once_and_no_other() {
    for found in SHAPES {
        for key in found.shape.block.iter().chain(found.shape.blocks) {
            let entries = SHAPES.iter().filter(|s| s.key == *key && s.owners.contains(&found.key));
            assert_eq!(entries.count(), 1, "{key} in '{}'", found.key);
        }
        for owner in found.owners.iter().filter(|_| !found.key.is_empty()) {
            let outer = find("", owner);
            let known = outer.shape.block.contains(&found.key) || outer.shape.blocks.contains(&found.key);
            assert!(known, "{} does not stand in '{owner}'", found.key);
        }
    }
}

#[test]
fn the_document_is_formatted() {
    let text = schema();
    assert_eq!(super::super::format("schema", text.as_bytes()).unwrap(), text);
}
