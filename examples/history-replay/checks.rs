//! done_when of a commit's node: the files are what the commit made them, by their blob ids.
//!
//! Many files make few commands: they are joined up to a length that every shell takes.

use std::collections::BTreeSet;

use super::history::{Entry, Kind, Step};
use super::quote::word;

/// Bytes of a command, about; one file alone may be longer.
const LENGTH: usize = 8 << 10;

/// The commands for a replay. `converted` are the paths whose files may differ from their blobs
/// by line endings or a filter. At least one command.
pub fn exact(step: &Step, converted: &BTreeSet<Vec<u8>>) -> Vec<String> {
    let mut commands = blobs(step, converted);
    commands.extend(links(step));
    commands.extend(joined(modes(step)));
    commands.extend(joined(gone(step)));
    or_true(commands)
}

/// The commands for a real agent, whose files will have content of their own: each file that the
/// commit wrote is there, each that it deleted is not, and what the operator asks for passes.
pub fn existence(step: &Step, more: &[String]) -> Vec<String> {
    let there = step.written().filter_map(|(path, entry)| {
        let path = word(path)?;
        Some(if entry.kind == Kind::Link { format!("test -L {path}") } else { format!("test -f {path}") })
    });
    let mut commands = joined(there);
    commands.extend(joined(gone(step)));
    commands.extend(more.iter().cloned());
    or_true(commands)
}

/// A node has a check, also where there is nothing to look at.
fn or_true(commands: Vec<String>) -> Vec<String> {
    if commands.is_empty() { vec!["true".to_owned()] } else { commands }
}

fn blobs(step: &Step, converted: &BTreeSet<Vec<u8>>) -> Vec<String> {
    let files = step.written().filter(|(_, e)| matches!(e.kind, Kind::File | Kind::Executable));
    let named = files.filter_map(|(path, entry)| Some((word(path)?, entry, converted.contains(path))));
    let (odd, plain): (Vec<_>, Vec<_>) = named.partition(|(_, _, converted)| *converted);
    let mut commands = Vec::new();
    let (mut words, mut ids) = (String::new(), String::new());
    for (word, Entry { oid, .. }, _) in plain {
        if words.len() + ids.len() + word.len() > LENGTH && !words.is_empty() {
            commands.push(hashes(&words, &ids));
            words.clear();
            ids.clear();
        }
        words.extend([" ", &word]);
        ids.extend([oid, " "]);
    }
    if !words.is_empty() {
        commands.push(hashes(&words, &ids));
    }
    commands.extend(odd.into_iter().map(|(word, Entry { oid, .. }, _)| {
        // As it lies there, or as git would store it.
        format!("test \"$(git hash-object --no-filters -- {word})\" = {oid} || test \"$(git hash-object -- {word})\" = {oid}")
    }));
    commands
}

fn hashes(words: &str, ids: &str) -> String {
    format!("test \"$(git hash-object --no-filters --{words} | tr '\\n' ' ')\" = '{ids}'")
}

/// git would hash what a link leads to.
fn links(step: &Step) -> Vec<String> {
    let links = step.written().filter(|(_, entry)| entry.kind == Kind::Link);
    links
        .filter_map(|(path, entry)| {
            let path = word(path)?;
            Some(format!("test \"$(readlink -n {path} | git hash-object --stdin)\" = {}", entry.oid))
        })
        .collect()
}

/// Executable bits, where they are set or have changed.
fn modes(step: &Step) -> impl Iterator<Item = String> {
    step.changes.iter().filter_map(|change| {
        let was = change.old.as_ref().is_some_and(|e| e.kind == Kind::Executable);
        match change.new.as_ref()?.kind {
            Kind::Executable => Some(format!("test -x {}", word(&change.path)?)),
            Kind::File if was => Some(format!("test ! -x {}", word(&change.path)?)),
            _ => None,
        }
    })
}

/// A directory may stand where a file was, and a link on the way may lead to one of that name:
/// such a path is left to the comparison of the trees.
fn gone(step: &Step) -> impl Iterator<Item = String> {
    let files: BTreeSet<&[u8]> = step.written().map(|(path, _)| path).collect();
    step.deleted()
        .filter(move |path| !super::order::directories(path).any(|dir| files.contains(dir)))
        .filter_map(|path| {
            let path = word(path)?;
            Some(format!("test ! -f {path} && test ! -L {path}"))
        })
}

fn joined(parts: impl Iterator<Item = String>) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for part in parts {
        match commands.last_mut().filter(|last| last.len() + part.len() < LENGTH) {
            Some(last) => last.extend([" && ", &part]),
            None => commands.push(part),
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::super::history::Change;
    use super::*;

    fn step(changes: Vec<Change>) -> Step {
        Step { commit: "c".into(), parent: "p".into(), message: String::new(), changes, lines: 0 }
    }

    fn entry(kind: Kind, oid: &str) -> Option<Entry> {
        Some(Entry { kind, oid: oid.to_owned() })
    }

    fn change(path: &str, old: Option<Entry>, new: Option<Entry>) -> Change {
        Change { path: path.into(), old, new }
    }

    #[test]
    fn each_kind_of_change_has_its_check() {
        let step = step(vec![
            change("a b", None, entry(Kind::File, "11")),
            change("c", entry(Kind::Executable, "22"), entry(Kind::File, "22")),
            change("l", None, entry(Kind::Link, "33")),
            change("old", entry(Kind::File, "44"), None),
            change("run", entry(Kind::File, "55"), entry(Kind::Executable, "55")),
        ]);
        assert_eq!(
            exact(&step, &BTreeSet::new()),
            [
                r#"test "$(git hash-object --no-filters -- 'a b' 'c' 'run' | tr '\n' ' ')" = '11 22 55 '"#,
                r#"test "$(readlink -n 'l' | git hash-object --stdin)" = 33"#,
                "test ! -x 'c' && test -x 'run'",
                "test ! -f 'old' && test ! -L 'old'",
            ]
        );
        assert_eq!(
            existence(&step, &["make test".to_owned()]),
            [
                "test -f 'a b' && test -f 'c' && test -L 'l' && test -f 'run'",
                "test ! -f 'old' && test ! -L 'old'",
                "make test",
            ]
        );
    }

    #[test]
    fn a_converted_file_may_lie_there_either_way() {
        let step = step(vec![change("a", None, entry(Kind::File, "11"))]);
        let commands = exact(&step, &BTreeSet::from([b"a".to_vec()]));
        assert_eq!(commands.len(), 1);
        assert!(commands[0].contains("--no-filters -- 'a')\" = 11 || "), "{}", commands[0]);
    }

    #[test]
    fn what_a_link_hides_is_not_looked_for() {
        let step = step(vec![
            change("d", None, entry(Kind::Link, "11")),
            change("d/file", entry(Kind::File, "22"), None),
        ]);
        assert_eq!(exact(&step, &BTreeSet::new()).len(), 1);
    }

    #[test]
    fn nothing_to_look_at_is_true() {
        assert_eq!(exact(&step(Vec::new()), &BTreeSet::new()), ["true"]);
    }

    #[test]
    fn many_files_make_few_commands_of_bounded_length() {
        let oid = "0123456789012345678901234567890123456789";
        let changes = (0..1000).map(|n| change(&format!("dir/file-{n}"), None, entry(Kind::Executable, oid)));
        let commands = exact(&step(changes.collect()), &BTreeSet::new());
        assert!(commands.len() < 20, "{}", commands.len());
        assert!(commands.iter().all(|c| c.len() < 2 * LENGTH));
        assert_eq!(commands.concat().matches("'dir/file-999'").count(), 2);
    }
}
