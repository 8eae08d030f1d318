//! What changed since earlier audits of the same scope. Deterministic: no agent is asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::qa::corpus::{AuditCorpus, EarlierAudit};
use crate::qa::effectiveness::{printed, scores};
use crate::qa::findings::{Severity, day};
use crate::qa::lesson::LessonStatus;
use crate::qa::reading::Counts;
use crate::report::table::table;
use crate::report::{code, markdown};

/// The section's heading.
pub const HEADING: &str = "Regression Analysis";
/// Below this a score is low.
const LOW: f64 = 0.3;
/// So many audits in a row of low scores are a pattern.
const LOW_AUDITS: usize = 3;
/// Earlier audits without which there is no trend.
const ENOUGH: usize = 2;

/// Where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Trend {
    Improving,
    Degrading,
    Stable,
    InsufficientData,
}

impl Trend {
    /// As reports say it.
    pub fn name(self) -> &'static str {
        match self {
            Trend::Improving => "Improving",
            Trend::Degrading => "Degrading",
            Trend::Stable => "Stable",
            Trend::InsufficientData => "Insufficient data",
        }
    }
}

/// How a figure moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Beyond the tolerance.
    Up,
    /// Beyond the tolerance.
    Down,
    /// Within it.
    Same,
}

/// One lesson over the audits.
#[derive(Debug, Clone, PartialEq)]
pub struct LessonTrend {
    /// The lesson.
    pub lesson_id: String,
    /// Its score in the newest earlier audit that has one.
    pub before: Option<f64>,
    /// Its score now.
    pub now: f64,
    /// How it moved.
    pub way: Way,
    /// Low in three audits or more, this one included.
    pub consistently_low: bool,
}

/// A problem that stands in several audits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecurringProblem {
    /// The problem.
    pub key: String,
    /// In how many audits, this one included.
    pub audits: usize,
    /// A lesson in force should have prevented it.
    pub despite: Option<String>,
}

/// The comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    /// How many earlier audits there are.
    pub earlier: usize,
    /// Findings of the last one.
    pub last: Option<Counts>,
    /// Findings now.
    pub now: Counts,
    /// By lesson.
    pub lessons: Vec<LessonTrend>,
    /// Problems in several audits, the most frequent first.
    pub problems: Vec<RecurringProblem>,
    /// The verdict.
    pub trend: Trend,
    /// How the mean of the lessons moved that both audits score.
    pub effectiveness: Way,
}

/// Compares what was found now with the earlier audits of the corpus.
pub fn analyse(corpus: &AuditCorpus, now: Counts) -> Regression {
    let earlier = &corpus.earlier;
    let last = earlier.last().map(|a| Counts { critical: a.critical, warning: a.warning, info: a.info });
    let lessons = lessons(corpus);
    let effectiveness = mean_way(corpus);
    let criticals = last.map_or(Way::Same, |last| count_way(last.critical, now.critical));
    let trend = match (criticals, effectiveness) {
        _ if earlier.len() < ENOUGH => Trend::InsufficientData,
        (Way::Up, _) | (_, Way::Down) => Trend::Degrading,
        (Way::Down, Way::Up) => Trend::Improving,
        _ => Trend::Stable,
    };
    Regression {
        earlier: earlier.len(),
        last,
        now,
        lessons,
        problems: problems(corpus),
        trend,
        effectiveness,
    }
}

/// One more or less is no movement.
pub fn count_way(before: u32, now: u32) -> Way {
    match i64::from(now) - i64::from(before) {
        2.. => Way::Up,
        ..=-2 => Way::Down,
        _ => Way::Same,
    }
}

/// A tenth more or less is no movement. In billionths, since a tenth is no binary fraction.
pub fn score_way(before: f64, now: f64) -> Way {
    match ((now - before) * 1e9).round() as i64 {
        100_000_001.. => Way::Up,
        ..=-100_000_001 => Way::Down,
        _ => Way::Same,
    }
}

fn lessons(corpus: &AuditCorpus) -> Vec<LessonTrend> {
    scores(corpus)
        .into_iter()
        .map(|scored| {
            let id = &scored.lesson.lesson_id;
            let now = scored.effectiveness.score;
            let past: Vec<f64> =
                corpus.earlier.iter().filter_map(|a| a.effectiveness.get(id).copied()).collect();
            let low = past.iter().chain([&now]).filter(|s| **s < LOW).count();
            let before = past.last().copied();
            LessonTrend {
                lesson_id: id.clone(),
                before,
                now,
                way: before.map_or(Way::Same, |b| score_way(b, now)),
                consistently_low: low >= LOW_AUDITS,
            }
        })
        .collect()
}

