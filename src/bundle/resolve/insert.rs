//! Adds an entry to the resolved questions, in the form that the section has.

use std::ops::Range;

use super::Entry;
use super::edit::{Edit, eol, joint, line_start, lines};
use super::safe;
use crate::bundle::blocks::{Block, BlockKind, Item};
use crate::bundle::model::SectionForm;
use crate::bundle::sections::{Part, is_none};
use crate::bundle::state::RESOLVED;
use crate::bundle::table::cells;
use crate::bundle::text::trim;
use crate::bundle::value::{Kind, Value};
use crate::bundle::yaml;
use crate::diag::{Diags, Source};

/// A new section behind the open questions.
pub(super) fn new_section(source: &Source, open: &Part, entry: &Entry<'_>) -> Edit {
    let (text, at) = (source.text(), open.body.end);
    let eol = eol(text);
    let before = text.get(..at).unwrap_or_default();
    let mut new = joint(text, at, eol);
    if !before.trim_end_matches([' ', '\t']).ends_with(&eol.repeat(2)) {
        new.push_str(eol);
    }
    new.push_str(&format!("{} Resolved questions{eol}{eol}", "#".repeat(usize::from(open.level))));
    new.push_str(&list_item(entry, "-", "", eol));
    if at < text.len() {
        new.push_str(eol);
    }
    Edit::insert(at, new)
}

/// Adds to a section that is there.
pub(super) fn edits(source: &Source, part: &Part, form: SectionForm, entry: &Entry<'_>) -> Option<Vec<Edit>> {
    match form {
        SectionForm::Empty => Some(vec![into_empty(source, part, entry)]),
        SectionForm::List => Some(vec![into_list(source, part, entry)?]),
        SectionForm::Table => into_table(source, part, entry),
        SectionForm::Yaml | SectionForm::Json => Some(vec![into_fence(source, part, entry)?]),
    }
}

/// `marker **id**: text` and its attributes, each line with its end.
fn list_item(entry: &Entry<'_>, marker: &str, indent: &str, eol: &str) -> String {
    let nested = " ".repeat(indent.len() + marker.len() + 1);
    let mut item = format!("{indent}{marker} **{}**: {}{eol}", entry.id, safe::line(entry.text));
    for (key, value) in entry.attributes() {
        let line = format!("{nested}- {key}: {}", safe::line(&value));
        item.push_str(line.trim_end());
        item.push_str(eol);
    }
    item
}

/// In place of the word `none`, or right below the heading.
fn into_empty(source: &Source, part: &Part, entry: &Entry<'_>) -> Edit {
    let text = source.text();
    let eol = eol(text);
    let item = list_item(entry, "-", "", eol);
    let none = part.blocks.iter().find(|b| match &b.kind {
        BlockKind::Paragraph => is_none(&text[b.range.clone()]),
        BlockKind::List(_) => true,
        _ => false,
    });
    match none {
        Some(block) => Edit { range: lines(text, block.range.clone()), text: item },
        None => {
            let at = part.heading.end;
            let gap = if at < text.len() { eol } else { "" };
            Edit::insert(at, format!("{}{eol}{item}{gap}", joint(text, at, eol)))
        }
    }
}

fn into_list(source: &Source, part: &Part, entry: &Entry<'_>) -> Option<Edit> {
    let text = source.text();
    let last: &Item = part.blocks.iter().rev().find_map(|b| match &b.kind {
        BlockKind::List(items) => items.last(),
        _ => None,
    })?;
    let item = trim(text, last.range.clone());
    let indent = text.get(line_start(text, item.start)..item.start)?;
    let indent = " ".repeat(indent.len());
    let raw = &text[item.clone()];
    let digits = raw.bytes().take_while(u8::is_ascii_digit).count();
    let marker = raw.get(..digits + 1)?;
    let at = lines(text, item).end;
    let eol = eol(text);
    Some(Edit::insert(at, joint(text, at, eol) + &list_item(entry, marker, &indent, eol)))
}

