//! The parts of a prompt that are written as Markdown sections.

use std::ops::Range;

use super::elements::Elements;
use super::mask::Mask;
use super::part::{Content, PARTS, PartAt};
use crate::bundle::blocks::{BlockKind, outline};
use crate::bundle::checks::checks;
use crate::bundle::heading::{self, Match};
use crate::bundle::model::Check;
use crate::bundle::record::{self, command_lines};
use crate::bundle::value::Value;
use crate::bundle::{sections, text};
use crate::diag::{Diag, Diags, Source, Span};

/// A heading line.
struct Heading {
    level: usize,
    text: Range<usize>,
    /// The line (both lines of an underlined one).
    line: Range<usize>,
    part: Option<&'static str>,
}

/// Finds the sections outside of `elements`.
pub(super) fn find(source: &Source, mask: &Mask, elements: &Elements, diags: &mut Diags) -> Vec<PartAt> {
    let headings = headings(source, mask, elements, diags);
    let mut parts = Vec::new();
    for (i, heading) in headings.iter().enumerate() {
        let Some(name) = heading.part else { continue };
        let later = headings.iter().skip(i + 1);
        let next = later.into_iter().find(|h| h.part.is_some() || h.level <= heading.level);
        let end = next.map_or(source.text().len(), |h| h.line.start);
        let after = elements.stops.partition_point(|(at, _)| *at < heading.line.end);
        let stop = elements.stops.get(after).filter(|(at, _)| *at < end);
        let body = text::trim(source.text(), heading.line.end..stop.map_or(end, |(at, _)| *at));
        // A heading right above the element of the same part only decorates it.
        if body.is_empty() && stop.is_some_and(|(_, tag)| *tag == name || *tag == "scope_envelope") {
            continue;
        }
        let at = source.span(heading.text.start, heading.text.len());
        let content = match name {
            "done_when" => Content::Checks(commands(source, body, diags)),
            _ => Content::Text(body),
        };
        parts.push(PartAt { name, at, content });
    }
    parts
}

fn headings(source: &Source, mask: &Mask, elements: &Elements, diags: &mut Diags) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    let mut before: Option<Range<usize>> = None;
    for line in &mask.lines {
        let within = elements.inside.partition_point(|r| r.end <= line.start);
        if elements.inside.get(within).is_some_and(|r| r.start <= line.start) {
            before = None;
            continue;
        }
        let heading = atx(source, line).or_else(|| underlined(source, before.as_ref()?, line));
        before = Some(line.clone());
        let Some(mut heading) = heading else { continue };
        let span = source.span(heading.text.start, heading.text.len());
        match heading::matches(span.text(), &PARTS) {
            Match::Exact(name) => heading.part = Some(name),
            Match::Near(name) => diags.push(heading::near(&span, name)),
            Match::None => {}
        }
        found.push(heading);
    }
    found
}

/// `## text`.
fn atx(source: &Source, line: &Range<usize>) -> Option<Heading> {
    let raw = &source.text()[line.clone()];
    let body = raw.trim_start_matches(' ');
    let level = body.bytes().take_while(|b| *b == b'#').count();
    let title = body.get(level..)?;
    if raw.len() - body.len() > 3 || !(1..=6).contains(&level) || !title.starts_with([' ', '\t']) {
        return None;
    }
    let start = line.end - title.len();
    let range = text::trim(source.text(), start..line.end);
    let bare = source.text()[range.clone()].trim_end_matches('#').trim_end().len();
    Some(Heading { level, text: range.start..range.start + bare, line: line.clone(), part: None })
}

/// A part's name with a line of `=` or `-` below it. Others are not looked for: a prompt
/// uses rules, and only the name of a part ends one.
fn underlined(source: &Source, title: &Range<usize>, line: &Range<usize>) -> Option<Heading> {
    let rule = source.text()[line.clone()].trim();
    let level = match rule.chars().next()? {
        '=' => 1,
        '-' => 2,
        _ => return None,
    };
    let mark = rule.chars().next()?;
    let text = text::trim(source.text(), title.clone());
    let exact = matches!(heading::matches(&source.text()[text.clone()], &PARTS), Match::Exact(_));
    (exact && title.end == line.start && rule.chars().all(|c| c == mark)).then_some(Heading {
        level,
        text,
        line: title.start..line.end,
        part: None,
    })
}

/// The commands of a `Done when` section: a list of code spans, or fenced shell lines.
fn commands(source: &Source, body: Range<usize>, diags: &mut Diags) -> Vec<Check> {
    let mut found = Vec::new();
    for block in outline(source.text(), body) {
        match &block.kind {
            BlockKind::List(items) => {
                for item in items {
                    let raw = &source.text()[item.head.clone()];
                    if !raw.starts_with('`') || !item.blocks.is_empty() {
                        diags.push(not_code(&record::head_span(source, item)));
                        continue;
                    }
                    let value = Value::raw(source, item.head.clone());
                    found.extend(checks(std::iter::once(&value), diags));
                }
            }
            BlockKind::Fence { info, body, .. } if is_shell(info) => {
                for value in command_lines(source, body.clone()) {
                    found.extend(plain(&value));
                }
            }
            BlockKind::Paragraph | BlockKind::Comment | BlockKind::Rule | BlockKind::Heading { .. } => {
                if let Some(diag) = sections::broken_table(source, &block) {
                    diags.push(diag);
                }
            }
            _ => diags.push(record::not_understood(
                source,
                &block,
                "write the commands as a list of code spans, or as the lines of a fenced sh block",
            )),
        }
    }
    found
}

/// A line of a fence is the command itself: no marker is read in it.
fn plain(value: &Value) -> Option<Check> {
    let command = value.written()?.into_owned();
    let command = crate::diag::Spanned::new(command, value.span.clone());
    Some(Check { command, scope: crate::bundle::model::CheckScope::Worktree, name: None, timeout: None })
}

fn is_shell(info: &str) -> bool {
    let word = info.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    matches!(word.as_str(), "" | "sh" | "bash" | "shell" | "zsh")
}

fn not_code(span: &Span) -> Diag {
    Diag::error("bundle::not-a-check", "an item of 'Done when' is no command")
        .at(span, "expected a code span")
        .help("write each command as a list item of its own in a code span: - `command`")
}
