//! Names that become parts of files, branches and directories, validated once.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("an id can't be empty")]
    Empty,
    /// More than 64 characters.
    #[error("an id has at most 64 characters")]
    TooLong,
    /// The first character is not a letter or digit.
    #[error("an id begins with a letter or a digit")]
    BadStart,
    /// A character outside of letters, digits, `.`, `_` and `-`.
    #[error("{0:?} can't stand in an id: letters, digits, '.', '_' and '-' can")]
    BadChar(char),
    /// A form that git refuses in ref names.
    #[error("an id can't end in '.' or '.lock' or hold '..', because it becomes part of a ref's name")]
    RefUnsafe,
    /// A name the harness keeps for itself.
    #[error("'{0}' is reserved for the harness")]
    Reserved(&'static str),
}

/// The id of a node, invariant, question or delta_to_done item:
/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, safe in a ref, a branch and a file name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(Arc<str>);

impl Id {
    /// Validates `text`.
    ///
    /// # Errors
    /// [`IdError`] names the first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Id, IdError> {
        let first = text.chars().next().ok_or(IdError::Empty)?;
        if !first.is_ascii_alphanumeric() {
            return Err(IdError::BadStart);
        }
        if let Some(bad) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'))
        {
            return Err(IdError::BadChar(bad));
        }
        if text.len() > 64 {
            return Err(IdError::TooLong);
        }
        if text.ends_with('.') || text.to_ascii_lowercase().ends_with(".lock") || text.contains("..") {
            return Err(IdError::RefUnsafe);
        }
        if text.eq_ignore_ascii_case("events.jsonl") {
            return Err(IdError::Reserved("events.jsonl"));
        }
        Ok(Id(Arc::from(text)))
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;
    fn try_from(text: String) -> Result<Id, IdError> {
        Id::parse(&text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.0.to_string()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl schemars::JsonSchema for Id {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"})
    }
}

/// A git object id in lower-case hex (40 or 64 digits).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Oid(Arc<str>);

impl Oid {
    /// Takes the hex text that git printed; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Oid> {
        let ok = matches!(text.len(), 40 | 64)
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        ok.then(|| Oid(Arc::from(text)))
    }

    /// The full hex text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 10 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of an audit branch's name after `run-`: `YYYYMMDDTHHMMSSZ`, with
/// `-2`, `-3` … where that second is taken.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// The id of a run that starts at `now`; `nth` is 1 for the first of that second.
    pub fn at(now: jiff::Timestamp, nth: u32) -> RunId {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        RunId(if nth <= 1 { stamp } else { format!("{stamp}-{nth}") })
    }

    /// Reads a run id back from a branch, a directory or the command line.
    pub fn parse(text: &str) -> Option<RunId> {
        let (stamp, nth) = match text.split_once('-') {
            Some((stamp, nth)) => (stamp, Some(nth)),
            None => (text, None),
        };
        let b = stamp.as_bytes();
        let shape = b.len() == 16
            && b.iter().enumerate().all(|(i, c)| match i {
                8 => *c == b'T',
                15 => *c == b'Z',
                _ => c.is_ascii_digit(),
            });
        let nth_ok = nth.is_none_or(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
        (shape && nth_ok).then(|| RunId(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The audit branch, short: `audit/run-<id>`.
    pub fn branch(&self) -> String {
        format!("audit/run-{}", self.0)
    }

    /// The audit branch as a full ref name.
    pub fn branch_ref(&self) -> String {
        format!("refs/heads/audit/run-{}", self.0)
    }

    /// The ref that keeps the proof's own tree.
    pub fn proof_ref(&self) -> String {
        format!("refs/auditrun-proof/{}", self.0)
    }

    /// The ref that keeps the newest commit of the harness's own (an answer, a correction) from
    /// the moment before it is announced: until the branch is there nothing else would keep it
    /// from being pruned. No node's id begins so.
    pub fn own_ref(&self) -> String {
        format!("refs/auditrun/{}/_own", self.0)
    }

    /// The ref that keeps one attempt's captured work.
    pub fn attempt_ref(&self, node: &Id, attempt: u32) -> String {
        format!("refs/auditrun/{}/{node}/attempt-{attempt}", self.0)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_rule_of_the_bundle_format() {
        for good in ["A", "N-001", "a.b_c-d", "9lives", &"x".repeat(64)] {
            assert!(Id::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Id::parse(""), Err(IdError::Empty));
        assert_eq!(Id::parse("-a"), Err(IdError::BadStart));
        assert_eq!(Id::parse("a/b"), Err(IdError::BadChar('/')));
        assert_eq!(Id::parse(&"x".repeat(65)), Err(IdError::TooLong));
        for bad in ["a.", "a.lock", "a.LOCK", "a..b"] {
            assert_eq!(Id::parse(bad), Err(IdError::RefUnsafe), "{bad}");
        }
        assert_eq!(Id::parse("events.jsonl"), Err(IdError::Reserved("events.jsonl")));
    }

    #[test]
    fn run_ids_are_basic_iso_8601_and_read_back() {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(RunId::at(at, 1).as_str(), "20260102T030405Z");
        assert_eq!(RunId::at(at, 3).branch(), "audit/run-20260102T030405Z-3");
        for good in ["20260102T030405Z", "20260102T030405Z-2"] {
            assert_eq!(RunId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "2026", "20260102T030405", "20260102T030405Z-", "20260102T030405Z-x"] {
            assert_eq!(RunId::parse(bad), None, "{bad}");
        }
    }
}
