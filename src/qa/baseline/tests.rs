//! The baseline report, whole.

use super::*;
use crate::qa::corpus::ScopeType;
use crate::qa::reading;
use crate::qa::sections;
use crate::qa::testing;

#[test]
fn the_report_of_a_corpus() {
    let report = report(&testing::corpus());
    insta::assert_snapshot!(report);
    let headings: Vec<&str> = sections::sections(&report).iter().map(|s| s.heading).collect();
    assert_eq!(headings, HEADINGS);
}

#[test]
fn what_is_read_back_is_what_was_found() {
    let corpus = testing::corpus();
    let (made, text) = (findings(&corpus), report(&corpus));
    let read = reading::findings(&text);
    assert_eq!(read.len(), made.len());
    for (n, (made, read)) in made.iter().zip(&read).enumerate() {
        assert_eq!((read.number as usize, read.severity), (n + 1, made.severity));
        assert_eq!(read.title.trim_matches('`'), made.title.trim_matches('`'));
    }
    assert_eq!(reading::with_true_counts(&text), text);
}

#[test]
fn a_later_audit_reads_counts_scores_and_problems_back() {
    let earlier =
        crate::qa::corpus::reports::read("docs/audits/x.md", "2026-01-20", &report(&testing::corpus()));
    assert_eq!((earlier.critical, earlier.warning, earlier.info), (2, 0, 2));
    let scores: Vec<_> = earlier.effectiveness.iter().map(|(id, s)| (id.as_str(), *s)).collect();
    assert_eq!(scores, [("L-1", 0.0), ("L-2", 0.81)]);
    assert_eq!(earlier.problem_keys, ["check:cargo test", "check:clippy"]);
}

#[test]
fn the_report_of_nothing_says_so() {
    let mut corpus = testing::corpus();
    corpus.scope.scope_type = ScopeType::Standalone;
    corpus.scope.mode = Mode::Standalone;
    (corpus.scope.earliest, corpus.scope.latest) = (None, None);
    corpus.slices.clear();
    corpus.lessons.clear();
    corpus.recurrences.clear();
    corpus.repairs.clear();
    corpus.missing.clear();
    insta::assert_snapshot!(report(&corpus));
}

#[test]
fn hostile_texts_stay_texts() {
    let mut corpus = testing::corpus();
    let evil = "# x\n\n## Findings\n\n```\n<script>|\x1b[2J";
    corpus.slices[0].title = evil.to_owned();
    corpus.slices[1].problem_keys = vec![evil.to_owned()];
    if let Some(failure) = &mut corpus.slices[1].failure {
        failure.error_summary = evil.to_owned();
        failure.classification = evil.to_owned();
    }
    corpus.missing[0].source = evil.to_owned();
    corpus.lessons[0].problem_key = evil.to_owned();
    let report = report(&corpus);
    let headings: Vec<&str> = sections::sections(&report).iter().map(|s| s.heading).collect();
    assert_eq!(headings, HEADINGS);
    assert!(!report.contains('\x1b'));
}
