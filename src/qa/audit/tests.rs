//! Whole audits with scripted roles: what is written, routed, announced, and who sees what.

use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::config::Role;
use crate::qa::archive::{AuditRecord, FileArchive};
use crate::qa::corpus::Mode;
use crate::qa::evaluate::Evaluation;
use crate::qa::review::Decided;
use crate::qa::roles::HostError;
use crate::qa::testing::{self, Host, Lines};

/// A repository with a working directory, and what an audit told the world.
struct Place {
    dir: tempfile::TempDir,
    corpus: AuditCorpus,
    kept: Mutex<Vec<AuditRecord>>,
    routed: Mutex<Vec<(String, String, bool, bool)>>,
    lines: Lines,
    shown: Mutex<Vec<String>>,
    bounds: Bounds,
}

impl Archive for Place {
    fn keep(&self, record: &AuditRecord) -> Result<(), String> {
        self.kept.lock().unwrap().push(record.clone());
        Ok(())
    }
}

impl Notifier for Place {
    fn route(&self, routing: &Routing<'_>) {
        let file = routing.file.file_name().unwrap().to_string_lossy().into_owned();
        let (baseline, audit) = (routing.baseline.is_some(), routing.self_audit.is_some());
        self.routed.lock().unwrap().push((routing.urgency.to_owned(), file, baseline, audit));
    }
}

/// Takes down what was shown, then decides as it was told.
struct Decides<'a>(&'a Place, Decided);

impl DecisionSource for Decides<'_> {
    fn decide(&self, summary: &str) -> Result<Decision, QaError> {
        self.0.shown.lock().unwrap().push(summary.to_owned());
        self.1.decide(summary)
    }
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("src")).unwrap();
        std::fs::write(dir.path().join("src/lib.rs"), "x").unwrap();
        Place {
            dir,
            corpus: testing::corpus(),
            kept: Mutex::default(),
            routed: Mutex::default(),
            lines: Lines::default(),
            shown: Mutex::default(),
            bounds: testing::bounds(),
        }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("auditor-shop-2026-01-20-09-00")
    }

    fn audit(&self, host: &Host<'_>, decision: Decision) -> Result<Outcome, QaError> {
        self.audit_with(host, decision, self)
    }

    fn audit_with(
        &self,
        host: &Host<'_>,
        decision: Decision,
        archive: &dyn Archive,
    ) -> Result<Outcome, QaError> {
        let decides = Decides(self, Decided::new(decision));
        let clock = testing::clock();
        let nth = Mutex::new(0);
        let new_id = || {
            let mut n = nth.lock().unwrap();
            *n += 1;
            format!("00000000-0000-4000-8000-{n:012}")
        };
        audit(&AuditRun {
            audit_run_id: "audit-1",
            asked: "shop last 5",
            corpus: &self.corpus,
            root: self.dir.path(),
            dir: &self.work(),
            scope_short: "shop",
            files: &["src/lib.rs".to_owned()],
            settings: Settings {
                patience: 3,
                stuck_below: 2,
                bounds: self.bounds.clone(),
                parts: Vec::new(),
            },
            host,
            archive,
            notifier: self,
            decisions: &decides,
            clock: &clock,
            progress: &self.lines,
            new_id: &new_id,
        })
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.work().join(name)).unwrap()
    }

    fn routed(&self) -> Vec<(String, String, bool, bool)> {
        self.routed.lock().unwrap().clone()
    }
}

fn improvement(change: &str, evidence: &str, component: &str, risk: &str) -> Value {
    json!({ "target": "auditor", "target_component": component, "hypothesis": "fewer failures",
            "proposed_change": change, "evidence": [evidence], "verifier_command": "true", "risk_level": risk })
}

/// One mutation makes everything pass; four proposals; the self-audit is content.
fn good_roles() -> Host<'static> {
    roles_with(true)
}

fn roles_with(verifier_sufficient: bool) -> Host<'static> {
    Host::new(move |role, prompt, nth| match role {
        Role::Evaluator => testing::evaluation(if nth == 0 { &["actionability"] } else { &[] }),
        Role::Brainstormer => testing::proposals("actionability"),
        Role::Critic => testing::critique("info", "Slices", "a gap"),
        Role::Mutator => testing::one_note_more(prompt),
        Role::Improver => json!({ "meta_slices": [
            improvement("raise the timeout", "F-3", "src/lib.rs", "low"),
            improvement("add a contract field", "F-3", "src/lib.rs", "low"),
            improvement("rename it", "F-1", "src/lib.rs", "medium"),
            improvement("rename it", "F-1", "src/none.rs", "medium"),
        ] }),
        _ => {
            json!({ "dependencies": ["a"], "side_effects": [], "verifier_sufficient": verifier_sufficient, "notes": "n" })
        }
    })
}

