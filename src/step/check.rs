//! What can be known about a script before it runs: verbs in the wrong place, verbs that do
//! not exist, variables that are set nowhere, programs that it needs.

use std::collections::BTreeSet;
use std::ops::Range;

use super::ast::{At, Command, Part, Script};
use super::lexer::place;
use super::text::StepText;
use super::{verbs, walk};
use crate::diag::{Diag, Diags, nearest};

/// The rules for steps outside of a recipe. `known` are the variables that are certainly set
/// (params, declared environment). What else a script uses may come from the environment, so
/// that only a name which looks like a slip of a known one is warned about; use
/// [`unset_variables`] where the environment is known.
pub fn check_target(script: &Script, text: &StepText, known: &[&str]) -> Diags {
    let mut diags = Diags::new();
    for (_, command) in walk::commands(script) {
        let Some(name) = command.literal(0).filter(|name| verbs::is_node(name)) else { continue };
        let verb = shown(command, 2);
        let help = format!("put it into recipe \"node\"; for a program called {name}: command {name} …");
        let diag = Diag::error(
            "step::node-verb",
            format!("'{verb}' is a verb of a node: it exists in recipe \"node\" only"),
        );
        diags.push(place(text, diag.help(help), at_word(command, 0), "not in a recipe"));
    }
    diags.extend(slips(script, text, known));
    diags
}

/// A warning for each variable that is not known, yet nearly spelled like one that is.
fn slips(script: &Script, text: &StepText, known: &[&str]) -> Diags {
    let mut names: BTreeSet<String> = known.iter().map(|n| (*n).to_owned()).collect();
    for (_, command) in walk::commands(script) {
        names.extend(sets(command));
    }
    let mut diags = Diags::new();
    for used in uses(script) {
        let near = nearest(used.name, names.iter().map(String::as_str));
        if let Some(near) = near.filter(|near| near.len() > 3 && !near.eq_ignore_ascii_case(used.name)) {
            let diag =
                Diag::warning("step::unknown-variable", format!("'{}' is set nowhere here", used.name))
                    .help(format!("did you mean '{near}'? Otherwise it has to come from the environment"));
            diags.push(place(text, diag, used.at, "not declared"));
        }
    }
    diags
}

/// Every variable that will surely be expanded when the script is run and is set neither by
/// the script before it nor, as `is_set` says, from outside. Stops looking behind an `exit`
/// or `return` that may end the script early; `${NAME:-word}` never counts.
pub fn unset_variables(script: &Script, text: &StepText, is_set: &dyn Fn(&str) -> bool) -> Diags {
    let mut assigned: BTreeSet<String> = BTreeSet::new();
    let mut diags = Diags::new();
    let exits = |c: &Command| c.literal(0).is_some_and(|n| n == "exit");
    let first_exit =
        walk::commands(script).iter().find(|(s, c)| !s.substituted && exits(c)).map(|(s, _)| s.statement);
    for used in uses(script) {
        assigned.extend(used.assigned_before);
        let certain = used.certain && first_exit.is_none_or(|last| used.statement <= last);
        if certain && !assigned.contains(used.name) && !is_set(used.name) {
            let known = assigned.iter().map(String::as_str);
            diags.push(place(text, unset(used.name, known), used.at, "not set"));
        }
    }
    diags
}

/// The error for a variable that has no value.
pub(super) fn unset<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Diag {
    let default = format!("where it may be missing write ${{{name}:-}}, which is empty then");
    let help = match nearest(name, known) {
        Some(near) => format!("did you mean '{near}'? {default}"),
        None => format!("set it before, pass it in (param, env), or {default}"),
    };
    Diag::error("step::unset-variable", format!("the variable '{name}' is not set")).help(help)
}

/// A use of a variable without a default.
struct Use<'a> {
    name: &'a str,
    at: At,
    statement: usize,
    /// It is expanded on every way through the statement.
    certain: bool,
    /// Names set by commands since the use before.
    assigned_before: Vec<String>,
}

