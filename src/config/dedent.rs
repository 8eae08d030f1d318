//! What is wrong with the lines of a string of many lines: the parser only says that the whole
//! string is none, and the mistake is often a tab among spaces.

use std::ops::Range;

use crate::diag::{Diag, Source};

/// The first mistake in the lines of the string that stands at `string`, if it has one.
pub(super) fn mistake(source: &Source, string: &Range<usize>) -> Option<Diag> {
    let text = source.text().get(string.clone())?;
    let hashes = text.len() - text.trim_start_matches('#').len();
    let opening = hashes + 3;
    if !text.get(hashes..)?.starts_with("\"\"\"") {
        return None;
    }
    let report = |at: usize, len: usize, what: &str, label: &str, help: &str| {
        let span = source.span(string.start + at, len);
        Some(Diag::error("config::syntax", what).at(&span, label).help(help))
    };
    let mut lines = text.split_inclusive('\n');
    let first = lines.next()?;
    let after = first.get(opening..)?.trim_end_matches(['\r', '\n']);
    if !after.is_empty() || !first.ends_with('\n') {
        let what = "nothing may follow the opening quotes of a string of many lines";
        return report(opening, after.len(), what, "begins here", "begin its text on the next line");
    }
    let start = text.rfind('\n')? + 1;
    let last = text.get(start..)?;
    let indent = last.get(..last.len() - last.trim_start().len())?;
    if !last.trim_start().starts_with("\"\"\"") {
        let what = "the closing quotes of a string of many lines stand on a line of their own";
        return report(start, last.len(), what, "ends here", "end the line before them");
    }
    let mut at = first.len();
    for line in lines {
        let words = line.trim_start();
        if at < start && !words.is_empty() && !line.starts_with(indent) {
            let what = "this line is not indented as the closing quotes are";
            let help = "what stands before the closing quotes is taken off every line: begin it with the same spaces and tabs";
            return report(at, (line.len() - words.len()).max(1), what, "differs", help);
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<(String, (usize, usize))> {
        let source = Source::new("f", text);
        let start = text.find(['"', '#'])?;
        let diag = mistake(&source, &(start..text.len()))?;
        Some((diag.message.clone(), diag.labels.first()?.0.line_column()))
    }

    #[test]
    fn the_line_that_is_wrong_is_named() {
        let told = |text: &str, words: &str, place: (usize, usize)| {
            let (message, at) = found(text).unwrap();
            assert!(message.contains(words) && at == place, "{text:?}: {message} {at:?}");
        };
        told("a #\"\"\"\n    x\n\ty\n    \"\"\"#", "not indented", (3, 1));
        told("a \"\"\"\n  x\r\n\r\n y\r\n  \"\"\"", "not indented", (4, 1));
        told("a \"\"\"x\n  \"\"\"", "opening quotes", (1, 6));
        told("a \"\"\"\n  x\"\"\"", "closing quotes", (2, 1));
        assert_eq!(found("a \"\"\"\n  x\n\n    y\n  \"\"\""), None);
        assert_eq!(found("a \"x\""), None);
        assert_eq!(found("a #\"x\ny\"#"), None);
    }
}
