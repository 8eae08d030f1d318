//! JSON Schemas of what audits write, generated from the types.

use schemars::schema_for;
use serde_json::Value;

use crate::qa::corpus::AuditCorpus;
use crate::qa::corpus::registry::Registry;

/// Every schema by its file name below schema/.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("audit-corpus.schema.json", schema_for!(AuditCorpus).to_value()),
        ("lessons.schema.json", schema_for!(Registry).to_value()),
    ]
}
