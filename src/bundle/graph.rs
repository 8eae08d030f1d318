//! graph.md: finds the nodes, in whichever of the three forms the file uses.

use std::ops::Range;

use super::blocks::{Block, BlockKind, Item, outline};
use super::decode::MAX_NODES;
use super::heading::{self, Titled};
use super::node::{self, Draft, NODE};
use super::record::{self, Record};
use super::sections::{broken_table, fence_form};
use super::text;
use super::value::{Kind, Value};
use super::{mapping, table, yaml};
use crate::base::Layout;
use crate::diag::{Diag, Diags, Source, Span, Spanned, nearest};

/// What was read of graph.md.
pub(super) struct ParsedGraph {
    pub nodes: Vec<Draft>,
    /// False if nodes may be missing because something could not be understood.
    pub complete: bool,
}

/// Reads graph.md.
pub(super) fn parse(source: &Source, layout: &Layout, diags: &mut Diags) -> ParsedGraph {
    let mut walk =
        Walk { source, diags: Diags::new(), records: Vec::new(), form: None, mixed: false, under: None };
    for block in outline(source.text(), 0..source.text().len()) {
        walk.block(&block);
    }
    walk.close();
    if let Some(extra) = walk.records.get(MAX_NODES) {
        walk.diags.push(
            Diag::error("bundle::too-many-nodes", format!("the graph has {} nodes", walk.records.len()))
                .at(&extra.span, format!("node {}", MAX_NODES + 1))
                .help(format!("the limit is {MAX_NODES}: split the audit into several bundles")),
        );
        // What else is wrong with so many nodes would only bury this.
        diags.extend(walk.diags);
        return ParsedGraph { nodes: Vec::new(), complete: false };
    }
    if walk.records.is_empty() && !walk.diags.has_errors() {
        walk.diags.push(
            Diag::error("bundle::no-nodes", format!("{} declares no node", source.name()))
                .at(&source.span(0, 0), "looked for in this file")
                .help("write a heading '### ID: deliverable' with a list of 'key: value', a table with an 'id' column, or a fenced yaml block with 'nodes:'"),
        );
    }
    let mut complete = record::none_lost(&walk.diags);
    let nodes: Vec<Draft> =
        walk.records.iter().filter_map(|r| node::draft(r, layout, &mut walk.diags)).collect();
    complete &= nodes.len() == walk.records.len();
    diags.extend(walk.diags);
    ParsedGraph { nodes, complete }
}

/// The three forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Headings,
    Table,
    Fence,
}

/// The heading below which blocks are read.
struct Under {
    span: Span,
    range: Range<usize>,
    titled: Option<Titled>,
    record: Option<Record>,
}

struct Walk<'a> {
    source: &'a Source,
    diags: Diags,
    records: Vec<Record>,
    form: Option<(Form, Span)>,
    mixed: bool,
    under: Option<Under>,
}

