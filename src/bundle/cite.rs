//! Ids cited in free text: as whole words, each at its own place.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use crate::base::Id;
use crate::diag::{Span, Spanned};

/// The ids that may be cited.
pub(super) struct Known {
    /// In order, so that a suggestion does not depend on chance.
    ids: BTreeMap<String, Id>,
    /// What precedes the number of a numbered id: `INV-` of `INV-7`.
    stems: HashSet<String>,
}

/// What a text cites.
#[derive(Debug, Default)]
pub(super) struct Cited {
    /// Ids that exist, none twice.
    pub found: Vec<Spanned<Id>>,
    /// Words that can only have been meant as ids, and are none.
    pub unknown: Vec<Spanned<String>>,
}

impl Known {
    /// Takes the ids.
    pub fn new<'a>(ids: impl Iterator<Item = &'a Id>) -> Known {
        let ids: BTreeMap<String, Id> = ids.map(|i| (i.as_str().to_owned(), i.clone())).collect();
        let stems = ids.keys().filter_map(|i| stem(i)).map(str::to_owned).collect();
        Known { ids, stems }
    }

    /// All of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(String::as_str)
    }

    /// True if the id exists.
    pub fn has(&self, id: &Id) -> bool {
        self.ids.contains_key(id.as_str())
    }

    /// The ids that `text` cites. In running text a word counts as a citation of something
    /// that does not exist only if it is numbered like the ids that do (`INV-9` beside
    /// `INV-1`). A text that is nothing but a list of ids is taken at its word; then ids
    /// need a digit, unless `bare` says that any word is one.
    pub fn cited(&self, text: &Spanned<String>, bare: bool) -> Cited {
        let exact = text.span.text() == text.value;
        let words = words(text);
        let shaped = |w: &str| Id::parse(w).is_ok() && (bare || w.bytes().any(|b| b.is_ascii_digit()));
        let listed = is_list(text) && words.iter().all(|w| shaped(&text[w.clone()]));
        let mut cited = Cited::default();
        let mut seen = HashSet::new();
        for range in words {
            let word = &text[range.clone()];
            if !seen.insert(word) {
                continue;
            }
            let span = || place(&text.span, &range, exact);
            if let Some(id) = self.ids.get(word) {
                cited.found.push(Spanned::new(id.clone(), span()));
            } else if listed || stem(word).is_some_and(|s| self.stems.contains(s)) {
                cited.unknown.push(Spanned::new(word.to_owned(), span()));
            }
        }
        cited
    }
}

fn place(span: &Span, range: &Range<usize>, exact: bool) -> Span {
    match exact {
        true => span.source().span(span.offset() + range.start, range.len()),
        false => span.clone(),
    }
}

/// `INV-` of `INV-12`.
fn stem(id: &str) -> Option<&str> {
    let stem = id.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.len() < id.len() && stem.len() > 1 && stem.starts_with(|c: char| c.is_ascii_alphabetic()))
        .then_some(stem)
}

fn in_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// The words of `text` that consist of an id's characters, without punctuation at their ends.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for piece in text.split(|c| !in_id(c)) {
        let left = piece.len() - piece.trim_start_matches(['.', '_', '-']).len();
        let core = piece.trim_matches(['.', '_', '-']);
        if !core.is_empty() {
            found.push(at + left..at + left + core.len());
        }
        // The separator is one character of one or more bytes.
        at += piece.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

/// True if nothing but commas, white space and markers stands between the words.
fn is_list(text: &str) -> bool {
    text.chars()
        .all(|c| in_id(c) || c.is_whitespace() || matches!(c, ',' | ';' | '*' | '`' | '+' | '[' | ']'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn cite(text: &str, bare: bool) -> (Vec<String>, Vec<String>) {
        let ids = ["INV-1", "INV-10", "no-unsafe"].map(|i| Id::parse(i).unwrap());
        let source = Source::new("p", text);
        let cited =
            Known::new(ids.iter()).cited(&Spanned::new(text.to_owned(), source.span(0, text.len())), bare);
        for id in &cited.found {
            assert_eq!(id.span.text(), id.as_str());
        }
        let found = cited.found.iter().map(|i| i.to_string()).collect();
        (found, cited.unknown.into_iter().map(|u| u.value).collect())
    }

    #[test]
    fn ids_match_as_whole_words() {
        let of = |f: &[&str], u: &[&str]| {
            (
                f.iter().map(|s| s.to_string()).collect::<Vec<_>>(),
                u.iter().map(|s| s.to_string()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            cite("Ü: keep INV-1. And (INV-10), **no-unsafe**!", false),
            of(&["INV-1", "INV-10", "no-unsafe"], &[])
        );
        assert_eq!(cite("XINV-1 INV-1x INV-1-b are words, UTF-8 too", false), of(&[], &[]));
        assert_eq!(cite("see INV-7 and INV-1, INV-1", false), of(&["INV-1"], &["INV-7"]));
        assert_eq!(cite("NOPE-1, INV-1", false), of(&["INV-1"], &["NOPE-1"]));
        assert_eq!(cite("none", false), of(&[], &[]));
        assert_eq!(cite("ghost", true), of(&[], &["ghost"]));
        assert_eq!(cite("- INV-1\n- `INV-10`\n", true), of(&["INV-1", "INV-10"], &[]));
    }
}
