//! Headings as names: which one is a section, which one nearly is, and which one reads
//! like `id: text`.

use std::ops::Range;

use super::text;
use crate::base::Id;
use crate::diag::{Diag, Source, Span, nearest};

/// How a heading relates to a set of section names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It is this one.
    Exact(&'static str),
    /// It probably was meant to be this one.
    Near(&'static str),
    /// It is prose.
    None,
}

/// Compares a heading's text with `names`.
pub(super) fn matches(heading: &str, names: &[&'static str]) -> Match {
    let word = text::normal(heading);
    if let Some(name) = names.iter().find(|n| **n == word) {
        return Match::Exact(name);
    }
    let core = text::normal(core(heading));
    if let Some(name) = names.iter().find(|n| **n == core) {
        return Match::Near(name);
    }
    match nearest(&word, names.iter().copied()) {
        Some(best) => names.iter().find(|n| **n == best).map_or(Match::None, |n| Match::Near(n)),
        None => Match::None,
    }
}

/// A heading without a number before it, and without punctuation or a parenthesis after it.
fn core(heading: &str) -> &str {
    let text = heading.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ' ' | '§'));
    let text = text.split_once('(').map_or(text, |(before, _)| before);
    text.trim_end_matches(|c: char| c.is_ascii_punctuation() || c.is_whitespace())
}

/// The diagnostic for a heading that nearly is a section's name.
pub(super) fn near(span: &Span, name: &str) -> Diag {
    Diag::error("bundle::near-section", format!("the heading '{}' is not a section, but nearly", span.text()))
        .at(span, "what follows would not be read")
        .help(format!("did you mean '{}'? Name it so, or reword it", title(name)))
}

/// A section's name as people write it in a heading.
pub(super) fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    match words.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + rest,
        None => words,
    }
}

/// An id and the text behind its separator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Titled {
    pub id: Range<usize>,
    pub text: Range<usize>,
}

/// Reads a heading `id: text`, `id — text` or `id - text`, the id plain or in a bold or
/// code span. `None` if it reads like prose.
pub(super) fn titled(heading: &str) -> Option<Titled> {
    let (id, end) = match text::leading_marker(heading) {
        Some((inner, end)) => {
            let inner = text::trim(heading, inner);
            match heading.get(inner.clone())?.strip_suffix(':') {
                // `**id:** text`
                Some(id) => {
                    let id = inner.start..inner.start + id.len();
                    return finish(heading, id, end);
                }
                None => (inner, end),
            }
        }
        None => {
            let end = heading.find(|c: char| c == ':' || c.is_whitespace())?;
            (0..end, end)
        }
    };
    let rest = heading.get(end..)?;
    let after = |mark: &str| {
        let body = rest.trim_start().strip_prefix(mark)?;
        (body.is_empty() || body.starts_with(char::is_whitespace)).then_some(heading.len() - body.len())
    };
    let spaced = rest.starts_with(char::is_whitespace);
    let dash = || ["—", "–", "-"].into_iter().filter(|_| spaced).find_map(after);
    let start = after(":").or_else(dash)?;
    finish(heading, id, start)
}

fn finish(heading: &str, id: Range<usize>, start: usize) -> Option<Titled> {
    Id::parse(heading.get(id.clone())?).ok()?;
    Some(Titled { id, text: text::trim(heading, start..heading.len()) })
}

/// The span of a heading's text (of one byte at least, so that it can be shown).
pub(super) fn span(source: &Source, text: &Range<usize>) -> Span {
    source.span(text.start, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_headings_are_told_from_prose() {
        for good in [
            "A-1: add x",
            "A-1 — add x",
            "A-1 – add x",
            "A-1 - add x",
            "**A-1**: add x",
            "`A-1` - add x",
            "**A-1:** add x",
            "A-1 : add x",
        ] {
            let found = titled(good).unwrap_or_else(|| panic!("{good}"));
            assert_eq!((&good[found.id], &good[found.text]), ("A-1", "add x"), "{good}");
        }
        for prose in ["Phase 1: base", "Overview", "http://x", "A—b", "A-b", "a..b: c", ""] {
            assert_eq!(titled(prose), None, "{prose}");
        }
        assert!(titled("A:").is_some_and(|t| t.text.is_empty()));
    }

    #[test]
    fn near_names_are_caught() {
        let names = ["invariants", "open_questions", "delta_to_done"];
        assert_eq!(matches("Open-Questions", &names), Match::Exact("open_questions"));
        for (near, name) in [
            ("Invariant", "invariants"),
            ("2. Invariants (binding)", "invariants"),
            ("Delta-to-don", "delta_to_done"),
            ("Open questions:", "open_questions"),
        ] {
            assert_eq!(matches(near, &names), Match::Near(name), "{near}");
        }
        for prose in ["Notes", "How the invariants came about", "Questions and answers"] {
            assert_eq!(matches(prose, &names), Match::None, "{prose}");
        }
    }
}
