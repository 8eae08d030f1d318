//! Records out of a Markdown table: the header names the attributes, a row is a record.

use std::ops::Range;

use super::record::{Key, Record, Schema};
use super::text;
use super::value::Value;
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// The cells of a table's line as trimmed ranges of `text`. A pipe that is escaped or inside
/// a code span does not separate, so that a shell pipeline can stand in a cell.
pub(super) fn cells(text: &str, line: Range<usize>) -> Vec<Range<usize>> {
    let raw = &text[line.clone()];
    let codes = text::code_spans(raw);
    let mut codes = codes.iter().peekable();
    let bytes = raw.as_bytes();
    let (mut cells, mut start, mut i) = (Vec::new(), 0, 0);
    while let Some(b) = bytes.get(i) {
        if let Some(code) = codes.next_if(|c| c.outer.start <= i) {
            i = code.outer.end.max(i);
            continue;
        }
        let escaped = i > 0 && bytes.get(i - 1) == Some(&b'\\');
        if *b == b'|' && !escaped {
            // The pipe at the very start is a border.
            if i > 0 {
                cells.push(start..i);
            }
            start = i + 1;
        }
        i += 1;
    }
    if start < raw.len() {
        cells.push(start..raw.len());
    }
    cells.into_iter().map(|r| text::trim(text, line.start + r.start..line.start + r.end)).collect()
}

/// A column: its key, if it is known.
struct Column {
    key: Option<(&'static Key, Span)>,
}

/// The records of a table. Unknown columns are reported once.
pub(super) fn records(
    source: &Source,
    head: Range<usize>,
    rows: &[Range<usize>],
    schema: &Schema,
    diags: &mut Diags,
) -> Vec<Record> {
    let columns = columns(source, head.clone(), schema, diags);
    rows.iter().filter_map(|row| record(source, row.clone(), &head, &columns, diags)).collect()
}

fn columns(source: &Source, head: Range<usize>, schema: &Schema, diags: &mut Diags) -> Vec<Column> {
    // A header is checked as if it were a record.
    let mut probe = Record::new(source.span(head.start, head.len()));
    let mut columns = Vec::new();
    for cell in cells(source.text(), head) {
        let span = source.span(cell.start, cell.len());
        let before = probe.fields.len();
        let key = Spanned::new(source.text()[cell.clone()].to_owned(), span.clone());
        let known = schema.find(&key);
        probe.add(schema, key, Value::raw(source, cell), diags);
        let fresh = probe.fields.len() > before;
        columns.push(Column { key: known.filter(|_| fresh).map(|k| (k, span)) });
    }
    columns
}

fn record(
    source: &Source,
    row: Range<usize>,
    head: &Range<usize>,
    columns: &[Column],
    diags: &mut Diags,
) -> Option<Record> {
    let mut record = Record::new(source.span(row.start, row.len()));
    let cells = cells(source.text(), row);
    if cells.len() > columns.len() {
        let have = crate::base::text::count(cells.len(), "cell");
        let want = crate::base::text::count(columns.len(), "column");
        diags.push(
            Diag::error("bundle::too-many-cells", format!("a row has {have}, the table has {want}"))
                .at(&record.span, "this row")
                .at(&source.span(head.start, head.len()), "the header")
                .help("write a '|' that belongs to a value as '\\|', or put the value in a code span"),
        );
        return None;
    }
    for (cell, column) in cells.into_iter().zip(columns) {
        if let Some((key, span)) = &column.key {
            record.put(key, span.clone(), Value::cell(source, cell), diags);
        }
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_in_code_and_escaped_ones_do_not_separate() {
        let split = |line: &str| -> Vec<String> {
            cells(line, 0..line.len()).into_iter().map(|r| line[r].to_owned()).collect()
        };
        assert_eq!(split("| a | `b | c` | d\\|e ||"), ["a", "`b | c`", "d\\|e", ""]);
        assert_eq!(split("a | b"), ["a", "b"]);
        assert_eq!(split("| | x |"), ["", "x"]);
    }
}
