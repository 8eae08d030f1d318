//! `prompts/<id>.md`: the five parts that the executor reads out of an agent's prompt,
//! written as elements, Markdown sections or YAML front matter.

mod elements;
mod front;
mod headings;
mod mask;
mod part;
mod tags;

use super::model::Check;
use super::read;
use super::text;
use super::value::{Kind, Value};
use crate::diag::{Diag, Diags, Source, Span, Spanned};
use part::{Content, PartAt};

/// What was read of a prompt. A part that is missing or was refused is `None`.
pub(super) struct ParsedPrompt {
    pub source: Source,
    pub success: Option<Spanned<String>>,
    pub failure_modes: Option<Spanned<String>>,
    /// The raw text in which invariants are cited.
    pub constraints: Option<Spanned<String>>,
    /// The raw text in which delta_to_done items are named.
    pub delta_to_done: Option<Spanned<String>>,
    /// Its checks; `None` if it has no such part.
    pub done_when: Option<Spanned<Vec<Check>>>,
}

/// Reads a prompt.
pub(super) fn parse(source: &Source, diags: &mut Diags) -> ParsedPrompt {
    let mut own = Diags::new();
    let prompt = read_parts(source, &mut own);
    if let Some(none) = prompt.done_when.as_ref().filter(|d| d.value.is_empty() && !own.has_errors()) {
        own.push(no_checks(&none.span));
    }
    diags.extend(own);
    prompt
}

fn read_parts(source: &Source, diags: &mut Diags) -> ParsedPrompt {
    let (mut parts, start) = front::find(source, diags);
    let mask = mask::Mask::of(source.text(), start);
    let mut elements = elements::find(source, start, &mask, diags);
    let sections = headings::find(source, &mask, &elements, diags);
    parts.append(&mut elements.parts);
    parts.extend(sections);
    parts.sort_by_key(|p| p.at.offset());
    let parts = distinct(parts, diags);
    let mut prompt = ParsedPrompt {
        source: source.clone(),
        success: None,
        failure_modes: None,
        constraints: None,
        delta_to_done: None,
        done_when: None,
    };
    for name in ["success", "failure_modes"] {
        if !parts.iter().any(|p| p.name == name) {
            diags.push(missing(source, name));
        }
    }
    for part in parts {
        let empty_is_error = matches!(part.name, "success" | "failure_modes");
        let slot = match part.name {
            "success" => &mut prompt.success,
            "failure_modes" => &mut prompt.failure_modes,
            "constraints" => &mut prompt.constraints,
            "delta_to_done" => &mut prompt.delta_to_done,
            _ => {
                if let Content::Checks(checks) = part.content {
                    prompt.done_when = Some(Spanned::new(checks, part.at));
                }
                continue;
            }
        };
        *slot = words(source, &part, diags);
        if empty_is_error && slot.as_ref().is_some_and(|t| t.trim().is_empty()) {
            diags.push(empty(&part.at, part.name));
        }
    }
    prompt
}

/// The first of each part; a second one is an error, whatever its form.
fn distinct(parts: Vec<PartAt>, diags: &mut Diags) -> Vec<PartAt> {
    let mut kept: Vec<PartAt> = Vec::new();
    for part in parts {
        match kept.iter().find(|p| p.name == part.name) {
            Some(first) => diags.push(
                Diag::error("bundle::repeated-part", format!("'{}' is given twice", part.name))
                    .at(&part.at, "again here")
                    .at(&first.at, "first here")
                    .help("keep one of them; put one that is only quoted in a code span or a fence"),
            ),
            None => kept.push(part),
        }
    }
    kept
}

/// The text of a part.
fn words(source: &Source, part: &PartAt, diags: &mut Diags) -> Option<Spanned<String>> {
    match &part.content {
        Content::Text(range) => {
            let raw = &source.text()[range.clone()];
            let inner = text::enclosing_code(raw)
                .map_or(range.clone(), |r| range.start + r.start..range.start + r.end);
            let span = source.span(inner.start, inner.len());
            Some(Spanned::new(span.text().to_owned(), span))
        }
        Content::Value(value) => joined(value, diags),
        Content::Checks(_) => None,
    }
}

/// A text, or a list of texts as lines.
fn joined(value: &Value, diags: &mut Diags) -> Option<Spanned<String>> {
    let Kind::Seq(items) = &value.kind else { return read::text_of(value, diags) };
    let lines: Vec<String> = items.iter().filter_map(|v| read::text_of(v, diags)).map(|t| t.value).collect();
    Some(Spanned::new(lines.join("\n"), value.span.clone()))
}

fn missing(source: &Source, name: &str) -> Diag {
    let element = format!("<scope_envelope><{name}>…</{name}></scope_envelope>");
    Diag::error("bundle::missing-part", format!("{} has no '{name}'", source.name()))
        .at(&source.span(0, 0), "looked for in this file")
        .help(format!("add {element} or a section '## {}'", super::heading::title(name)))
}

fn no_checks(at: &Span) -> Diag {
    Diag::error("bundle::no-checks", "'done_when' holds no command").at(at, "no command follows").help(
        "write <check>command</check> elements, a list of code spans, or the lines of a fenced sh block",
    )
}

fn empty(at: &Span, name: &str) -> Diag {
    Diag::error("bundle::empty-part", format!("'{name}' is empty"))
        .at(at, "nothing follows")
        .help("say it in a sentence")
}
