//! A small schema language for reading nodes: a [`Shape`] says what a node may hold, the
//! readers in `types` say what a value must be. Everything else is reported, nothing ignored.

use std::cell::RefCell;

use super::tree::{Node, Scalar, Value};
use super::types::{Read, Wrong};
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// A place to collect problems while one file is decoded.
pub(super) struct Ctx<'a> {
    /// The file.
    pub source: &'a Source,
    /// Names of the files that include this one, outermost first.
    pub includers: &'a [String],
    /// What was found wrong.
    pub diags: &'a RefCell<Diags>,
    /// Texts annotated `(secret)`.
    pub secrets: &'a RefCell<Vec<String>>,
}

/// How many arguments a node takes.
#[derive(Clone, Copy)]
pub(super) enum Args {
    /// None.
    No,
    /// At most one; the text says what it is.
    Optional(&'static str),
    /// Exactly one.
    One(&'static str),
    /// One or more.
    Some(&'static str),
}

/// What a node may hold.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Arguments.
    pub args: Args,
    /// Settings of one value: `key=value`, or a child `key value`; each at most once.
    pub one: &'static [&'static str],
    /// Children of one or more values, which may be repeated.
    pub many: &'static [&'static str],
    /// Children with a structure of their own, at most once.
    pub block: &'static [&'static str],
    /// The same, any number of times.
    pub blocks: &'static [&'static str],
}

impl Shape {
    /// A node that may hold nothing.
    pub const EMPTY: Shape = Shape { args: Args::No, one: &[], many: &[], block: &[], blocks: &[] };

    /// Every name that may stand inside.
    pub fn children(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        [self.one, self.many, self.block, self.blocks].into_iter().flatten().copied()
    }

    fn has(list: &[&str], key: &str) -> bool {
        list.contains(&key)
    }
}

impl Ctx<'_> {
    /// Reports a problem.
    pub fn push(&self, diag: Diag) {
        self.diags.borrow_mut().push(diag);
    }

    /// Holds a node to its shape.
    pub fn check(&self, node: &Node, shape: &Shape) {
        self.check_args(node, shape.args);
        self.check_props(node, shape);
        self.check_children(&node.key, node.nodes(), shape);
        if let Some(children) = &node.children
            && shape.children().next().is_none()
        {
            let message = format!("'{}' takes no block", node.word);
            let help = if children.is_empty() { "remove the braces" } else { "remove the block" };
            self.push(Diag::error("config::unexpected-block", message).at(&node.span, "has one").help(help));
        }
    }

    fn check_args(&self, node: &Node, args: Args) {
        let (least, most, what) = match args {
            Args::No => (0, 0, ""),
            Args::Optional(what) => (0, 1, what),
            Args::One(what) => (1, 1, what),
            Args::Some(what) => (1, usize::MAX, what),
        };
        if node.args.len() < least {
            let message = format!("'{}' needs {what}", node.word);
            let help = format!("write it after the name: {} …", node.word);
            self.push(
                Diag::error("config::missing-value", message).at(&node.span, "nothing follows").help(help),
            );
        }
        if let Some(extra) = node.args.get(most) {
            let message = match most {
                0 => format!("'{}' takes no value here", node.word),
                _ => format!("'{}' takes one value", node.word),
            };
            let help = "remove it; settings inside are written key=value or in the block";
            self.push(
                Diag::error("config::unexpected-value", message)
                    .at(&extra.span, "this one is too many")
                    .help(help),
            );
        }
    }

    fn check_props(&self, node: &Node, shape: &Shape) {
        for (i, prop) in node.props.iter().enumerate() {
            if !Shape::has(shape.one, &prop.key) {
                self.push(self.unknown_prop(node, &prop.key, &prop.span, shape));
            } else if let Some(first) = node.props.iter().take(i).find(|p| p.key == prop.key) {
                self.push(twice(&format!("'{}'", prop.key), &first.span, &prop.span));
            }
        }
    }

    fn unknown_prop(&self, node: &Node, key: &str, span: &Span, shape: &Shape) -> Diag {
        let message = format!("'{key}' is not a property of '{}'", node.word);
        let diag = Diag::error("config::unknown-property", message).at(span, "unknown");
        if shape.children().any(|c| c == key) {
            return diag.help(format!("write it in the block: {} {{ {key} … }}", node.word));
        }
        suggest(diag, key, shape.one.iter().copied())
    }

    /// Reports children that the shape doesn't know or that stand there twice.
    pub fn check_children(&self, owner: &str, nodes: &[Node], shape: &Shape) {
        for (i, child) in nodes.iter().enumerate() {
            let key = child.key.as_str();
            if !shape.children().any(|c| c == key) {
                let place =
                    if owner.is_empty() { "a setting".to_owned() } else { format!("a setting of '{owner}'") };
                let message = format!("'{}' is not {place}", child.word);
                let diag = Diag::error("config::unknown-setting", message).at(&child.span, "unknown");
                self.push(suggest(diag, key, shape.children()));
            } else if (Shape::has(shape.one, key) || Shape::has(shape.block, key))
                && let Some(first) = nodes.iter().take(i).find(|n| n.key == child.key)
            {
                self.push(twice(&format!("'{key}'"), &first.span, &child.span));
            }
        }
    }

    /// The first argument.
    pub fn arg<T>(&self, node: &Node, read: impl Read<T>) -> Option<Spanned<T>> {
        self.read(node.args.first()?, read)
    }

    /// All arguments.
    pub fn args<T>(&self, node: &Node, read: impl Read<T>) -> Vec<Spanned<T>> {
        node.args.iter().filter_map(|v| self.read(v, &read)).collect()
    }

    /// A setting of one value, written as a property or as a child.
    pub fn one<T>(&self, node: &Node, key: &str, read: impl Read<T>) -> Option<Spanned<T>> {
        let child = node.nodes().iter().find(|c| c.key == key);
        if let Some(prop) = node.props.iter().find(|p| p.key == key) {
            if let Some(child) = child {
                self.push(twice(&format!("'{key}'"), &prop.span, &child.span));
            }
            return self.read(&prop.value, read);
        }
        let child = child?;
        self.check(child, &Shape { args: Args::One("a value"), ..Shape::EMPTY });
        self.arg(child, read)
    }

    /// The values of all children `key`; each value once.
    pub fn many<T>(&self, node: &Node, key: &str, read: impl Read<T>) -> Vec<Spanned<T>> {
        let mut seen: Vec<&Value> = Vec::new();
        let mut all = Vec::new();
        for child in node.nodes().iter().filter(|c| c.key == key) {
            self.check(child, &Shape { args: Args::Some("at least one value"), ..Shape::EMPTY });
            for value in &child.args {
                match seen.iter().find(|v| same_text(v, value)) {
                    Some(first) => self.push(twice(value.span.text(), &first.span, &value.span)),
                    None => all.extend(self.read(value, &read)),
                }
                seen.push(value);
            }
        }
        all
    }

    /// A child with a structure of its own.
    pub fn block<'n>(&self, node: &'n Node, key: &str) -> Option<&'n Node> {
        node.nodes().iter().find(|c| c.key == key)
    }

    /// Reads one value; a failure is reported and gives `None`.
    pub fn read<T>(&self, value: &Value, read: impl Read<T>) -> Option<Spanned<T>> {
        if let (true, Scalar::Text(text)) = (value.secret, &value.scalar) {
            self.secrets.borrow_mut().push(text.clone());
        }
        match read(&value.scalar) {
            Ok(found) => Some(Spanned::new(found, value.span.clone())),
            Err(wrong) => {
                self.push(describe(value, wrong));
                None
            }
        }
    }

    /// Puts a value into a slot unless an including file filled it: that one wins. Two files
    /// of which neither includes the other must agree on who sets it.
    pub fn put<T>(&self, slot: &mut Option<Spanned<T>>, value: Option<Spanned<T>>, key: &str) {
        let Some(value) = value else { return };
        match slot {
            None => *slot = Some(value),
            Some(first) if self.yields_to(&first.span) || first.span.source() == self.source => {}
            Some(first) => self.push(twice(&format!("'{key}'"), &first.span, &value.span)),
        }
    }

    /// True if `other` stands in a file that includes this one.
    pub fn yields_to(&self, other: &Span) -> bool {
        self.includers.iter().any(|i| i == other.source().name())
    }
}

