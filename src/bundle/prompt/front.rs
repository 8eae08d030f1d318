//! The parts of a prompt that stand in YAML front matter.

use std::ops::Range;

use super::part::{Content, PARTS, PartAt};
use crate::bundle::checks::checks;
use crate::bundle::record::{Record, Schema, once};
use crate::bundle::value::{Kind, Value};
use crate::bundle::yaml;
use crate::diag::{Diag, Diags, Source};

const FRONT: Schema = Schema {
    what: "a prompt",
    keys: &[
        once("success", &[]),
        once("failure_modes", &[]),
        once("constraints", &[]),
        once("delta_to_done", &[]),
        once("done_when", &[]),
        once("scope_envelope", &[]),
    ],
};

/// Reads the front matter; answers its parts and where the text after it begins.
pub(super) fn find(source: &Source, diags: &mut Diags) -> (Vec<PartAt>, usize) {
    let Some((body, end)) = extent(source.text()) else { return (Vec::new(), 0) };
    let span = source.span(0, 3);
    let mut record = Record::new(span.clone());
    match yaml::parse(source, body, diags) {
        Some(Value { kind: Kind::Map(pairs), .. }) => {
            for (key, value) in pairs {
                match value.kind {
                    Kind::Map(inner) if FRONT.find(&key).is_some_and(|k| k.name == "scope_envelope") => {
                        for (key, value) in inner {
                            record.add(&FRONT, key, value, diags);
                        }
                    }
                    _ => record.add(&FRONT, key, value, diags),
                }
            }
        }
        Some(other) => diags.push(
            Diag::error("bundle::not-a-mapping", "the front matter of a prompt is a mapping")
                .at(&other.span, format!("this is {}", other.noun()))
                .help(
                    "write 'key: value' lines between the '---' lines, or begin the file with another line",
                ),
        ),
        None => {}
    }
    (parts(record, diags), end)
}

fn parts(record: Record, diags: &mut Diags) -> Vec<PartAt> {
    let mut parts = Vec::new();
    for field in record.fields {
        let Some(name) = PARTS.iter().find(|p| **p == field.key) else { continue };
        let content = match *name {
            "done_when" => Content::Checks(checks(std::iter::once(&field.value), diags)),
            _ => Content::Value(field.value),
        };
        parts.push(PartAt { name, at: field.key_span, content });
    }
    parts
}

/// The lines between a first line `---` and the next such line, and where that one ends.
fn extent(text: &str) -> Option<(Range<usize>, usize)> {
    let mut lines = text.split_inclusive('\n');
    let first = lines.next().filter(|l| l.trim_end() == "---")?;
    let mut at = first.len();
    for line in lines {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((first.len()..at, at + line.len()));
        }
        at += line.len();
    }
    None
}
