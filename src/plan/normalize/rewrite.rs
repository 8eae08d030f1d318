//! The rewriting of one search, and of the `!` before one.

use super::super::shell::{Command, Pipeline, Word};
use super::grep::{self, Grep};
use super::places::Places;
use super::{Edit, Search, rg, search_program};
use crate::base::text::shell_quote;

/// What becomes of a command.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    pub(super) edit: Option<Edit>,
    /// Paths, quoted, without which the command as written would have ended with an error.
    pub(super) must_exist: Vec<String>,
}

/// Rewrites `command` if it is a search of many files. `read`: what it prints is read by
/// another command.
///
/// # Errors
/// Why the search has to stay as it is.
pub(super) fn search(
    line: &str,
    command: &Command,
    read: bool,
    places: &Places,
) -> Result<Rewritten, &'static str> {
    let Some((program, at)) = search_program(command) else { return Ok(Rewritten::default()) };
    let args = command.words.get(at..).unwrap_or_default();
    Ok(match program {
        Search::Rg => Rewritten { edit: with_globs(command, args, places)?, ..Rewritten::default() },
        Search::GitGrep => Rewritten { edit: with_pathspecs(command, args, places), ..Rewritten::default() },
        Search::Grep(dialect) => {
            let grep = grep::read(line, args);
            if !grep.recursive {
                return Ok(Rewritten::default());
            }
            let read = read || command.redirects.iter().any(|r| !goes_nowhere(r));
            let statuses_read = line.contains("$?") && !grep.must_exist().is_empty();
            match grep.by_git(dialect, read).filter(|_| !statuses_read) {
                Some(text) => Rewritten {
                    edit: replaced(line, command, at, text, places),
                    must_exist: grep.must_exist(),
                },
                None => {
                    Rewritten { edit: with_exclusions(command, args, &grep, places), ..Rewritten::default() }
                }
            }
        }
    })
}

fn goes_nowhere(redirect: &super::super::shell::Redirect) -> bool {
    let of_output = matches!(redirect.operator.as_str(), ">" | ">>" | "1>" | "1>>" | ">|" | "<>");
    !of_output || redirect.target.fixed() == Some("/dev/null")
}

fn insertion(at: usize, options: Vec<String>) -> Option<Edit> {
    let text: String = options.iter().map(|o| format!(" {o}")).collect();
    (!options.is_empty()).then_some(Edit { at: at..at, text })
}

/// The end of the word before `args[position]`.
fn end_before(command: &Command, args: &[Word], position: usize) -> usize {
    let first = command.words.len() - args.len();
    let before = (first + position).checked_sub(1).and_then(|i| command.words.get(i));
    before.map_or(command.span.end, |w| w.span.end)
}

fn holds(args: &[Word], text: &str) -> bool {
    args.iter().any(|w| w.text.as_deref() == Some(text))
}

fn with_globs(command: &Command, args: &[Word], places: &Places) -> Result<Option<Edit>, &'static str> {
    let position = rg::place_for_globs(args)?;
    let missing = places.globs().filter(|g| !holds(args, g));
    let options = missing.map(|g| format!("--glob {}", shell_quote(&g))).collect();
    Ok(insertion(end_before(command, args, position), options))
}

fn with_pathspecs(command: &Command, args: &[Word], places: &Places) -> Option<Edit> {
    let missing = places.pathspecs().filter(|p| !holds(args, p));
    insertion(end_before(command, args, args.len()), missing.map(|p| shell_quote(&p)).collect())
}

fn with_exclusions(command: &Command, args: &[Word], grep: &Grep, places: &Places) -> Option<Edit> {
    let roots = grep.roots().unwrap_or_else(|| vec![String::new()]);
    let options = places.grep_options(&roots).into_iter().filter(|o| !holds(args, o));
    insertion(end_before(command, args, grep.room), options.map(|o| shell_quote(&o)).collect())
}

/// The words from the program's name on are replaced; redirections among them follow.
fn replaced(line: &str, command: &Command, at: usize, text: String, places: &Places) -> Option<Edit> {
    let start = command.words.get(at.checked_sub(1)?)?.span.start;
    let end = command.words.last()?.span.end;
    let mut text = text;
    for pathspec in places.pathspecs() {
        text.push(' ');
        text.push_str(&shell_quote(&pathspec));
    }
    for redirect in command.redirects.iter().filter(|r| start < r.span.start && r.span.end < end) {
        text.push(' ');
        text.push_str(line.get(redirect.span.clone())?);
    }
    Some(Edit { at: start..end, text })
}

/// `! search` becomes a condition that holds only if the search found nothing, which is
/// status 1: a plain `!` would also turn the status of a search that could not run into a
/// pass. A condition, because a shell that stops at errors does not stop inside of one.
pub(super) fn fail_on_error(bang: usize, pipeline: &Pipeline, must_exist: &[String]) -> [Edit; 2] {
    let guards: String =
        must_exist.iter().map(|path| format!("if ! test -e {path}; then false; el")).collect();
    let open = format!("{guards}if ");
    let close = "; then false; else test $? -eq 1; fi".to_owned();
    let end = pipeline.span.end;
    [Edit { at: bang..pipeline.span.start, text: open }, Edit { at: end..end, text: close }]
}
