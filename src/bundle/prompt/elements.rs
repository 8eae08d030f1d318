//! The parts of a prompt that are written as elements.

use std::ops::Range;

use super::mask::Mask;
use super::part::{Content, PartAt};
use super::tags::{self, Tag};
use crate::bundle::checks;
use crate::bundle::model::{Check, CheckScope};
use crate::bundle::{read, text};
use crate::diag::{Diag, Diags, Source, Span, Spanned};

/// What was found: the parts, and where their elements and the envelope's tags stand.
#[derive(Default)]
pub(super) struct Elements {
    pub parts: Vec<PartAt>,
    /// The parts' elements from tag to tag, in order.
    pub inside: Vec<Range<usize>>,
    /// Where the text of a Markdown section can't go on: offset and the tag's name.
    pub stops: Vec<(usize, &'static str)>,
}

/// Finds the elements of `source` from byte `start` on.
pub(super) fn find(source: &Source, start: usize, mask: &Mask, diags: &mut Diags) -> Elements {
    let tags = tags::find(source, start, mask, diags);
    let mut walk = Walk { source, tags: &tags, at: 0, found: Elements::default(), envelope: None };
    while let Some(tag) = walk.next() {
        walk.outside(tag, diags);
    }
    if let Some(open) = walk.envelope {
        diags.push(unclosed(source, open));
    }
    walk.found
}

struct Walk<'a> {
    source: &'a Source,
    tags: &'a [Tag],
    at: usize,
    found: Elements,
    envelope: Option<&'a Tag>,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<&'a Tag> {
        let tag = self.tags.get(self.at)?;
        self.at += 1;
        Some(tag)
    }

    /// A tag that stands in no part.
    fn outside(&mut self, tag: &'a Tag, diags: &mut Diags) {
        match (tag.name, tag.close) {
            ("scope", _) => {}
            ("check", false) => diags.push(
                Diag::error("bundle::stray-check", "a <check> stands outside of <done_when>")
                    .at(&tag.span(self.source), "would not be run")
                    .help(
                        "put it into <done_when>…</done_when>, or into a code span if it is only mentioned",
                    ),
            ),
            ("check", true) => diags.push(stray_close(self.source, tag)),
            ("scope_envelope", close) => self.envelope_tag(tag, close, diags),
            (_, true) => diags.push(stray_close(self.source, tag)),
            (_, false) => self.part(tag, diags),
        }
    }

    fn envelope_tag(&mut self, tag: &'a Tag, close: bool, diags: &mut Diags) {
        self.found.stops.push((tag.range.start, tag.name));
        match (close, self.envelope) {
            (true, Some(_)) => self.envelope = None,
            (true, None) => diags.push(stray_close(self.source, tag)),
            (false, None) => self.envelope = (!tag.empty).then_some(tag),
            (false, Some(open)) => diags.push(unclosed(self.source, open)),
        }
    }

    /// Reads a part from its opening tag to its closing one.
    fn part(&mut self, open: &'a Tag, diags: &mut Diags) {
        self.found.stops.push((open.range.start, open.name));
        no_attributes(self.source, open, diags);
        let mut checks = Vec::new();
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut from = open.range.end;
        let mut end = open.empty.then_some(open.range.end..open.range.end);
        while end.is_none() {
            let Some(tag) = self.next() else { break };
            if tag.close && tag.name == open.name {
                end = Some(tag.range.clone());
            } else if open.name == "done_when" && tag.name == "check" && !tag.close {
                words.push(from..tag.range.start);
                from = self.check(tag, &mut checks, diags);
            } else if !matches!(tag.name, "check" | "scope") {
                // Another part begins or ends here: this one was never closed.
                self.at -= 1;
                break;
            }
        }
        let Some(end) = end else {
            diags.push(unclosed(self.source, open));
            return;
        };
        words.push(from.min(end.start)..end.start);
        self.found.inside.push(open.range.start..end.end.max(open.range.end));
        let content = if open.name == "done_when" {
            self.only_checks(&words, diags);
            Content::Checks(checks)
        } else {
            Content::Text(text::trim(self.source.text(), open.range.end..end.start.max(open.range.end)))
        };
        self.found.parts.push(PartAt { name: open.name, at: open.span(self.source), content });
    }

    /// Reads one check; answers where its closing tag ends.
    fn check(&mut self, open: &'a Tag, checks: &mut Vec<Check>, diags: &mut Diags) -> usize {
        let mut scopes: Vec<&Tag> = Vec::new();
        let close = loop {
            match self.tags.get(self.at) {
                _ if open.empty => break None,
                Some(tag) if tag.name == "check" && tag.close => break Some(tag),
                Some(tag) if tag.name == "scope" => scopes.push(tag),
                Some(tag) if tag.name == "check" || (tag.name == "done_when" && tag.close) => break None,
                Some(_) => {}
                None => break None,
            }
            self.at += 1;
        };
        let Some(close) = close else {
            diags.push(if open.empty {
                checks::empty(&open.span(self.source))
            } else {
                unclosed(self.source, open)
            });
            return open.range.end;
        };
        self.at += 1;
        let body = open.range.end..close.range.start;
        checks.extend(self.read_check(open, body, &scopes, diags));
        close.range.end
    }

