//! The block structure of a Markdown file (headings, lists, tables, fences) as byte
//! ranges. Inline Markdown is left alone: values are raw text.

use std::iter::Peekable;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, OffsetIter, Options, Parser, Tag};

use super::text;

/// How deep lists may nest before their content is taken as not understood.
const MAX_DEPTH: usize = 16;

/// One block.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub range: Range<usize>,
    pub kind: BlockKind,
}

/// The kinds of blocks.
#[derive(Debug, Clone)]
pub(super) enum BlockKind {
    /// `text` is the heading without its markers.
    Heading { level: u8, text: Range<usize> },
    /// A list and its items.
    List(Vec<Item>),
    /// A table: the header's line and each row's line.
    Table { head: Range<usize>, rows: Vec<Range<usize>> },
    /// A code fence; `body` are the lines between.
    Fence { info: String, body: Range<usize>, closed: bool },
    /// Running text.
    Paragraph,
    /// An HTML block that is nothing but comments.
    Comment,
    /// A thematic break.
    Rule,
    /// Quotes, indented code, HTML: named for messages.
    Other(&'static str),
}

/// A list item.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// From the marker to the end.
    pub range: Range<usize>,
    /// The text before the first nested block, trimmed.
    pub head: Range<usize>,
    /// The nested blocks.
    pub blocks: Vec<Block>,
}

/// The top-level blocks of `text[range]`, in order. Ranges are offsets into `text`.
pub(super) fn outline(text: &str, range: Range<usize>) -> Vec<Block> {
    let slice = text.get(range.clone()).unwrap_or_default();
    let mut reader = Reader {
        text: slice,
        base: range.start,
        events: Parser::new_ext(slice, Options::ENABLE_TABLES).into_offset_iter().peekable(),
    };
    reader.blocks(0)
}

struct Reader<'a> {
    text: &'a str,
    base: usize,
    events: Peekable<OffsetIter<'a>>,
}

impl<'a> Reader<'a> {
    /// Blocks up to the end of the container (or of the text).
    fn blocks(&mut self, depth: usize) -> Vec<Block> {
        let mut blocks = Vec::new();
        while let Some((event, range)) = self.events.next_if(|(e, _)| !matches!(e, Event::End(_))) {
            let kind = match event {
                Event::Start(tag) => self.block(tag, &range, depth),
                Event::Rule => BlockKind::Rule,
                // Inline content of a tight list item: its text is taken from the source.
                _ => continue,
            };
            if let Some(kind) = kind.into_block() {
                blocks.push(Block { range: self.shift(range), kind });
            }
        }
        blocks
    }

