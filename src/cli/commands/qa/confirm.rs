//! The operator's word on a corpus: proceed, or another scope.

use std::io::{BufRead, IsTerminal};

use crate::cli::args::Common;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::qa::corpus::{AuditCorpus, markdown};
use crate::qa::scope::Scope;

/// Refuses early what could not be confirmed later.
///
/// # Errors
/// There is no terminal, and `--yes` was not given.
pub fn possible(common: &Common) -> Result<(), Failure> {
    if common.yes || std::io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage(
        "an audit asks whether its scope is right, and there is no terminal to ask on",
        "add --yes",
    ))
}

/// Shows what was gathered and asks; `None` to go on with it, else another scope.
///
/// # Errors
/// Nobody answers.
pub fn ask(corpus: &AuditCorpus, common: &Common, screen: &Screen) -> Result<Option<Scope>, Failure> {
    screen.say(&markdown::summary(corpus));
    if common.yes {
        return Ok(None);
    }
    loop {
        screen.say("  1) Proceed\n  2) Narrow scope\n  3) Expand scope");
        match answer()?.to_lowercase().as_str() {
            "1" | "p" | "proceed" | "y" | "yes" => return Ok(None),
            "2" | "n" | "narrow" | "narrow scope" => return other("Narrower scope:", screen).map(Some),
            "3" | "e" | "expand" | "expand scope" => return other("Wider scope:", screen).map(Some),
            _ => screen.say("Please answer 1, 2 or 3."),
        }
    }
}

/// Asks for a scope until one is given.
fn other(question: &str, screen: &Screen) -> Result<Scope, Failure> {
    loop {
        screen.say(question);
        match Scope::parse(&[answer()?]) {
            Ok(scope) => return Ok(scope),
            Err(bad) => {
                screen.trouble(&bad.message);
                bad.help.iter().for_each(|help| screen.say(&format!("  help: {help}")));
            }
        }
    }
}

fn answer() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_line(&mut text);
    match read {
        Ok(0) => Err(Failure::usage("the scope was not confirmed", "answer on the terminal, or add --yes")),
        Ok(_) => Ok(text.trim().to_owned()),
        Err(e) => Err(Failure::Internal(format!("can't read the answer: {e}"))),
    }
}
