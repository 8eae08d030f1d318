//! Checks: shell command lines with a scope, a name and a time limit. They are never split
//! on commas, since commas belong to shell.

use std::ops::Range;

use super::model::{Check, CheckScope};
use super::read;
use super::record::{Record, Schema, once};
use super::text;
use super::value::{Kind, Value};
use crate::base::text::is_one_command;
use crate::diag::{Diag, Diags, Span, Spanned};

/// A check that is written as a mapping.
const CHECK: Schema = Schema {
    what: "a check",
    keys: &[once("command", &[]), once("scope", &[]), once("name", &[]), once("timeout", &[])],
};

/// The checks of some values of one key: texts, lists of texts, mappings.
pub(super) fn checks<'a>(values: impl Iterator<Item = &'a Value>, diags: &mut Diags) -> Vec<Check> {
    values.flat_map(|v| of_value(v, diags)).collect()
}

fn of_value(value: &Value, diags: &mut Diags) -> Vec<Check> {
    match &value.kind {
        Kind::Null => Vec::new(),
        Kind::Items(items) | Kind::Seq(items) => items.iter().flat_map(|v| of_element(v, diags)).collect(),
        _ => of_element(value, diags),
    }
}

fn of_element(value: &Value, diags: &mut Diags) -> Vec<Check> {
    match &value.kind {
        Kind::Map(pairs) => of_mapping(value, pairs, diags).into_iter().collect(),
        Kind::Decoded(text) => {
            let line = command_line(text, &value.span, diags);
            line.map(|line| of_text(&line, &value.span, diags)).unwrap_or_default()
        }
        _ => match value.written() {
            Some(written) if !written.is_empty() => of_text(&written, &value.span, diags),
            Some(_) => {
                diags.push(empty(&value.span));
                Vec::new()
            }
            None => read::text_of(value, diags).map(|_| Vec::new()).unwrap_or_default(),
        },
    }
}

/// A check with nothing in it.
pub(super) fn empty(span: &Span) -> Diag {
    Diag::error("bundle::empty-check", "a check is empty")
        .at(span, "no command stands here")
        .help("write one shell command line, or remove the check")
}

fn of_mapping(value: &Value, pairs: &[(Spanned<String>, Value)], diags: &mut Diags) -> Option<Check> {
    let mut record = Record::new(value.span.clone());
    for (key, value) in pairs {
        record.add(&CHECK, key.clone(), value.clone(), diags);
    }
    let written = read::required_text(&record, &CHECK, "command", diags)?;
    let command = Spanned::new(command_line(&written.value, &written.span, diags)?, written.span);
    let scope = read::choice(&record, "scope", &SCOPES, diags).map_or(CheckScope::Worktree, |s| s.value);
    let name = read::text(&record, "name", diags).map(|n| n.value);
    let timeout = read::text(&record, "timeout", diags).and_then(|t| read::duration(t, diags));
    Some(Check { command, scope, name, timeout })
}

/// `text` as the one command line that a check is. Line breaks go only where the command
/// evidently goes on: two commands that were read as one would make the second an argument
/// of the first, and two that were run one after the other would hide a failure of the first.
pub(super) fn command_line(text: &str, span: &Span, diags: &mut Diags) -> Option<String> {
    if is_one_command(text) {
        return Some(text::one_line(text).into_owned());
    }
    let lines = text.lines().filter(|l| !l.trim().is_empty());
    diags.push(
        Diag::error(
            "bundle::several-lines",
            format!("a check is one command line; this one has {} lines", lines.count()),
        )
        .at(span, "only a line that ends with a backslash, '&&', '||' or '|' goes on in the next one")
        .help("make each command a check of its own, join them with '&&', or call a script"),
    );
    None
}

/// The words for scopes.
pub(super) const SCOPES: [(&str, CheckScope); 2] =
    [("repo", CheckScope::Repo), ("worktree", CheckScope::Worktree)];

/// Reads a command as Markdown writes it: a code span or plain text, with an optional
/// trailing `(scope: repo)`; in a table cell also several code spans between `<br>`s.
fn of_text(written: &str, span: &Span, diags: &mut Diags) -> Vec<Check> {
    if written.starts_with('`')
        && let Some(first) = text::code_spans(written).first().filter(|c| c.outer.start == 0)
    {
        return spans(written, first.inner.clone(), first.outer.end, span, diags);
    }
    let (command, scope) = match trailing_scope(written) {
        Some((at, word)) => (written[..at].trim_end(), scope(word, span, diags)),
        None => (written, Some(CheckScope::Worktree)),
    };
    if command.is_empty() {
        diags.push(empty(span));
        return Vec::new();
    }
    scope.map(|scope| check(command, scope, span)).into_iter().collect()
}

fn check(command: &str, scope: CheckScope, span: &Span) -> Check {
    let command = Spanned::new(command.to_owned(), span.clone());
    Check { command, scope, name: None, timeout: None }
}

