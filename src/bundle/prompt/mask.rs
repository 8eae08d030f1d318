//! Which bytes of a prompt are code (fences, code spans) and therefore quote elements and
//! headings instead of being them. Textual on purpose: a prompt mixes Markdown with
//! elements that CommonMark would take for HTML blocks, inside which nothing is code.

use std::ops::Range;

use crate::bundle::text;

/// The code of a prompt.
pub(super) struct Mask {
    /// Fences and code spans, in order, apart from each other.
    hidden: Vec<Range<usize>>,
    /// Lines outside of fences.
    pub lines: Vec<Range<usize>>,
}

impl Mask {
    /// Scans `text` from byte `start` on. A code span lies within one line.
    pub fn of(text: &str, start: usize) -> Mask {
        let mut mask = Mask { hidden: Vec::new(), lines: Vec::new() };
        let mut fence: Option<(usize, char, usize)> = None;
        let mut at = start;
        for line in text.get(start..).unwrap_or_default().split_inclusive('\n') {
            let range = at..at + line.len();
            at = range.end;
            match fence {
                Some((from, mark, len)) => {
                    if closes(line, mark, len) {
                        mask.hidden.push(from..range.end);
                        fence = None;
                    }
                }
                None => match opens(line) {
                    Some((mark, len)) => fence = Some((range.start, mark, len)),
                    None => mask.open_line(line, range),
                },
            }
        }
        if let Some((from, ..)) = fence {
            mask.hidden.push(from..text.len());
        }
        mask
    }

    fn open_line(&mut self, line: &str, range: Range<usize>) {
        if line.contains('`') {
            let spans = text::code_spans(line).into_iter();
            self.hidden.extend(spans.map(|c| range.start + c.outer.start..range.start + c.outer.end));
        }
        self.lines.push(range);
    }

    /// True if the byte at `at` is code.
    pub fn hides(&self, at: usize) -> bool {
        let next = self.hidden.partition_point(|r| r.end <= at);
        self.hidden.get(next).is_some_and(|r| r.start <= at)
    }
}

fn opens(line: &str) -> Option<(char, usize)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let len = line.chars().take_while(|c| *c == mark).count();
    let info_ok = mark == '~' || !line[len..].contains('`');
    (len >= 3 && info_ok).then_some((mark, len))
}

fn closes(line: &str, mark: char, len: usize) -> bool {
    let line = line.trim();
    line.len() >= len && line.chars().all(|c| c == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_and_code_spans_are_hidden() {
        let text = "a `b` c\n```sh\nd\n```\ne ` f\n~~~\ng";
        let mask = Mask::of(text, 0);
        let seen: String = text.char_indices().filter(|(i, _)| !mask.hides(*i)).map(|(_, c)| c).collect();
        assert_eq!(seen, "a  c\ne ` f\n");
        assert_eq!(mask.lines.len(), 2);
    }
}
