//! Lesson effectiveness: every lesson in force stands there with the score of the formula.

use super::{Criterion, Fault, Read};
use crate::qa::effectiveness::{printed, scores};
use crate::qa::sections;

pub(super) const CRITERION: Criterion = Criterion {
    question: "Is there evidence for each promoted lesson that it prevented recurrence, or did not?",
    pass: "Every lesson in force has a score by the graduated formula, and says in which slices its problem came back.",
    fail: "A lesson has no score, no look at recurrence, or no judgement.",
};

const SECTION: &str = "Lesson Effectiveness";

pub(super) fn decide(read: &Read<'_>) -> Option<Fault> {
    let body = sections::body(read.report, SECTION).unwrap_or_default();
    let rows = rows(body);
    for scored in scores(read.corpus) {
        let (id, want) = (&scored.lesson.lesson_id, printed(scored.effectiveness.score));
        let of: Vec<&Row<'_>> = rows.iter().filter(|r| r.names(id)).collect();
        let said: Vec<&str> = of.iter().flat_map(|r| r.scores()).collect();
        if of.is_empty() || said.is_empty() {
            return Some(Fault::new(
                format!("lesson {id} has no score"),
                SECTION,
                "every lesson in force is scored with the formula",
            ));
        }
        let wrong = of.iter().find(|row| !row.holds(&want));
        if let Some(row) = wrong {
            let said = row.scores().first().copied().unwrap_or("nothing").to_owned();
            return Some(Fault::new(
                format!("the score of lesson {id} is {want}, not {said}"),
                SECTION,
                "the formula gives another figure",
            ));
        }
    }
    None
}

/// A line of the section; of a table, with the place of its column of scores.
struct Row<'a> {
    line: &'a str,
    column: Option<usize>,
}

fn rows(body: &str) -> Vec<Row<'_>> {
    let mut column = None;
    let mut rows = Vec::new();
    for line in body.lines() {
        if !line.trim_start().starts_with('|') {
            column = None;
        } else if column.is_none() {
            let is_score = |cell: &&str| {
                let cell = cell.to_lowercase();
                cell == "score" || cell.contains("effectiveness")
            };
            column = cells(line).iter().position(is_score);
            continue;
        }
        rows.push(Row { line, column });
    }
    rows
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.trim().trim_matches('|');
    // An escaped pipe stands inside of a cell.
    let ends = |at: &usize| !inner[..*at].ends_with('\\');
    let places: Vec<usize> = inner.match_indices('|').map(|(at, _)| at).filter(ends).collect();
    let starts = std::iter::once(0).chain(places.iter().map(|at| at + 1));
    let stops = places.iter().copied().chain([inner.len()]);
    starts.zip(stops).map(|(from, to)| inner[from..to].trim().trim_matches(['`', '*']).trim()).collect()
}

impl<'a> Row<'a> {
    fn names(&self, id: &str) -> bool {
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '_');
        self.line.match_indices(id).any(|(at, _)| {
            edge(self.line[..at].chars().next_back()) && edge(self.line[at + id.len()..].chars().next())
        })
    }

    /// Figures that are scores: of its column, else every decimal fraction of the line.
    fn scores(&self) -> Vec<&'a str> {
        let fraction = |t: &&str| t.contains('.') && t.parse::<f64>().is_ok();
        match self.column {
            Some(n) => {
                cells(self.line).get(n).copied().filter(|c| c.parse::<f64>().is_ok()).into_iter().collect()
            }
            None => {
                let parts = self.line.split(|c: char| !c.is_ascii_digit() && c != '.');
                parts.map(|t| t.trim_end_matches('.')).filter(fraction).collect()
            }
        }
    }

    fn holds(&self, want: &str) -> bool {
        let scores = self.scores();
        // A line of prose may say more about a lesson than its score.
        scores.contains(&want) || (self.column.is_none() && scores.is_empty())
    }
}