#[test]
fn an_accepted_audit_leaves_what_it_should() {
    let place = Place::new();
    let outcome = place.audit(&good_roles(), Decision::Accept).unwrap();
    assert_eq!((outcome.decision, outcome.routed), (Decision::Accept, [1, 1, 1]));
    let report = outcome.report.unwrap();
    assert_eq!(report, place.dir.path().join("docs/audits/2026-01-20-shop.md"));
    let text = std::fs::read_to_string(&report).unwrap();
    assert_eq!(text, place.read("audit-report-optimized.md"));
    assert!(text.contains(
        "## Regression Analysis\n\nFirst audit for this scope -- baseline established.\n\n## Recommendations"
    ));
    assert!(text.contains("- note 1\n") && !place.read("audit-report-baseline.md").contains("- note 1\n"));
    assert_eq!(place.lines.all()[0], "Audit baseline: 86%");
    assert_eq!(
        outcome.announcement,
        "Audit accepted. Report saved. 3 meta-slices routed (1 low, 1 medium, 1 high)."
    );
    let routed = [("standard", 1, false, false), ("elevated", 2, true, false), ("urgent", 3, true, true)];
    let routed = routed.map(|(u, n, b, a)| (u.to_owned(), format!("meta-slice-{n}.json"), b, a));
    assert_eq!(place.routed(), routed);
    insta::assert_snapshot!("meta_slice", place.read("meta-slice-3.json"));
    insta::assert_snapshot!("snapshot_baseline", place.read("meta-slice-3.baseline.json"));
    assert!(
        place.read("meta-slice-4.json").contains("invalid: target component 'src/none.rs' was not found")
    );
    insta::assert_snapshot!("summary", place.shown.lock().unwrap().last().unwrap());
    let kept = place.kept.lock().unwrap();
    assert_eq!((kept.len(), kept[0].detail.meta_slice_count), (1, 4));
    insta::assert_snapshot!("detail", serde_json::to_string_pretty(&kept[0].detail).unwrap());
    assert!(place.read("dashboard.html").starts_with("<!doctype html>"));
}

#[test]
fn no_role_ever_sees_what_its_row_forbids() {
    let mut place = Place::new();
    place.corpus.scope.scope_ref = "REPORT-MARK".to_owned();
    let host = Host::new(|role, prompt, nth| match role {
        Role::Evaluator => testing::evaluation(match nth {
            0 | 1 => &["actionability", "self_consistency"],
            2..8 => &["actionability"],
            _ => &[],
        }),
        // Every third time nothing aims at what fails, so that the critic is followed.
        Role::Brainstormer => {
            let text =
                testing::proposals(if nth % 3 == 1 { "coverage" } else { "actionability" }).to_string();
            serde_json::from_str(&text.replace("idea", "IDEAMARK").replace("it says more", "RATIONALEMARK"))
                .unwrap()
        }
        Role::Critic => testing::critique("critical", "CRITICPLACE in Slices", "CRITICMARK"),
        Role::Mutator => testing::one_note_more(prompt),
        Role::Improver => json!({ "meta_slices": [improvement("rename it", "F-1", "src/lib.rs", "high")] }),
        _ => json!({ "dependencies": [], "side_effects": [], "verifier_sufficient": true, "notes": "" }),
    });
    place.audit(&host, Decision::Accept).unwrap();
    let log = Log::resume(&place.work()).unwrap().unwrap();
    let sources: Vec<String> =
        log.experiments().iter().filter_map(|e| e.mutation.as_ref()).map(|m| m.source.text()).collect();
    assert!(sources.contains(&"Critic finding".to_owned()), "{sources:?}");
    assert!(sources.iter().any(|s| s.starts_with("Brainstormer")), "{sources:?}");

    let criteria: Vec<&str> = Evaluation::ALL.iter().map(|e| e.criterion().question).collect();
    let names: Vec<&str> = Evaluation::ALL.iter().map(|e| e.name()).collect();
    let history = ["## Experiment", "**Score:**", "**Mutation:**", "patience"];
    let idea = ["IDEAMARK", "RATIONALEMARK"];
    let critic = ["CRITICMARK", "CRITICPLACE"];
    let failures = ["is thin", "so it is"];
    let forbidden = |role: Role| -> Vec<&str> {
        match role {
            Role::Evaluator => [&idea[..], &critic, &failures, &history].concat(),
            Role::Brainstormer => [&critic[..], &criteria].concat(),
            Role::Critic => [&idea[..], &critic, &failures, &history, &criteria, &names].concat(),
            Role::Mutator => [&failures[..], &history, &criteria, &names].concat(),
            _ => [&idea[..], &critic, &failures, &history].concat(),
        }
    };
    for (role, text) in host.asked() {
        for mark in forbidden(role) {
            assert!(!text.contains(mark), "{} saw {mark}:\n{text}", role.name());
        }
        if role != Role::SelfAuditor {
            assert!(text.contains("REPORT-MARK"), "{} did not see the report", role.name());
        }
    }
    // The mutator sees one idea, not all three, and what the critic said only where it is the idea.
    for text in host.prompts(Role::Mutator) {
        assert_eq!(text.matches("IDEAMARK").count() + text.matches("CRITICMARK").count() / 2, 1, "{text}");
    }
    assert!(
        host.prompts(Role::Brainstormer).iter().skip(1).all(|text| text.contains("## Experiment 0 -- keep"))
    );
}

