//! Earlier audit reports in `docs/audits/`: what regression needs of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::qa::corpus::model::EarlierAudit;

/// Relative to the root.
pub const PLACE: &str = "docs/audits";

/// The day in a report's name, if it is one of this scope: `YYYY-MM-DD-<short>.md`, or with a
/// number where a day has several.
pub fn day_of(name: &str, short: &str) -> Option<String> {
    let (day, rest) = name.strip_suffix(".md")?.split_at_checked(10)?;
    day.parse::<jiff::civil::Date>().ok()?;
    let number = rest.strip_prefix('-')?.strip_prefix(short)?;
    let own = number.is_empty()
        || number.strip_prefix('-').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    own.then(|| day.to_owned())
}

/// Reads a report. Finding counts come from the headings of the Findings, scores from the
/// table of lessons, problem keys from every table that has such a column.
pub fn read(path: &str, day: &str, text: &str) -> EarlierAudit {
    let mut found = EarlierAudit {
        audit_run_id: path.to_owned(),
        at: format!("{day}T00:00:00.000Z"),
        critical: count(text, "Critical"),
        warning: count(text, "Warning"),
        info: count(text, "Info"),
        effectiveness: BTreeMap::new(),
        problem_keys: Vec::new(),
    };
    let mut keys = BTreeSet::new();
    let mut section = "";
    let mut columns: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.trim();
        }
        let Some(cells) = cells(line) else {
            columns.clear();
            continue;
        };
        if columns.is_empty() {
            columns = cells.iter().map(|c| c.to_lowercase().replace([' ', '-'], "_")).collect();
            continue;
        }
        if cells.iter().all(|c| c.bytes().all(|b| b == b'-' || b == b':')) {
            continue; // The line below a head.
        }
        let cell = |names: &[&str]| {
            let at = columns.iter().position(|c| names.contains(&c.as_str()))?;
            cells.get(at).filter(|c| !c.is_empty())
        };
        keys.extend(cell(&["problem_key"]).cloned());
        if section == "Lesson Effectiveness"
            && let Some(id) = cell(&["lesson", "lesson_id"])
            && let Some(score) = cell(&["score", "effectiveness", "effectiveness_score"])
            && let Ok(score) = score.parse::<f64>()
        {
            found.effectiveness.insert(id.clone(), score);
        }
    }
    found.problem_keys = keys.into_iter().collect();
    found
}

/// The number in `### Critical (3)`.
fn count(text: &str, severity: &str) -> u32 {
    let heading = format!("### {severity} (");
    let number = text.lines().find_map(|l| l.strip_prefix(&heading)?.split_once(')'));
    number.and_then(|(n, _)| n.parse().ok()).unwrap_or(0)
}

/// The cells of a row of a table, without markup; `None` for any other line.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    // A pipe inside of a cell is escaped.
    let marked = inner.replace("\\|", "\u{1}");
    let clean = |cell: &str| {
        let text = cell.replace('\u{1}', "|").trim().to_owned();
        let bare = text.trim_matches('`').trim_matches('*').trim();
        bare.replace("\\_", "_")
            .replace("\\*", "*")
            .replace("\\#", "#")
            .replace("\\[", "[")
            .replace("\\]", "]")
    };
    Some(marked.split('|').map(clean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reports_of_the_scope_are_taken() {
        for (name, day) in [
            ("2026-01-02-app.md", Some("2026-01-02")),
            ("2026-01-02-app-2.md", Some("2026-01-02")),
            ("2026-01-02-app-eff.md", None),
            ("2026-01-02-application.md", None),
            ("2026-13-02-app.md", None),
            ("2026-01-02.md", None),
            ("notes.md", None),
            ("2026-01-0ä-app.md", None),
        ] {
            assert_eq!(day_of(name, "app").as_deref(), day, "{name}");
        }
    }

    #[test]
    fn counts_scores_and_keys_are_read() {
        let text = "# Audit\n## Findings\n### Critical (2)\n### Warning (0)\n### Info (11)\n\
            ## Failure Analysis\n\n| slice | problem_key |\n|---|---|\n| a | `check: x \\| y` |\n\n\
            ## Lesson Effectiveness\n\n| lesson | problem key | score | label |\n|---|---|---|---|\n\
            | L-1 | check: x | 0.83 | highly effective |\n| L\\_2 | k | unproven | – |\n";
        let found = read("docs/audits/2026-01-02-app.md", "2026-01-02", text);
        assert_eq!((found.critical, found.warning, found.info), (2, 0, 11));
        assert_eq!(found.effectiveness, BTreeMap::from([("L-1".to_owned(), 0.83)]));
        assert_eq!(found.problem_keys, ["check: x", "check: x | y", "k"]);
        assert_eq!(found.at, "2026-01-02T00:00:00.000Z");
    }
}
