//! `auditrun list`: the targets with what a caller has to know about them.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::config::{Config, Param, Target};

/// Targets whose name begins with `_` are for other targets.
fn shown(config: &Config) -> impl Iterator<Item = &Target> {
    config.targets.iter().filter(|t| !t.name.value.starts_with('_'))
}

/// A line for each target: name and params, description, place.
pub fn listing(config: &Config) -> String {
    let row = |t| (t, call(t), t.description.as_deref().unwrap_or_default());
    let rows: Vec<(&Target, String, &str)> = shown(config).map(row).collect();
    let width = |text: &str| text.chars().count();
    let first = rows.iter().map(|(_, call, _)| width(call)).max().unwrap_or(0);
    let second = rows.iter().map(|(.., description)| width(description)).max().unwrap_or(0);
    let mut text = String::new();
    for (target, call, description) in &rows {
        // Writing to a text can't fail.
        let _ = writeln!(text, "{call:first$}  {description:second$}  {}", target.name.span);
        target.params.iter().for_each(|param| text.extend(param_line(param)));
    }
    text
}

/// `pre-merge base=main mode=…`
fn call(target: &Target) -> String {
    let mut words = vec![target.name.value.clone()];
    words.extend(target.params.iter().map(|p| match &p.default {
        Some(default) => format!("{}={}", p.name.value, default.value),
        None => format!("{}=…", p.name.value),
    }));
    words.join(" ")
}

fn param_line(param: &Param) -> Option<String> {
    let choices: Vec<&str> = param.choices.iter().map(|c| c.value.as_str()).collect();
    let choices = (!choices.is_empty()).then(|| format!("one of {}", choices.join(", ")));
    let parts: Vec<String> = param.description.clone().into_iter().chain(choices).collect();
    (!parts.is_empty()).then(|| format!("    {}: {}\n", param.name.value, parts.join("; ")))
}

/// The same for programs: an array with an object for each target.
pub fn listing_json(config: &Config) -> Value {
    let param = |p: &Param| {
        json!({
            "name": p.name.value,
            "default": p.default.as_ref().map(|d| &d.value),
            "required": p.default.is_none(),
            "choices": p.choices.iter().map(|c| &c.value).collect::<Vec<_>>(),
            "description": p.description,
        })
    };
    let one = |t: &Target| {
        let (line, column) = t.name.span.line_column();
        json!({
            "name": t.name.value,
            "description": t.description,
            "params": t.params.iter().map(param).collect::<Vec<_>>(),
            "needs": t.needs.iter().map(|n| &n.value).collect::<Vec<_>>(),
            "file": t.name.span.source().name(),
            "line": line,
            "column": column,
        })
    };
    Value::Array(shown(config).map(one).collect())
}
