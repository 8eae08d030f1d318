//! Tests of whole loops with scripted roles: sequences, files, crashes.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::config::{Bounds, Role};
use crate::qa::baseline;
use crate::qa::testing::{self, Host, Lines};

/// Runs a loop in `dir` from wherever it is.
fn forge_on(
    dir: &Path,
    host: &Host<'_>,
    patience: u32,
    bounds: &Bounds,
) -> (Result<Ended, QaError>, Log, Vec<String>) {
    let corpus = testing::corpus();
    let records = Records::of(&corpus);
    let mut log = match Log::resume(dir).unwrap() {
        Some(log) => log,
        None => Log::begin(dir, "audit-1", "shop last 5", patience, &baseline::report(&corpus)).unwrap(),
    };
    let ask = Ask::new(host, log.used().clone());
    let (clock, lines) = (testing::clock(), Lines::default());
    let forge = Forge {
        corpus: &corpus,
        records: &records,
        ask: &ask,
        stuck_below: 5,
        bounds,
        clock: &clock,
        progress: &lines,
    };
    let ended = forge.run(&mut log);
    (ended, log, lines.all())
}

fn forge(host: &Host<'_>, patience: u32) -> (Ended, Log, Vec<String>) {
    let dir = tempfile::tempdir().unwrap();
    let (ended, log, lines) = forge_on(dir.path(), host, patience, &testing::bounds());
    (ended.unwrap(), log, lines)
}

/// A host whose evaluator's failures come from a table, one entry for each evaluation; the last
/// one stays.
fn evaluated<'a>(table: &'a [&'a [&'a str]]) -> Host<'a> {
    with_mutator(table, |prompt, _| testing::one_note_more(prompt))
}

fn with_mutator<'a>(
    table: &'a [&'a [&'a str]],
    mutator: impl Fn(&str, usize) -> Value + Sync + 'a,
) -> Host<'a> {
    Host::new(move |role, prompt, nth| match role {
        Role::Evaluator => testing::evaluation(table[nth.min(table.len() - 1)]),
        Role::Brainstormer => testing::proposals("actionability"),
        Role::Critic => testing::critique("info", "Slices", "a gap"),
        _ => mutator(prompt, nth),
    })
}

/// Status and score of each experiment.
fn told(log: &Log) -> Vec<(&'static str, usize)> {
    log.experiments().iter().map(|e| (e.status.name(), e.card.score())).collect()
}

const NOTHING: &[&str] = &[];
const ONE: &[&str] = &["actionability"];
const TWO: &[&str] = &["actionability", "self_consistency"];

#[test]
fn better_is_kept_and_gives_patience_back_all_else_is_discarded() {
    let (ended, log, lines) = forge(&evaluated(&[TWO, TWO, ONE, TWO, ONE, ONE, ONE]), 3);
    assert_eq!(ended, Ended::Exhausted);
    assert_eq!(
        told(&log),
        [("baseline", 5), ("discard", 5), ("keep", 6), ("discard", 5), ("discard", 6), ("discard", 6)]
    );
    assert_eq!(log.patience(), 0);
    // One note was kept; those of discarded experiments are gone.
    assert!(log.report().contains("- note 1\n") && !log.report().contains("- note 2\n"));
    assert_eq!(
        lines[..3],
        [
            "Audit baseline: 71%",
            "Experiment 1: discard, 5/7 (71%), patience 2",
            "Experiment 2: keep, 6/7 (86%), patience 3",
        ]
    );
}

#[test]
fn everything_passing_has_to_be_confirmed() {
    let (ended, log, _) = forge(&evaluated(&[NOTHING]), 3);
    assert_eq!((ended, told(&log)), (Ended::Confirmed, vec![("baseline", 7), ("confirmation", 7)]));
    // Below: that score is the one to beat from then on, and patience is what it was.
    let table: [&[&str]; 7] = [ONE, ONE, NOTHING, TWO, ONE, NOTHING, NOTHING];
    let (ended, log, _) = forge(&evaluated(&table), 3);
    assert_eq!(ended, Ended::Confirmed);
    assert_eq!(
        told(&log),
        [
            ("baseline", 6),
            ("discard", 6),
            ("keep", 7),
            ("confirmation", 5),
            ("keep", 6),
            ("keep", 7),
            ("confirmation", 7)
        ]
    );
}

#[test]
fn a_failed_confirmation_does_not_reset_patience() {
    let table: [&[&str]; 3] = [NOTHING, ONE, ONE];
    let (ended, log, _) = forge(&evaluated(&table), 2);
    assert_eq!(ended, Ended::Exhausted);
    assert_eq!(told(&log), [("baseline", 7), ("confirmation", 6), ("discard", 6), ("discard", 6)]);
}