    fn block(&mut self, tag: Tag<'a>, range: &Range<usize>, depth: usize) -> BlockKind {
        match tag {
            Tag::Heading { level, .. } => {
                self.skip();
                let text = self.shift(heading_text(self.text, range.clone()));
                BlockKind::Heading { level: rank(level), text }
            }
            Tag::List(_) if depth < MAX_DEPTH => self.list(depth),
            Tag::Table(_) => self.table(),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                self.skip();
                let (body, closed) = fence_body(self.text, range.clone());
                BlockKind::Fence { info: info.into_string(), body: self.shift(body), closed }
            }
            Tag::Paragraph => self.leaf(BlockKind::Paragraph),
            Tag::HtmlBlock => {
                let html = self.text.get(range.clone()).unwrap_or_default().trim();
                let comment = html.starts_with("<!--") && html.ends_with("-->");
                self.leaf(if comment { BlockKind::Comment } else { BlockKind::Other("an HTML block") })
            }
            Tag::CodeBlock(_) => self.leaf(BlockKind::Other("indented code")),
            Tag::BlockQuote(_) => self.leaf(BlockKind::Other("a quote")),
            Tag::List(_) => self.leaf(BlockKind::Other("a list that nests too deeply")),
            // Inline elements of a tight item.
            _ => self.leaf(BlockKind::Other("")),
        }
    }

    fn leaf(&mut self, kind: BlockKind) -> BlockKind {
        self.skip();
        kind
    }

    /// Passes the end of the element whose start was just taken.
    fn skip(&mut self) {
        let mut depth = 1usize;
        for (event, _) in self.events.by_ref() {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn list(&mut self, depth: usize) -> BlockKind {
        let mut items = Vec::new();
        while let Some((event, range)) = self.events.next() {
            match event {
                Event::Start(Tag::Item) => items.push(self.item(range, depth)),
                _ => break,
            }
        }
        BlockKind::List(items)
    }

    fn item(&mut self, range: Range<usize>, depth: usize) -> Item {
        let mut blocks = self.blocks(depth + 1);
        self.events.next();
        let start = self.base + after_bullet(self.text, range.clone());
        let text_blocks = blocks.iter().take_while(|b| matches!(b.kind, BlockKind::Paragraph)).count();
        let end = blocks.get(text_blocks).map_or(self.base + range.end, |b| b.range.start);
        blocks.drain(..text_blocks);
        let local = start.min(end) - self.base..end - self.base;
        Item { range: self.shift(range), head: self.shift(text::trim(self.text, local)), blocks }
    }

    fn table(&mut self) -> BlockKind {
        let (mut head, mut rows) = (0..0, Vec::new());
        while let Some((event, range)) = self.events.next() {
            match event {
                Event::Start(Tag::TableHead) => {
                    head = self.shift(text::trim(self.text, range));
                    self.skip();
                }
                Event::Start(Tag::TableRow) => {
                    rows.push(self.shift(text::trim(self.text, range)));
                    self.skip();
                }
                _ => break,
            }
        }
        BlockKind::Table { head, rows }
    }

    fn shift(&self, range: Range<usize>) -> Range<usize> {
        range.start + self.base..range.end + self.base
    }
}

impl BlockKind {
    /// Drops what is no block (inline elements of a tight list item).
    fn into_block(self) -> Option<BlockKind> {
        (!matches!(self, BlockKind::Other(""))).then_some(self)
    }
}

fn rank(level: HeadingLevel) -> u8 {
    level as u8
}

/// A heading without `#`s or its underline.
fn heading_text(text: &str, range: Range<usize>) -> Range<usize> {
    let range = text::trim(text, range);
    let raw = &text[range.clone()];
    if !raw.starts_with('#') {
        let end = raw.rfind(['\n', '\r']).unwrap_or(raw.len());
        return text::trim(text, range.start..range.start + end);
    }
    let start = range.start + (raw.len() - raw.trim_start_matches('#').len());
    let inner = text::trim(text, start..range.end);
    let body = &text[inner.clone()];
    let bare = body.trim_end_matches('#');
    let closes = bare.len() < body.len() && (bare.is_empty() || bare.ends_with([' ', '\t']));
    if closes { text::trim(text, inner.start..inner.start + bare.len()) } else { inner }
}

/// The lines between a fence's markers, and if the closing one is there.
fn fence_body(text: &str, range: Range<usize>) -> (Range<usize>, bool) {
    let raw = &text[range.clone()];
    let start = raw.find('\n').map_or(raw.len(), |i| i + 1);
    let marker = raw.trim_start().chars().next().unwrap_or('`');
    let opening = raw.trim_start().chars().take_while(|c| *c == marker).count();
    let trimmed = raw.trim_end();
    let last = trimmed.rfind('\n').map_or(0, |i| i + 1);
    let line = trimmed.get(last..).unwrap_or_default().trim();
    let closed = last >= start && line.len() >= opening && line.chars().all(|c| c == marker);
    let end = if closed { last } else { raw.len() };
    (range.start + start.min(end)..range.start + end, closed)
}

/// Where the content of a list item begins.
fn after_bullet(text: &str, range: Range<usize>) -> usize {
    let trimmed = text::trim(text, range.clone());
    let raw = &text[trimmed.clone()];
    let digits = raw.bytes().take_while(u8::is_ascii_digit).count();
    (trimmed.start + digits + 1).min(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# A #\nTwo\nlines\n---\n- **x**: src/**, docs/**\n  more\n  - k: `v`\n\n- y\n\n1. z\n\n| a |\n|---|\n| `b|c` |\n\n~~~ yaml\nk: v\n~~~\n\n> - quoted\n\n<!-- c -->\n\n```\nopen\n";

    #[test]
    fn blocks_carry_their_ranges() {
        let text = format!("??{SAMPLE}");
        let shown: Vec<String> = outline(&text, 2..text.len())
            .into_iter()
            .map(|b| match b.kind {
                BlockKind::Heading { level, text: t } => format!("h{level} {:?}", &text[t]),
                BlockKind::List(items) => {
                    let items: Vec<_> =
                        items.iter().map(|i| (&text[i.head.clone()], i.blocks.len())).collect();
                    format!("list {items:?}")
                }
                BlockKind::Table { head, rows } => {
                    format!("table {:?} {:?}", &text[head], &text[rows[0].clone()])
                }
                BlockKind::Fence { info, body, closed } => format!("fence {info} {:?} {closed}", &text[body]),
                other => format!("{other:?}"),
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        h1 "A"
        h2 "Two\nlines"
        list [("**x**: src/**, docs/**\n  more", 1), ("y", 0)]
        list [("z", 0)]
        table "| a |" "| `b|c` |"
        fence yaml "k: v\n" true
        Other("a quote")
        Comment
        fence  "open\n" false
        "#);
    }

    #[test]
    fn depth_is_bounded() {
        let deep: String = (0..200).map(|i| format!("{}- a\n", "  ".repeat(i))).collect();
        assert_eq!(outline(&deep, 0..deep.len()).len(), 1);
        let quotes = "> ".repeat(100_000);
        assert_eq!(outline(&quotes, 0..quotes.len()).len(), 1);
    }
}
