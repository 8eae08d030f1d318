//! Places in audit.kdl of what KDL made of a literal.

use super::*;
use crate::step::parse;

/// The first string argument of a KDL document, read by the KDL parser itself, as steps.
fn steps(document: &str) -> StepText {
    let parsed: kdl::KdlDocument = document.parse().unwrap();
    let entry = parsed.nodes()[0].entries()[0].clone();
    let value = entry.value().as_string().unwrap().to_owned();
    let span = entry.span();
    let source = Source::new("audit.kdl", document);
    StepText::from_kdl(&source, span.offset()..span.offset() + span.len(), &value)
}

/// What the source says where `needle` stands in the text.
fn written<'d>(document: &'d str, needle: &str) -> &'d str {
    let text = steps(document);
    let at = text.text().find(needle).unwrap_or_else(|| panic!("{needle:?} is not in {:?}", text.text()));
    let span = text.span(at..at + needle.len());
    &document[span.offset()..span.offset() + span.len()]
}

#[test]
fn a_quoted_string_keeps_its_places_through_escapes() {
    let document = r#"steps "echo \"a\tb\" \\n \u{e9}\s! ü""#;
    assert_eq!(steps(document).text(), "echo \"a\tb\" \\n é ! ü");
    assert_eq!(written(document, "\"a\tb\""), r#"\"a\tb\""#);
    assert_eq!(written(document, "\\n"), r"\\n");
    assert_eq!(written(document, "é"), r"\u{e9}");
    assert_eq!(written(document, " !"), r"\s!");
    assert_eq!(written(document, "ü"), "ü");
}

#[test]
fn a_multi_line_string_keeps_its_places_through_the_dedent() {
    let document = "steps \"\"\"\n    one\n\n      two \\\n         three\n    f\\u{6f}ur\n    \"\"\"\n";
    assert_eq!(steps(document).text(), "one\n\n  two three\nfour");
    for (needle, source) in [
        ("one", "one"),
        ("one\n", "one\n"),
        ("  two", "  two"),
        ("two three", "two \\\n         three"),
        ("three", "three"),
        ("four", "f\\u{6f}ur"),
    ] {
        assert_eq!(written(document, needle), source, "{needle:?}");
    }
    let text = steps(document);
    let four = text.text().find("four").unwrap();
    assert_eq!(text.span(four..four + 1).line_column(), (6, 5));
}

#[test]
fn raw_strings_take_backslashes_as_they_are() {
    let document = "steps #\"echo \"a\\n\" x\"#";
    assert_eq!(written(document, "\"a\\n\""), "\"a\\n\"");
    let document = "steps ##\"\"\"\n\techo \\$x\n\t  \"#\n\t\"\"\"##";
    assert_eq!(steps(document).text(), "echo \\$x\n  \"#");
    assert_eq!(written(document, "\\$x"), "\\$x");
    assert_eq!(written(document, "\"#"), "\"#");
    assert!(!steps(document).escape_on_line_of(0));
}

#[test]
fn crlf_is_one_newline() {
    let document = "steps \"\"\"\r\n  one\r\n  two\r\n  \"\"\"\r\n";
    assert_eq!(steps(document).text(), "one\ntwo");
    assert_eq!(written(document, "one\n"), "one\r\n");
    assert_eq!(written(document, "two"), "two");
    let plain = StepText::plain(&Source::new("s", "a\r\nb\r"));
    assert_eq!(plain.text(), "a\nb\r");
    assert_eq!(plain.span(1..3).text(), "\r\nb");
}

#[test]
fn bare_words_annotations_and_empty_texts_have_places() {
    assert_eq!(written("steps lint", "in"), "in");
    assert_eq!(written("steps (secret)\"a b\"", "b"), "b");
    let empty = steps("steps \"\"");
    assert_eq!((empty.span(0..0).offset(), empty.span(0..5).len()), (7, 0));
    assert_eq!(steps("steps \"\"\"\n  \"\"\"").text(), "");
}

#[test]
fn a_literal_that_cannot_be_decoded_is_pointed_at_as_a_whole() {
    let source = Source::new("audit.kdl", "steps \"a\"");
    let text = StepText::from_kdl(&source, 6..9, "something else");
    assert_eq!(text.span(2..4).text(), "\"a\"");
    assert_eq!(StepText::from_kdl(&source, 6..900, "x").span(0..1).len(), 3);
}

#[test]
fn an_escape_is_known_by_its_line_in_triple_quotes_only() {
    let text = steps("steps \"\"\"\n  plain\n  a\\\\b\n  \"\"\"");
    assert!(!text.escape_on_line_of(0));
    assert!(text.escape_on_line_of(text.text().find("a\\b").unwrap()));
    assert!(text.escape_on_line_of(1000));
    assert!(!steps("steps \"a\\\\b\"").escape_on_line_of(0));
}

proptest::proptest! {
    /// Whatever the literal, decoding gives KDL's own value and every character's place
    /// gives that character (or an escape of it).
    #[test]
    fn decoding_agrees_with_kdl(
        lines in proptest::collection::vec("[ a-z$'é#]{0,6}(\\\\n|\\\\\\\\|\\\\s|\\\\u\\{41\\})?[a-z ]{0,3}", 0..5),
        indent in "[ \t]{0,3}",
        crlf: bool,
    ) {
        let newline = if crlf { "\r\n" } else { "\n" };
        let body: String = lines.iter().map(|l| format!("{indent}{l}{newline}")).collect();
        for document in [
            format!("steps \"\"\"{newline}{body}{indent}\"\"\""),
            format!("steps #\"\"\"{newline}{body}{indent}\"\"\"#"),
            format!("steps \"{}\"", lines.concat()),
        ] {
            let Ok(parsed) = document.parse::<kdl::KdlDocument>() else { continue };
            let entry = &parsed.nodes()[0].entries()[0];
            let value = entry.value().as_string().unwrap();
            let span = entry.span();
            let text = literal::decode(&document[span.offset()..][..span.len()], span.offset());
            proptest::prop_assert_eq!(text.as_ref().map(|t| t.text.as_str()), Some(value));
            let text = steps(&document);
            for (at, c) in value.char_indices() {
                let place = text.span(at..at + c.len_utf8());
                let source = place.text();
                let same = source.chars().eq([c]) || source.starts_with('\\') || (c == '\n' && source == "\r\n");
                proptest::prop_assert!(same, "{:?} stands for {:?}", source, c);
            }
        }
    }
}

#[test]
fn problems_point_into_the_configuration() {
    let document = "steps \"\"\"\n    echo ok\n    echo $? \\\n       && for\n    \"\"\"\n";
    let (_, diags) = parse(&steps(document));
    let places: Vec<String> = diags.iter().map(|d| d.labels[0].0.to_string()).collect();
    assert_eq!(places, ["audit.kdl:3:10", "audit.kdl:4:11"]);
}
