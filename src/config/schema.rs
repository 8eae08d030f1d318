//! The language as a KDL Schema document, made from the shapes that the decoder itself uses;
//! only the types of values are said here again, and a test holds them to the readers.

use std::fmt::Write;

use super::decode::{Args, Shape};
use super::raw::{SHAPES, ShapeOf};
use super::types::{ADAPTER, CONFIG_HOME, LOC_CONFIDENCE, REMEDIATE_FROM, SANDBOX, SIGNAL, VIA};

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    Text,
    Number,
    Boolean,
    /// One of some words.
    Choice(Vec<&'static str>),
}

/// The type of a setting's value: `owner` is the node that holds it, `""` the top level. An
/// argument of a node is that node's setting at its owner.
pub(super) fn type_of(owner: &str, key: &str) -> Type {
    match (owner, key) {
        ("param", "default") => Type::Text,
        ("invariant" | "", "check" | "node" | "audit") | ("roles", _) => Type::Text,
        (_, "default" | "sign" | "reuse" | "network" | "parallel-safe")
        | (_, "create-issues" | "diagnose" | "close-on-green" | "offer-lessons") => Type::Boolean,
        (_, "concurrency" | "process-limit" | "remediation" | "max-iterations" | "tokens" | "cost-usd")
        | (_, "factor" | "floor" | "retries" | "estimated-loc" | "port")
        | (_, "patience" | "stuck-below" | "recursion-depth")
        | ("price", _) => Type::Number,
        (_, "adapter") => words(ADAPTER),
        (_, "config-home") => words(CONFIG_HOME),
        (_, "expected-signal") => words(SIGNAL),
        (_, "from") => words(REMEDIATE_FROM),
        (_, "loc-confidence") => words(LOC_CONFIDENCE),
        (_, "sandbox") => words(SANDBOX),
        (_, "via") => words(VIA),
        ("", "recipe") => Type::Choice(vec!["node"]),
        _ => Type::Text,
    }
}

fn words<T>(known: &'static [(&'static str, T)]) -> Type {
    Type::Choice(known.iter().map(|(word, _)| *word).collect())
}

/// The schema, formatted.
pub fn schema() -> String {
    let mut out = Out { text: String::new(), depth: 0 };
    out.text.push_str(
        "// Made from the program's own types; not to be edited. Names may also be written in\n\
         // snake_case, and a setting of one value as a property or as a child, but not as both.\n",
    );
    out.block("document", |out| {
        out.block("info", |out| {
            out.line("title \"audit.kdl\" lang=\"en\"");
            out.line("description \"The configuration of auditrun\" lang=\"en\"");
        });
        if let Some(document) = shape("", "") {
            out.settings("", &document.shape);
        }
    });
    out.text
}

/// The shape of the node `key` inside of `owner`.
fn shape(owner: &str, key: &str) -> Option<&'static ShapeOf> {
    SHAPES.iter().find(|s| s.key == key && s.owners.contains(&owner))
}

struct Out {
    text: String,
    depth: usize,
}

impl Out {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}{text}", "    ".repeat(self.depth));
    }

    fn block(&mut self, head: &str, inside: impl FnOnce(&mut Out)) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        self.line("}");
    }

    /// Everything that may stand in a block, by name.
    fn settings(&mut self, owner: &str, shape: &Shape) {
        let mut names: Vec<_> = shape.children().collect();
        names.sort_unstable();
        for name in names {
            let once = shape.one.contains(&name) || shape.block.contains(&name);
            self.block(&format!("node \"{name}\""), |out| out.node(owner, name, shape, once));
        }
        self.line("other-nodes-allowed #false");
    }

    fn node(&mut self, owner: &str, name: &str, outer: &Shape, once: bool) {
        if once {
            self.line("max 1");
        }
        if outer.one.contains(&name) {
            self.values(Args::One("its value"), &type_of(owner, name));
        } else if outer.many.contains(&name) {
            self.values(Args::Some("at least one value"), &type_of(owner, name));
        } else if let Some(found) = shape(owner, name) {
            self.values(found.shape.args, &type_of(owner, name));
            self.properties(name, &found.shape);
            if found.shape.children().next().is_some() || found.free {
                self.block("children", |out| out.inside(name, found));
            }
        }
    }

    fn inside(&mut self, name: &str, found: &ShapeOf) {
        if found.free {
            self.block("node \"pass\"", |out| out.values(Args::Some("names of variables"), &Type::Text));
            self.line("other-nodes-allowed #true // each a variable: NAME \"value\"");
        } else {
            self.settings(name, &found.shape);
        }
    }

    fn values(&mut self, args: Args, is: &Type) {
        let (least, most, what) = match args {
            Args::No => return,
            Args::Optional(what) => (0, Some(1), what),
            Args::One(what) => (1, Some(1), what),
            Args::Some(what) => (1, None, what),
        };
        self.block(&format!("value description=\"{}\"", what.replace('"', "'")), |out| {
            out.line(&format!("min {least}"));
            if let Some(most) = most {
                out.line(&format!("max {most}"));
            }
            out.is(is);
        });
    }

    fn properties(&mut self, name: &str, shape: &Shape) {
        for key in shape.one {
            self.block(&format!("prop \"{key}\""), |out| out.is(&type_of(name, key)));
        }
        self.line("other-props-allowed #false");
    }

    fn is(&mut self, is: &Type) {
        match is {
            Type::Text => self.line("type \"string\""),
            Type::Number => self.line("type \"number\""),
            Type::Boolean => self.line("type \"boolean\""),
            Type::Choice(words) => {
                self.line("type \"string\"");
                let words: Vec<_> = words.iter().map(|w| format!("\"{w}\"")).collect();
                self.line(&format!("enum {}", words.join(" ")));
            }
        }
    }
}
