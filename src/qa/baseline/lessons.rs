//! `Lesson Effectiveness`: each lesson in force with its score by the formula.

use std::fmt::Write as _;

use crate::qa::corpus::AuditCorpus;
use crate::qa::effectiveness::{Scored, printed, scores};
use crate::qa::findings::{day, ids};
use crate::qa::lesson::LessonStatus;
use crate::report::code;
use crate::report::table::table;

pub(super) fn section(corpus: &AuditCorpus) -> String {
    let all = scores(corpus);
    let mut text = String::new();
    if all.is_empty() {
        text.push_str("No lesson is in force in this scope.\n");
    } else {
        text.push_str(&effectiveness_table(&all));
        text.push_str(
            "\nScore = base × time × opportunity × confidence; days count from the promotion, and an \
             opportunity is a later slice of the same repository and verifier type.\n",
        );
    }
    for (status, said) in [(LessonStatus::Candidate, "Candidates"), (LessonStatus::Retired, "Retired")] {
        let of: Vec<&String> =
            corpus.lessons.iter().filter(|l| l.status == status).map(|l| &l.lesson_id).collect();
        if !of.is_empty() {
            let _ = write!(text, "\n{said}, not in force and not scored: {}.\n", ids(of));
        }
    }
    text
}

/// The table of scores, as the report and the review show it.
pub(in crate::qa) fn effectiveness_table(all: &[Scored<'_>]) -> String {
    let row = |s: &Scored<'_>| {
        let e = s.effectiveness;
        vec![
            code(&s.lesson.lesson_id),
            code(&s.lesson.problem_key),
            s.lesson.promoted_at.as_deref().map_or_else(|| "–".to_owned(), |at| day(at).to_owned()),
            printed(e.base),
            printed(e.time_decay),
            printed(e.opportunity),
            printed(e.confidence),
            printed(e.score),
            s.label().name().to_owned(),
            s.meaning().to_owned(),
            if s.recurred_in.is_empty() { "none".to_owned() } else { ids(s.recurred_in) },
        ]
    };
    table(
        &[
            "lesson",
            "problem",
            "promoted",
            "base",
            "time",
            "opportunity",
            "confidence",
            "score",
            "label",
            "meaning",
            "recurred in",
        ],
        all.iter().map(row),
    )
}