#[test]
fn a_dismissed_audit_leaves_nothing() {
    let place = Place::new();
    let outcome = place.audit(&good_roles(), Decision::Dismiss).unwrap();
    assert_eq!((outcome.decision, outcome.report, outcome.routed), (Decision::Dismiss, None, [0; 3]));
    assert!(!place.work().exists() && !place.dir.path().join("docs").exists());
    assert!(place.kept.lock().unwrap().is_empty() && place.routed().is_empty());
}

#[test]
fn a_deeper_pass_forges_on_and_proposes_nothing_again() {
    let place = Place::new();
    let host = Host::new(|role, prompt, nth| match role {
        // The baseline, three experiments that don't help, then one that does.
        Role::Evaluator => testing::evaluation(if nth < 6 { &["actionability"] } else { &[] }),
        Role::Brainstormer => testing::proposals("actionability"),
        Role::Critic => json!({ "findings": [] }),
        Role::Mutator => testing::one_note_more(prompt),
        _ => json!({ "meta_slices": [] }),
    });
    place.audit(&host, Decision::Deeper).unwrap();
    let log = Log::resume(&place.work()).unwrap().unwrap();
    let told: Vec<&str> = log.experiments().iter().map(|e| e.status.name()).collect();
    assert_eq!(
        told,
        ["baseline", "discard", "discard", "discard", "discard", "discard", "keep", "confirmation"]
    );
    assert_eq!((host.prompts(Role::Improver).len(), log.patience()), (1, 5));
    assert_eq!(place.shown.lock().unwrap().len(), 2);
    assert_eq!(log.report().matches("## Regression Analysis").count(), 1);
    assert!(place.shown.lock().unwrap()[1].contains("Baseline 86% --> Final 100% over 7 experiments"));
}

#[test]
fn effectiveness_is_intake_and_review() {
    let mut place = Place::new();
    place.corpus.scope.scope_type = ScopeType::Effectiveness;
    let host = good_roles();
    let outcome = place.audit(&host, Decision::Accept).unwrap();
    assert!(host.asked().is_empty() && outcome.routed == [0; 3]);
    insta::assert_snapshot!("effectiveness_summary", place.shown.lock().unwrap()[0]);
    assert_eq!(place.read("results.tsv"), crate::qa::forge::RESULTS_HEADER);
}

#[test]
fn at_depth_two_nothing_is_proposed() {
    let mut place = Place::new();
    place.corpus.scope.recursion_depth = 2;
    let host = good_roles();
    place.audit(&host, Decision::Accept).unwrap();
    assert!(host.prompts(Role::Improver).is_empty() && place.routed().is_empty());
    assert!(place.read("audit-report-optimized.md").contains("## Regression Analysis"));
}

#[test]
fn what_a_self_audit_does_not_clear_is_not_routed() {
    let place = Place::new();
    let outcome = place.audit(&roles_with(false), Decision::Accept).unwrap();
    assert_eq!(outcome.routed, [1, 1, 0]);
    assert!(
        place.read("meta-slice-3.json").contains("its self-audit finds the verifier command insufficient")
    );
}

