//! A node of graph.md: its attributes as types, not yet joined with its prompt.

use std::time::Duration;

use super::checks::checks;
use super::model::Check;
use super::own;
use super::read;
use super::record::{Record, Schema, many, once};
use super::value::Value;
use crate::base::{Id, Layout, Pattern};
use crate::config::{ExpectedSignal, LocConfidence};
use crate::diag::{Diag, Diags, Span, Spanned};

/// The attributes of a node.
pub(super) const NODE: Schema = Schema {
    what: "a node",
    keys: &[
        once("id", &[]),
        once("deliverable", &[]),
        once("touches", &[]),
        once("depends_on", &["deps"]),
        once("parallel_safe", &[]),
        once("estimated_loc", &["est_loc"]),
        once("loc_confidence", &[]),
        once("expected_signal", &[]),
        once("hotspot_files", &["hotspots"]),
        once("delta_to_done", &["closes", "delta"]),
        once("invariants", &[]),
        many("done_when", &[]),
        once("agent", &[]),
        once("timeout", &[]),
        once("retries", &[]),
        many("env", &[]),
    ],
};

/// A node before its prompt is known. What is required but was refused is `None`, and
/// then in the diagnostics.
#[derive(Debug)]
pub(super) struct Draft {
    pub id: Spanned<Id>,
    pub deliverable: Option<Spanned<String>>,
    pub touches: Vec<Spanned<Pattern>>,
    pub depends_on: Vec<Spanned<Id>>,
    pub parallel_safe: Option<Spanned<bool>>,
    pub estimated_loc: Option<Spanned<u64>>,
    pub loc_confidence: Option<Spanned<LocConfidence>>,
    pub expected_signal: Option<Spanned<ExpectedSignal>>,
    pub hotspot_files: Vec<Spanned<Pattern>>,
    pub closes: Vec<Spanned<Id>>,
    pub invariants: Vec<Spanned<Id>>,
    pub done_when: Vec<Check>,
    /// True if graph.md has a done_when for it, understood or not.
    pub has_done_when: bool,
    pub agent: Option<Spanned<String>>,
    pub timeout: Option<Spanned<Duration>>,
    pub retries: Option<Spanned<u32>>,
    pub env: Vec<(String, Spanned<String>)>,
    pub span: Span,
}

const CONFIDENCES: [(&str, LocConfidence); 3] = [
    ("tight", LocConfidence::Tight),
    ("rough", LocConfidence::Rough),
    ("unbounded", LocConfidence::Unbounded),
];
const SIGNALS: [(&str, ExpectedSignal); 2] =
    [("require_nonempty", ExpectedSignal::RequireNonempty), ("allow_empty", ExpectedSignal::AllowEmpty)];

/// Reads a node; `None` if it has no usable id.
pub(super) fn draft(record: &Record, layout: &Layout, diags: &mut Diags) -> Option<Draft> {
    let id = read::required_text(record, &NODE, "id", diags).and_then(|t| read::id(t, diags));
    let expected_signal = read::choice(record, "expected_signal", &SIGNALS, diags);
    let may_be_empty = matches!(&expected_signal, Some(s) if s.value == ExpectedSignal::AllowEmpty);
    let rest = Draft {
        id: id.clone().unwrap_or_else(placeholder(record)?),
        deliverable: deliverable(record, diags),
        touches: touches(record, may_be_empty, layout, diags),
        depends_on: read::ids(record, "depends_on", diags),
        parallel_safe: read::boolean(record, "parallel_safe", diags),
        estimated_loc: estimated_loc(record, diags),
        loc_confidence: read::choice(record, "loc_confidence", &CONFIDENCES, diags),
        expected_signal,
        hotspot_files: places(record, "hotspot_files", layout, diags),
        closes: read::ids(record, "delta_to_done", diags),
        invariants: read::ids(record, "invariants", diags),
        done_when: checks(record.all("done_when"), diags),
        has_done_when: record.get("done_when").is_some(),
        agent: read::text(record, "agent", diags),
        timeout: read::text(record, "timeout", diags).and_then(|t| read::duration(t, diags)),
        retries: read::whole(record, "retries", diags),
        env: read::env(record, diags),
        span: record.span.clone(),
    };
    id.map(|_| rest)
}

/// Stands in for a refused id so that the other attributes are still looked at.
fn placeholder(record: &Record) -> Option<impl FnOnce() -> Spanned<Id>> {
    let id = Id::parse("x").ok()?;
    let span = record.span.clone();
    Some(move || Spanned::new(id, span))
}

fn deliverable(record: &Record, diags: &mut Diags) -> Option<Spanned<String>> {
    let text = read::required_text(record, &NODE, "deliverable", diags)?;
    if text.contains(['\n', '\r']) {
        diags.push(
            Diag::error("bundle::deliverable-lines", "a deliverable is one line")
                .at(&text.span, "more than one line")
                .help("keep the one line that begins with a verb; details belong in the prompt"),
        );
        return None;
    }
    Some(text)
}

fn estimated_loc(record: &Record, diags: &mut Diags) -> Option<Spanned<u64>> {
    if record.get("estimated_loc").is_none() {
        diags.push(read::missing(record, &NODE, "estimated_loc"));
        return None;
    }
    read::whole(record, "estimated_loc", diags)
}

fn touches(record: &Record, may_be_empty: bool, layout: &Layout, diags: &mut Diags) -> Vec<Spanned<Pattern>> {
    let Some(given) = record.get("touches") else {
        if !may_be_empty {
            let missing = read::missing(record, &NODE, "touches");
            diags
                .push(missing.help(
                    "name the paths or globs that it may write, or set expected_signal to allow_empty",
                ));
        }
        return Vec::new();
    };
    let before = diags.iter().count();
    let found = places(record, "touches", layout, diags);
    let clean = diags.iter().count() == before;
    if clean && !may_be_empty && found.iter().all(|p| p.is_negated()) {
        diags.push(no_positive(given));
    }
    found
}

fn no_positive(given: &Value) -> Diag {
    Diag::error("bundle::nothing-left", "'touches' allows nothing")
        .at(&given.span, "no pattern without '!'")
        .help("name the paths or globs that the node may write")
}

/// Patterns that may not be used up by the harness's own files.
fn places(record: &Record, key: &str, layout: &Layout, diags: &mut Diags) -> Vec<Spanned<Pattern>> {
    let found = read::patterns(record, key, diags);
    for pattern in &found {
        if let Some(diag) = own::refuse(pattern, key, layout) {
            diags.push(diag);
        }
    }
    found
}
