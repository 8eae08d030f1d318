//! Records: what a list item, a table row, a mapping or a node's attribute list says, as
//! known keys with their values. Unknown and repeated keys are reported here, once for
//! all forms.

use std::ops::Range;

use super::blocks::{Block, BlockKind, Item};
use super::text;
use super::value::{Kind, Value};
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// A key that a record may have.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// True if it may be given more than once.
    pub repeats: bool,
}

/// The keys of one kind of record.
#[derive(Debug)]
pub(super) struct Schema {
    /// With its article, for messages.
    pub what: &'static str,
    pub keys: &'static [Key],
}

/// Problems of a single attribute: the record that has it is not lost, so what others
/// cite is still known.
pub(super) const OF_ATTRIBUTES: [&str; 7] = [
    "bundle::unknown-key",
    "bundle::repeated-key",
    "bundle::not-an-attribute",
    "bundle::not-a-value",
    "bundle::two-values",
    "bundle::two-forms",
    "bundle::none-with-items",
];

/// True if no record can have got lost in `diags`.
pub(super) fn none_lost(diags: &Diags) -> bool {
    diags.iter().all(|d| OF_ATTRIBUTES.contains(&d.code))
}

/// A key given once at most.
pub(super) const fn once(name: &'static str, aliases: &'static [&'static str]) -> Key {
    Key { name, aliases, repeats: false }
}

/// A key that may be repeated.
pub(super) const fn many(name: &'static str, aliases: &'static [&'static str]) -> Key {
    Key { name, aliases, repeats: true }
}

impl Schema {
    /// The key that `word` names, by its own name or an alias.
    pub fn find(&self, word: &str) -> Option<&'static Key> {
        let word = text::normal(word);
        self.keys.iter().find(|k| k.name == word || k.aliases.contains(&word.as_str()))
    }

    /// All names and aliases.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().flat_map(|k| std::iter::once(k.name).chain(k.aliases.iter().copied()))
    }

    fn unknown(&self, key: &Spanned<String>) -> Diag {
        let diag = Diag::error(
            "bundle::unknown-key",
            format!("'{}' is not an attribute of {}", key.value, self.what),
        )
        .at(&key.span, "not known")
        .suggest(&text::normal(key), self.words());
        if diag.help.is_some() {
            return diag;
        }
        let names: Vec<_> = self.keys.iter().map(|k| k.name).collect();
        diag.help(format!("{} has: {}", self.what, names.join(", ")))
    }
}

/// One value of a record.
#[derive(Debug)]
pub(super) struct Field {
    pub key: &'static str,
    pub key_span: Span,
    pub value: Value,
}

/// A record; its keys are those of a schema.
#[derive(Debug)]
pub(super) struct Record {
    /// Its first line, for messages.
    pub span: Span,
    /// All of it.
    pub whole: Span,
    pub fields: Vec<Field>,
}

impl Record {
    /// An empty record that stands at `whole`.
    pub fn new(whole: Span) -> Record {
        let first = whole.text().lines().next().unwrap_or_default().trim_end().len();
        Record { span: whole.source().span(whole.offset(), first), whole, fields: Vec::new() }
    }

    /// Adds a value under a key as written.
    pub fn add(&mut self, schema: &Schema, key: Spanned<String>, value: Value, diags: &mut Diags) {
        match schema.find(&key) {
            None => diags.push(schema.unknown(&key)),
            Some(known) => self.put(known, key.span, value, diags),
        }
    }

    /// Adds a value under a known key.
    pub fn put(&mut self, key: &'static Key, key_span: Span, value: Value, diags: &mut Diags) {
        let earlier = || self.fields.iter().find(|f| f.key == key.name);
        if let Some(earlier) = (!key.repeats).then(earlier).flatten() {
            diags.push(
                Diag::error("bundle::repeated-key", format!("'{}' is given twice", key.name))
                    .at(&key_span, "again here")
                    .at(&earlier.key_span, "first here")
                    .help("keep one of them"),
            );
            return;
        }
        self.fields.push(Field { key: key.name, key_span, value });
    }

    /// The value of a key, unless it is empty.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.fields.iter().find(|f| f.key == key && !f.value.is_null()).map(|f| &f.value)
    }

    /// All values of a key that are not empty.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Value> {
        self.fields.iter().filter(move |f| f.key == key && !f.value.is_null()).map(|f| &f.value)
    }
}

/// Reads the items of an attribute list (`key: value`, or `key:` with a nested list) into
/// `record`.
pub(super) fn attributes(
    source: &Source,
    items: &[Item],
    schema: &Schema,
    record: &mut Record,
    diags: &mut Diags,
) {
    for item in items {
        let raw = &source.text()[item.head.clone()];
        let Some(named) = text::named(raw).filter(|n| !n.name.is_empty()) else {
            diags.push(
                Diag::error(
                    "bundle::not-an-attribute",
                    format!("this is not an attribute of {}", schema.what),
                )
                .at(&head_span(source, item), "expected 'key: value'")
                .help("write it as 'key: value', or move prose out of the list"),
            );
            continue;
        };
        let at = |r: &Range<usize>| item.head.start + r.start..item.head.start + r.end;
        let name = at(&named.name);
        let key = Spanned::new(raw[named.name.clone()].to_owned(), source.span(name.start, name.len()));
        if let Some(value) = item_value(source, at(&named.rest), &item.blocks, diags) {
            record.add(schema, key, value, diags);
        }
    }
}

