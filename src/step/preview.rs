//! A script as it would run, for a dry run: variables replaced by their values, nothing run.

use std::collections::BTreeSet;

use super::ast::{Command, Part, Script, Statement, Word};
use super::eval::Env;
use super::lexer::{in_name, starts_name};
use super::walk;

/// One line for each statement. Variables that are known before the script runs are
/// replaced, quoted so that the line still reads back; what the script sets itself and
/// `$(…)` stay as written. Secrets are masked.
pub fn expanded(script: &Script, env: &Env) -> Vec<String> {
    let own = walk::commands(script).into_iter().flat_map(|(_, command)| sets(command)).collect();
    let preview = Preview { env, own };
    script.statements.iter().map(|s| env.masked(&preview.statement(s).to_string())).collect()
}

/// Names that a command may set.
fn sets(command: &Command) -> Vec<String> {
    let exports = command.literal(0).as_deref() == Some("export");
    let exported = command.words.iter().skip(1).filter_map(|word| match word.parts.first() {
        Some(Part::Text(text)) if exports => text.split('=').next(),
        _ => None,
    });
    command.assignments.iter().map(|a| a.name.as_str()).chain(exported).map(str::to_owned).collect()
}

struct Preview<'e> {
    env: &'e Env,
    own: BTreeSet<String>,
}

impl Preview<'_> {
    fn statement(&self, statement: &Statement) -> Statement {
        let mut out = statement.clone();
        for command in out.pipelines.iter_mut().flat_map(|p| &mut p.commands) {
            let values = command.assignments.iter_mut().map(|a| &mut a.value);
            let files = command.redirects.iter_mut().filter_map(|r| r.file.as_mut());
            for word in values.chain(&mut command.words).chain(files) {
                self.word(word, false);
            }
        }
        out
    }

    fn word(&self, word: &mut Word, quoted: bool) {
        word.parts = word.parts.iter().flat_map(|part| self.part(part, quoted)).collect();
    }

    fn part(&self, part: &Part, quoted: bool) -> Vec<Part> {
        match part {
            Part::Var(name, _) => match self.known(name) {
                Some(value) => vec![value_of(value, quoted)],
                None => vec![part.clone()],
            },
            Part::Default(name, word, at) => {
                let mut word = word.clone();
                self.word(&mut word, quoted);
                match self.known(name) {
                    Some(value) if !value.is_empty() => vec![value_of(value, quoted)],
                    Some(_) => word.parts,
                    None => vec![Part::Default(name.clone(), word, *at)],
                }
            }
            Part::Double(inner) => {
                vec![Part::Double(inner.iter().flat_map(|p| self.part(p, true)).collect())]
            }
            Part::Substitution(statement, at) => {
                vec![Part::Substitution(Box::new(self.statement(statement)), *at)]
            }
            Part::Text(_) | Part::Single(_) => vec![part.clone()],
        }
    }

    fn known(&self, name: &str) -> Option<&str> {
        self.env.get(name).filter(|_| !self.own.contains(name))
    }
}

fn value_of(value: &str, quoted: bool) -> Part {
    let plain = value.starts_with(starts_name) && value.chars().all(|c| in_name(c) || "-./".contains(c));
    if quoted || plain {
        Part::Text(value.to_owned())
    } else if value.contains('\'') {
        Part::Double(vec![Part::Text(value.to_owned())])
    } else {
        Part::Single(value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;
    use crate::step::{StepText, parse};

    #[test]
    fn what_is_known_is_shown_and_the_rest_stays() {
        let mut env = Env::new("/w");
        env.export("BASE", "main");
        env.set("MESSAGE", "it's two");
        env.set("EMPTY", "");
        env.export("API_TOKEN", "0123456789");
        env.secret("0123456789");
        let script = [
            "auditrun gate --base $BASE",
            "X=$(git log $BASE)",
            "echo $X \"<$MESSAGE>\" $MESSAGE ${NOPE:-$BASE} [$EMPTY] ${EMPTY:-e}",
            "curl -H $API_TOKEN > $BASE.log && true",
        ];
        let (script, _) = parse(&StepText::plain(&Source::new("steps", script.join("\n"))));
        assert_eq!(
            expanded(&script, &env),
            [
                "auditrun gate --base main",
                "X=$(git log main)",
                "echo $X \"<it's two>\" \"it's two\" ${NOPE:-main} [''] e",
                "curl -H '***' > main.log && true",
            ]
        );
    }
}
