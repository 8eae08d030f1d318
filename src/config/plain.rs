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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{DEFAULTS, read};
    use crate::diag::Diags;

    /// Both readers' nodes with all their places; the plain one's only where it gives any.
    fn compare(text: &str) -> usize {
        let source = Source::new("f", text);
        let Ok(scanned) = super::super::lexical::scan(&source) else { return 0 };
        let mut plain = 0;
        for chunk in &scanned.chunks {
            let Some(ours) = nodes(&source, &scanned.text, chunk) else { continue };
            let theirs = read::parsed(&source, &scanned.text, chunk, &mut Diags::new());
            assert_eq!(Some(format!("{ours:#?}")), theirs.map(|n| format!("{n:#?}")), "{text:?}");
            plain += 1;
        }
        plain
    }

    #[test]
    fn the_plain_forms_say_what_the_parser_says() {
        for text in [
            "a",
            "a 1 -2 +3 4.5 -0.25 007 #true #false #null\r\nb",
            "snake_case key_word=\"x\" k=1 k=2 bare word-2",
            "a \"x \\\" \\\\ \\n\\t\\r\\s ü\" \"\" (secret)\"$X\" k=(secret)\"y\"",
            "a #\"x \\ \" y\"# ##\"z\"## \"\u{3000}\" y",
            "a { b 1; c { }; d\n e k=2\n}",
            "a {\n    b \"\"\"\n        x\n\n          y \n   \n        \"\"\"\n}",
            "a #\"\"\"\r\n  x\\y \"\"\" z\r\n\t\r\n  \"\"\"#",
            "a \"\"\"\n\"\"\" \"\"\"\n  \"\"\" \"\"\"\n\n\"\"\"",
            "a \\\n  1 \\  \r\n\t2",
        ] {
            assert!(compare(text) > 0, "left to the parser: {text:?}");
        }
    }

    #[test]
    fn other_forms_are_left_to_the_parser() {
        for text in [
            "\"a\" 1",
            "a 0x10",
            "a 1_000",
            "a 1e5",
            "a 1.",
            "a true",
            "a #inf",
            "a \"\\u{41}\"",
            "a(u8)1",
            "a \"b\"=1",
            "a b = 1",
            "a{ b; }",
            "/- a 1",
            "a /-1",
            "ä 1",
            "a \"x\"\"y\"",
            "a \"\"\"x\"\"\"",
            "a { b } c",
            "a;;b",
            "a (u8)1",
            "a \"\"\"\n  x\n y\n  \"\"\"",
            "a \"\"\"\n \\n\n \"\"\"",
            "a\u{3000}1",
            "a \"x\u{2028}\"",
            "a -",
            "a .5",
            "a=1",
        ] {
            let source = Source::new("f", text);
            assert!(nodes(&source, text, &(0..text.len())).is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_defaults_and_the_examples_are_plain() {
        assert!(compare(DEFAULTS) > 20);
        assert!(compare(include_str!("tests/example.kdl")) > 20);
        let source = Source::new("f", DEFAULTS);
        let scanned = super::super::lexical::scan(&source).ok().unwrap();
        assert!(scanned.chunks.iter().all(|chunk| nodes(&source, &scanned.text, chunk).is_some()));
    }

    /// Pieces of KDL, plain and odd ones, in any order.
    fn soup() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a",
            "b-c",
            "_d",
            "true",
            "-",
            "k=",
            "=",
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            ";",
            "{",
            "}",
            "{ ",
            " }",
            "\\\n",
            "\\",
            "1",
            "-2",
            "3.5",
            ".",
            "1e3",
            "0x1",
            "\"x\"",
            "\"\"",
            "\"",
            "\"\"\"\n",
            "\"\"\"",
            "\n  \"\"\"",
            "  y",
            "#true",
            "#",
            "#\"r\"#",
            "#\"\"\"\n",
            "\n\"\"\"#",
            "(secret)",
            "(u8)",
            "/-",
            "/* c */",
            "// c\n",
            "\\n",
            "\u{3000}",
            "\u{2028}",
            "ü",
            "\u{b}",
            "\\u{41}",
            "\"x\\n\"",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn whatever_is_taken_as_plain_is_what_the_parser_reads(text in soup()) {
            compare(&text);
            compare(&format!("a {{ {text}\n}}"));
            compare(&format!("a \"\"\"\n  {text}\n  \"\"\""));
        }
    }
}
