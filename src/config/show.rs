//! Effective values as KDL, for `config --explain`.

use std::time::Duration;

use super::model::{
    AdapterKind, EnvValue, ExpectedSignal, LocConfidence, PromptVia, RemediateFrom, SandboxMode,
};
use super::types;
use crate::base::{Pattern, quantity};

/// What stands for a secret.
pub(super) const MASK: &str = "***";

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
