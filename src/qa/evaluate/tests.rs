//! Tests of what the program decides over an evaluator that passes everything.

use super::*;
use crate::qa::baseline;
use crate::qa::sections;
use crate::qa::testing;

fn lying(report: &str) -> Scorecard {
    let corpus = testing::corpus();
    judge(report, &corpus, &Records::of(&corpus), &Scorecard::default())
}

/// The only fault that is found: which evaluation, what, where.
fn fault(report: &str) -> (Evaluation, String, String) {
    let card = lying(report);
    assert_eq!(card.failing.len(), 1, "{:?}", card.failing);
    let failing = card.failing.into_iter().next().unwrap();
    (failing.evaluation, failing.fault.what, failing.fault.place)
}

fn with(heading: &str, from: &str, to: &str) -> String {
    let report = baseline::report(&testing::corpus());
    let body = sections::body(&report, heading).unwrap();
    assert!(body.contains(from), "{from} is not in {body}");
    sections::replace(&report, heading, &body.replace(from, to)).unwrap()
}

#[test]
fn the_program_finds_nothing_against_its_own_report() {
    let card = lying(&baseline::report(&testing::corpus()));
    assert_eq!(card, Scorecard::default());
    assert_eq!((card.score(), card.percent(), card.perfect()), (7, 100, true));
}

#[test]
fn an_evaluators_fail_stands() {
    let corpus = testing::corpus();
    let fault = Fault::new("x", "y", "z");
    let said =
        Scorecard { failing: vec![Failing { evaluation: Evaluation::Actionability, fault: fault.clone() }] };
    let card = judge(&baseline::report(&corpus), &corpus, &Records::of(&corpus), &said);
    assert_eq!((card.score(), card.percent()), (6, 86));
    assert_eq!(card.fault(Evaluation::Actionability), Some(&fault));
}

#[test]
fn a_slice_that_does_not_appear_is_a_gap() {
    let (which, what, place) = fault(&with("Slices", "`eeee6666ffff`", "another"));
    // It is the last one of a streak, too.
    assert_eq!(which, Evaluation::Coverage, "{what}");
    assert_eq!(place, "Slices");
}

#[test]
fn a_slice_without_a_finding_has_to_say_so() {
    let (which, what, _) = fault(&with("Slices", "no issues found", "fine"));
    assert_eq!(which, Evaluation::Coverage);
    assert_eq!(what, "slices without a finding or a notation: eeee5555ffff, eeee6666ffff");
}

#[test]
fn an_invented_commit_is_no_evidence() {
    let (which, what, place) = fault(&with("Recommendations", "1. ", "1. as `deadbeef42` shows, "));
    assert_eq!(which, Evaluation::EvidenceGrounded);
    assert_eq!(what, "it cites what does not exist: deadbeef42");
    assert!(place.starts_with("1. as `deadbeef42`"), "{place}");
}

#[test]
fn a_finding_without_a_reference_is_general_talk() {
    let (which, what, _) =
        fault(&with("Findings", "### Info (", "#### F-90: things should improve\n\nsoon\n\n### Info ("));
    assert_eq!(which, Evaluation::EvidenceGrounded);
    assert_eq!(what, "findings without a reference: F-90");
}

#[test]
fn a_chain_against_time_is_no_cause() {
    for chain in [
        // by the dates that it states
        "promoted (2026-01-05) → failed (2026-01-04)",
        // by the records that it cites
        "`aaaa2222bbbb` failed → lesson `L-1` was recorded",
        "Time range: 2026-01-05 to 2026-01-01",
    ] {
        let (which, what, place) =
            fault(&with("Failure Analysis", "### Trends", &format!("- Chain: {chain}\n\n### Trends")));
        assert_eq!(
            (which, what.as_str()),
            (Evaluation::CausalAccuracy, "a chain or range runs against time")
        );
        assert!(place.contains(chain), "{place}");
    }
}

#[test]
fn a_chain_with_an_invented_lesson_fails_both_ways() {
    let report = with("Failure Analysis", "### Trends", "`aaaa1111bbbb` failed → lesson `L-9`\n\n### Trends");
    let names: Vec<&str> = lying(&report).failing.iter().map(|f| f.evaluation.name()).collect();
    assert_eq!(names, ["evidence_grounded", "causal_accuracy"]);
}

#[test]
fn a_score_is_the_formulas_or_none() {
    let (which, what, _) = fault(&with("Lesson Effectiveness", "| 0.81 |", "| 0.93 |"));
    assert_eq!(
        (which, what.as_str()),
        (Evaluation::LessonEffectiveness, "the score of lesson L-2 is 0.81, not 0.93")
    );
    let (which, what, _) = fault(&with("Lesson Effectiveness", "`L-2`", "`L-1`"));
    assert_eq!(which, Evaluation::LessonEffectiveness, "{what}");
    let prose = "`L-1` scored 0.00: it came back.\n\n`L-2` has an effectiveness of 0.81 of 1.";
    let report =
        sections::replace(&baseline::report(&testing::corpus()), "Lesson Effectiveness", prose).unwrap();
    assert_eq!(lying(&report), Scorecard::default());
}

#[test]
fn a_pipe_in_a_problem_moves_no_column() {
    let mut corpus = testing::corpus();
    corpus.lessons[1].problem_key = "check: a | b".to_owned();
    let report = baseline::report(&corpus);
    assert!(report.contains("`check: a \\| b`"), "{report}");
    assert_eq!(judge(&report, &corpus, &Records::of(&corpus), &Scorecard::default()), Scorecard::default());
}

#[test]
fn per_cents_are_whole() {
    let all: Vec<u32> = (0..=7).map(percent).collect();
    assert_eq!(all, [0, 14, 29, 43, 57, 71, 86, 100]);
}