    fn read_check(
        &self,
        open: &Tag,
        body: Range<usize>,
        scopes: &[&Tag],
        diags: &mut Diags,
    ) -> Option<Check> {
        let mut scope: Option<(CheckScope, Span)> = None;
        let mut check = Check {
            command: Spanned::new(String::new(), open.span(self.source)),
            scope: CheckScope::Worktree,
            name: None,
            timeout: None,
        };
        for (key, value) in &open.attributes {
            match key.to_ascii_lowercase().as_str() {
                "scope" => scope = checks::scope(value, &value.span, diags).map(|s| (s, value.span.clone())),
                "name" => check.name = Some(value.value.clone()),
                "timeout" => check.timeout = read::duration(value.clone(), diags),
                _ => diags.push(unknown_attribute(key)),
            }
        }
        let (body, inner) = self.split_scope(body, scopes);
        if let Some(word) = inner {
            let span = self.source.span(word.start, word.len());
            let found = checks::scope(span.text(), &span, diags);
            if let (Some((first, at)), Some(second)) = (&scope, found)
                && *first != second
            {
                diags.push(
                    Diag::error("bundle::repeated-key", "the scope of a check is given twice")
                        .at(&span, "again here")
                        .at(at, "first here")
                        .help("keep one of them"),
                );
            }
            scope = found.map(|s| (s, span));
        }
        let body = text::trim(self.source.text(), body);
        let span = self.source.span(body.start, body.len());
        let line = checks::command_line(span.text(), &span, diags)?;
        let command = text::enclosing_code(&line).map_or(&*line, |r| &line[r]).trim();
        if command.is_empty() {
            diags.push(checks::empty(&open.span(self.source)));
            return None;
        }
        check.command = Spanned::new(command.to_owned(), span);
        check.scope = scope.map_or(CheckScope::Worktree, |(s, _)| s);
        Some(check)
    }

    /// Takes `<scope>word</scope>` off the start or the end of a check's body.
    fn split_scope(&self, body: Range<usize>, tags: &[&Tag]) -> (Range<usize>, Option<Range<usize>>) {
        let trimmed = text::trim(self.source.text(), body.clone());
        for pair in tags.windows(2) {
            let [open, close] = pair else { continue };
            if open.close || !close.close {
                continue;
            }
            let word = text::trim(self.source.text(), open.range.end..close.range.start);
            if open.range.start == trimmed.start {
                return (close.range.end..body.end, Some(word));
            }
            if close.range.end == trimmed.end {
                return (body.start..open.range.start, Some(word));
            }
        }
        (body, None)
    }

    /// Between checks stand only white space, list markers and comments.
    fn only_checks(&self, words: &[Range<usize>], diags: &mut Diags) {
        for range in words {
            let range = text::trim(self.source.text(), range.clone());
            let raw = &self.source.text()[range.clone()];
            let comment = raw.starts_with("<!--") && raw.ends_with("-->");
            if !comment && !raw.chars().all(|c| c.is_whitespace() || matches!(c, '-' | '*' | '+')) {
                let len = raw.lines().next().unwrap_or_default().trim_end().len();
                diags.push(
                    Diag::error("bundle::not-a-check", "<done_when> holds text that is no check")
                        .at(&self.source.span(range.start, len), "would not be run")
                        .help("put each command into <check>…</check>"),
                );
            }
        }
    }
}

fn no_attributes(source: &Source, tag: &Tag, diags: &mut Diags) {
    for (key, _) in &tag.attributes {
        diags.push(
            Diag::error(
                "bundle::unknown-key",
                format!("'{}' is not an attribute of <{}>", key.value, tag.name),
            )
            .at(&key.span, "not known")
            .at(&tag.span(source), "this element has no attributes")
            .help("remove it"),
        );
    }
}

fn unknown_attribute(key: &Spanned<String>) -> Diag {
    let known = ["scope", "name", "timeout"];
    let diag = Diag::error("bundle::unknown-key", format!("'{}' is not an attribute of <check>", key.value))
        .at(&key.span, "not known")
        .suggest(key, known);
    if diag.help.is_some() { diag } else { diag.help("a check has: scope, name, timeout") }
}

fn unclosed(source: &Source, open: &Tag) -> Diag {
    Diag::error("bundle::unclosed-element", format!("<{}> has no end", open.name))
        .at(&open.span(source), "begins here")
        .help(format!("close it with </{}>, or put it in a code span if it is only mentioned", open.name))
}

fn stray_close(source: &Source, tag: &Tag) -> Diag {
    Diag::error("bundle::stray-element", format!("</{}> ends nothing", tag.name))
        .at(&tag.span(source), "no element is open here")
        .help("remove it, or put it in a code span if it is only mentioned")
}
