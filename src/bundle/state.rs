//! state.md: which sections it must have, and its records as typed items.

use std::collections::HashMap;

use super::checks::checks;
use super::model::{DeltaItem, Invariant, Question, ResolvedQuestion, SectionForm, State};
use super::read;
use super::record::{Record, Schema, many, once};
use super::sections::{self, Items, Part, SECTIONS};
use super::value::Value;
use crate::base::Id;
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// The attributes of an invariant.
const INVARIANT: Schema = Schema {
    what: "an invariant",
    keys: &[
        once("id", &[]),
        once("text", &[]),
        many("check", &[]),
        once("advisory", &[]),
        once("timeout", &[]),
    ],
};
/// The attributes of an open question.
const QUESTION: Schema =
    Schema { what: "an open question", keys: &[once("id", &[]), once("text", &[]), once("files", &[])] };
/// The attributes of a resolved question.
pub(super) const RESOLVED: Schema = Schema {
    what: "a resolved question",
    keys: &[
        once("id", &[]),
        once("text", &[]),
        once("answer", &[]),
        once("confidence", &[]),
        once("evidence", &[]),
    ],
};
/// The attributes of an item of delta_to_done.
const DELTA: Schema =
    Schema { what: "an item of delta_to_done", keys: &[once("id", &[]), once("text", &[])] };

/// What was read of state.md, and if the parts that others cite were read to their end.
pub(super) struct ParsedState {
    pub state: State,
    /// True if each invariant's id is known.
    pub invariants_complete: bool,
    /// True if each delta_to_done item's id is known.
    pub delta_complete: bool,
}

/// Reads state.md.
pub(super) fn parse(source: Source, bom: bool, diags: &mut Diags) -> ParsedState {
    let (parts, nearly) = sections::cut(&source, diags);
    let mut state = State {
        source: source.clone(),
        bom,
        invariants: Vec::new(),
        open_questions: Vec::new(),
        resolved_questions: Vec::new(),
        delta_to_done: Vec::new(),
        sections: Default::default(),
    };
    let (mut invariants_complete, mut delta_complete) = (true, true);
    for part in &parts {
        if let Some(earlier) =
            parts.iter().find(|p| p.name == part.name && p.heading.start < part.heading.start)
        {
            diags.push(
                Diag::error(
                    "bundle::repeated-section",
                    format!("the section '{}' is there twice", part.name),
                )
                .at(&part.heading_text, "again here")
                .at(&earlier.heading_text, "first here")
                .help("join the two sections"),
            );
        }
        let mut items = |schema: &Schema| part.items(&source, schema, diags);
        let (form, complete) = match part.name {
            "invariants" => typed(items(&INVARIANT), diags, &mut state.invariants, invariant),
            "open_questions" => typed(items(&QUESTION), diags, &mut state.open_questions, question),
            "resolved_questions" => typed(items(&RESOLVED), diags, &mut state.resolved_questions, resolved),
            "delta_to_done" => typed(items(&DELTA), diags, &mut state.delta_to_done, delta),
            _ => (SectionForm::Empty, true),
        };
        invariants_complete &= complete || part.name != "invariants";
        delta_complete &= complete || part.name != "delta_to_done";
        state.sections.entry(part.name.to_owned()).or_insert_with(|| part.describe(&source, form));
    }
    required(&state, &parts, &nearly, delta_complete, diags);
    distinct(&state, diags);
    let has = |name: &str| state.sections.contains_key(name);
    invariants_complete &= has("invariants");
    delta_complete &= has("delta_to_done") && !state.delta_to_done.is_empty();
    ParsedState { state, invariants_complete, delta_complete }
}

fn typed<T>(
    items: Items,
    diags: &mut Diags,
    out: &mut Vec<T>,
    read: fn(&Record, &mut Diags) -> Option<T>,
) -> (SectionForm, bool) {
    let before = out.len();
    out.extend(items.records.iter().filter_map(|r| read(r, diags)));
    let complete = items.complete && out.len() - before == items.records.len();
    (items.form, complete)
}

/// The id and the text, which every item has.
fn id_and_text(
    record: &Record,
    schema: &Schema,
    diags: &mut Diags,
) -> Option<(Spanned<Id>, Spanned<String>)> {
    let id = read::required_text(record, schema, "id", diags).and_then(|t| read::id(t, diags));
    let text = read::required_text(record, schema, "text", diags);
    // A missing text is reported, but others may still cite the id.
    let id = id?;
    let text = text.unwrap_or_else(|| Spanned::new(String::new(), id.span.clone()));
    Some((id, text))
}

