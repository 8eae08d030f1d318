//! What a value can be: readers from a scalar to a type, each saying what it expected.

use std::str::FromStr;
use std::time::Duration;

use super::model::{AdapterKind, ExpectedSignal, LocConfidence, PromptVia, RemediateFrom, SandboxMode};
use super::tree::{Scalar, kebab};
use crate::base::text::is_one_command;
use crate::base::{Id, Pattern, quantity};

/// Why a value is not what its setting needs.
pub(super) enum Wrong {
    /// Of another type; names the one expected.
    Type(&'static str),
    /// Of the type, but not a valid one: what is wrong and what to do.
    Value(String, String),
    /// A word that is none of the known ones.
    Choice(String, Vec<&'static str>),
}

fn wrong<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Value(message.into(), help.into()))
}

/// Reads a scalar as a `T`, or says what is wrong with it.
pub(super) trait Read<T>: Fn(&Scalar) -> Result<T, Wrong> {}

impl<T, F: Fn(&Scalar) -> Result<T, Wrong>> Read<T> for F {}

/// Any string, even an empty one.
pub(super) fn string(scalar: &Scalar) -> Result<String, Wrong> {
    match scalar {
        Scalar::Text(text) if text.contains('\0') => {
            wrong("a text can't hold a NUL character", "no program could be given it; remove it")
        }
        Scalar::Text(text) => Ok(text.clone()),
        _ => Err(Wrong::Type("a string")),
    }
}

/// A string that is not empty.
pub(super) fn text(scalar: &Scalar) -> Result<String, Wrong> {
    match string(scalar)? {
        text if text.trim().is_empty() => {
            wrong("an empty text means nothing here", "write one, or remove the setting")
        }
        text => Ok(text),
    }
}

/// One command line of a shell.
pub(super) fn command(scalar: &Scalar) -> Result<String, Wrong> {
    match text(scalar)? {
        several if !is_one_command(&several) => wrong(
            "a check is one command line; of several, a failure of the first would be hidden",
            "make each command a check of its own, join them with '&&', or call a script",
        ),
        one => Ok(one),
    }
}

/// `#true` or `#false`.
pub(super) fn boolean(scalar: &Scalar) -> Result<bool, Wrong> {
    match scalar {
        Scalar::Bool(b) => Ok(*b),
        _ => Err(Wrong::Type("#true or #false")),
    }
}

/// The upper bound of an integer that has none.
pub(super) const MANY: i128 = i64::MAX as i128;

/// An integer of at least `least` and at most `most`.
pub(super) fn whole<T: TryFrom<i128>>(least: i128, most: i128) -> impl Read<T> {
    move |scalar: &Scalar| {
        let Scalar::Whole(n) = scalar else { return Err(Wrong::Type("an integer")) };
        match T::try_from(*n) {
            Ok(fits) if (least..=most).contains(n) => Ok(fits),
            _ if most == MANY => {
                wrong(format!("{n} is out of range"), format!("write an integer of at least {least}"))
            }
            _ => wrong(format!("{n} is out of range"), format!("write an integer from {least} to {most}")),
        }
    }
}

/// A finite number that is not negative.
pub(super) fn amount(scalar: &Scalar) -> Result<f64, Wrong> {
    let number = match scalar {
        #[allow(clippy::cast_precision_loss)] // An amount this large is meaningless anyway.
        Scalar::Whole(n) => *n as f64,
        Scalar::Number(n) => *n,
        _ => return Err(Wrong::Type("a number")),
    };
    if number.is_finite() && number >= 0.0 {
        Ok(number)
    } else {
        wrong(format!("{number} is not an amount"), "write a finite number of at least 0")
    }
}

/// A number of at least 1.
pub(super) fn multiple(scalar: &Scalar) -> Result<f64, Wrong> {
    match amount(scalar)? {
        n if n >= 1.0 => Ok(n),
        n => wrong(format!("{n} is too small"), "write a number of at least 1"),
    }
}

/// A duration; may be zero.
pub(super) fn pause(scalar: &Scalar) -> Result<Duration, Wrong> {
    let Scalar::Text(text) = scalar else { return Err(Wrong::Type("a string with a duration")) };
    quantity::parse_duration(text)
        .map_err(|_| Wrong::Value(format!("{text:?} is not a duration"), DURATION_HELP.to_owned()))
}

const DURATION_HELP: &str = "write a number with a unit (ms, s, m, h, d), like \"90s\", \"20m\" or \"1h30m\"";

/// A duration of at least a millisecond.
pub(super) fn duration(scalar: &Scalar) -> Result<Duration, Wrong> {
    match pause(scalar)? {
        d if d.as_millis() == 0 => wrong("a deadline of no time can't be met", DURATION_HELP),
        d => Ok(d),
    }
}

/// A size in bytes, at least one.
pub(super) fn size(scalar: &Scalar) -> Result<u64, Wrong> {
    let Scalar::Text(text) = scalar else { return Err(Wrong::Type("a string with a size")) };
    match quantity::parse_size(text) {
        Ok(n) if n > 0 => Ok(n),
        _ => wrong(
            format!("{text:?} is not a size"),
            "write a whole number with a unit, like \"64KiB\" or \"10GB\"",
        ),
    }
}

/// A path pattern.
pub(super) fn pattern(scalar: &Scalar) -> Result<Pattern, Wrong> {
    let raw = text(scalar)?;
    Pattern::parse(&raw).map_err(|e| {
        Wrong::Value(
            format!("{raw:?} is not a pattern: {e}"),
            "write a path or a glob, like \"src/**/*.rs\"".to_owned(),
        )
    })
}

