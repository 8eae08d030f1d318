//! `agent run --role R`: for whom it is, and that there is such a role.

use super::Check;
use crate::diag::Diag;
use crate::step::ast::Command;
use crate::step::lexer::place;

impl Check<'_> {
    /// A role that does not exist would fail each attempt.
    pub(super) fn role(&mut self, command: &Command, words: Option<&[String]>) {
        let Some(role) = words.and_then(named).filter(|role| !self.roles.contains(role)) else { return };
        let diag = Diag::error("recipe::unknown-role", format!("there is no role '{role}'"))
            .help(format!("write one of {}", self.roles.join(", ")))
            .suggest(role, self.roles.iter().copied());
        let at =
            command.words.iter().find(|w| w.literal().as_deref() == Some(role)).map_or(command.at, |w| w.at);
        self.diags.push(place(self.text, diag, at, "not a role"));
    }
}

/// The role that an `agent run` names.
fn named(words: &[String]) -> Option<&str> {
    let (verb, options) = words.split_at_checked(2)?;
    agent_options(options).filter(|_| verb == ["agent", "run"])?
}

/// An invocation for another role than the node's: extra, and allowed.
pub(super) fn is_other_agent(words: Option<&[String]>) -> bool {
    words.and_then(named).is_some_and(|role| role != "node")
}

/// The role named by `[--role R] [--prompt FILE]`; `None` if the words are anything else.
pub(super) fn agent_options(words: &[String]) -> Option<Option<&str>> {
    let mut role = None;
    let mut prompt = false;
    for pair in words.chunks(2) {
        match pair {
            [option, value] if option == "--role" && role.is_none() => role = Some(value.as_str()),
            [option, _] if option == "--prompt" && !prompt => prompt = true,
            _ => return None,
        }
    }
    Some(role)
}