fn uses(script: &Script) -> Vec<Use<'_>> {
    let mut out = Vec::new();
    let mut assigned = Vec::new();
    for (site, command) in walk::commands(script) {
        let mut local: Vec<String> = Vec::new();
        let mut in_order: Vec<(&[Part], Option<&str>)> =
            command.words.iter().map(|w| (w.parts.as_slice(), None)).collect();
        in_order
            .extend(command.assignments.iter().map(|a| (a.value.parts.as_slice(), Some(a.name.as_str()))));
        in_order
            .extend(command.redirects.iter().filter_map(|r| Some((r.file.as_ref()?.parts.as_slice(), None))));
        for (parts, then_set) in in_order {
            let mut found = Vec::new();
            plain_uses(parts, &mut found);
            for (name, at) in found.into_iter().filter(|(name, _)| !local.iter().any(|l| l == name)) {
                out.push(Use {
                    name,
                    at,
                    statement: site.statement,
                    certain: !site.conditional,
                    assigned_before: std::mem::take(&mut assigned),
                });
            }
            local.extend(then_set.map(str::to_owned));
        }
        assigned.extend(sets(command));
    }
    out
}

/// Variables of these parts that are expanded whenever the word is; not those of an inner
/// statement (a command of its own) or of a default.
fn plain_uses<'a>(parts: &'a [Part], out: &mut Vec<(&'a str, At)>) {
    for part in parts {
        match part {
            Part::Var(name, at) => out.push((name, *at)),
            Part::Double(inner) => plain_uses(inner, out),
            Part::Text(_) | Part::Single(_) | Part::Default(..) | Part::Substitution(..) => {}
        }
    }
}

/// Names that a command sets for the rest of the script.
fn sets(command: &Command) -> Vec<String> {
    if command.words.is_empty() {
        return command.assignments.iter().map(|a| a.name.clone()).collect();
    }
    if command.literal(0).as_deref() != Some("export") {
        return Vec::new();
    }
    let names = command.words.iter().skip(1).filter_map(|w| match w.parts.first() {
        Some(Part::Text(text)) => text.split_once('=').map(|(name, _)| name.to_owned()),
        _ => w.literal().and_then(|t| t.split_once('=').map(|(name, _)| name.to_owned())),
    });
    names.collect()
}

/// The first literal words of a command, at most `limit`, for messages.
pub(super) fn shown(command: &Command, limit: usize) -> String {
    let words = command.words.iter().map_while(|w| w.literal()).take(limit);
    words.collect::<Vec<_>>().join(" ")
}

/// The place of the `n`th word.
pub(super) fn at_word(command: &Command, n: usize) -> At {
    command.words.get(n).map_or(command.at, |w| w.at)
}

/// Every variable that parts name, defaults and their words included; not those of an inner
/// statement, which is a command of its own.
fn all_uses(parts: &[Part], out: &mut BTreeSet<String>) {
    for part in parts {
        match part {
            Part::Var(name, _) => _ = out.insert(name.clone()),
            Part::Default(name, word, _) => {
                out.insert(name.clone());
                all_uses(&word.parts, out);
            }
            Part::Double(inner) => all_uses(inner, out),
            Part::Text(_) | Part::Single(_) | Part::Substitution(..) => {}
        }
    }
}

impl Script {
    /// Every variable that the script reads somewhere, sorted.
    pub fn variables(&self) -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        for (_, command) in walk::commands(self) {
            command.words.iter().for_each(|word| all_uses(&word.parts, &mut out));
            command.assignments.iter().for_each(|a| all_uses(&a.value.parts, &mut out));
            let files = command.redirects.iter().filter_map(|r| r.file.as_ref());
            files.for_each(|word| all_uses(&word.parts, &mut out));
        }
        out
    }

    /// Programs that the script names literally, with the bytes of the step text where each
    /// is called: what a preflight looks up on PATH. Verbs are none.
    pub fn programs(&self) -> Vec<(String, Range<usize>)> {
        walk::commands(self)
            .into_iter()
            .filter_map(|(_, command)| {
                let forced = usize::from(command.literal(0).is_some_and(|n| n == "command"));
                let name = command.literal(forced)?;
                let is_verb = forced == 0 && verbs::is_builtin(&name);
                (!is_verb).then(|| (name, at_word(command, forced).range()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