#[test]
fn a_mutator_that_lies_is_rejected_and_logged() {
    let whole = |prompt: &str| prompt.split("----- BEGIN DOCUMENT -----").nth(1).unwrap().to_owned();
    let host = with_mutator(&[ONE], move |prompt, nth| match nth {
        0 => json!({ "section": "Findings", "content": format!("{}\n\nall is well", whole(prompt)) }),
        1 => json!({ "section": "No such section", "content": "x" }),
        2 => json!({ "section": "", "content": "x" }),
        3 => {
            json!({ "section": "Lesson Effectiveness", "content": whole(prompt).split("## Lesson Effectiveness\n").nth(1).unwrap().split("\n## ").next().unwrap() })
        }
        _ => json!({ "sections": [] }),
    });
    let (ended, log, lines) = forge(&host, 5);
    assert_eq!(ended, Ended::Exhausted);
    assert_eq!(told(&log)[1..], [("rejected", 6); 5]);
    let why: Vec<String> = log.experiments()[1..].iter().map(|e| e.rejected.clone().unwrap()).collect();
    assert_eq!(
        why[..4],
        [
            "it changes more than the section 'Findings'",
            "it names no section of the report: 'No such section'",
            "it names no section of the report: ''",
            "it changes nothing in 'Lesson Effectiveness'",
        ]
    );
    assert!(why[4].starts_with("the mutator gave no answer: "), "{}", why[4]);
    assert_eq!(log.report(), baseline::report(&testing::corpus()));
    // Nothing was evaluated but the baseline.
    assert_eq!(host.prompts(Role::Evaluator).len(), 1);
    assert!(lines[1].ends_with("patience 4: it changes more than the section 'Findings'"), "{}", lines[1]);
}

#[test]
fn a_lying_evaluator_is_overruled_where_the_program_can_decide() {
    let host = with_mutator(&[ONE, NOTHING], |_, nth| match nth {
        0 => json!({ "section": "Slices", "content": "All slices are fine." }),
        _ => json!({ "section": "Executive Summary", "content": "Commit `deadbeef99` did it." }),
    });
    let (_, log, _) = forge(&host, 2);
    assert_eq!(told(&log), [("baseline", 6), ("discard", 6), ("discard", 6)]);
    let what: Vec<_> = log.experiments()[1..].iter().map(|e| e.card.failing[0].fault.what.as_str()).collect();
    assert_eq!(
        what,
        ["1 of 5 slices do not appear: eeee5555ffff", "it cites what does not exist: deadbeef99"]
    );
}

#[test]
fn a_bad_answer_is_asked_for_again_once() {
    let host = Host::new(|role, prompt, nth| match (role, nth) {
        (Role::Evaluator, 0) => json!({ "evaluations": [] }),
        (Role::Evaluator, _) => testing::evaluation(ONE),
        (Role::Brainstormer, 0 | 1) => json!({ "proposals": [] }),
        (Role::Brainstormer, _) => testing::proposals("actionability"),
        (Role::Critic, 2 | 3) => json!("no object"),
        (Role::Critic, _) => json!({ "findings": [] }),
        _ => testing::one_note_more(prompt),
    });
    let (_, log, _) = forge(&host, 3);
    assert_eq!(told(&log), [("baseline", 6), ("rejected", 6), ("discard", 6), ("rejected", 6)]);
    let why = |n: usize| log.experiments()[n].rejected.clone().unwrap();
    assert_eq!(why(1), "the brainstormer gave no answer: there are 0 proposals, not 3");
    assert!(why(3).starts_with("the critic gave no answer: "), "{}", why(3));
}

#[test]
fn a_baseline_that_nobody_evaluates_costs_patience_too() {
    let host = Host::new(|_, _, nth| if nth < 2 { json!({}) } else { testing::evaluation(NOTHING) });
    let (ended, log, lines) = forge(&host, 3);
    assert_eq!(ended, Ended::Confirmed);
    assert_eq!(told(&log), [("rejected", 0), ("baseline", 7), ("confirmation", 7)]);
    assert_eq!(lines[1], "Audit baseline: 100%");
}

#[test]
fn without_any_idea_nothing_is_tried() {
    let host = Host::new(|role, _, _| match role {
        Role::Evaluator => testing::evaluation(ONE),
        Role::Brainstormer => testing::proposals("coverage"),
        _ => json!({ "findings": [] }),
    });
    let (_, log, _) = forge(&host, 1);
    assert_eq!(told(&log), [("baseline", 6), ("rejected", 6)]);
    assert!(host.prompts(Role::Mutator).is_empty());
}