fn same_text(a: &Value, b: &Value) -> bool {
    matches!((&a.scalar, &b.scalar), (Scalar::Text(a), Scalar::Text(b)) if a == b)
}

fn describe(value: &Value, wrong: Wrong) -> Diag {
    match wrong {
        Wrong::Type(expected) => {
            let message = format!("expected {expected}, found {}", value.scalar.kind());
            let diag = Diag::error("config::wrong-type", message).at(&value.span, format!("not {expected}"));
            match type_hint(value, expected) {
                Some(hint) => diag.help(hint),
                None => diag.help(format!("write {expected}")),
            }
        }
        Wrong::Value(message, help) => {
            Diag::error("config::bad-value", message).at(&value.span, "").help(help)
        }
        Wrong::Choice(word, known) => {
            let message = format!("'{word}' is not one of {}", known.join(", "));
            let diag = Diag::error("config::bad-value", message).at(&value.span, "unknown");
            suggest(diag, &word, known.iter().copied())
        }
    }
}

/// The likely fix for a value of the wrong type.
fn type_hint(value: &Value, expected: &str) -> Option<String> {
    match &value.scalar {
        Scalar::Text(text) if expected.contains("#true") => match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some("write #true".to_owned()),
            "false" | "no" | "off" => Some("write #false".to_owned()),
            _ => None,
        },
        Scalar::Text(text) if text.parse::<f64>().is_ok() && !expected.contains("string") => {
            Some(format!("write it without quotes: {text}"))
        }
        Scalar::Whole(n) if expected.contains("duration") => {
            Some(format!("add a unit: \"{n}s\" or \"{n}m\""))
        }
        Scalar::Whole(n) if expected.contains("size") => {
            Some(format!("add a unit: \"{n}KiB\" or \"{n}MiB\""))
        }
        Scalar::Whole(_) | Scalar::Number(_) | Scalar::Bool(_) if expected.contains("a string") => {
            Some(format!("put it in quotes: \"{}\"", value.span.text()))
        }
        _ => None,
    }
}

/// "did you mean …?", else the names that are known, if they are few.
fn suggest(diag: Diag, word: &str, known: impl Iterator<Item = &'static str> + Clone) -> Diag {
    let diag = diag.suggest(word, known.clone());
    if diag.help.is_some() {
        return diag;
    }
    let mut known: Vec<_> = known.collect();
    known.sort_unstable();
    match known.len() {
        0 => diag.help("remove it"),
        _ => diag.help(format!("known here: {}", known.join(", "))),
    }
}

/// The same thing declared at two places.
pub(super) fn twice(what: &str, first: &Span, second: &Span) -> Diag {
    Diag::error("config::duplicate", format!("{what} is declared twice"))
        .at(second, "again here")
        .at(first, "first here")
        .help("keep one of them")
}
