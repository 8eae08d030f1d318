//! The last JSON object of a text that may hold anything else around it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The last JSON object in `text`, wherever it stands: on its own line, pretty-printed over
/// many, in a code fence, after prose with braces of its own. Objects inside of a found one
/// do not count. Nesting is limited to serde_json's 128 levels, which also bounds the time:
/// no byte is looked at more often than there are open levels.
pub fn last_json_object(text: &str) -> Option<Value> {
    let text = text.get(..=text.rfind('}')?)?;
    let mut last = None;
    let mut at = 0;
    while let Some(open) = text.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + open;
        at = match object_end(text.get(start..)?) {
            Some(length) => {
                last = Some((start, start + length));
                start + length
            }
            None => start + 1,
        };
    }
    let (start, end) = last?;
    serde_json::from_str(text.get(start..end)?).ok()
}

/// The length of the object that `text` begins with.
fn object_end(text: &str) -> Option<usize> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Skipped>();
    values.next()?.ok()?;
    Some(values.byte_offset())
}

/// Any value, read and not kept. Not `IgnoredAny`: that one has no limit of depth.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Skipped, D::Error> {
        deserializer.deserialize_any(SkippedVisitor)
    }
}

struct SkippedVisitor;

impl<'de> Visitor<'de> for SkippedVisitor {
    type Value = Skipped;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_str<E>(self, _: &str) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_unit<E>(self) -> Result<Skipped, E> {
        Ok(Skipped)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Skipped, A::Error> {
        while seq.next_element::<Skipped>()?.is_some() {}
        Ok(Skipped)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skipped, A::Error> {
        while map.next_entry::<Skipped, Skipped>()?.is_some() {}
        Ok(Skipped)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_object_is_found_among_prose() {
        for (text, want) in [
            (r#"{"a": 1}"#, json!({"a": 1})),
            ("thinking {}\n{\"a\": {\"b\": 2}}\n", json!({"a": {"b": 2}})),
            ("```json\n{\n  \"a\": [\n    {}\n  ]\n}\n```\nThat is all.", json!({"a": [{}]})),
            (r#"if (x) { y } then {"a": "}{"} and { open"#, json!({"a": "}{"})),
            (r#"{"first": 1} {"second": 2}"#, json!({"second": 2})),
            (r#"{ {"a": 1}"#, json!({"a": 1})),
            ("ünïcödé {\"ü\": \"\\u00e4\"} ü", json!({"ü": "ä"})),
            (r#"a quote " before {"a": 1}"#, json!({"a": 1})),
        ] {
            assert_eq!(last_json_object(text), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_gives_none() {
        for text in ["", "{", "}", "[1, 2]", "\"{}", "{a: 1}", "{\"a\": }", "{'a': 1}"] {
            let want = if text == "\"{}" { Some(json!({})) } else { None };
            assert_eq!(last_json_object(text), want, "{text}");
        }
    }

    /// Each of these would take hours if every brace cost a pass over the rest.
    #[test]
    fn hostile_nesting_ends_quickly() {
        for unit in ["{", "{\"a\":", "{\"a\":[1,", "{\"a\":1,", "{ ", "{}", "{\"{", "[{"] {
            let text = unit.repeat(4_000) + "!}";
            let found = last_json_object(&text);
            assert_eq!(found, (unit == "{}").then(|| json!({})), "{unit}");
        }
        let deep = format!("{}{}", "{\"a\":".repeat(1_000), "1".to_owned() + &"}".repeat(1_000));
        let inner = last_json_object(&deep);
        assert!(inner.is_some_and(|v| v.is_object()), "the innermost levels still are an object");
    }

    proptest! {
        #[test]
        fn an_object_is_found_behind_any_prose(prose in "[^{}\"]{0,60}", value in "[a-z\"\\\\{}]{0,12}") {
            let object = json!({ "answer": value });
            let text = format!("{prose}{object}{prose}");
            prop_assert_eq!(last_json_object(&text), Some(object));
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"[{}\[\]":,a1\\ \n]{0,200}"#) {
            let _ = last_json_object(&text);
        }
    }
}