/// The place of an item's own text (of its marker if it has none).
pub(super) fn head_span(source: &Source, item: &Item) -> Span {
    let range = if item.head.is_empty() { item.range.start..item.range.start + 1 } else { item.head.clone() };
    source.span(range.start, range.len())
}

/// The value of an attribute: its text, or the list (or fenced command lines) below it.
fn item_value(source: &Source, rest: Range<usize>, blocks: &[Block], diags: &mut Diags) -> Option<Value> {
    let Some((first, more)) = blocks.split_first() else { return Some(Value::raw(source, rest)) };
    let span = source.span(first.range.start, first.range.len());
    let value = match &first.kind {
        BlockKind::List(items) => Some(Kind::Items(elements(source, items, diags))),
        BlockKind::Fence { body, closed: true, .. } => Some(Kind::Seq(command_lines(source, body.clone()))),
        _ => None,
    };
    let extra = more.iter().find(|b| !matches!(b.kind, BlockKind::Comment));
    match (value, extra) {
        (Some(kind), None) if rest.is_empty() => Some(Value { span, kind }),
        (None, _) | (_, Some(_)) => {
            let bad = extra.unwrap_or(first);
            diags.push(not_a_value(source, bad, "a value is a text or a nested list"));
            None
        }
        _ => {
            diags.push(
                Diag::error("bundle::two-values", "an attribute has a value and a list below it")
                    .at(&source.span(rest.start, rest.len()), "the value")
                    .at(&span, "the list")
                    .help("keep one of them"),
            );
            None
        }
    }
}

/// The elements of a nested list.
fn elements(source: &Source, items: &[Item], diags: &mut Diags) -> Vec<Value> {
    for item in items {
        for block in &item.blocks {
            diags.push(not_a_value(source, block, "an element of a value is one text"));
        }
    }
    items.iter().map(|i| Value::raw(source, i.head.clone())).collect()
}

/// The command lines of a fenced block: blank lines and comments are none, and a line that
/// ends in a backslash goes on in the next.
pub(super) fn command_lines(source: &Source, body: Range<usize>) -> Vec<Value> {
    let mut commands: Vec<Value> = Vec::new();
    let mut joined: Option<(usize, String)> = None;
    let mut at = body.start;
    for line in source.text()[body].split_inclusive('\n') {
        let range = text::trim(source.text(), at..at + line.len());
        at += line.len();
        let raw = &source.text()[range.clone()];
        if joined.is_none() && (raw.is_empty() || raw.starts_with('#')) {
            continue;
        }
        let (start, mut command) = joined.take().unwrap_or((range.start, String::new()));
        if let Some(rest) = raw.strip_suffix('\\').filter(|r| !r.ends_with('\\')) {
            command.push_str(rest);
            joined = Some((start, command));
        } else {
            command.push_str(raw);
            commands.push(decoded(source, start..range.end, command));
        }
    }
    if let Some((start, command)) = joined {
        let end = start + command.len();
        commands.push(decoded(source, start..end, command));
    }
    commands
}

fn decoded(source: &Source, range: Range<usize>, text: String) -> Value {
    Value { span: source.span(range.start, range.len()), kind: Kind::Decoded(text) }
}

/// A block that stands where a value was expected.
fn not_a_value(source: &Source, block: &Block, expected: &str) -> Diag {
    Diag { code: "bundle::not-a-value", ..not_understood(source, block, expected) }
}

/// A block that stands where it has no meaning.
pub(super) fn not_understood(source: &Source, block: &Block, expected: &str) -> Diag {
    let what = match &block.kind {
        BlockKind::Heading { .. } => "a heading",
        BlockKind::List(_) => "a list",
        BlockKind::Table { .. } => "a table",
        BlockKind::Fence { closed: false, .. } => "a code fence without an end",
        BlockKind::Fence { .. } => "a code fence",
        BlockKind::Paragraph => "a paragraph",
        BlockKind::Comment => "a comment",
        BlockKind::Rule => "a rule",
        BlockKind::Other(what) => what,
    };
    let line = first_line(source, &block.range);
    Diag::error("bundle::not-understood", format!("{what} has no meaning here"))
        .at(&source.span(line.start, line.len()), "not understood")
        .help(expected)
}

/// The first line of a range, without its end.
pub(super) fn first_line(source: &Source, range: &Range<usize>) -> Range<usize> {
    let raw = &source.text()[range.clone()];
    let end = raw.find(['\n', '\r']).unwrap_or(raw.len());
    text::trim(source.text(), range.start..range.start + end)
}