/// A row behind the last one, and columns for what the header lacks.
fn into_table(source: &Source, part: &Part, entry: &Entry<'_>) -> Option<Vec<Edit>> {
    let text = source.text();
    let (block, head, rows) = part.blocks.iter().rev().find_map(|b| match &b.kind {
        BlockKind::Table { head, rows } => Some((b, head.clone(), rows)),
        _ => None,
    })?;
    let mut columns: Vec<&str> = cells(text, head.clone())
        .into_iter()
        .map(|c| RESOLVED.find(&text[c]).map_or("", |k| k.name))
        .collect();
    let attributes = entry.attributes();
    let lacking: Vec<&str> = attributes.iter().map(|(k, _)| *k).filter(|k| !columns.contains(k)).collect();
    let mut edits = Vec::new();
    if !lacking.is_empty() {
        let rule = lines(text, lines(text, head.clone()).end..lines(text, head.clone()).end + 1);
        edits.push(widen(text, head, &lacking));
        edits.push(widen(text, rule, &vec!["---"; lacking.len()]));
        columns.extend(&lacking);
    }
    let value = |key: &str| match key {
        "id" => entry.id.to_owned(),
        "text" => safe::cell(entry.text),
        _ => attributes.iter().find(|(k, _)| *k == key).map(|(_, v)| safe::cell(v)).unwrap_or_default(),
    };
    let row: Vec<String> = columns.iter().map(|c| value(c)).collect();
    let last = rows.last().cloned().unwrap_or(block.range.clone());
    let at = lines(text, last).end;
    let eol = eol(text);
    edits.push(Edit::insert(at, format!("{}| {} |{eol}", joint(text, at, eol), row.join(" | "))));
    Some(edits)
}

/// Adds cells to the end of a line of a table.
fn widen(text: &str, line: Range<usize>, more: &[&str]) -> Edit {
    let line = trim(text, line);
    let bordered = text[line.clone()].ends_with('|');
    let cells: String = match bordered {
        true => more.iter().map(|m| format!(" {m} |")).collect(),
        false => more.iter().map(|m| format!(" | {m}")).collect(),
    };
    Edit::insert(line.end, cells)
}

fn into_fence(source: &Source, part: &Part, entry: &Entry<'_>) -> Option<Edit> {
    let text = source.text();
    let body = part.blocks.iter().rev().find_map(|b: &Block| match &b.kind {
        BlockKind::Fence { body, .. } => Some(body.clone()),
        _ => None,
    })?;
    let root = yaml::parse(source, body.clone(), &mut Diags::new()).filter(|v| !matches!(v.kind, Kind::Null));
    let Some(root) = root else {
        return Some(Edit::insert(body.end, block_entry(entry, "", true, eol(text))));
    };
    let span = root.span.offset()..root.span.offset() + root.span.len();
    let keyed = matches!(root.kind, Kind::Map(_));
    let last = last_element(&root);
    if text[span.clone()].starts_with(['[', '{']) {
        return Some(into_flow(text, span, last, entry, keyed));
    }
    let last = last?;
    let line = lines(text, last.clone());
    let first_line = line_start(text, last.start);
    let lead = text.get(first_line..last.start)?;
    let indent = &lead[..lead.len() - lead.trim_start().len()];
    Some(Edit::insert(line.end, block_entry(entry, indent, !keyed, eol(text))))
}

/// The last element of a sequence, or the last key and its value.
fn last_element(root: &Value) -> Option<Range<usize>> {
    let end = |v: &Value| v.span.offset() + v.span.len();
    match &root.kind {
        Kind::Seq(items) => items.last().map(|v| v.span.offset()..end(v)),
        Kind::Map(pairs) => pairs.last().map(|(k, v)| k.span.offset()..end(v)),
        _ => None,
    }
}

/// Lines of block-style YAML.
fn block_entry(entry: &Entry<'_>, indent: &str, sequence: bool, eol: &str) -> String {
    let id = safe::quoted(entry.id);
    let first = if sequence { format!("{indent}- id: {id}{eol}") } else { format!("{indent}{id}:{eol}") };
    let mut lines = first + &format!("{indent}  text: {}{eol}", safe::quoted(entry.text));
    for (key, value) in entry.attributes() {
        lines.push_str(&format!("{indent}  {key}: {}{eol}", scalar(key, &value)));
    }
    lines
}

/// An object in flow style behind the last element.
fn into_flow(
    text: &str,
    root: Range<usize>,
    last: Option<Range<usize>>,
    entry: &Entry<'_>,
    keyed: bool,
) -> Edit {
    let id = safe::quoted(entry.id);
    let mut fields = vec![format!("\"text\": {}", safe::quoted(entry.text))];
    fields.extend(entry.attributes().iter().map(|(k, v)| format!("\"{k}\": {}", scalar(k, v))));
    let object = match keyed {
        true => format!("{id}: {{{}}}", fields.join(", ")),
        false => format!("{{\"id\": {id}, {}}}", fields.join(", ")),
    };
    let Some(last) = last else { return Edit::insert(root.start + 1, object) };
    let lead = text.get(line_start(text, last.start)..last.start).unwrap_or_default();
    let gap = if lead.trim().is_empty() { format!("{}{lead}", eol(text)) } else { " ".to_owned() };
    Edit::insert(last.end, format!(",{gap}{object}"))
}

/// The confidence is a number, all else is a text.
fn scalar(key: &str, value: &str) -> String {
    let number = key == "confidence" && value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if number { value.to_owned() } else { safe::quoted(value) }
}
