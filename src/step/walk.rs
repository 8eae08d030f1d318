//! Every command of a script with where it stands: for the rules that are checked before
//! anything runs.

use super::ast::{Command, Part, Pipeline, Script, Statement, Word};

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Site {
    /// Which statement of the script, from 0.
    pub statement: usize,
    /// Joined to others by `&&` or `||`.
    pub chained: bool,
    /// Not the first of its chain: may never run.
    pub conditional: bool,
    /// Part of a `|`.
    pub piped: bool,
    /// Under `!`.
    pub negated: bool,
    /// Inside `$(…)`.
    pub substituted: bool,
}

/// All commands, outer before inner, in source order.
pub(super) fn commands(script: &Script) -> Vec<(Site, &Command)> {
    let mut out = Vec::new();
    for (i, statement) in script.statements.iter().enumerate() {
        let site = Site {
            statement: i,
            chained: false,
            conditional: false,
            piped: false,
            negated: false,
            substituted: false,
        };
        in_statement(statement, site, &mut out);
    }
    out
}

fn in_statement<'a>(statement: &'a Statement, outer: Site, out: &mut Vec<(Site, &'a Command)>) {
    for (i, pipeline) in statement.pipelines.iter().enumerate() {
        let site = Site {
            chained: outer.chained || statement.pipelines.len() > 1,
            conditional: outer.conditional || i > 0,
            ..outer
        };
        in_pipeline(pipeline, site, out);
    }
}

fn in_pipeline<'a>(pipeline: &'a Pipeline, outer: Site, out: &mut Vec<(Site, &'a Command)>) {
    let site = Site {
        piped: outer.piped || pipeline.commands.len() > 1,
        negated: outer.negated || pipeline.negated,
        ..outer
    };
    for command in &pipeline.commands {
        out.push((site, command));
        for word in words(command) {
            in_parts(&word.parts, Site { substituted: true, ..site }, out);
        }
    }
}

/// Every word of a command: values of assignments, words, files of redirects.
pub(super) fn words(command: &Command) -> impl Iterator<Item = &Word> {
    let values = command.assignments.iter().map(|a| &a.value);
    let files = command.redirects.iter().filter_map(|r| r.file.as_ref());
    values.chain(&command.words).chain(files)
}

fn in_parts<'a>(parts: &'a [Part], site: Site, out: &mut Vec<(Site, &'a Command)>) {
    for part in parts {
        match part {
            Part::Substitution(statement, _) => in_statement(statement, site, out),
            Part::Double(inner) => in_parts(inner, site, out),
            Part::Default(_, word, _) => in_parts(&word.parts, Site { conditional: true, ..site }, out),
            Part::Text(_) | Part::Single(_) | Part::Var(..) => {}
        }
    }
}
