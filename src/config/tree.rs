//! The KDL document as the decoders want it: nodes with canonical names, values with
//! their place. The only file that knows the kdl crate's types besides the reader.

use std::ops::Range;

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};
use miette::SourceSpan;

use crate::diag::{Diag, Diags, Source, Span};

/// A scalar as written.
#[derive(Debug, Clone)]
pub(super) enum Scalar {
    Text(String),
    Whole(i128),
    Number(f64),
    Bool(bool),
    Null,
}

impl Scalar {
    /// True for equal values of one type; a number that is none equals itself here.
    fn same(&self, other: &Scalar) -> bool {
        match (self, other) {
            (Scalar::Text(a), Scalar::Text(b)) => a == b,
            (Scalar::Whole(a), Scalar::Whole(b)) => a == b,
            (Scalar::Number(a), Scalar::Number(b)) => a.to_bits() == b.to_bits(),
            (Scalar::Bool(a), Scalar::Bool(b)) => a == b,
            (Scalar::Null, Scalar::Null) => true,
            _ => false,
        }
    }

    /// What it is, for "expected …, found …".
    pub fn kind(&self) -> &'static str {
        match self {
            Scalar::Text(_) => "a string",
            Scalar::Whole(_) => "an integer",
            Scalar::Number(_) => "a number",
            Scalar::Bool(_) => "a boolean",
            Scalar::Null => "#null",
        }
    }
}

/// An argument, or the value of a property.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub scalar: Scalar,
    /// Annotated `(secret)`.
    pub secret: bool,
    /// The literal, without its annotation.
    pub span: Span,
}

impl Value {
    /// The literal's place in the file, quotes and hashes included.
    pub fn literal(&self) -> Range<usize> {
        self.span.offset()..self.span.offset() + self.span.len()
    }
}

/// A property.
#[derive(Debug, Clone)]
pub(super) struct Prop {
    /// In kebab-case.
    pub key: String,
    pub span: Span,
    pub value: Value,
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// The name in kebab-case: the seeds' snake_case means the same.
    pub key: String,
    /// The name as written, for nodes whose name is data.
    pub word: String,
    /// Where the name stands.
    pub span: Span,
    pub args: Vec<Value>,
    pub props: Vec<Prop>,
    /// `None` where there is no block at all.
    pub children: Option<Vec<Node>>,
}

impl Node {
    /// Its children; none if it has no block.
    pub fn nodes(&self) -> &[Node] {
        self.children.as_deref().unwrap_or_default()
    }

    /// True if it has a property or a child of that name.
    pub fn holds(&self, key: &str) -> bool {
        self.props.iter().any(|p| p.key == key) || self.nodes().iter().any(|c| c.key == key)
    }
}

/// True if both say the same, wherever they stand.
pub(super) fn same(a: &[Node], b: &[Node]) -> bool {
    let values = |a: &Value, b: &Value| a.secret == b.secret && a.scalar.same(&b.scalar);
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            a.word == b.word
                && a.args.len() == b.args.len()
                && a.args.iter().zip(&b.args).all(|(a, b)| values(a, b))
                && a.props.len() == b.props.len()
                && a.props.iter().zip(&b.props).all(|(a, b)| a.key == b.key && values(&a.value, &b.value))
                && a.children.is_some() == b.children.is_some()
                && same(a.nodes(), b.nodes())
        })
}

/// `issue_labels` and `issue-labels` are one name.
pub(super) fn kebab(word: &str) -> String {
    word.replace('_', "-")
}

/// The nodes of a document that begins at `start` of `source`; annotations that mean nothing
/// are reported.
pub(super) fn nodes(document: &KdlDocument, start: usize, source: &Source, diags: &mut Diags) -> Vec<Node> {
    Reader { source, start, diags }.nodes(document)
}

struct Reader<'a> {
    source: &'a Source,
    start: usize,
    diags: &'a mut Diags,
}

impl Reader<'_> {
    fn span(&self, place: SourceSpan) -> Span {
        self.source.span(self.start + place.offset(), place.len())
    }

    fn nodes(&mut self, document: &KdlDocument) -> Vec<Node> {
        document.nodes().iter().map(|n| self.node(n)).collect()
    }

    fn node(&mut self, from: &KdlNode) -> Node {
        let word = from.name().value().to_owned();
        let span = self.span(from.name().span());
        if let Some(annotation) = from.ty() {
            let place = self.span(annotation.span());
            self.diags.push(no_annotation(&place, annotation.value()));
        }
        let mut args = Vec::new();
        let mut props = Vec::new();
        for entry in from.entries() {
            let value = self.value(entry);
            match entry.name() {
                None => args.push(value),
                Some(name) => {
                    props.push(Prop { key: kebab(name.value()), span: self.span(name.span()), value });
                }
            }
        }
        let children = from.children().map(|c| self.nodes(c));
        Node { key: kebab(&word), word, span, args, props, children }
    }

    fn value(&mut self, entry: &KdlEntry) -> Value {
        let span = self.literal(entry);
        let secret = match entry.ty() {
            Some(annotation) if annotation.value() == "secret" => true,
            Some(annotation) => {
                self.diags.push(no_annotation(&span, annotation.value()));
                false
            }
            None => false,
        };
        let scalar = match entry.value() {
            KdlValue::String(text) => Scalar::Text(text.clone()),
            KdlValue::Integer(n) => Scalar::Whole(*n),
            KdlValue::Float(n) => Scalar::Number(*n),
            KdlValue::Bool(b) => Scalar::Bool(*b),
            KdlValue::Null => Scalar::Null,
        };
        Value { scalar, secret, span }
    }

    /// An entry's span covers its name, its annotation and sometimes spaces; the literal is
    /// the last place in it where the value's own text stands.
    fn literal(&self, entry: &KdlEntry) -> Span {
        let whole = self.span(entry.span());
        let found = entry.format().and_then(|f| {
            let written = f.value_repr.trim();
            whole.text().rfind(written).map(|at| (at, written.len()))
        });
        match found {
            Some((at, len)) => self.source.span(whole.offset() + at, len),
            None => whole,
        }
    }
}

fn no_annotation(span: &Span, word: &str) -> Diag {
    Diag::error("config::unknown-annotation", format!("the annotation '({word})' means nothing here"))
        .at(span, "")
        .help("(secret) before a value is the only one")
}