/// One code span after the other.
fn spans(written: &str, inner: Range<usize>, end: usize, span: &Span, diags: &mut Diags) -> Vec<Check> {
    let command = written[text::unpad(written, inner)].trim();
    let mut rest = written[end..].trim();
    let mut scope_of = Some(CheckScope::Worktree);
    if let Some((inside, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')'))
        && let Some(word) = scope_word(inside)
    {
        scope_of = scope(word, span, diags);
        rest = after.trim();
    }
    let mut found: Vec<Check> = Vec::new();
    match scope_of {
        _ if command.is_empty() => diags.push(empty(span)),
        Some(scope) => found.push(check(command, scope, span)),
        None => {}
    }
    let next = ["<br>", "<br/>", "<br />"].iter().find_map(|b| rest.strip_prefix(b)).map(str::trim);
    match next {
        Some(next) if next.starts_with('`') => found.extend(of_text(next, span, diags)),
        _ if !rest.is_empty() => diags.push(
            Diag::error("bundle::text-after-command", format!("text follows a command's code span: '{rest}'"))
                .at(span, "expected one code span")
                .help("put the whole command in one code span, and each command in a list item of its own; only '(scope: repo)' may follow"),
        ),
        _ => {}
    }
    found
}

/// Where a trailing `(scope: word)` begins, and its word.
fn trailing_scope(text: &str) -> Option<(usize, &str)> {
    let open = text.rfind('(')?;
    let inside = text[open + 1..].strip_suffix(')')?;
    scope_word(inside).map(|w| (open, w))
}

fn scope_word(inside: &str) -> Option<&str> {
    let (key, word) = inside.split_once(':')?;
    key.trim().eq_ignore_ascii_case("scope").then_some(word.trim())
}

/// The scope that a word names.
pub(super) fn scope(word: &str, span: &Span, diags: &mut Diags) -> Option<CheckScope> {
    let found = SCOPES.iter().find(|(w, _)| word.trim().eq_ignore_ascii_case(w)).map(|(_, s)| *s);
    if found.is_none() {
        diags.push(
            Diag::error("bundle::bad-value", format!("'{}' is not the scope of a check", word.trim()))
                .at(span, "expected 'repo' or 'worktree'")
                .help("write (scope: repo) for a check that reads outside of the node's worktree"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn read(text: &str) -> Result<Vec<(String, bool)>, Vec<&'static str>> {
        let source = Source::new("f.md", text);
        let value = Value::raw(&source, 0..text.len());
        let mut diags = Diags::new();
        let found = checks([value].iter(), &mut diags);
        match diags.is_empty() {
            true => Ok(found.into_iter().map(|c| (c.command.value, c.scope == CheckScope::Repo)).collect()),
            false => Err(diags.iter().map(|d| d.code).collect()),
        }
    }

    #[test]
    fn a_command_is_plain_text_or_a_code_span() {
        let one = |c: &str, repo: bool| Ok(vec![(c.to_owned(), repo)]);
        assert_eq!(read("cargo test -- a, b"), one("cargo test -- a, b", false));
        assert_eq!(read("`a, b | c`"), one("a, b | c", false));
        assert_eq!(read("`` echo `date` ``"), one("echo `date`", false));
        assert_eq!(read("`a` (scope: repo)"), one("a", true));
        assert_eq!(read("a (b) (Scope: Repo)"), one("a (b)", true));
        assert_eq!(read("(cd x && y)"), one("(cd x && y)", false));
        assert_eq!(read("`a`<br>`b` (scope: repo)"), Ok(vec![("a".into(), false), ("b".into(), true)]));
        assert_eq!(read("`a\n  && b`"), one("a && b", false));
    }

    #[test]
    fn a_command_goes_on_in_the_next_line_only_where_it_says_so() {
        let source = Source::new("f.md", "x");
        let line = |text: &str| command_line(text, &source.span(0, 1), &mut Diags::new());
        let one = |text: &str| Some(text.to_owned());
        assert_eq!(line("\n  a b\r\n"), one("a b"));
        assert_eq!(line("a \\\n  --b"), one("a --b"));
        assert_eq!(line("a &&\n b ||\n c |\n d"), one("a && b || c | d"));
        assert_eq!(line("a\n  && b\n  || c"), one("a && b || c"));
        assert_eq!(line(" \n"), one(""));
        assert_eq!(line("a\nb"), None);
        assert_eq!(line("a &&\n b\n c"), None);
    }

    #[test]
    fn what_is_no_command_is_refused() {
        assert_eq!(read("`a` passes"), Err(vec!["bundle::text-after-command"]));
        assert_eq!(read("`a`, `b`"), Err(vec!["bundle::text-after-command"]));
        assert_eq!(read("` `"), Err(vec!["bundle::empty-check"]));
        assert_eq!(read("a (scope: moon)"), Err(vec!["bundle::bad-value"]));
    }
}