/// The mean score of the lessons that the last audit and this one both know.
fn mean_way(corpus: &AuditCorpus) -> Way {
    let Some(last) = corpus.earlier.last() else { return Way::Same };
    let pairs: Vec<(f64, f64)> = scores(corpus)
        .iter()
        .filter_map(|s| Some((*last.effectiveness.get(&s.lesson.lesson_id)?, s.effectiveness.score)))
        .collect();
    if pairs.is_empty() {
        return Way::Same;
    }
    let n = pairs.len() as f64;
    let (before, now) = pairs.iter().fold((0.0, 0.0), |(b, a), (x, y)| (b + x, a + y));
    score_way(before / n, now / n)
}

fn problems(corpus: &AuditCorpus) -> Vec<RecurringProblem> {
    let mut audits: BTreeMap<&str, usize> = BTreeMap::new();
    let distinct = |keys: Vec<&'_ String>| {
        let mut keys: Vec<String> = keys.into_iter().cloned().collect();
        keys.sort();
        keys.dedup();
        keys
    };
    let now = distinct(corpus.slices.iter().flat_map(|s| &s.problem_keys).collect());
    let past: Vec<Vec<String>> =
        corpus.earlier.iter().map(|a: &EarlierAudit| distinct(a.problem_keys.iter().collect())).collect();
    for key in past.iter().flatten().chain(&now) {
        *audits.entry(key).or_default() += 1;
    }
    let despite = |key: &str| {
        let in_force = corpus.lessons.iter().filter(|l| l.status == LessonStatus::Promoted);
        let here = now.iter().any(|k| k == key);
        in_force.filter(|_| here).find(|l| l.problem_key == key).map(|l| l.lesson_id.clone())
    };
    let mut found: Vec<RecurringProblem> = audits
        .into_iter()
        .filter(|(_, n)| *n > 1)
        .map(|(key, audits)| RecurringProblem { key: key.to_owned(), audits, despite: despite(key) })
        .collect();
    found.sort_by_key(|p| std::cmp::Reverse((p.despite.is_some(), p.audits)));
    found
}

impl Regression {
    /// One line: the trend and why.
    pub fn line(&self) -> String {
        if self.earlier == 0 {
            return "First audit for this scope -- baseline established.".to_owned();
        }
        format!("{}: {}", self.trend.name(), self.why())
    }

    fn why(&self) -> String {
        let criticals = match self.last {
            Some(last) => format!("critical findings from {} to {}", last.critical, self.now.critical),
            None => "no earlier counts".to_owned(),
        };
        let effect = match self.effectiveness {
            Way::Up => "lesson effectiveness up",
            Way::Down => "lesson effectiveness down",
            Way::Same => "lesson effectiveness unchanged",
        };
        match self.trend {
            Trend::InsufficientData => {
                format!("{} earlier, {ENOUGH} are needed; {criticals}, {effect}", self.earlier)
            }
            _ => format!("{criticals}, {effect}"),
        }
    }

    /// The section's text.
    pub fn section(&self, corpus: &AuditCorpus) -> String {
        let Some(last) = self.last else { return format!("{}\n", self.line()) };
        let mut text = "### Findings\n\n".to_owned();
        let row = |severity: Severity| {
            let (before, now) = (last.of(severity), self.now.of(severity));
            vec![
                severity.name().to_owned(),
                before.to_string(),
                now.to_string(),
                direction(count_way(before, now)).to_owned(),
            ]
        };
        text.push_str(&table(&["severity", "last audit", "now", "direction"], Severity::ALL.map(row)));
        text.push_str("\n### Lessons\n\n");
        text.push_str(&table(
            &["lesson", "last audit", "now", "direction"],
            self.lessons.iter().map(lesson_row),
        ));
        text.push_str("\n### Recurring problems\n\n");
        if self.problems.is_empty() {
            text.push_str("No problem stands in more than one audit.\n");
        }
        for problem in &self.problems {
            let despite = problem.despite.as_ref();
            let flag =
                despite.map_or_else(String::new, |id| format!(", despite the promoted lesson {}", code(id)));
            let _ = writeln!(text, "- {} in {} audits{flag}", code(&problem.key), problem.audits);
        }
        let from: Vec<String> = corpus
            .earlier
            .iter()
            .map(|a| format!("{} ({})", markdown(&a.audit_run_id), day(&a.at)))
            .collect();
        let _ = write!(text, "\n### Trend\n\n{}.\n\nCompared with: {}.\n", self.line(), from.join(", "));
        text
    }
}

