//! Plans in `docs/plans/`: the slices that they name and the command that verifies them. Pure.

use std::collections::BTreeSet;

/// Relative to the root.
pub const PLACE: &str = "docs/plans";

/// A plan, as far as an audit needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanFile {
    /// Relative to the root.
    pub path: String,
    /// Ids of its slices, in the order of their first mention.
    pub slices: Vec<String>,
    /// What verifies it.
    pub verifier_command: Option<String>,
}

/// Reads a plan of whatever form: Markdown, YAML or JSON. Slices are named by `[slice:X]`,
/// `slice_id: X` or a heading `Slice X`; the command follows `verifier_command:`.
pub fn read(path: &str, text: &str) -> PlanFile {
    let mut slices = Vec::new();
    let mut known = BTreeSet::new();
    let mut add = |id: &str| {
        if !id.is_empty() && known.insert(id.to_owned()) {
            slices.push(id.to_owned());
        }
    };
    let mut verifier_command = None;
    for line in text.lines() {
        slice_tags(line).for_each(&mut add);
        if let Some(id) = setting(line, "slice_id") {
            add(&id);
        }
        if let Some(id) = heading(line) {
            add(id);
        }
        verifier_command = verifier_command.or_else(|| setting(line, "verifier_command"));
    }
    PlanFile { path: path.to_owned(), slices, verifier_command }
}

/// Every `X` of `[slice:X]` in a line.
pub fn slice_tags(line: &str) -> impl Iterator<Item = &str> {
    line.split("[slice:").skip(1).filter_map(|rest| rest.split_once(']').map(|(id, _)| id.trim()))
}

/// `## Slice X: title`.
fn heading(line: &str) -> Option<&str> {
    let title = line.trim_start().strip_prefix('#')?.trim_start_matches('#').trim();
    let rest = title.strip_prefix("Slice ").or_else(|| title.strip_prefix("slice "))?;
    let id = rest.split([':', ' ']).next()?;
    (!id.is_empty()).then_some(id)
}

/// The value of `key: value`, `**key:** value`, `"key": "value",` or `key = "value"`.
fn setting(line: &str, key: &str) -> Option<String> {
    let line = line.trim().trim_start_matches(['-', '*', ' ', '"', '\'', '`', '{', ',']);
    let rest = line.strip_prefix(key)?.trim_start_matches(['*', '"', '\'', '`', ' ']);
    let value = rest.strip_prefix([':', '='])?.trim_start_matches(['*', ' ']).trim();
    let value = value.trim_end_matches(['}', ' ']).trim_end_matches(',').trim();
    let value = match value.chars().next() {
        // A JSON string may hold escapes.
        Some('"') => serde_json::from_str(value).unwrap_or_else(|_| value.trim_matches('"').to_owned()),
        Some(quote @ ('\'' | '`')) => value.trim_matches(quote).to_owned(),
        _ => value.to_owned(),
    };
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_command_is_found() {
        for line in [
            "verifier_command: cargo test -q",
            "- verifier_command: `cargo test -q`",
            "**verifier_command:** `cargo test -q`",
            "  \"verifier_command\": \"cargo test -q\",",
            "verifier_command = 'cargo test -q'",
            "{\"verifier_command\": \"cargo test -q\"}",
        ] {
            assert_eq!(read("p", line).verifier_command.as_deref(), Some("cargo test -q"), "{line}");
        }
        assert_eq!(
            read("p", "\"verifier_command\": \"sh -c \\\"a b\\\"\"").verifier_command.as_deref(),
            Some("sh -c \"a b\"")
        );
        assert_eq!(read("p", "the verifier_command is unknown").verifier_command, None);
    }

    #[test]
    fn slices_are_named_once_in_order() {
        let plan = read(
            "p",
            "# Plan\n## Slice S2: two\n- [slice:S1] one, [slice:S2]\nslice_id: S3\n  \"slice_id\": \"S4\",\n[slice:]\n",
        );
        assert_eq!(plan.slices, ["S2", "S1", "S3", "S4"]);
    }
}
