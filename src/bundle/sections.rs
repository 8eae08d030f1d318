//! state.md cut into its sections, and each section's items as records, whatever form
//! they are written in.

use std::ops::Range;

use super::blocks::{Block, BlockKind, Item, outline};
use super::decode::MAX_ITEMS;
use super::heading::{self, Match};
use super::model::{Section, SectionForm};
use super::record::{self, Record, Schema};
use super::text;
use super::value::Value;
use super::{mapping, table, yaml};
use crate::diag::{Diag, Diags, Source, Span};

/// The names of the sections, in their usual order.
pub(super) const SECTIONS: [&str; 5] =
    ["architecture", "invariants", "open_questions", "resolved_questions", "delta_to_done"];

/// A section with the blocks in it.
pub(super) struct Part {
    pub name: &'static str,
    pub level: u8,
    pub heading: Range<usize>,
    pub heading_text: Span,
    pub body: Range<usize>,
    pub blocks: Vec<Block>,
}

/// Cuts `source` into its sections; the second value names those that a heading nearly is.
pub(super) fn cut(source: &Source, diags: &mut Diags) -> (Vec<Part>, Vec<&'static str>) {
    let text = source.text();
    let mut parts: Vec<Part> = Vec::new();
    let mut nearly = Vec::new();
    let mut open = false;
    for block in outline(text, 0..text.len()) {
        if let BlockKind::Fence { closed: false, .. } = &block.kind {
            diags.push(record::not_understood(
                source,
                &block,
                "end the fence, or all that follows is lost in it",
            ));
        }
        let BlockKind::Heading { level, text: title } = &block.kind else {
            if let Some(part) = parts.last_mut().filter(|_| open) {
                part.body.end = block.range.end;
                part.blocks.push(block);
            }
            continue;
        };
        let span = heading::span(source, title);
        match heading::matches(span.text(), &SECTIONS) {
            Match::Exact(name) => {
                close(&mut parts, open, block.range.start);
                open = true;
                let at = block.range.end;
                let (level, heading) = (*level, block.range.clone());
                parts.push(Part {
                    name,
                    level,
                    heading,
                    heading_text: span,
                    body: at..at,
                    blocks: Vec::new(),
                });
                continue;
            }
            Match::Near(name) => {
                nearly.push(name);
                diags.push(heading::near(&span, name));
            }
            Match::None => {}
        }
        match parts.last_mut() {
            Some(part) if open && *level > part.level => part.blocks.push(block),
            _ => {
                close(&mut parts, open, block.range.start);
                open = false;
            }
        }
    }
    close(&mut parts, open, text.len());
    (parts, nearly)
}

fn close(parts: &mut [Part], open: bool, at: usize) {
    if let Some(part) = parts.last_mut().filter(|_| open) {
        part.body.end = at;
    }
}

/// The records of a section.
pub(super) struct Items {
    pub form: SectionForm,
    pub records: Vec<Record>,
    /// False if something in it could not be understood.
    pub complete: bool,
}

impl Part {
    /// The public description of the section.
    pub fn describe(&self, source: &Source, form: SectionForm) -> Section {
        let span = |r: &Range<usize>| source.span(r.start, r.len());
        Section { heading: span(&self.heading), body: span(&self.body), form }
    }

    /// Reads its items.
    pub fn items(&self, source: &Source, schema: &Schema, diags: &mut Diags) -> Items {
        let mut own = Diags::new();
        let mut reader = Items { form: SectionForm::Empty, records: Vec::new(), complete: true };
        let mut seen: Option<(SectionForm, Span)> = None;
        for block in &self.blocks {
            let Some(form) = form_of(source, block, self.name, &mut own) else { continue };
            let line = record::first_line(source, &block.range);
            let span = source.span(line.start, line.len());
            match &seen {
                Some((first, at)) if *first != form => own.push(two_forms(self.name, at, &span)),
                Some(_) => {}
                None => seen = Some((form, span)),
            }
            reader.form = seen.as_ref().map_or(form, |(f, _)| *f);
            reader.records.extend(block_records(source, block, schema, &mut own));
        }
        self.check_words(source, seen.is_some(), &mut own);
        self.limit(source, &mut reader.records, &mut own);
        reader.complete = record::none_lost(&own);
        diags.extend(own);
        reader
    }

