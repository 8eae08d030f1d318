//! Which records exist: every id that the corpus names, what looks like one in a report, and
//! when things happened. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::qa::corpus::AuditCorpus;

/// Shortest abbreviation of a commit or slice that counts.
const SHORTEST: usize = 7;

/// Every id that the corpus holds.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// In lower case; abbreviations are found by their range.
    tokens: BTreeSet<String>,
    /// All texts of the corpus, white space joined: what an excerpt can be held against.
    texts: String,
    /// What lesson ids begin with.
    prefixes: BTreeSet<String>,
    /// When the slice or lesson happened: from, to.
    times: BTreeMap<String, (String, String)>,
    /// Names that are no hex: nodes, runs, problem keys.
    names: BTreeSet<String>,
}

impl Records {
    /// Those of a corpus.
    pub fn of(corpus: &AuditCorpus) -> Records {
        let mut records = Records::default();
        if let Ok(value) = serde_json::to_value(corpus) {
            records.read(&value);
        }
        records.prefixes.extend(["l-".to_owned(), "lesson-".to_owned()]);
        for lesson in &corpus.lessons {
            let id = lesson.lesson_id.to_lowercase();
            if let Some((word, _)) =
                id.split_once('-').filter(|(w, _)| w.bytes().all(|b| b.is_ascii_lowercase()))
            {
                records.prefixes.insert(format!("{word}-"));
            }
            let last = lesson.promoted_at.as_ref().unwrap_or(&lesson.created_at);
            records.times.insert(id, (lesson.created_at.clone(), last.clone()));
            records.names.insert(lesson.problem_key.clone());
        }
        for slice in &corpus.slices {
            for id in [Some(&slice.slice_id), slice.commit.as_ref()].into_iter().flatten() {
                records.times.insert(id.to_lowercase(), (slice.at.clone(), slice.at.clone()));
            }
            records.names.extend(slice.node_id.iter().chain(&slice.run_id).cloned());
            records.names.extend(slice.problem_keys.iter().cloned());
        }
        records.names.retain(|name| !name.is_empty());
        records
    }

    fn read(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                for token in tokens(text) {
                    self.tokens
                        .extend(token.split('-').filter(|p| p.len() >= SHORTEST).map(str::to_lowercase));
                    self.tokens.insert(token.to_lowercase());
                }
                self.texts.push_str(&joined(text));
                self.texts.push('\n');
            }
            Value::Array(items) => items.iter().for_each(|item| self.read(item)),
            Value::Object(map) => map.iter().for_each(|(key, item)| {
                // Keys of maps are ids, too: scores by lesson.
                self.tokens.extend(tokens(key).map(str::to_lowercase));
                self.read(item);
            }),
            _ => {}
        }
    }

    /// The record exists, by its whole id or an abbreviation of seven digits or more.
    pub fn knows(&self, cited: &str) -> bool {
        let cited = cited.to_lowercase();
        let cited = cited.strip_prefix("loop-").unwrap_or(&cited);
        let next = self.tokens.range(cited.to_owned()..).next();
        next.is_some_and(|t| t == cited || (is_hex(cited) && t.starts_with(cited)))
    }

    /// Something in `text` looks like the id of a record: a commit or slice, a UUID, a lesson.
    pub fn cited<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut found = Vec::new();
        for token in tokens(text) {
            let lower = token.to_lowercase();
            let lesson = self.prefixes.iter().any(|p| {
                lower.strip_prefix(p.as_str()).is_some_and(|rest| rest.bytes().any(|b| b.is_ascii_digit()))
            });
            if lesson || is_uuid(token) || self.tokens.contains(&lower) && token.contains('-') {
                found.push(token);
            } else {
                found.extend(token.split('-').filter(|part| is_sha(part)));
            }
        }
        found
    }

    /// Ids in `text` that no record has.
    pub fn unknown<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let mut unknown: Vec<&str> = self.cited(text).into_iter().filter(|id| !self.knows(id)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// `text` refers to at least one record, or quotes an output that the corpus holds.
    pub fn grounds(&self, text: &str) -> bool {
        let named = |name: &String| mentions(text, name);
        self.cited(text).iter().any(|id| self.knows(id))
            || tokens(text)
                .any(|t| t.len() >= SHORTEST && t.bytes().any(|b| b.is_ascii_digit()) && self.knows(t))
            || self.names.iter().any(named)
            || spans(text).any(|span| span.len() >= 12 && self.texts.contains(&joined(span)))
    }

    /// The slice or commit is mentioned, whole or by an abbreviation.
    pub fn mentioned(text: &str, id: &str) -> bool {
        let id = id.to_lowercase();
        tokens(text).any(|token| {
            let token = token.to_lowercase();
            let token = token.strip_prefix("loop-").unwrap_or(&token);
            token == id || (token.len() >= SHORTEST && is_hex(token) && id.starts_with(token))
        })
    }

    /// When the records that `text` cites happened, in the order of the text.
    pub fn times<'r>(&'r self, text: &str) -> Vec<&'r (String, String)> {
        let of = |token: &str| {
            let token = token.to_lowercase();
            let (id, times) = self.times.range(token.clone()..).next()?;
            (*id == token || (token.len() >= SHORTEST && is_hex(&token) && id.starts_with(&token)))
                .then_some(times)
        };
        tokens(text).filter_map(of).collect()
    }
}

