//! How well a promoted lesson works: one formula, its labels and what they mean. Pure.

use jiff::Timestamp;

use crate::qa::corpus::AuditCorpus;
use crate::qa::lesson::{Lesson, LessonStatus};

/// Days after which a lesson without news counts for as little as it ever will.
const HORIZON_DAYS: i64 = 180;
/// A tenth of the horizon: time takes at most nine tenths away.
const FLOOR_DAYS: i64 = HORIZON_DAYS / 10;
/// Opportunities from which on silence counts in full.
const ENOUGH: usize = 3;

/// What the formula takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs {
    /// The problem came back after the promotion.
    pub recurred: bool,
    /// Whole days since the promotion; what lies in the future counts as 0.
    pub days: i64,
    /// Later slices of the same repository and verifier type.
    pub opportunities: usize,
    /// The lesson's own, 0 to 1; what lies outside is cut.
    pub confidence: f64,
}

/// A score with its factors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effectiveness {
    /// Their product, 0 to 1.
    pub score: f64,
    /// 1 if the problem has not come back, else 0.
    pub base: f64,
    /// `max(0.1, 1 - days / 180)`.
    pub time_decay: f64,
    /// `min(1, opportunities / 3)`.
    pub opportunity: f64,
    /// The lesson's confidence.
    pub confidence: f64,
}

/// `base * time_decay * opportunity * confidence`. The whole numbers are multiplied before
/// anything is divided, so that a score on the edge of a label is on it exactly.
pub fn effectiveness(inputs: Inputs) -> Effectiveness {
    let left = (HORIZON_DAYS - inputs.days.max(0)).max(FLOOR_DAYS) as f64;
    let chances = inputs.opportunities.min(ENOUGH) as f64;
    let confidence = if inputs.confidence.is_nan() { 0.0 } else { inputs.confidence.clamp(0.0, 1.0) };
    let base = if inputs.recurred { 0.0 } else { 1.0 };
    Effectiveness {
        score: base * left * chances * confidence / (HORIZON_DAYS as f64 * ENOUGH as f64),
        base,
        time_decay: left / HORIZON_DAYS as f64,
        opportunity: chances / ENOUGH as f64,
        confidence,
    }
}

/// What a score is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Label {
    Highly,
    Moderately,
    Weakly,
    Ineffective,
}

impl Label {
    /// The label of a score, compared as it is, not as it is printed.
    pub fn of(score: f64) -> Label {
        match score {
            s if s >= 0.8 => Label::Highly,
            s if s >= 0.5 => Label::Moderately,
            s if s >= 0.2 => Label::Weakly,
            _ => Label::Ineffective,
        }
    }

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Label::Highly => "highly effective",
            Label::Moderately => "moderately effective",
            Label::Weakly => "weakly effective",
            Label::Ineffective => "ineffective",
        }
    }

    /// What follows from it. Nothing is known of a lesson that could not show itself.
    pub fn meaning(self, opportunities: usize) -> &'static str {
        match self {
            _ if opportunities == 0 => "unproven",
            Label::Highly => "working as intended",
            Label::Moderately => "may need refinement",
            Label::Weakly => "not reliably preventing recurrence",
            Label::Ineffective => "review for retirement or revision",
        }
    }
}

/// A lesson in force, with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored<'a> {
    /// The lesson.
    pub lesson: &'a Lesson,
    /// Its score.
    pub effectiveness: Effectiveness,
    /// What the formula took.
    pub inputs: Inputs,
    /// Slices in which the problem came back.
    pub recurred_in: &'a [String],
}

impl Scored<'_> {
    /// Its label.
    pub fn label(&self) -> Label {
        Label::of(self.effectiveness.score)
    }

    /// What the label means here.
    pub fn meaning(&self) -> &'static str {
        self.label().meaning(self.inputs.opportunities)
    }
}

/// Every promoted lesson of the corpus with its score at the time of the query, by id.
pub fn scores(corpus: &AuditCorpus) -> Vec<Scored<'_>> {
    let promoted = corpus.lessons.iter().filter(|l| l.status == LessonStatus::Promoted);
    promoted.map(|lesson| score(corpus, lesson)).collect()
}

fn score<'a>(corpus: &'a AuditCorpus, lesson: &'a Lesson) -> Scored<'a> {
    let found = corpus.recurrences.iter().find(|r| r.lesson_id == lesson.lesson_id);
    let recurred_in = found.map_or(&[][..], |r| &r.recurred_in);
    let since = lesson.promoted_at.as_ref().unwrap_or(&lesson.created_at);
    let inputs = Inputs {
        recurred: !recurred_in.is_empty(),
        days: days_between(since, &corpus.scope.queried_at),
        opportunities: found.map_or(0, |r| r.opportunities.len()),
        confidence: lesson.confidence,
    };
    Scored { lesson, effectiveness: effectiveness(inputs), inputs, recurred_in }
}

