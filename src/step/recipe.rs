//! The rules of `recipe "node"`, checked before anything runs: every path passes each gate,
//! in order, and nothing can stand in for one.

mod role;

use role::{agent_options, is_other_agent};

use super::ast::{At, Command, Script};
use super::check::{at_word, shown};
use super::lexer::place;
use super::text::StepText;
use super::verbs::{self, MANDATORY, RECIPE_VARS};
use super::walk::{self, Site};
use crate::diag::{Diag, Diags};

/// Every rule that the recipe breaks. `roles` are those that an agent can have.
pub fn check(script: &Script, text: &StepText, roles: &[&str]) -> Diags {
    let mut check = Check { text, roles, diags: Diags::new(), found: vec![None; MANDATORY.len()] };
    for (site, command) in walk::commands(script) {
        check.command(site, command);
    }
    check.missing(script);
    check.order();
    check.diags.sorted()
}

struct Check<'t> {
    text: &'t StepText,
    roles: &'t [&'t str],
    diags: Diags,
    /// Where each mandatory verb stands.
    found: Vec<Option<At>>,
}

impl Check<'_> {
    fn report(&mut self, code: &'static str, message: String, help: &str, at: At, label: &str) {
        let diag = Diag::error(code, message).help(help);
        self.diags.push(place(self.text, diag, at, label));
    }

    fn command(&mut self, site: Site, command: &Command) {
        self.assignments(command);
        if command.words.is_empty() {
            return;
        }
        let Some(name) = command.literal(0) else {
            self.report(
                "recipe::command-variable",
                "in a recipe the command itself is a literal word: no variable and no substitution"
                    .to_owned(),
                "write the command's name",
                at_word(command, 0),
                "not literal",
            );
            return;
        };
        match name.as_str() {
            "exit" => self.report(
                "recipe::exit",
                "'exit' is not allowed in a recipe: it would skip the verbs after it".to_owned(),
                "to fail the node write: fail MESSAGE",
                at_word(command, 0),
                "would end the recipe",
            ),
            "command" => self.forced(command),
            "export" => self.export(command),
            name if verbs::is_node(name) => self.verb(site, command, name),
            name => self.program(command, name),
        }
    }

    /// `command NAME` in front of a verb would run something else of that name.
    fn forced(&mut self, command: &Command) {
        match command.literal(1) {
            None => self.report(
                "recipe::command-variable",
                "in a recipe the command itself is a literal word: 'command' needs one too".to_owned(),
                "write the program's name",
                at_word(command, 1),
                "not literal",
            ),
            Some(name) if verbs::is_builtin(&name) => self.report(
                "recipe::command-verb",
                format!("'command' may not stand before a verb in a recipe: '{}'", shown(command, 3)),
                "call the verb itself; a program of the same name by its path",
                at_word(command, 0),
                "would run a program instead of the verb",
            ),
            Some(name) => self.program(command, &name),
        }
    }

    fn assignments(&mut self, command: &Command) {
        for assignment in &command.assignments {
            let end = assignment.at.start + assignment.name.len();
            self.assigned(&assignment.name, At::new(assignment.at.start, end));
        }
    }

    fn export(&mut self, command: &Command) {
        for word in command.words.iter().skip(1) {
            let name = match word.parts.first() {
                Some(super::ast::Part::Text(text)) if text.contains('=') => {
                    text.split('=').next().map(str::to_owned)
                }
                _ => word.literal().map(|t| t.split('=').next().unwrap_or("").to_owned()),
            };
            match name {
                Some(name) => self.assigned(&name, word.at),
                None => self.report(
                    "recipe::assignment",
                    "in a recipe 'export' needs the variable's name as a literal word".to_owned(),
                    "write export NAME=value",
                    word.at,
                    "not literal",
                ),
            }
        }
    }

    fn assigned(&mut self, name: &str, at: At) {
        let upper = name.to_ascii_uppercase();
        let why = if upper == "PATH" {
            "PATH decides which programs run"
        } else if upper.starts_with("GIT_") {
            "GIT_ variables decide which repository git works on"
        } else if RECIPE_VARS.contains(&name) {
            "the harness sets it for the node"
        } else {
            return;
        };
        self.report(
            "recipe::assignment",
            format!("'{name}' may not be set in a recipe: {why}"),
            "use a variable of another name, or the env block of audit.kdl",
            at,
            "set here",
        );
    }

    /// A program, or `auditrun` in one of its disguises.
    fn program(&mut self, command: &Command, name: &str) {
        let allowed = name == verbs::AUDITRUN && command.literal(1).as_deref() == Some("report");
        if is_auditrun(name) && !allowed {
            self.auditrun(command.at);
            return;
        }
        let arguments = || command.words.iter().skip(1).filter_map(|w| Some((w.literal()?, w.at)));
        let found = if is_shell(name) {
            arguments().find(|(script, _)| script.split(|c: char| !is_path_char(c)).any(is_auditrun))
        } else if is_wrapper(name) {
            arguments().find(|(word, _)| is_auditrun(word))
        } else {
            None
        };
        if let Some((_, at)) = found {
            self.auditrun(at);
        }
    }

    fn auditrun(&mut self, at: At) {
        self.report(
            "recipe::auditrun",
            "of 'auditrun' a recipe may only call 'auditrun report'".to_owned(),
            "the node's own verbs are: worktree, agent, capture, gate, check, commit, land, revert, fail, note",
            at,
            "calls auditrun",
        );
    }

    fn verb(&mut self, site: Site, command: &Command, name: &str) {
        let words: Option<Vec<String>> = command.words.iter().map(|w| w.literal()).collect();
        let mandatory = mandatory(command);
        let nth = mandatory.filter(|_| !is_other_agent(words.as_deref()));
        self.role(command, words.as_deref());
        let verb = nth.map_or_else(|| shown(command, 2), spelled);
        if nth.is_some() || site.piped || site.substituted || site.negated {
            self.whole(site, command, &verb, nth.is_some());
        }
        if let Some(n) = nth {
            self.literal(command, words.as_deref(), n);
            self.once(n, command.at);
        } else {
            self.known(command, name);
        }
    }

    /// A mandatory verb is a statement by itself; the others at least no part of a pipe,
    /// `!` or substitution, where what they say would be lost.
    fn whole(&mut self, site: Site, command: &Command, verb: &str, mandatory: bool) {
        let inside = if site.substituted {
            "a substitution"
        } else if site.piped {
            "a pipeline"
        } else if site.negated {
            "'!'"
        } else if site.chained {
            "'&&' or '||'"
        } else if !command.assignments.is_empty() {
            "a command with assignments"
        } else if !command.redirects.is_empty() {
            "a command with redirects"
        } else {
            return;
        };
        let rule = if mandatory { "a whole statement by itself" } else { "no part of such a thing" };
        self.report(
            "recipe::not-whole",
            format!("'{verb}' stands in {inside}: in a recipe it is {rule}"),
            &format!("write '{verb}' on a line of its own"),
            command.at,
            "could be bypassed",
        );
    }

    fn literal(&mut self, command: &Command, words: Option<&[String]>, n: usize) {
        let verb = spelled(n);
        let Some(words) = words else {
            let at = command.words.iter().find(|w| w.literal().is_none()).map_or(command.at, |w| w.at);
            self.report(
                "recipe::not-literal",
                format!("'{verb}' is written in literal words: no variable and no substitution"),
                &format!("write '{verb}'"),
                at,
                "not literal",
            );
            return;
        };
        let extra = words.get(MANDATORY.get(n).map_or(0, |m| m.len())..).unwrap_or(&[]);
        let fine = extra.is_empty() || (verb == "agent run" && agent_options(extra).is_some());
        if !fine {
            let (takes, help) = match verb.as_str() {
                "agent run" => {
                    ("--role and --prompt only", "write agent run [--role R] [--prompt FILE]".to_owned())
                }
                _ => ("no arguments", format!("write '{verb}'")),
            };
            self.report("recipe::arguments", format!("'{verb}' takes {takes}"), &help, command.at, "");
        }
    }

    fn once(&mut self, n: usize, at: At) {
        let verb = spelled(n);
        let Some(slot) = self.found.get_mut(n) else { return };
        let Some(first) = *slot else {
            *slot = Some(at);
            return;
        };
        let diag = Diag::error("recipe::repeated", format!("'{verb}' stands in the recipe more than once"))
            .help("remove one of them: each mandatory verb stands exactly once");
        let diag = place(self.text, diag, at, "again here").at(&self.text.span(first.range()), "first here");
        self.diags.push(diag);
    }

    /// A verb that may stand anywhere: is there such a one?
    fn known(&mut self, command: &Command, name: &str) {
        let second = command.literal(1);
        let subverbs = verbs::subverbs(name);
        let unknown = match (&second, subverbs) {
            (_, []) => command.words.len() < 2 && matches!(name, "check" | "fail" | "note"),
            (Some(word), all) => !all.contains(&word.as_str()),
            (None, _) => true,
        };
        if !unknown {
            return;
        }
        let takes = match name {
            "check" => "done_when, invariants or a command in quotes".to_owned(),
            "fail" | "note" => "a message".to_owned(),
            _ => subverbs.join(", "),
        };
        let diag = Diag::error(
            "recipe::unknown-verb",
            format!("'{}' is no verb: after '{name}' stands {takes}", shown(command, 2)),
        );
        let diag = diag.help(format!("write '{name}' with {takes}"));
        let diag = match &second {
            Some(word) => diag.suggest(word, subverbs.iter().copied()),
            None => diag,
        };
        self.diags.push(place(self.text, diag, command.at, "unknown"));
    }

    fn missing(&mut self, script: &Script) {
        let end = script.statements.last().map_or(0, |s| s.at.end);
        let last = script.statements.last().map_or(At::new(0, 0), |s| At::new(s.at.start, end));
        for n in 0..MANDATORY.len() {
            if self.found.get(n).is_some_and(Option::is_some) {
                continue;
            }
            let before = (0..n).rev().find_map(|m| Some((m, *self.found.get(m)?.as_ref()?)));
            let (help, at) = match before {
                Some((m, at)) => (format!("write it on a line of its own behind '{}'", spelled(m)), at),
                None => ("write it on a line of its own, in the order of docs/steps.md".to_owned(), last),
            };
            self.report(
                "recipe::missing",
                format!("the recipe lacks '{}'", spelled(n)),
                &help,
                at,
                "every path through a recipe passes it",
            );
        }
    }

    fn order(&mut self) {
        let mut furthest: Option<(usize, At)> = None;
        for n in 0..MANDATORY.len() {
            let Some(at) = self.found.get(n).copied().flatten() else { continue };
            match furthest {
                Some((m, before)) if at.start < before.start => {
                    let diag = Diag::error(
                        "recipe::order",
                        format!(
                            "'{}' stands before '{}': the order of the verbs is fixed",
                            spelled(n),
                            spelled(m)
                        ),
                    )
                    .help(format!("move '{}' behind '{}'", spelled(n), spelled(m)));
                    let diag = place(self.text, diag, at, "too early")
                        .at(&self.text.span(before.range()), "has to come first");
                    self.diags.push(diag);
                }
                _ => furthest = Some((n, at)),
            }
        }
    }
}

/// Which mandatory verb a command is, by its first words (a word that is not literal after
/// the first matches none).
fn mandatory(command: &Command) -> Option<usize> {
    MANDATORY.iter().position(|verb| {
        verb.iter().enumerate().all(|(i, word)| command.literal(i).as_deref() == Some(*word))
    })
}

fn spelled(n: usize) -> String {
    MANDATORY.get(n).map(|words| words.join(" ")).unwrap_or_default()
}

fn base_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".exe").unwrap_or(name)
}

fn is_auditrun(path: &str) -> bool {
    base_name(path) == verbs::AUDITRUN
}

fn is_shell(name: &str) -> bool {
    matches!(base_name(name), "sh" | "bash" | "dash" | "zsh" | "ksh" | "fish" | "busybox" | "pwsh" | "cmd")
}

/// Programs that run the program named by their arguments.
fn is_wrapper(name: &str) -> bool {
    matches!(
        base_name(name),
        "env" | "nohup" | "nice" | "timeout" | "setsid" | "sudo" | "xargs" | "time" | "stdbuf" | "exec"
    )
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || "_-./\\".contains(c)
}

#[cfg(test)]
mod tests;