/// Words that may be ids: letters, digits, `-` and `_`.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.split(move |c| !inside(c)).map(|t| t.trim_matches(['-', '_'])).filter(|t| !t.is_empty())
}

/// A name as a whole word.
fn mentions(text: &str, name: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    text.match_indices(name)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + name.len()..].chars().next()))
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).map(|span| span.trim().trim_end_matches('…').trim())
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Looks like a commit or a slice: words such as `effaced` and plain numbers do not.
fn is_sha(text: &str) -> bool {
    (SHORTEST..=64).contains(&text.len())
        && is_hex(text)
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_lowercase())
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qa::testing;

    #[test]
    fn ids_are_told_from_words_and_numbers() {
        let records = Records::of(&testing::corpus());
        let text = "effaced 12345678 `loop-a1b2c3d` abc1234..def5678 0x7f 2026-01-02T03:04:05Z L-99 well-known \
                    123e4567-e89b-12d3-a456-426614174000 20260102T030405Z";
        assert_eq!(
            records.cited(text),
            ["a1b2c3d", "abc1234", "def5678", "L-99", "123e4567-e89b-12d3-a456-426614174000"]
        );
    }

    #[test]
    fn abbreviations_are_known_and_inventions_are_not() {
        let records = Records::of(&testing::corpus());
        assert!(
            records.knows("aaaa1111bbbb") && records.knows("aaaa111") && records.knows("loop-aaaa1111bbbb")
        );
        assert!(records.knows("L-1"));
        assert_eq!(records.unknown("`aaaa1111bbbb` and deadbee1 and L-77"), ["L-77", "deadbee1"]);
        // What an output of the corpus says is no invention.
        assert!(records.unknown("left: 0badf00d1").is_empty());
    }

    #[test]
    fn a_finding_is_grounded_by_an_id_a_name_or_an_excerpt() {
        let records = Records::of(&testing::corpus());
        for good in [
            "see `aaaa1111bbbb`",
            "node `api-2` did",
            "it is about L-1",
            "said `assertion failed: total` then",
        ] {
            assert!(records.grounds(good), "{good}");
        }
        for bad in ["things should improve", "`something else entirely`", "see deadbee1"] {
            assert!(!records.grounds(bad), "{bad}");
        }
    }

    #[test]
    fn a_slice_is_mentioned_by_its_id_only() {
        assert!(Records::mentioned("| `aaaa1111bbbb` |", "aaaa1111bbbb"));
        assert!(Records::mentioned("aaaa111", "aaaa1111bbbb"));
        assert!(!Records::mentioned("aaaa", "aaaa1111bbbb"));
        assert!(!Records::mentioned("aaaa1111bbbbcc", "aaaa1111bbbb"));
    }
}