/// Whole days from one RFC 3339 time to another. A time that can't be read is as old as can be:
/// an unknown age must not make a lesson look fresh.
fn days_between(from: &str, to: &str) -> i64 {
    let parse = |text: &str| text.parse::<Timestamp>().ok();
    match (parse(from), parse(to)) {
        (Some(from), Some(to)) => (to.as_second() - from.as_second()).div_euclid(86_400),
        _ => HORIZON_DAYS,
    }
}

/// A score as it stands in reports.
pub fn printed(score: f64) -> String {
    format!("{score:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(recurred: bool, days: i64, opportunities: usize, confidence: f64) -> (f64, &'static str, String) {
        let found = effectiveness(Inputs { recurred, days, opportunities, confidence });
        (found.score, Label::of(found.score).name(), printed(found.score))
    }

    #[test]
    fn the_formula_at_its_edges() {
        let table: [(bool, i64, usize, f64, f64, &str); 22] = [
            // days: today, half, the end, past it; before the promotion
            (false, 0, 3, 1.0, 1.0, "highly effective"),
            (false, 90, 3, 1.0, 0.5, "moderately effective"),
            (false, 161, 3, 1.0, 19.0 / 180.0, "ineffective"),
            (false, 162, 3, 1.0, 0.1, "ineffective"),
            (false, 180, 3, 1.0, 0.1, "ineffective"),
            (false, 181, 3, 1.0, 0.1, "ineffective"),
            (false, 100_000, 3, 1.0, 0.1, "ineffective"),
            (false, -5, 3, 1.0, 1.0, "highly effective"),
            // opportunities
            (false, 0, 0, 1.0, 0.0, "ineffective"),
            (false, 0, 1, 1.0, 1.0 / 3.0, "weakly effective"),
            (false, 0, 2, 1.0, 2.0 / 3.0, "moderately effective"),
            (false, 0, 4, 1.0, 1.0, "highly effective"),
            // it came back: nothing else counts
            (true, 0, 3, 1.0, 0.0, "ineffective"),
            (true, 90, 1, 0.5, 0.0, "ineffective"),
            // confidence, also one that is none
            (false, 0, 3, 0.8, 0.8, "highly effective"),
            (false, 0, 3, 0.5, 0.5, "moderately effective"),
            (false, 0, 3, 0.0, 0.0, "ineffective"),
            (false, 0, 3, 7.0, 1.0, "highly effective"),
            (false, 0, 3, f64::NAN, 0.0, "ineffective"),
            // on an edge exactly, where the factors multiplied one by one would miss it
            (false, 0, 1, 0.6, 0.2, "weakly effective"),
            (false, 36, 3, 1.0, 0.8, "highly effective"),
            (false, 37, 3, 1.0, 143.0 / 180.0, "moderately effective"),
        ];
        for (recurred, days, opportunities, confidence, score, label) in table {
            let found = of(recurred, days, opportunities, confidence);
            let case = format!("{recurred} {days} {opportunities} {confidence}");
            assert_eq!((found.0, found.1), (score, label), "{case}");
        }
    }

    #[test]
    fn it_is_compared_exactly_and_printed_with_two_decimals() {
        // 0.7975 is printed as 0.80 and is not 0.8.
        assert_eq!(of(false, 0, 3, 0.7975), (0.7975, "moderately effective", "0.80".to_owned()));
        assert_eq!(of(false, 90, 2, 0.9).2, "0.30");
    }

    #[test]
    fn labels_mean_something_and_silence_without_a_chance_means_nothing() {
        assert_eq!(Label::Highly.meaning(3), "working as intended");
        assert_eq!(Label::Moderately.meaning(3), "may need refinement");
        assert_eq!(Label::Weakly.meaning(1), "not reliably preventing recurrence");
        assert_eq!(Label::Ineffective.meaning(3), "review for retirement or revision");
        assert_eq!(Label::Ineffective.meaning(0), "unproven");
    }

    #[test]
    fn days_are_whole_ones() {
        let days = |to| days_between("2026-01-01T12:00:00Z", to);
        assert_eq!(days("2026-01-02T11:59:59.999Z"), 0);
        assert_eq!(days("2026-01-02T12:00:00Z"), 1);
        assert_eq!(days("2026-01-01T11:00:00Z"), -1);
        assert_eq!(days("at some time"), 180);
    }
}
