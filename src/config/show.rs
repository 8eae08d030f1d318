//! Effective values as KDL, for `config --explain`.

use std::time::Duration;

use super::model::{
    AdapterKind, EnvValue, ExpectedSignal, LocConfidence, PromptVia, RemediateFrom, SandboxMode,
};
use super::types;
use crate::base::{Pattern, quantity};

pub(super) use crate::base::mask::MASK;

/// A value as audit.kdl would write it.
pub(super) trait Show {
    /// The text.
    fn show(&self) -> String;
}

/// A string as KDL.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Show for String {
    fn show(&self) -> String {
        quoted(self)
    }
}

impl Show for bool {
    fn show(&self) -> String {
        format!("#{self}")
    }
}

macro_rules! show_numbers {
    ($($t:ty)*) => {$(
        impl Show for $t {
            fn show(&self) -> String {
                self.to_string()
            }
        }
    )*};
}
show_numbers!(u8 u16 u32 u64 usize f64);

/// A number of bytes in the largest unit that keeps it whole.
pub(super) fn bytes(n: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let fits = units.into_iter().find(|(_, shift)| n.trailing_zeros() >= *shift);
    match fits.filter(|_| n > 0) {
        Some((unit, shift)) => quoted(&format!("{}{unit}", n >> shift)),
        None => quoted(&format!("{n}B")),
    }
}

impl Show for Duration {
    fn show(&self) -> String {
        quoted(&quantity::format_duration(*self))
    }
}

impl Show for Pattern {
    fn show(&self) -> String {
        quoted(self.raw())
    }
}

impl Show for EnvValue {
    fn show(&self) -> String {
        if self.secret { MASK.to_owned() } else { quoted(&self.template) }
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> String {
        self.iter().map(Show::show).collect::<Vec<_>>().join(" ")
    }
}

macro_rules! show_words {
    ($($t:ty: $words:ident)*) => {$(
        impl Show for $t {
            fn show(&self) -> String {
                let word = types::$words.iter().find(|(_, value)| value == self);
                quoted(word.map_or("", |(word, _)| word))
            }
        }
    )*};
}
show_words! {
    AdapterKind: ADAPTER
    ExpectedSignal: SIGNAL
    LocConfidence: LOC_CONFIDENCE
    PromptVia: VIA
    RemediateFrom: REMEDIATE_FROM
    SandboxMode: SANDBOX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_they_are_read() {
        assert_eq!(quoted("a\"\\\n\u{1}"), r#""a\"\\\n\u{1}""#);
        assert_eq!(bytes(64 << 20), "\"64MiB\"");
        assert_eq!(bytes(1000), "\"1000B\"");
        assert_eq!(Duration::from_secs(5400).show(), "\"1h30m\"");
        assert_eq!(SandboxMode::Off.show(), "\"off\"");
    }
}
