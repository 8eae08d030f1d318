//! The reader of plain settings, held to the KDL parser: the same nodes at the same places.

use proptest::prelude::*;

use crate::config::plain::nodes;
use crate::config::{DEFAULTS, lexical, read};
use crate::diag::{Diags, Source};

/// Both readers' nodes with all their places; the plain one's only where it gives any.
fn compare(text: &str) -> usize {
    let source = Source::new("f", text);
    let Ok(scanned) = lexical::scan(&source) else { return 0 };
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
    assert!(compare(include_str!("example.kdl")) > 20);
    let source = Source::new("f", DEFAULTS);
    let scanned = lexical::scan(&source).ok().unwrap();
    assert!(scanned.chunks.iter().all(|chunk| nodes(&source, &scanned.text, chunk).is_some()));
}

/// Pieces of KDL, plain and odd ones, in any order.
fn soup() -> impl Strategy<Value = Vec<&'static str>> {
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
    prop::collection::vec(piece, 0..24)
}

proptest! {
    #[test]
    fn whatever_is_taken_as_plain_is_what_the_parser_reads(pieces in soup()) {
        for text in [pieces.concat(), pieces.join(" "), pieces.join("\nx ")] {
            compare(&text);
            compare(&format!("a {{ {text}\n}}"));
            compare(&format!("a \"\"\"\n  {text}\n  \"\"\""));
        }
    }
}