/// A relative path that does not climb out of where it starts, without `.` parts.
pub(super) fn inner_path(scalar: &Scalar) -> Result<String, Wrong> {
    let raw = text(scalar)?;
    match normalize(&raw) {
        Some(path) => Ok(path),
        None => wrong(
            format!("{raw:?} leaves the folder that it starts in"),
            "write a relative path with '/' and without '..' at its head",
        ),
    }
}

/// `a/./b/../c` as `a/c`; `None` if it is absolute or climbs above its start.
pub(super) fn normalize(path: &str) -> Option<String> {
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with('/') || path.contains('\\') || drive {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// An id as bundles use it.
pub(super) fn id(scalar: &Scalar) -> Result<Id, Wrong> {
    let raw = string(scalar)?;
    Id::parse(&raw).map_err(|e| {
        Wrong::Value(format!("{raw:?} is not an id: {e}"), "write the id as the bundle has it".to_owned())
    })
}

/// The name of an environment variable.
pub(super) fn variable(scalar: &Scalar) -> Result<String, Wrong> {
    let raw = string(scalar)?;
    if is_variable(&raw) {
        Ok(raw)
    } else {
        wrong(
            format!("{raw:?} is not the name of a variable"),
            "write letters, digits and '_', not beginning with a digit",
        )
    }
}

/// True for `[A-Za-z_][A-Za-z0-9_]*`.
pub(super) fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// One of some words, each standing for a value; `-` and `_` are the same in them.
pub(super) fn choice<T: Copy>(known: &'static [(&'static str, T)]) -> impl Read<T> {
    move |scalar: &Scalar| {
        let Scalar::Text(word) = scalar else { return Err(Wrong::Type("a string")) };
        let found = known.iter().find(|(name, _)| kebab(name) == kebab(word));
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| Wrong::Choice(word.clone(), known.iter().map(|(name, _)| *name).collect()))
    }
}

/// `tight`, `rough`, `unbounded`.
pub(super) const LOC_CONFIDENCE: &[(&str, LocConfidence)] = &[
    ("tight", LocConfidence::Tight),
    ("rough", LocConfidence::Rough),
    ("unbounded", LocConfidence::Unbounded),
];
/// `require_nonempty`, `allow_empty`.
pub(super) const SIGNAL: &[(&str, ExpectedSignal)] =
    &[("require_nonempty", ExpectedSignal::RequireNonempty), ("allow_empty", ExpectedSignal::AllowEmpty)];
/// `base`, `attempt`.
pub(super) const REMEDIATE_FROM: &[(&str, RemediateFrom)] =
    &[("base", RemediateFrom::Base), ("attempt", RemediateFrom::Attempt)];
/// `stdin`, `file`, `arg`.
pub(super) const VIA: &[(&str, PromptVia)] =
    &[("stdin", PromptVia::Stdin), ("file", PromptVia::File), ("arg", PromptVia::Arg)];
/// `auto`, `required`, `off`.
pub(super) const SANDBOX: &[(&str, SandboxMode)] =
    &[("auto", SandboxMode::Auto), ("required", SandboxMode::Required), ("off", SandboxMode::Off)];
/// `private` (false) or `shared` (true).
pub(super) const CONFIG_HOME: &[(&str, bool)] = &[("private", false), ("shared", true)];
/// Every adapter.
pub(super) const ADAPTER: &[(&str, AdapterKind)] = &[
    ("exec", AdapterKind::Exec),
    ("claude", AdapterKind::Claude),
    ("codex", AdapterKind::Codex),
    ("gemini", AdapterKind::Gemini),
    ("opencode", AdapterKind::Opencode),
    ("goose", AdapterKind::Goose),
    ("cursor", AdapterKind::Cursor),
    ("aider", AdapterKind::Aider),
];

/// `NAME <MAIL>`, as git wants an author.
pub(super) fn author(scalar: &Scalar) -> Result<String, Wrong> {
    let raw = text(scalar)?;
    let parts = raw.strip_suffix('>').and_then(|r| r.split_once(" <"));
    match parts {
        Some((name, mail))
            if !name.trim().is_empty()
                && !mail.trim().is_empty()
                && !raw.contains(|c: char| c.is_control())
                && !format!("{name}{mail}").contains(['<', '>']) =>
        {
            Ok(raw)
        }
        _ => wrong(format!("{raw:?} is not an author"), "write \"Name <mail@example.com>\""),
    }
}

/// A version: up to three numbers.
pub(super) fn version(scalar: &Scalar) -> Result<[u64; 3], Wrong> {
    let Scalar::Text(raw) = scalar else { return Err(Wrong::Type("a string with a version")) };
    parse_version(raw).ok_or_else(|| {
        Wrong::Value(
            format!("{raw:?} is not a version"),
            "write up to three numbers, like \"0.1\" or \"1.2.3\"".to_owned(),
        )
    })
}

/// `1`, `1.2` or `1.2.3`; what is left out is 0.
pub(super) fn parse_version(text: &str) -> Option<[u64; 3]> {
    let mut version = [0; 3];
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() > version.len() {
        return None;
    }
    for (slot, part) in version.iter_mut().zip(parts) {
        if !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *slot = u64::from_str(part).ok()?;
    }
    Some(version)
}
