//! Reads settings in the plain forms that nearly every audit.kdl keeps to, in one pass. What is
//! written in any other way, right or wrong, is left to the KDL parser: this reader never says
//! that something is a mistake, and where it gives nodes the parser would give the same.
//!
//! The parser takes about a millisecond for a hundred lines, which would be most of what a
//! command like `auditrun list` does.

use std::ops::Range;

use super::characters::ends_line;
use super::tree::{Node, Prop, Scalar, Value, kebab};
use crate::diag::{Source, Span};

/// Words that may not stand bare.
const RESERVED: [&str; 5] = ["true", "false", "null", "inf", "nan"];

/// The nodes of one setting, which stands at `chunk` in `text`: that of `source` with its
/// comments blanked out. `None` if the parser has to look at it.
pub(super) fn nodes(source: &Source, text: &str, chunk: &Range<usize>) -> Option<Vec<Node>> {
    let text = text.get(..chunk.end)?;
    let mut reader = Reader { source, text, at: chunk.start };
    let nodes = reader.nodes()?;
    (reader.at == text.len()).then_some(nodes)
}

struct Reader<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes `token` if it comes next.
    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    /// Passes bytes of a kind and gives them.
    fn run(&mut self, of: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&of) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn span(&self, from: usize) -> Span {
        self.source.span(from, self.at - from)
    }

    /// The end of a line.
    fn newline(&mut self) -> bool {
        self.eat("\n") || self.eat("\r\n")
    }

    /// Blanks, and line ends that a `\` takes away; true if there were any.
    fn spaces(&mut self) -> Option<bool> {
        let start = self.at;
        loop {
            self.run(is_blank);
            if !self.eat("\\") {
                return Some(self.at > start);
            }
            self.run(is_blank);
            if !self.newline() {
                return None;
            }
        }
    }

    /// Up to the end or a `}`.
    fn nodes(&mut self) -> Option<Vec<Node>> {
        let mut nodes = Vec::new();
        loop {
            while !self.run(is_blank).is_empty() || self.newline() {}
            match self.peek() {
                None | Some(b'}') => return Some(nodes),
                Some(_) => nodes.push(self.node()?),
            }
        }
    }

    fn node(&mut self) -> Option<Node> {
        let start = self.at;
        let word = self.word()?.to_owned();
        let span = self.span(start);
        let (key, args, props) = (kebab(&word), Vec::new(), Vec::new());
        let mut node = Node { key, word, span, args, props, children: None };
        loop {
            let spaced = self.spaces()?;
            match self.peek() {
                None | Some(b'\n' | b'\r' | b';' | b'}') => break,
                Some(b'{') if spaced => {
                    node.children = Some(self.block()?);
                    self.run(is_blank);
                    break;
                }
                Some(_) if spaced => self.entry(&mut node)?,
                Some(_) => return None,
            }
        }
        let ended = matches!(self.peek(), None | Some(b'}')) || self.eat(";") || self.newline();
        ended.then_some(node)
    }

    fn block(&mut self) -> Option<Vec<Node>> {
        self.at += 1;
        let nodes = self.nodes()?;
        self.eat("}").then_some(nodes)
    }

    /// A bare word of the simplest kind.
    fn word(&mut self) -> Option<&'a str> {
        let begins = self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        let word = self.run(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        (begins && !RESERVED.contains(&word)).then_some(word)
    }

    fn entry(&mut self, node: &mut Node) -> Option<()> {
        let start = self.at;
        if !self.peek()?.is_ascii_alphabetic() {
            node.args.push(self.value()?);
            return Some(());
        }
        let word = self.word()?;
        let span = self.span(start);
        if self.eat("=") {
            let value = self.value()?;
            node.props.push(Prop { key: kebab(word), span, value });
        } else {
            node.args.push(Value { scalar: Scalar::Text(word.to_owned()), secret: false, span });
        }
        Some(())
    }

    fn value(&mut self) -> Option<Value> {
        let secret = self.eat("(secret)");
        let start = self.at;
        let scalar = match self.peek()? {
            b'"' => Scalar::Text(self.quoted()?),
            b'#' => self.hash()?,
            b'0'..=b'9' | b'+' | b'-' => self.number()?,
            b'a'..=b'z' | b'A'..=b'Z' => Scalar::Text(self.word()?.to_owned()),
            _ => return None,
        };
        Some(Value { scalar, secret, span: self.span(start) })
    }

    fn number(&mut self) -> Option<Scalar> {
        let start = self.at;
        self.at += usize::from(!self.peek()?.is_ascii_digit());
        let whole = !self.run(|b| b.is_ascii_digit()).is_empty();
        let fraction = self.eat(".");
        if !whole || (fraction && self.run(|b| b.is_ascii_digit()).is_empty()) {
            return None;
        }
        let text = self.text.get(start..self.at)?;
        if fraction { text.parse().ok().map(Scalar::Number) } else { text.parse().ok().map(Scalar::Whole) }
    }

    /// A keyword or a raw string.
    fn hash(&mut self) -> Option<Scalar> {
        let hashes = self.run(|b| b == b'#');
        if self.eat("\"\"\"") {
            return self.lines(&format!("\"\"\"{hashes}")).map(Scalar::Text);
        }
        if self.eat("\"") {
            let text = self.until(&format!("\"{hashes}"))?;
            return (!text.contains(ends_line)).then(|| Scalar::Text(text.to_owned()));
        }
        match (hashes, self.run(|b| b.is_ascii_alphabetic())) {
            ("#", "true") => Some(Scalar::Bool(true)),
            ("#", "false") => Some(Scalar::Bool(false)),
            ("#", "null") => Some(Scalar::Null),
            _ => None,
        }
    }

    /// What comes before `close`, which is passed.
    fn until(&mut self, close: &str) -> Option<&'a str> {
        let text = self.rest().split_once(close)?.0;
        self.at += text.len() + close.len();
        Some(text)
    }

    fn quoted(&mut self) -> Option<String> {
        if self.eat("\"\"\"") {
            let start = self.at;
            let text = self.lines("\"\"\"")?;
            return (!self.text.get(start..self.at)?.contains('\\')).then_some(text);
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.get(..rest.find(['"', '\\'])?)?;
            if plain.contains(ends_line) {
                return None;
            }
            text.push_str(plain);
            self.at += plain.len();
            if self.eat("\"") {
                return Some(text);
            }
            text.push(escape(*rest.as_bytes().get(plain.len() + 1)?)?);
            self.at += 2;
        }
    }

    /// The value of a string of many lines, up to `close`: what stands before `close` in its
    /// line is what each line begins with and does not hold.
    fn lines(&mut self, close: &str) -> Option<String> {
        if !self.newline() {
            return None;
        }
        let body = self.until(close)?;
        let (inner, indent) = body.rsplit_once('\n').unwrap_or(("", body));
        if !indent.bytes().all(is_blank) {
            return None;
        }
        let mut value = String::with_capacity(inner.len());
        for (i, line) in inner.split('\n').enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.contains(ends_line) {
                return None;
            }
            if i > 0 {
                value.push('\n');
            }
            if !line.chars().all(char::is_whitespace) {
                value.push_str(line.strip_prefix(indent)?);
            }
        }
        Some(value)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn escape(byte: u8) -> Option<char> {
    Some(match byte {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b's' => ' ',
        b'"' => '"',
        b'\\' => '\\',
        _ => return None,
    })
}
