//! Rewrites the searches of a check so that they see neither the harness's own files nor
//! ignored ones, and so that a search that fails to run is no pass. A prompt quotes the
//! very text that its check looks for: `! grep -rn old_name .` would find it there.

mod grep;
mod places;
mod rewrite;
mod rg;

use std::ops::Range;

use self::places::Places;
use super::shell::{Command, Line, Pipeline, parse};
use crate::base::Layout;

/// A check as it will run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normalized {
    /// The command to run.
    pub text: String,
    /// Why it stands as it was written, though it may hold a search.
    pub verbatim_because: Option<String>,
}

/// Programs that start another one which they are given as words.
const LAUNCHERS: [&str; 16] = [
    "xargs", "find", "fd", "timeout", "time", "nice", "nohup", "sudo", "sh", "bash", "dash", "zsh", "eval",
    "parallel", "stdbuf", "watch",
];

/// The form in which `command` runs at the root of a worktree of the project `layout`.
/// Rewriting the result again changes nothing.
pub fn normalize(command: &str, layout: &Layout) -> Normalized {
    let verbatim = |because: String| Normalized { text: command.to_owned(), verbatim_because: Some(because) };
    let line = match parse(command) {
        Ok(line) => line,
        Err(doubt) => return verbatim(format!("it can't be read with certainty: {}", doubt.because)),
    };
    if let Some(because) = reason_against(&line) {
        return verbatim(because);
    }
    match edits(command, &line, &Places::new(layout)) {
        Ok(edits) => Normalized { text: apply(command, edits), verbatim_because: None },
        Err(because) => verbatim(because.to_owned()),
    }
}

fn reason_against(line: &Line) -> Option<String> {
    if line.commands.iter().any(changes_directory) {
        return Some("it changes the directory".to_owned());
    }
    if let Some(launcher) = line.commands.iter().find_map(launches_search) {
        return Some(format!("its search is started by '{launcher}'"));
    }
    let unread = line.commands.iter().any(|c| c.words.first().is_some_and(|w| w.fixed().is_none()));
    unread.then(|| "it can't be read with certainty: a program's name is expanded by the shell".to_owned())
}

fn changes_directory(command: &Command) -> bool {
    let mut words = command.words.iter().filter_map(|w| w.fixed()).skip_while(|w| *w == "command");
    matches!(words.next(), Some("cd" | "chdir" | "pushd" | "popd"))
}

/// The launcher, if `command` is one and a search is among its words.
fn launches_search(command: &Command) -> Option<&str> {
    let first = command.words.first()?.fixed()?;
    let known = LAUNCHERS.contains(&first) || (first == "env" && search_program(command).is_none());
    let searches = |text: &str| {
        let mut names =
            text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | '(' | ')' | '!'));
        names.any(|n| matches!(n, "rg" | "grep" | "egrep" | "fgrep"))
    };
    let found = command.words.iter().skip(1).any(|w| w.text.as_deref().is_some_and(searches));
    (known && found).then_some(first)
}

/// A program that searches files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    Rg,
    Grep(char),
    GitGrep,
}

/// Which search `command` is, and the position of the word after the program's name. Looks
/// through `command` and through `env` with assignments.
fn search_program(command: &Command) -> Option<(Search, usize)> {
    let words = &command.words;
    let text = |i: usize| words.get(i).and_then(|w| w.fixed());
    let mut at = 0;
    while matches!(text(at), Some("command" | "env")) {
        let env = text(at) == Some("env");
        at += 1;
        while env && text(at).is_some_and(|t| t.contains('=') && !t.starts_with('-')) {
            at += 1;
        }
    }
    match text(at)? {
        "rg" => Some((Search::Rg, at + 1)),
        "grep" => Some((Search::Grep('G'), at + 1)),
        "egrep" => Some((Search::Grep('E'), at + 1)),
        "fgrep" => Some((Search::Grep('F'), at + 1)),
        "git" if text(at + 1) == Some("grep") => Some((Search::GitGrep, at + 2)),
        _ => None,
    }
}

/// A replacement of some bytes of the line.
#[derive(Debug)]
struct Edit {
    at: Range<usize>,
    text: String,
}

/// All replacements, or why there can be none.
fn edits(text: &str, line: &Line, places: &Places) -> Result<Vec<Edit>, &'static str> {
    let mut all = Vec::new();
    for pipeline in &line.pipelines {
        let mut guards = Vec::new();
        for (i, stage) in pipeline.stages.iter().enumerate() {
            let Some(command) = stage.and_then(|c| line.commands.get(c)) else { continue };
            let read = command.substituted || i + 1 < pipeline.stages.len();
            let done = rewrite::search(text, command, read, places)?;
            all.extend(done.edit);
            if i + 1 == pipeline.stages.len() {
                guards = done.must_exist;
            }
        }
        if let Some(bang) = pipeline.bang
            && ends_in_search(line, pipeline)
        {
            all.extend(rewrite::fail_on_error(bang, pipeline, &guards));
        }
    }
    all.sort_by_key(|e| (e.at.start, e.at.end));
    let apart = all.windows(2).all(|w| matches!(w, [a, b] if a.at.end <= b.at.start));
    if apart { Ok(all) } else { Err("one search stands inside of another") }
}

fn ends_in_search(line: &Line, pipeline: &Pipeline) -> bool {
    let last = pipeline.stages.last().copied().flatten().and_then(|c| line.commands.get(c));
    last.is_some_and(|c| search_program(c).is_some())
}

fn apply(text: &str, edits: Vec<Edit>) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.at.start).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.at.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