/// As tables of counts say it: fewer findings are better.
pub fn direction(way: Way) -> &'static str {
    match way {
        Way::Up => "increasing (degrading)",
        Way::Down => "decreasing (improving)",
        Way::Same => "stable",
    }
}

fn lesson_row(lesson: &LessonTrend) -> Vec<String> {
    let moved = match (lesson.before, lesson.way) {
        (None, _) => "new",
        (_, Way::Up) => "improving",
        (_, Way::Down) => "declining",
        (_, Way::Same) => "stable",
    };
    let low = if lesson.consistently_low { ", consistently low" } else { "" };
    vec![
        code(&lesson.lesson_id),
        lesson.before.map_or_else(|| "–".to_owned(), printed),
        printed(lesson.now),
        format!("{moved}{low}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qa::testing::{corpus, earlier};

    fn counts(critical: u32) -> Counts {
        Counts { critical, warning: 3, info: 1 }
    }

    fn trend(last_critical: u32, last_score: f64, now: u32) -> Trend {
        let mut corpus = corpus();
        // L-2 scores 0.81 now, L-1 0.00.
        corpus.earlier = vec![
            earlier(1, [9, 0, 0], &[], &[]),
            earlier(2, [last_critical, 3, 1], &[("L-1", 0.0), ("L-2", last_score)], &[]),
        ];
        analyse(&corpus, counts(now)).trend
    }

    #[test]
    fn tolerances_are_one_finding_and_a_tenth() {
        assert_eq!(
            [3, 4, 5, 6, 7].map(|now| count_way(5, now)),
            [Way::Down, Way::Same, Way::Same, Way::Same, Way::Up]
        );
        assert_eq!(score_way(0.7, 0.8), Way::Same);
        assert_eq!(score_way(0.3, 0.2), Way::Same);
        assert_eq!(score_way(0.3, 0.41), Way::Up);
        assert_eq!(score_way(0.5, 0.39), Way::Down);
    }

    #[test]
    fn criticals_and_effectiveness_decide() {
        assert_eq!(trend(4, 0.5, 2), Trend::Improving);
        assert_eq!(trend(3, 0.5, 2), Trend::Stable);
        assert_eq!(trend(4, 0.81, 2), Trend::Stable);
        assert_eq!(trend(2, 0.5, 4), Trend::Degrading);
        assert_eq!(trend(2, 0.81, 3), Trend::Stable);
        // The mean of two lessons: a fall of 0.3 in one is 0.15 in both.
        assert_eq!(trend(9, 0.99, 2), Trend::Stable);
        let mut corpus = corpus();
        corpus.lessons.remove(0);
        corpus.earlier = vec![earlier(1, [2, 0, 0], &[], &[]), earlier(2, [9, 0, 0], &[("L-2", 0.92)], &[])];
        assert_eq!(analyse(&corpus, counts(2)).trend, Trend::Degrading);
    }

    #[test]
    fn one_earlier_audit_is_no_trend_and_none_is_a_beginning() {
        let mut corpus = corpus();
        let first = analyse(&corpus, counts(2));
        assert_eq!(first.section(&corpus), "First audit for this scope -- baseline established.\n");
        corpus.earlier = vec![earlier(1, [9, 0, 0], &[], &[])];
        let second = analyse(&corpus, counts(2));
        assert_eq!(second.trend, Trend::InsufficientData);
        assert!(second.line().starts_with("Insufficient data: 1 earlier, 2 are needed"), "{}", second.line());
    }

    #[test]
    fn the_section_shows_counts_lessons_and_recurring_problems() {
        let mut corpus = corpus();
        let keys = ["check:cargo test", "check:old"];
        corpus.earlier = vec![
            earlier(1, [1, 2, 0], &[("L-1", 0.1)], &keys),
            earlier(2, [4, 3, 4], &[("L-1", 0.2), ("L-2", 0.6)], &keys),
        ];
        insta::assert_snapshot!(analyse(&corpus, counts(2)).section(&corpus));
    }
}
