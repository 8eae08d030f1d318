//! The level-2 sections of a Markdown report: where they are, and replacing one of them so
//! that nothing else moves. Pure. Headings inside of lists, quotes and fences are none.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag};

use crate::base::text::neutral;

/// Longest text that a section may be given, in bytes.
const LIMIT: usize = 1024 * 1024;

/// A piece of a report: from one heading of level 1 or 2 to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'a> {
    /// 1 or 2; 0 for what stands before the first.
    pub level: u8,
    /// The heading's text as it stands, without its marks.
    pub heading: &'a str,
    /// Where the heading begins and the piece ends, in bytes.
    pub range: Range<usize>,
    /// The piece without its heading.
    pub body: &'a str,
}

/// An edit that is not one edit of one section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No level-2 heading has this text.
    #[error("it names no section of the report: '{0}'")]
    NoSection(String),
    /// Several have.
    #[error("the report has several sections named '{0}'")]
    Ambiguous(String),
    /// The section says what it said before.
    #[error("it changes nothing in '{0}'")]
    Nothing(String),
    /// Other sections would appear, vanish or change.
    #[error("it changes more than the section '{0}'")]
    Spills(String),
    /// It is beyond any sensible size.
    #[error("the section '{0}' would have more than 1 MiB")]
    TooLong(String),
}

/// Every piece of a report, in order; joined, their ranges are the whole text.
pub fn pieces(text: &str) -> Vec<Section<'_>> {
    let mut pieces = Vec::new();
    let heads = headings(text);
    let first = heads.first().map_or(text.len(), |h| h.0.start);
    if first > 0 {
        pieces.push(Section { level: 0, heading: "", range: 0..first, body: &text[..first] });
    }
    for (n, (range, level)) in heads.iter().enumerate() {
        let end = heads.get(n + 1).map_or(text.len(), |h| h.0.start);
        pieces.push(Section {
            level: *level,
            heading: bare(&text[range.clone()]),
            range: range.start..end,
            body: &text[range.end..end],
        });
    }
    pieces
}

/// The level-2 sections alone.
pub fn sections(text: &str) -> Vec<Section<'_>> {
    pieces(text).into_iter().filter(|p| p.level == 2).collect()
}

/// The body of the section with this heading.
pub fn body<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    sections(text).into_iter().find(|s| s.heading == heading).map(|s| s.body)
}

/// The report with the named section's text replaced. `content` may begin with the
/// section's own heading.
///
/// # Errors
/// It would be anything but one edit of one section.
pub fn replace(text: &str, heading: &str, content: &str) -> Result<String, EditError> {
    let heading = bare(heading.trim());
    let named = || heading.to_owned();
    if content.len() > LIMIT {
        return Err(EditError::TooLong(named()));
    }
    let all = sections(text);
    let mut found = all.iter().filter(|s| s.heading == heading);
    let section = found.next().ok_or_else(|| EditError::NoSection(named()))?;
    if found.next().is_some() {
        return Err(EditError::Ambiguous(named()));
    }
    let content = neutral(&content.replace("\r\n", "\n"));
    let content = without_heading(&content, heading);
    if content.split_whitespace().eq(section.body.split_whitespace()) {
        return Err(EditError::Nothing(named()));
    }
    let line_end = section.range.end - section.body.len();
    let head = text[section.range.start..line_end].trim_end();
    let blank = if section.range.end == text.len() { "" } else { "\n" };
    let piece = format!("{head}\n\n{}\n{blank}", content.trim());
    let edited = format!("{}{piece}{}", &text[..section.range.start], &text[section.range.end..]);
    confined(text, &edited, heading)?;
    Ok(edited)
}

/// Holds an edit to one section: the same headings in the same order, everything outside of
/// the named one byte for byte as it was.
///
/// # Errors
/// It is not.
pub fn confined(before: &str, after: &str, heading: &str) -> Result<(), EditError> {
    let (old, new) = (pieces(before), pieces(after));
    let same = |(o, n): (&Section<'_>, &Section<'_>)| {
        (o.level, o.heading) == (n.level, n.heading)
            && ((o.level == 2 && o.heading == heading) || before[o.range.clone()] == after[n.range.clone()])
    };
    let confined = old.len() == new.len() && old.iter().zip(&new).all(same);
    confined.then_some(()).ok_or_else(|| EditError::Spills(heading.to_owned()))
}

/// The report with a section that stands before `before`, or at the end; one of the same
/// heading is replaced.
pub fn upsert(text: &str, heading: &str, content: &str, before: &str) -> String {
    let all = sections(text);
    let piece = format!("## {heading}\n\n{}\n\n", content.trim());
    let (start, end) = match all.iter().find(|s| s.heading == heading) {
        Some(old) => (old.range.start, old.range.end),
        None => {
            let at = all.iter().find(|s| s.heading == before).map_or(text.len(), |s| s.range.start);
            (at, at)
        }
    };
    let head = &text[..start];
    let gap = if head.is_empty() || head.ends_with("\n\n") { "" } else { "\n" };
    let joined = format!("{head}{gap}{piece}{}", &text[end..]);
    format!("{}\n", joined.trim_end())
}

fn without_heading<'a>(content: &'a str, heading: &str) -> &'a str {
    let start = content.trim_start();
    let (first, rest) = start.split_once('\n').unwrap_or((start, ""));
    if first.starts_with("##") && !first.starts_with("###") && bare(first) == heading {
        rest
    } else {
        content
    }
}

/// A heading without `#` before and after it, or without the line under it.
fn bare(heading: &str) -> &str {
    let line = heading.trim().lines().next().unwrap_or_default().trim();
    let text = line.trim_start_matches('#').trim();
    let cut = text.trim_end_matches('#');
    if cut.is_empty() || cut.ends_with([' ', '\t']) { cut.trim_end() } else { text }
}

/// Headings of level 1 and 2 that stand outside of everything, with their levels.
fn headings(text: &str) -> Vec<(Range<usize>, u8)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                match level {
                    HeadingLevel::H1 => found.push((range, 1)),
                    HeadingLevel::H2 => found.push((range, 2)),
                    _ => {}
                }
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
