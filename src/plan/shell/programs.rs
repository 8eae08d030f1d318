//! The programs that a command line starts, to look them up before anything runs.

use super::parse::{Command, KEYWORDS, Line, parse};

/// The first word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its name, without a slash.
    pub name: String,
    /// Where it stands in the line, in bytes.
    pub offset: usize,
}

/// What a POSIX shell, or bash where it stands in for one, does by itself.
const BUILTINS: [&str; 46] = [
    ".", ":", "[", "alias", "bg", "break", "builtin", "cd", "chdir", "command", "continue", "declare",
    "dirs", "echo", "eval", "exec", "exit", "export", "false", "fc", "fg", "getopts", "hash", "jobs", "kill",
    "let", "local", "popd", "printf", "pushd", "pwd", "read", "readonly", "return", "set", "shift", "source",
    "test", "time", "times", "trap", "true", "type", "ulimit", "umask", "unset",
];
const MORE_BUILTINS: [&str; 4] = ["shopt", "typeset", "unalias", "wait"];

/// The programs that `command` starts, in the order in which they stand there. Keywords,
/// builtins, words with a slash and words that the shell expands are left out; of a line
/// that can't be read with certainty, what stands before the doubt is returned.
pub fn programs(command: &str) -> Vec<Program> {
    let line = parse(command).unwrap_or_else(|doubt| doubt.before);
    let mut found: Vec<Program> = of(&line).collect();
    found.sort_by_key(|p| p.offset);
    found
}

fn of(line: &Line) -> impl Iterator<Item = Program> {
    line.commands.iter().flat_map(of_command)
}

/// The command's own program, and the one behind `env`, `command` or `exec`.
fn of_command(command: &Command) -> Vec<Program> {
    let mut found = Vec::new();
    let mut words = command.words.iter();
    while let Some(word) = words.next() {
        let Some(name) = word.fixed() else { break };
        let keyword = !word.quoted && KEYWORDS.contains(&name);
        if !name.is_empty() && !name.contains('/') && !keyword && !is_builtin(name) {
            found.push(Program { name: name.to_owned(), offset: word.span.start });
        }
        match name {
            "env" => {
                while words.clone().next().is_some_and(|w| w.fixed().is_some_and(|t| t.contains('='))) {
                    words.next();
                }
            }
            "command" | "exec" => {}
            _ => break,
        }
        // An option of theirs may take a word of its own: what follows is not certain.
        if words.clone().next().is_some_and(|w| w.fixed().is_none_or(|t| t.starts_with('-'))) {
            break;
        }
    }
    found
}

fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name) || MORE_BUILTINS.contains(&name)
}