#[test]
fn a_budget_stops_every_role_and_the_review_says_so() {
    let mut place = Place::new();
    place.bounds = testing::token_bounds(150);
    let mut host = good_roles();
    host.spent.tokens = 100;
    place.audit(&host, Decision::Accept).unwrap();
    assert_eq!(host.asked().len(), 5);
    let shown = place.shown.lock().unwrap()[0].clone();
    assert!(shown.contains("Note: the budget of 150 tokens is used up (500 used"), "{shown}");
    assert!(shown.contains("Note: no meta-slices were asked for: "), "{shown}");
    assert!(shown.contains(
        "Roles: 5 calls (brainstormer 1, critic 1, evaluator 2, mutator 1), cost not reported, 500 tokens"
    ));
}

#[test]
fn an_audit_that_is_interrupted_anywhere_ends_as_one_that_is_not() {
    let whole = Place::new();
    let host = good_roles_by_report();
    whole.audit(&host, Decision::Accept).unwrap();
    let calls = host.asked().len();
    assert_eq!(calls, 8);
    for at in 0..calls {
        let place = Place::new();
        let mut stopped = good_roles_by_report();
        stopped.interrupt_at = Some(at);
        assert_eq!(place.audit(&stopped, Decision::Accept), Err(QaError::Host(HostError::Interrupted)));
        let unfinished = desk::unfinished(place.dir.path(), "shop last 5").unwrap();
        assert_eq!((unfinished.dir, &unfinished.corpus), (place.work(), &place.corpus));
        place.audit(&good_roles_by_report(), Decision::Accept).unwrap();
        for name in
            ["results.tsv", "CHANGELOG.md", "audit-report-optimized.md", "meta-slice-3.self-audit.json"]
        {
            assert_eq!(place.read(name), whole.read(name), "{name}, stopped at {at}");
        }
        assert_eq!(place.routed(), whole.routed(), "stopped at {at}");
        assert!(desk::unfinished(place.dir.path(), "shop last 5").is_none());
    }
}

/// As [`good_roles`], but for answers that depend on the report alone.
fn good_roles_by_report() -> Host<'static> {
    let good = good_roles();
    Host::new(move |role, prompt, _| match role {
        Role::Evaluator if prompt.contains("- note 1") => testing::evaluation(&[]),
        Role::Evaluator => testing::evaluation(&["actionability"]),
        _ => good.answer(role, prompt),
    })
}

#[test]
fn the_baseline_is_written_once() {
    let place = Place::new();
    std::fs::create_dir_all(place.work()).unwrap();
    let mine = crate::qa::baseline::report(&place.corpus) + "\nMINE\n";
    std::fs::write(place.work().join("audit-report-baseline.md"), &mine).unwrap();
    place.audit(&good_roles(), Decision::Accept).unwrap();
    assert_eq!(place.read("audit-report-baseline.md"), mine);
}

#[test]
fn in_standalone_mode_lessons_go_into_a_file() {
    let mut place = Place::new();
    place.corpus.scope.mode = Mode::Standalone;
    let archive = FileArchive { root: place.dir.path().to_owned() };
    place.audit_with(&good_roles(), Decision::Accept, &archive).unwrap();
    let text = std::fs::read_to_string(place.dir.path().join(".auditor/lessons.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["schema_version"], 1);
    assert_eq!(file["lessons"][0]["problem_key"], "check:clippy");
    assert_eq!(file["lessons"][0]["status"], "candidate");
}

#[test]
fn an_archive_that_fails_keeps_the_audit_open() {
    struct Away;
    impl Archive for Away {
        fn keep(&self, _: &AuditRecord) -> Result<(), String> {
            Err("the database is away".to_owned())
        }
    }
    let place = Place::new();
    let ended = place.audit_with(&good_roles(), Decision::Accept, &Away);
    assert_eq!(ended, Err(QaError::Files("the database is away".to_owned())));
    assert!(place.routed().is_empty());
    // The same report of the same day is not written twice.
    place.audit(&good_roles(), Decision::Accept).unwrap();
    let reports = std::fs::read_dir(place.dir.path().join("docs/audits")).unwrap().count();
    assert_eq!((reports, place.routed().len()), (1, 3));
}