#[test]
fn below_five_the_brainstormer_is_asked_for_another_way() {
    let host = evaluated(&[TWO, ONE, TWO]);
    let (_, log, _) = forge(&host, 7);
    assert_eq!(log.patience(), 0);
    let stuck: Vec<bool> =
        host.prompts(Role::Brainstormer).iter().map(|p| p.contains("Every failure so far:")).collect();
    // Experiment 1 with full patience, kept; then patience 7, 6, 5, 4 and down.
    assert_eq!(stuck, [false, false, false, false, true, true, true, true]);
    let last = host.prompts(Role::Brainstormer).pop().unwrap();
    // The failure that was mended stands among all of them, not among those of now.
    assert!(last.split("Every failure so far:").nth(1).unwrap().contains("self_consistency is thin"));
    assert!(!last.split("Every failure so far:").next().unwrap().contains("self_consistency is thin"));
}

#[test]
fn a_budget_ends_the_loop_and_every_call_is_counted() {
    let mut host = evaluated(&[ONE]);
    host.spent = crate::run::bounds::Spent { cost_usd: 0.25, tokens: 100 };
    let dir = tempfile::tempdir().unwrap();
    let (ended, log, _) = forge_on(dir.path(), &host, 10, &testing::token_bounds(700));
    let Ended::Bound(why) = ended.unwrap() else { panic!("no budget was met") };
    assert!(why.starts_with("the budget of 700 tokens is used up (900 used"), "{why}");
    assert_eq!(log.experiments().len(), 3);
    let used = |role: &str| (log.used()[role].calls, log.used()[role].cost_usd, log.used()[role].tokens);
    assert_eq!(used("evaluator"), (3, 0.75, 300));
    assert_eq!(["brainstormer", "critic", "mutator"].map(used), [(2, 0.5, 200); 3]);
}

#[test]
fn the_files_of_a_loop() {
    let dir = tempfile::tempdir().unwrap();
    let table: [&[&str]; 5] = [TWO, ONE, ONE, NOTHING, NOTHING];
    let host = with_mutator(&table, |prompt, nth| match nth {
        1 => json!({ "section": "Findings\t", "content": "a\n\n# b" }),
        _ => testing::one_note_more(prompt),
    });
    let (ended, ..) = forge_on(dir.path(), &host, 10, &testing::bounds());
    assert_eq!(ended.unwrap(), Ended::Confirmed);
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    insta::assert_snapshot!("results", read("results.tsv"));
    insta::assert_snapshot!("changelog", read("CHANGELOG.md"));
    assert!(read("audit-report-optimized.md").contains("- note 2\n"));
}

/// Answers that depend on nothing but the report: the same after a restart.
fn steady() -> Host<'static> {
    Host::new(|role, prompt, _| {
        let notes = prompt.matches("- note ").count();
        match role {
            Role::Evaluator => testing::evaluation(match notes {
                0 => &["actionability", "self_consistency", "regression_sensitivity"],
                1 => TWO,
                _ => ONE,
            }),
            Role::Brainstormer => testing::proposals("actionability"),
            Role::Critic => testing::critique("info", "Slices", "a gap"),
            _ => testing::one_note_more(prompt),
        }
    })
}

fn files(dir: &Path) -> Vec<String> {
    ["results.tsv", "CHANGELOG.md", "audit-report-optimized.md"]
        .map(|name| std::fs::read_to_string(dir.join(name)).unwrap())
        .into()
}

#[test]
fn a_loop_that_is_killed_at_any_call_ends_as_one_that_is_not() {
    let whole = tempfile::tempdir().unwrap();
    let host = steady();
    let bounds = testing::bounds();
    forge_on(whole.path(), &host, 3, &bounds).0.unwrap();
    let calls = host.asked().len();
    assert_eq!(calls, 21);
    for at in 0..calls {
        let dir = tempfile::tempdir().unwrap();
        let mut killed = steady();
        killed.interrupt_at = Some(at);
        assert!(forge_on(dir.path(), &killed, 3, &bounds).0.is_err());
        let (ended, ..) = forge_on(dir.path(), &steady(), 3, &bounds);
        assert_eq!(ended.unwrap(), Ended::Exhausted, "killed at {at}");
        assert_eq!(files(dir.path()), files(whole.path()), "killed at {at}");
    }
}

#[test]
fn a_crash_between_the_state_and_the_files_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    forge_on(dir.path(), &steady(), 3, &testing::bounds()).0.unwrap();
    let whole = files(dir.path());
    let names = ["results.tsv", "CHANGELOG.md", "audit-report-optimized.md"];
    for broken in 0..8 {
        for (n, name) in names.iter().enumerate() {
            if broken & (1 << n) != 0 {
                std::fs::write(dir.path().join(name), "an older state").unwrap();
            }
        }
        Log::resume(dir.path()).unwrap().unwrap();
        assert_eq!(files(dir.path()), whole);
    }
}