impl Walk<'_> {
    fn span(&self, range: &Range<usize>) -> Span {
        self.source.span(range.start, range.len())
    }

    fn block(&mut self, block: &Block) {
        match &block.kind {
            BlockKind::Heading { text, .. } => {
                self.close();
                let span = self.span(text);
                let titled = heading::titled(span.text());
                self.under = Some(Under { span, range: block.range.clone(), titled, record: None });
            }
            BlockKind::List(items) => self.list(block, items),
            BlockKind::Table { head, rows } => self.table(head, rows),
            BlockKind::Fence { closed: false, .. } => {
                let lost = "end the fence, or all that follows is lost in it";
                self.diags.push(record::not_understood(self.source, block, lost));
            }
            BlockKind::Fence { info, body, .. } if fence_form(info).is_some() => self.fence(block, body),
            BlockKind::Paragraph => {
                if let Some(diag) = broken_table(self.source, block) {
                    self.diags.push(diag);
                }
            }
            BlockKind::Other(_) => self.hidden_node(block),
            _ => {}
        }
    }

    /// A node's heading that Markdown takes for a part of a quote, of HTML or of code.
    fn hidden_node(&mut self, block: &Block) {
        let heading = |line: &str| {
            let line = line.trim_start_matches(['>', ' ', '\t']);
            line.starts_with('#') && heading::titled(line.trim_start_matches('#').trim()).is_some()
        };
        if self.source.text()[block.range.clone()].lines().any(heading) {
            let expected = "a node's heading stands in it: put a blank line before the heading, or reword it if it is prose";
            self.diags.push(record::not_understood(self.source, block, expected));
        }
    }

    /// Ends what stands below the last heading.
    fn close(&mut self) {
        let Some(under) = self.under.take() else { return };
        match (under.record, under.titled) {
            (Some(record), _) => self.records.push(record),
            (None, Some(_)) => self.diags.push(
                Diag::error(
                    "bundle::heading-without-list",
                    "a heading reads like a node but no attributes follow",
                )
                .at(&under.span, "no list of 'key: value' below")
                .help("add its attributes as a list, or reword the heading if it is prose"),
            ),
            (None, None) => {}
        }
    }

    fn list(&mut self, block: &Block, items: &[Item]) {
        let known = items.iter().filter(|i| self.is_attribute(i)).count();
        let Some(under) = self.under.as_mut().filter(|u| u.titled.is_some()) else {
            if known >= 2 {
                let at = self.under.as_ref().map(|u| u.span.clone());
                self.stray_attributes(block, at);
            }
            return;
        };
        // The first list below a node's heading is its attributes; a later one may be prose.
        if under.record.is_some() && known == 0 {
            return;
        }
        let mut record = match under.record.take() {
            Some(record) => record,
            None => self.start_record(block),
        };
        record::attributes(self.source, items, &NODE, &mut record, &mut self.diags);
        if let Some(under) = self.under.as_mut() {
            under.record = Some(record);
        }
    }

    fn is_attribute(&self, item: &Item) -> bool {
        let raw = &self.source.text()[item.head.clone()];
        text::named(raw).is_some_and(|n| NODE.find(&raw[n.name]).is_some())
    }

    fn stray_attributes(&mut self, block: &Block, heading: Option<Span>) {
        let line = record::first_line(self.source, &block.range);
        let mut diag = Diag::error(
            "bundle::attributes-without-node",
            "a list has attributes of a node, but no node's heading is above it",
        )
        .at(&self.span(&line), "these attributes");
        if let Some(span) = heading {
            diag = diag.at(&span, "this names no node");
        }
        self.diags.push(diag.help(
            "write the heading as '### ID: deliverable', with an ID of letters, digits, '.', '_' and '-'",
        ));
    }

    /// The record of the node whose heading was read last, with its id and deliverable.
    fn start_record(&mut self, list: &Block) -> Record {
        let Some((range, span, titled)) =
            self.under.as_ref().and_then(|u| Some((u.range.clone(), u.span.clone(), u.titled.clone()?)))
        else {
            return Record::new(self.span(&list.range));
        };
        self.note_form(Form::Headings, &span);
        let whole = text::trim(self.source.text(), range.start..list.range.end);
        let mut record = Record::new(self.span(&whole));
        record.span = span.clone();
        for (name, part) in [("id", titled.id), ("deliverable", titled.text)] {
            let at = span.offset() + part.start..span.offset() + part.end;
            if let Some(key) = NODE.find(name).filter(|_| !at.is_empty()) {
                record.put(key, self.span(&at), Value::raw(self.source, at), &mut self.diags);
            }
        }
        record
    }

    /// A table is one of nodes if its columns say so; others are prose.
    fn table(&mut self, head: &Range<usize>, rows: &[Range<usize>]) {
        let cells = table::cells(self.source.text(), head.clone());
        let keys: Vec<_> = cells.iter().filter_map(|c| NODE.find(&self.source.text()[c.clone()])).collect();
        let has_id = keys.iter().any(|k| k.name == "id");
        if keys.len() < 2 || !(has_id || keys.len() > 2) {
            return;
        }
        let span = self.span(head);
        self.note_form(Form::Table, &span);
        if !has_id {
            self.diags.push(
                Diag::error("bundle::missing-key", "a table of nodes needs a column 'id'")
                    .at(&span, "these columns")
                    .help("add the column 'id'"),
            );
            return;
        }
        let records = table::records(self.source, head.clone(), rows, &NODE, &mut self.diags);
        self.records.extend(records);
    }

    /// A yaml or json fence is one of nodes if it has `nodes:`; others are prose.
    fn fence(&mut self, block: &Block, body: &Range<usize>) {
        let line = record::first_line(self.source, &block.range);
        let span = self.span(&line);
        let mut own = Diags::new();
        let value = yaml::parse(self.source, body.clone(), &mut own);
        if self.source.text()[body.clone()].contains("nodes") {
            self.diags.extend(own);
        }
        match value.map(|v| v.kind) {
            Some(Kind::Map(pairs)) if pairs.iter().any(|(k, _)| is_nodes(k)) => {
                self.note_form(Form::Fence, &span);
                self.document(pairs);
            }
            Some(Kind::Map(pairs)) => {
                if let Some((key, _)) = pairs.iter().find(|(k, _)| nearest(k, ["nodes"]).is_some()) {
                    self.diags.push(unknown_top(key));
                }
            }
            Some(Kind::Seq(items)) if items.iter().any(looks_like_node) => self.diags.push(
                Diag::error(
                    "bundle::nodes-not-under-key",
                    "the nodes of a fenced block stand under 'nodes:'",
                )
                .at(&span, "this block is a bare sequence")
                .help("put 'nodes:' on the line above them"),
            ),
            _ => {}
        }
    }

    fn document(&mut self, pairs: Vec<(Spanned<String>, Value)>) {
        let mut first: Option<Span> = None;
        for (key, value) in pairs {
            match &first {
                _ if !is_nodes(&key) => self.diags.push(unknown_top(&key)),
                Some(first) => self.diags.push(
                    Diag::error("bundle::repeated-key", "'nodes' is given twice")
                        .at(&key.span, "again here")
                        .at(first, "first here")
                        .help("join the two"),
                ),
                None => {
                    first = Some(key.span.clone());
                    self.records.extend(mapping::records(value, &NODE, "id", &mut self.diags));
                }
            }
        }
    }

    fn note_form(&mut self, form: Form, span: &Span) {
        match &self.form {
            None => self.form = Some((form, span.clone())),
            Some((first, at)) if *first != form && !self.mixed => {
                self.mixed = true;
                self.diags.push(
                    Diag::error("bundle::two-forms", "the nodes of the graph come in two forms")
                        .at(span, "another form")
                        .at(at, "the first form")
                        .help("write all nodes in one form: headings with lists, a table, or a fenced block"),
                );
            }
            Some(_) => {}
        }
    }
}

fn is_nodes(key: &str) -> bool {
    text::normal(key) == "nodes"
}

fn unknown_top(key: &Spanned<String>) -> Diag {
    Diag::error("bundle::unknown-key", format!("'{}' is not a key of the graph's block", key.value))
        .at(&key.span, "not known")
        .help("the block has one key: 'nodes'")
}

fn looks_like_node(value: &Value) -> bool {
    match &value.kind {
        Kind::Map(pairs) => pairs.iter().filter(|(k, _)| NODE.find(k).is_some()).count() >= 2,
        _ => false,
    }
}
