//! The schemas under schema/ are those of the types. `UPDATE_SCHEMAS=1 cargo test --test
//! schemas` writes them anew.
#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of a test fail by panicking.

use std::path::Path;

use auditrun::{qa, report};

/// The language of audit.kdl, beside the schemas of what is written.
const CONFIG_SCHEMA: &str = "audit.kdl-schema.kdl";

fn all() -> Vec<(&'static str, serde_json::Value)> {
    [report::schema::all(), qa::schema::all()].concat()
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    let mut stale = Vec::new();
    for (name, value) in all() {
        let wanted = String::from_utf8(auditrun::event::json_artifact(&value).unwrap()).unwrap();
        let path = dir.join(name);
        if update {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(&path, &wanted).unwrap();
        }
        if std::fs::read_to_string(&path).ok().as_deref() != Some(wanted.as_str()) {
            stale.push(name);
        }
    }
    let path = dir.join(CONFIG_SCHEMA);
    let wanted = auditrun::config::schema();
    if update {
        std::fs::write(&path, &wanted).unwrap();
    }
    if std::fs::read_to_string(&path).ok() != Some(wanted) {
        stale.push(CONFIG_SCHEMA);
    }
    let known: Vec<_> = all().into_iter().map(|(name, _)| name.to_owned()).collect();
    for entry in std::fs::read_dir(&dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name) || name == CONFIG_SCHEMA, "schema/{name} belongs to no type");
    }
    assert!(stale.is_empty(), "stale: {stale:?}; run UPDATE_SCHEMAS=1 cargo test --test schemas");
}

#[test]
fn every_schema_is_one() {
    for (name, value) in all() {
        jsonschema::validator_for(&value).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}
