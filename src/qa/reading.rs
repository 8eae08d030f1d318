//! A report read back: its findings and their counts. Pure and forgiving about form, since
//! agents rewrite sections.

use crate::qa::findings::Severity;
use crate::qa::sections;

/// A finding as it stands in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFinding {
    /// Its number: 1 of `F-1`.
    pub number: u32,
    /// By the heading that it stands under.
    pub severity: Severity,
    /// The rest of its first line.
    pub title: String,
    /// All of its lines, the first included.
    pub text: String,
}

/// How many there are of each severity.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[allow(missing_docs)]
pub struct Counts {
    pub critical: u32,
    pub warning: u32,
    pub info: u32,
}

impl Counts {
    /// Those of one severity.
    pub fn of(self, severity: Severity) -> u32 {
        match severity {
            Severity::Critical => self.critical,
            Severity::Warning => self.warning,
            Severity::Info => self.info,
        }
    }
}

/// The findings of a report. One that stands before any severity's heading is a warning.
pub fn findings(report: &str) -> Vec<ReadFinding> {
    let mut found: Vec<ReadFinding> = Vec::new();
    let mut severity = Severity::Warning;
    let mut open = false;
    let mut fence = Fence::default();
    for line in sections::body(report, "Findings").unwrap_or_default().lines() {
        let code = fence.take(line);
        if !code && let Some(next) = severity_heading(line) {
            severity = next;
            open = false;
            continue;
        }
        match finding_line(line).filter(|(n, _)| !code && !found.iter().any(|f| f.number == *n)) {
            Some((number, title)) => {
                found.push(ReadFinding { number, severity, title: title.to_owned(), text: line.to_owned() });
                open = true;
            }
            None if open => {
                if let Some(last) = found.last_mut() {
                    last.text.push('\n');
                    last.text.push_str(line);
                }
            }
            None => {}
        }
    }
    found
}

/// How many findings a report has, of each severity.
pub fn counts(found: &[ReadFinding]) -> Counts {
    let of =
        |severity| u32::try_from(found.iter().filter(|f| f.severity == severity).count()).unwrap_or(u32::MAX);
    Counts { critical: of(Severity::Critical), warning: of(Severity::Warning), info: of(Severity::Info) }
}

/// The report with the numbers in its severity headings made those of the findings under them.
pub fn with_true_counts(report: &str) -> String {
    let counts = counts(&findings(report));
    let Some(section) = sections::sections(report).into_iter().find(|s| s.heading == "Findings") else {
        return report.to_owned();
    };
    let mut fence = Fence::default();
    let mut text = String::with_capacity(report.len());
    for line in report[section.range.clone()].split_inclusive('\n') {
        let code = fence.take(line);
        match severity_heading(line).filter(|_| !code) {
            Some(severity) => {
                text.push_str(&format!("### {} ({})\n", severity.title(), counts.of(severity)));
            }
            None => text.push_str(line),
        }
    }
    format!("{}{text}{}", &report[..section.range.start], &report[section.range.end..])
}

/// Fenced code: whether a line is in it, or opens or ends it.
#[derive(Default)]
struct Fence(Option<(char, usize)>);

impl Fence {
    fn take(&mut self, line: &str) -> bool {
        let line = line.trim();
        let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run = mark.map_or(0, |m| line.chars().take_while(|c| *c == m).count());
        match (self.0, mark) {
            (None, Some(mark)) if run >= 3 => self.0 = Some((mark, run)),
            (None, _) => return false,
            (Some((open, least)), Some(mark)) if mark == open && run >= least && line.len() == run => {
                self.0 = None
            }
            _ => {}
        }
        true
    }
}

fn severity_heading(line: &str) -> Option<Severity> {
    let text = line.trim().strip_prefix("###").filter(|t| !t.starts_with('#'))?.trim().to_lowercase();
    let word = text.split(|c: char| !c.is_alphanumeric()).next()?;
    Severity::ALL.into_iter().find(|s| s.name() == word)
}

/// `F-3` at the beginning of a line, behind any marks of a list, heading, table or emphasis.
fn finding_line(line: &str) -> Option<(u32, &str)> {
    let text = line.trim_start_matches(|c: char| c.is_whitespace() || "#-*+|>`[_".contains(c));
    let rest = text.strip_prefix("F-")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest[..digits].parse().ok()?;
    let rest = &rest[digits..];
    let edge = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
    let rest = rest.strip_prefix('`').filter(|_| line.contains("`F-")).unwrap_or(rest);
    let title = rest.trim_matches(|c: char| c.is_whitespace() || ":*]|.".contains(c));
    edge.then_some((number, title))
}

/// The numbers of findings that `text` refers to.
pub fn cited(text: &str) -> Vec<u32> {
    let at_edge = |at: usize| text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '-');
    let found = text.match_indices("F-").filter(|(at, _)| at_edge(*at)).filter_map(|(at, _)| {
        let digits: String = text[at + 2..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "## Findings\n\n### Critical (7)\n\n#### F-1: one\n\n- Evidence: x\n- F-1 again\n\n\
        ```\nF-9: not one\n### Info (3)\n```\n\n### Warning (0)\n\n- **F-2**: two\n| F-3 | three |\n\n### Info\n\nNone.\n\n## Next\n\nF-8: no\n";

    #[test]
    fn findings_are_read_in_any_form_they_are_likely_to_have() {
        let found = findings(REPORT);
        let told: Vec<_> = found.iter().map(|f| (f.number, f.severity.name(), f.title.as_str())).collect();
        assert_eq!(told, [(1, "critical", "one"), (2, "warning", "two"), (3, "warning", "three")]);
        assert!(found[0].text.contains("F-9: not one") && !found[0].text.contains("F-2"));
        assert_eq!(counts(&found), Counts { critical: 1, warning: 2, info: 0 });
    }

    #[test]
    fn headings_are_made_to_say_what_stands_under_them() {
        let text = with_true_counts(REPORT);
        assert!(text.contains("### Critical (1)\n") && text.contains("### Warning (2)\n"));
        assert!(
            text.contains("```\nF-9: not one\n### Info (3)\n```") && text.contains("### Info (0)\n\nNone.")
        );
        assert_eq!(with_true_counts(&text), text);
    }

    #[test]
    fn a_title_keeps_its_code_spans() {
        let title = |line| finding_line(line).map(|(_, title)| title);
        assert_eq!(title("#### F-1: 2 slices failed at `blocked`"), Some("2 slices failed at `blocked`"));
        assert_eq!(title("- **F-2**: `a: #` was cured"), Some("`a: #` was cured"));
        assert_eq!(title("- `F-3` three"), Some("three"));
        assert_eq!(title("- [`F-4`] four"), Some("four"));
    }

    #[test]
    fn references_to_findings_are_numbers() {
        assert_eq!(cited("F-1, (F-12) and PDF-3 or F-x"), [1, 12]);
    }
}