    /// `none` beside items, or words where items should be.
    fn check_words(&self, source: &Source, has_items: bool, diags: &mut Diags) {
        let words = self.blocks.iter().filter(|b| matches!(b.kind, BlockKind::Paragraph));
        let (none, prose): (Vec<_>, Vec<_>) = words.partition(|b| is_none(&source.text()[b.range.clone()]));
        let first = |blocks: &[&Block]| {
            blocks
                .first()
                .map(|b| record::first_line(source, &b.range))
                .map(|l| source.span(l.start, l.len()))
        };
        match (first(&none), first(&prose)) {
            (Some(span), _) if has_items => diags.push(
                Diag::error("bundle::none-with-items", format!("'{}' says none and has items", self.name))
                    .at(&span, "none")
                    .at(&self.heading_text, "this section")
                    .help("remove the word or the items"),
            ),
            (None, Some(span)) if !has_items => diags.push(
                Diag::error("bundle::no-items", format!("'{}' has words but no items", self.name))
                    .at(&span, "read as prose")
                    .help("write the items as a list ('- **ID**: text'), a table or a fenced yaml block; an empty section says 'none'"),
            ),
            _ => {}
        }
    }

    fn limit(&self, source: &Source, records: &mut Vec<Record>, diags: &mut Diags) {
        if let Some(first) = records.get(MAX_ITEMS) {
            diags.push(
                Diag::error("bundle::too-many-items", format!("'{}' has {} items", self.name, records.len()))
                    .at(&first.span, format!("item {}", MAX_ITEMS + 1))
                    .at(&source.span(self.heading.start, self.heading_text.len()), "this section")
                    .help(format!("the limit is {MAX_ITEMS}: split the audit into several bundles")),
            );
            records.truncate(MAX_ITEMS);
        }
    }
}

fn two_forms(name: &str, first: &Span, second: &Span) -> Diag {
    Diag::error("bundle::two-forms", format!("the items of '{name}' come in two forms"))
        .at(second, "another form")
        .at(first, "the first form")
        .help("write all items of a section in one form: a list, a table or a fenced block")
}

/// True for a paragraph that says that there is nothing.
pub(super) fn is_none(words: &str) -> bool {
    let bare = words.trim().trim_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace());
    bare.eq_ignore_ascii_case("none")
}

/// The form of the items in a block; `None` if it holds none.
fn form_of(source: &Source, block: &Block, name: &str, diags: &mut Diags) -> Option<SectionForm> {
    match &block.kind {
        BlockKind::List(items) => {
            let none = matches!(items.as_slice(), [only] if only.blocks.is_empty() && is_none(&source.text()[only.head.clone()]));
            (!none).then_some(SectionForm::List)
        }
        BlockKind::Table { .. } => Some(SectionForm::Table),
        BlockKind::Fence { info, .. } => {
            let form = fence_form(info);
            if form.is_none() {
                let expected = "items stand in a fence only if it is marked yaml or json";
                diags.push(record::not_understood(source, block, expected));
            }
            form
        }
        BlockKind::Paragraph => {
            prose(source, block, name, diags);
            None
        }
        BlockKind::Heading { text, .. } => {
            let span = heading::span(source, text);
            if heading::titled(span.text()).is_some() {
                diags.push(item_as_heading(&span, name));
            }
            None
        }
        BlockKind::Comment | BlockKind::Rule => None,
        BlockKind::Other(_) => {
            let expected = "write items as a list, a table or a fenced yaml or json block";
            diags.push(record::not_understood(source, block, expected));
            None
        }
    }
}

/// The form that a fence's info string announces.
pub(super) fn fence_form(info: &str) -> Option<SectionForm> {
    let word = info.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "yaml" | "yml" => Some(SectionForm::Yaml),
        "json" => Some(SectionForm::Json),
        _ => None,
    }
}

fn item_as_heading(span: &Span, name: &str) -> Diag {
    Diag::error("bundle::heading-without-list", format!("an item of '{name}' can't be a heading"))
        .at(span, "reads like an item")
        .help("write it as a list item: '- **ID**: text'")
}

