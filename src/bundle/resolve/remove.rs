//! Takes an item out of its section.

use std::ops::Range;

use super::edit::{Edit, eol, line_start, lines};
use crate::bundle::model::{Question, SectionForm};
use crate::bundle::sections::Part;
use crate::bundle::text::trim;
use crate::diag::Source;

/// The edit that removes `question` from the section `part`; `last`: no other is left.
pub(super) fn edit(
    source: &Source,
    part: &Part,
    form: SectionForm,
    question: &Question,
    last: bool,
) -> Option<Edit> {
    let text = source.text();
    let item = trim(text, question.item.offset()..question.item.offset() + question.item.len());
    let within = part.body.start <= item.start && item.end <= part.body.end;
    if !within || item.is_empty() {
        return None;
    }
    let whole = lines(text, item.clone());
    match form {
        SectionForm::List if last => Some(Edit { range: whole, text: format!("none{}", eol(text)) }),
        // The header of a table stays; without rows it has no items.
        SectionForm::List | SectionForm::Table => Some(Edit { range: whole, text: String::new() }),
        SectionForm::Yaml | SectionForm::Json => Some(mapping(text, item, whole, last)),
        SectionForm::Empty => None,
    }
}

/// An element of a YAML or JSON block: whole lines in block style, else it and one comma.
fn mapping(text: &str, item: Range<usize>, whole: Range<usize>, last: bool) -> Edit {
    let lead = text.get(line_start(text, item.start)..item.start).unwrap_or_default();
    let before = text.get(..item.start).unwrap_or_default().trim_end();
    let after = text.get(item.end..).unwrap_or_default();
    let flow = before.ends_with(['[', ',', '{']) || after.trim_start().starts_with([',', ']', '}']);
    if !flow {
        let indent = &lead[..lead.len() - lead.trim_start().len()];
        let empty = if lead.trim_start().starts_with('-') { "[]" } else { "{}" };
        let text = if last { format!("{indent}{empty}{}", eol(text)) } else { String::new() };
        return Edit { range: whole, text };
    }
    let comma = after.find(|c: char| !c.is_whitespace()).filter(|i| after[*i..].starts_with(','));
    let range = match comma {
        Some(at) => {
            let next = &after[at + 1..];
            item.start..item.end + at + 1 + (next.len() - next.trim_start().len())
        }
        None if before.ends_with(',') => before.len() - 1..item.end,
        None => item,
    };
    Edit { range, text: String::new() }
}
