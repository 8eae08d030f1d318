//! Records out of a YAML or JSON value: a sequence of mappings, or a mapping by id.

use super::record::{Record, Schema};
use super::value::{Kind, Value};
use crate::diag::{Diag, Diags, Spanned};

/// The records of `value`. `key_names` is the attribute that a mapping's keys give.
pub(super) fn records(
    value: Value,
    schema: &Schema,
    key_names: &'static str,
    diags: &mut Diags,
) -> Vec<Record> {
    match value.kind {
        Kind::Seq(items) => items.into_iter().filter_map(|v| record(v, None, schema, diags)).collect(),
        Kind::Map(pairs) => pairs
            .into_iter()
            .filter_map(|(key, v)| record(v, Some((key_names, key)), schema, diags))
            .collect(),
        Kind::Null => Vec::new(),
        _ => {
            diags.push(
                Diag::error("bundle::not-a-sequence", "expected a sequence of mappings")
                    .at(&value.span, format!("this is {}", value.noun()))
                    .help("write each item as '- id: …' with its attributes below"),
            );
            Vec::new()
        }
    }
}

fn record(
    value: Value,
    id: Option<(&'static str, Spanned<String>)>,
    schema: &Schema,
    diags: &mut Diags,
) -> Option<Record> {
    let whole = match &id {
        Some((_, key)) => key.span.source().span(
            key.span.offset(),
            (value.span.offset() + value.span.len()).saturating_sub(key.span.offset()),
        ),
        None => value.span.clone(),
    };
    let mut record = Record::new(whole);
    if let Some((name, key)) = id {
        let given = Value { span: key.span.clone(), kind: Kind::Decoded(key.value) };
        record.add(schema, Spanned::new(name.to_owned(), key.span), given, diags);
    }
    match value.kind {
        Kind::Map(pairs) => {
            for (key, value) in pairs {
                record.add(schema, key, value, diags);
            }
        }
        // `A-1: text` is short for `A-1: {text: text}`.
        Kind::Decoded(_) if !record.fields.is_empty() && schema.find("text").is_some() => {
            let key = Spanned::new("text".to_owned(), value.span.clone());
            record.add(schema, key, value, diags);
        }
        _ => {
            diags.push(
                Diag::error("bundle::not-a-mapping", format!("{} is a mapping", schema.what))
                    .at(&value.span, format!("this is {}", value.noun()))
                    .help("write its attributes as 'key: value' lines"),
            );
            return None;
        }
    }
    Some(record)
}
