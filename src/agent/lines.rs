//! Lines out of pieces of output: partial lines are kept, invalid UTF-8 is replaced, and a
//! line without end can't fill the memory.

use std::borrow::Cow;

/// The longest line that is read; one that is longer is dropped as a whole.
pub(super) const LINE_LIMIT: usize = 16 << 20;

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Its text.
    Text(Cow<'a, str>),
    /// It was longer than the limit.
    TooLong,
}

/// Splits one stream.
#[derive(Debug)]
pub(super) struct Lines {
    partial: Vec<u8>,
    dropping: bool,
    limit: usize,
}

impl Lines {
    /// Lines of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Lines {
        Lines { partial: Vec::new(), dropping: false, limit }
    }

    /// Takes a piece and hands out each line that it completes.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (head, rest) = bytes.split_at(end);
            self.complete(head, &mut each);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.keep(bytes);
    }

    /// Hands out what stands after the last line's end.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if self.dropping || !self.partial.is_empty() {
            self.complete(&[], &mut each);
        }
    }

    fn complete(&mut self, end: &[u8], each: &mut impl FnMut(Line<'_>)) {
        if self.partial.is_empty() && !self.dropping && end.len() <= self.limit {
            return each(Line::Text(text(end)));
        }
        self.keep(end);
        if std::mem::take(&mut self.dropping) {
            return each(Line::TooLong);
        }
        let line = std::mem::take(&mut self.partial);
        each(Line::Text(text(&line)));
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.dropping {
            return;
        }
        if self.partial.len() + bytes.len() > self.limit {
            self.partial = Vec::new();
            self.dropping = true;
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }
}

fn text(line: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(limit: usize, pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new(limit);
        let mut out = Vec::new();
        let mut take = |line: Line<'_>| {
            out.push(match line {
                Line::Text(text) => text.into_owned(),
                Line::TooLong => "(too long)".to_owned(),
            });
        };
        for piece in pieces {
            lines.feed(piece, &mut take);
        }
        lines.finish(&mut take);
        out
    }

    #[test]
    fn pieces_are_joined_and_ends_are_cut() {
        assert_eq!(split(99, &[b"a\nb", b"c\r\n\n", b"d"]), ["a", "bc", "", "d"]);
        assert_eq!(split(99, &[b"a\n"]), ["a"]);
        assert_eq!(split(99, &[]), [""; 0]);
        assert_eq!(split(99, &[b"\xff\xc3", b"\xbc\n"]), ["\u{fffd}ü"]);
    }

    #[test]
    fn a_line_past_the_limit_is_dropped_and_the_next_one_read() {
        assert_eq!(split(4, &[b"abcd\nabcde\nab", b"cde\nok"]), ["abcd", "(too long)", "(too long)", "ok"]);
        assert_eq!(split(4, &[b"abc", b"def", b"ghi"]), ["(too long)"]);
        assert_eq!(split(4, &[b"abcdef\n"]), ["(too long)"]);
    }
}