/// Prose may introduce items; what reads like an item or a table must not get lost in it.
fn prose(source: &Source, block: &Block, name: &str, diags: &mut Diags) {
    if let Some(diag) = broken_table(source, block) {
        diags.push(diag);
        return;
    }
    let raw = source.text()[block.range.clone()].trim();
    let Some(named) = text::named(raw) else { return };
    let line_end = raw.find('\n').unwrap_or(raw.len());
    let id = crate::base::Id::parse(&raw[named.name.clone()]).is_ok();
    if id && !named.rest.is_empty() && named.rest.start < line_end {
        let line = record::first_line(source, &block.range);
        diags.push(
            Diag::error("bundle::item-as-prose", format!("a paragraph of '{name}' reads like an item"))
                .at(&source.span(line.start, line.len()), "not in a list")
                .help("begin it with '- ' to make it an item, or reword it"),
        );
    }
}

/// A paragraph with a delimiter row was meant to be a table.
pub(super) fn broken_table(source: &Source, block: &Block) -> Option<Diag> {
    let mut at = block.range.start;
    for line in source.text()[block.range.clone()].split_inclusive('\n') {
        if is_delimiter_row(line) {
            let range = text::trim(source.text(), at..at + line.len());
            return Some(
                Diag::error("bundle::broken-table", "this is not read as a table")
                    .at(&source.span(range.start, range.len()), "a table's second line")
                    .help("a table begins after a blank line, and its first two lines have the same number of columns"),
            );
        }
        at += line.len();
    }
    None
}

fn is_delimiter_row(line: &str) -> bool {
    let line = line.trim();
    line.contains('|')
        && line.contains("--")
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
}

fn block_records(source: &Source, block: &Block, schema: &Schema, diags: &mut Diags) -> Vec<Record> {
    match &block.kind {
        BlockKind::List(items) => {
            items.iter().filter_map(|i| list_record(source, i, schema, diags)).collect()
        }
        BlockKind::Table { head, rows } => table::records(source, head.clone(), rows, schema, diags),
        BlockKind::Fence { body, .. } => match yaml::parse(source, body.clone(), diags) {
            Some(value) => mapping::records(value, schema, "id", diags),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A list item: its id, its text and the attributes nested in it.
fn list_record(source: &Source, item: &Item, schema: &Schema, diags: &mut Diags) -> Option<Record> {
    let whole = text::trim(source.text(), item.range.clone());
    let mut record = Record::new(source.span(whole.start, whole.len()));
    let raw = &source.text()[item.head.clone()];
    let named = text::named(raw).filter(|n| n.marked || crate::base::Id::parse(&raw[n.name.clone()]).is_ok());
    let Some(named) = named else {
        diags.push(
            Diag::error("bundle::item-without-id", format!("{} has no id", schema.what))
                .at(&record::head_span(source, item), "expected an id")
                .help("begin the item with its id: '- **ID**: text'"),
        );
        return None;
    };
    let word = &raw[named.name.clone()];
    if !named.marked && schema.find(word).is_some() {
        diags.push(
            Diag::error("bundle::attribute-as-item", format!("'{word}' stands where an item is expected"))
                .at(&record::head_span(source, item), "an attribute?")
                .help("indent it below the item it belongs to"),
        );
        return None;
    }
    let mut put = |name: &str, range: &Range<usize>, diags: &mut Diags| {
        let at = item.head.start + range.start..item.head.start + range.end;
        if let Some(key) = schema.find(name).filter(|_| !at.is_empty() || name == "id") {
            let span = source.span(at.start, at.len());
            record.put(key, span, Value::raw(source, at), diags);
        }
    };
    put("id", &named.name, diags);
    put("text", &named.rest, diags);
    for block in &item.blocks {
        match &block.kind {
            BlockKind::List(items) => record::attributes(source, items, schema, &mut record, diags),
            BlockKind::Comment => {}
            _ => diags.push(record::not_understood(
                source,
                block,
                "an item has its text and a nested list of 'key: value'",
            )),
        }
    }
    Some(record)
}