fn invariant(record: &Record, diags: &mut Diags) -> Option<Invariant> {
    let head = id_and_text(record, &INVARIANT, diags);
    let checks = checks(record.all("check"), diags);
    let advisory = read::boolean(record, "advisory", diags).is_some_and(|b| b.value);
    let timeout = read::text(record, "timeout", diags).and_then(|t| read::duration(t, diags));
    head.map(|(id, text)| Invariant { id, text, checks, advisory, timeout })
}

fn question(record: &Record, diags: &mut Diags) -> Option<Question> {
    let head = id_and_text(record, &QUESTION, diags);
    let files = read::patterns(record, "files", diags);
    head.map(|(id, text)| Question { id, text, files, item: record.whole.clone() })
}

fn resolved(record: &Record, diags: &mut Diags) -> Option<ResolvedQuestion> {
    let head = id_and_text(record, &RESOLVED, diags);
    let mut one = |key: &str| read::text(record, key, diags).map(|t| t.value);
    let (answer, confidence) = (one("answer"), one("confidence"));
    let evidence = record.get("evidence").and_then(|v| evidence(v, diags));
    head.map(|(id, text)| ResolvedQuestion { id, text, answer, confidence, evidence })
}

/// A text, or the elements of a list joined by commas.
fn evidence(value: &Value, diags: &mut Diags) -> Option<String> {
    match value.text() {
        Some(text) => Some(text.value),
        None => {
            let all: Vec<String> = read::list(value, diags).into_iter().map(|t| t.value).collect();
            Some(all.join(", "))
        }
    }
}

fn delta(record: &Record, diags: &mut Diags) -> Option<DeltaItem> {
    id_and_text(record, &DELTA, diags).map(|(id, text)| DeltaItem { id, text })
}

fn required(state: &State, parts: &[Part], nearly: &[&str], delta_complete: bool, diags: &mut Diags) {
    for name in SECTIONS.iter().filter(|n| **n != "resolved_questions") {
        if !state.sections.contains_key(*name) && !nearly.contains(name) {
            let title = super::heading::title(name);
            diags.push(
                Diag::error(
                    "bundle::missing-section",
                    format!("{} has no section '{name}'", state.source.name()),
                )
                .at(&state.source.span(0, 0), "looked for in this file")
                .help(format!(
                    "add the heading '## {title}'{}",
                    if *name == "delta_to_done" { " and what is still to do" } else { "; it may say 'none'" }
                )),
            );
        }
    }
    let empty = parts.iter().find(|p| p.name == "delta_to_done").filter(|_| state.delta_to_done.is_empty());
    if let Some(part) = empty.filter(|_| delta_complete) {
        diags.push(
            Diag::error("bundle::empty-delta", "'delta_to_done' is empty, so there is nothing to carry out")
                .at(&part.heading_text, "no items here")
                .help("list what is still to do: '- **D-1**: text'"),
        );
    }
}

/// Ids must differ by more than letter case within their kind. Open and resolved
/// questions are one kind: a question is either open or resolved.
fn distinct(state: &State, diags: &mut Diags) {
    let questions = state.open_questions.iter().map(|q| &q.id);
    unique("an invariant", state.invariants.iter().map(|i| &i.id), diags);
    unique("a question", questions.chain(state.resolved_questions.iter().map(|q| &q.id)), diags);
    unique("an item of delta_to_done", state.delta_to_done.iter().map(|d| &d.id), diags);
}

/// Reports ids that are the same, or the same but for letter case.
pub(super) fn unique<'a>(what: &str, ids: impl Iterator<Item = &'a Spanned<Id>>, diags: &mut Diags) {
    let mut seen: HashMap<String, &'a Spanned<Id>> = HashMap::new();
    for id in ids {
        match seen.get(&id.as_str().to_ascii_lowercase()) {
            None => {
                seen.insert(id.as_str().to_ascii_lowercase(), id);
            }
            Some(first) => diags.push(repeated(what, id, first)),
        }
    }
}

fn repeated(what: &str, id: &Spanned<Id>, first: &Spanned<Id>) -> Diag {
    let (code, message) = if id.value == first.value {
        ("bundle::duplicate-id", format!("the id '{}' of {what} is used twice", id.value))
    } else {
        let message =
            format!("the ids '{}' and '{}' of {what} differ only in letter case", first.value, id.value);
        ("bundle::ids-differ-in-case", message)
    };
    let again: &Span = &id.span;
    Diag::error(code, message)
        .at(again, "again here")
        .at(&first.span, "first here")
        .help("give one of them another id")
}
