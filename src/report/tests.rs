//! Tests of the reports: snapshots of whole files, hostile text, runs that ended anywhere.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::event::*;
use crate::journal::replay;
use crate::journal::sample::*;
use crate::proof::sample::World;

fn stage(state: &RunState, proof: Option<&Proof>, present: &BTreeSet<String>) -> Vec<(&'static str, String)> {
    let files = stage_files(&collected(state, proof, present)).unwrap();
    files.into_iter().map(|(path, bytes)| (path, String::from_utf8(bytes).unwrap())).collect()
}

pub(super) fn collected(state: &RunState, proof: Option<&Proof>, present: &BTreeSet<String>) -> Collected {
    Collected {
        state: state.clone(),
        proof: proof.cloned(),
        present: present.clone(),
        ..Collected::default()
    }
}

fn file(files: &[(&'static str, String)], name: &str) -> String {
    files.iter().find(|(path, _)| path.ends_with(name)).unwrap().1.clone()
}

pub(super) fn proven() -> (RunState, Proof, BTreeSet<String>) {
    let world = World::proven();
    let present = world.files.0.keys().cloned().collect();
    (world.state(), world.prove(), present)
}

/// Preflight passed; A is over its cap for good, B waits for it, C never ran.
fn halted() -> RunState {
    let mut s = Script::started();
    s.ready(&[("A", 0), ("B", 1), ("C", 1)]);
    s.dispatch("A", 1, 1).captured("A", 1, 50, &["a.rs", "b.rs"]);
    s.gate("A", 1, GateName::Touches, None);
    s.gate("A", 1, GateName::Loc, Some("31 lines changed, the cap is 30"));
    s.judged("A", 1, NodeStatus::Oversized, "31 lines changed, the cap is 30");
    s.push(Event::SplitProposed {
        node: id("A"),
        path: "remediation/A/split.md".to_owned(),
        parts: vec![id("A-1"), id("A-2")],
    });
    s.push(Event::Halting {
        reason: Termination::SelfCritiqueExhausted,
        message: "A needs a split".to_owned(),
    });
    s.judged("B", 0, NodeStatus::Blocked, "A did not verify");
    s.finished(Termination::SelfCritiqueExhausted, 4, "A needs a split");
    replay(&s.records)
}

#[test]
fn the_report_of_a_proven_run() {
    let (state, proof, _) = proven();
    insta::assert_snapshot!(audit_markdown(&audit_report(&state, Some(&proof))));
}

#[test]
fn the_report_of_an_incomplete_proof_says_so_first() {
    let mut world = World::judged();
    world.bundle.deltas.push(id("D-X"));
    world.script.check("A", 2, CheckPhase::Proof, 1);
    let world = world.finish();
    let text = audit_markdown(&audit_report(&world.state(), Some(&world.prove())));
    insta::assert_snapshot!(text.split("## Files").next().unwrap());
}

#[test]
fn the_proofs_files_say_what_the_proof_says() {
    let (state, proof, _) = proven();
    let files = proof_files(&state, &proof).unwrap();
    let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["audit-report.coverage.csv", "audit-report.fingerprint", "audit-report.md", "audit-report.json"]
    );
    assert_eq!(files[1].1, format!("{}\n", proof.fingerprint).into_bytes());
    let back: AuditReport = serde_json::from_slice(&files[3].1).unwrap();
    assert_eq!(back, audit_report(&state, Some(&proof)));
}

#[test]
fn the_stage_of_a_proven_run() {
    let (state, proof, present) = proven();
    let files = stage(&state, Some(&proof), &present);
    insta::assert_snapshot!("proven_report_md", file(&files, "report.md"));
    insta::assert_snapshot!("proven_junit_xml", file(&files, "junit.xml"));
    insta::assert_snapshot!("proven_metrics_json", file(&files, "metrics.json"));
    assert!(!any_failed(&state));
}

#[test]
fn the_stage_of_a_halted_run() {
    let state = halted();
    let files = stage(&state, None, &BTreeSet::new());
    insta::assert_snapshot!("halted_report_md", file(&files, "report.md"));
    insta::assert_snapshot!("halted_junit_xml", file(&files, "junit.xml"));
    let trace: serde_json::Value = serde_json::from_str(&file(&files, "trace.json")).unwrap();
    insta::assert_snapshot!("halted_trace_json", format!("{trace:#}"));
    assert!(any_failed(&state));
}

#[test]
fn the_spans_of_a_trace_lie_one_in_another() {
    let from = page::tests::synthetic(60);
    let trace: serde_json::Value = serde_json::from_str(&file(
        &stage_files(&from)
            .unwrap()
            .into_iter()
            .map(|(p, b)| (p, String::from_utf8(b).unwrap()))
            .collect::<Vec<_>>(),
        "trace.json",
    ))
    .unwrap();
    let mut rows: std::collections::BTreeMap<u64, Vec<(u64, u64)>> = Default::default();
    let mut kinds = BTreeSet::new();
    for event in trace["traceEvents"].as_array().unwrap().iter().filter(|e| e["ph"] == "X") {
        let (ts, dur) = (event["ts"].as_u64().unwrap(), event["dur"].as_u64().unwrap());
        rows.entry(event["tid"].as_u64().unwrap()).or_default().push((ts, ts + dur));
        kinds.insert(event["cat"].as_str().unwrap().to_owned());
    }
    assert_eq!(
        kinds.iter().map(String::as_str).collect::<Vec<_>>(),
        ["agent", "attempt", "check", "process", "step"]
    );
    for spans in rows.values() {
        for (at, (from, to)) in spans.iter().enumerate() {
            for (begin, end) in &spans[at + 1..] {
                let apart = end <= from || to <= begin;
                let within = (from <= begin && end <= to) || (begin <= from && to <= end);
                assert!(apart || within, "{from}..{to} and {begin}..{end}");
            }
        }
    }
}

#[test]
fn a_report_in_markdown_is_bounded_and_keeps_what_failed() {
    let from = page::tests::synthetic(3_000);
    let (_, text) = stage_files(&from).unwrap().swap_remove(0);
    let text = String::from_utf8(text).unwrap();
    assert!(text.len() < 1_000_000, "{} bytes", text.len());
    assert!(text.contains("| failed |") && text.contains("2000 more"));
}

#[test]
fn a_summary_too_long_for_github_is_cut_at_a_line() {
    let text = "a line of the report\n".repeat(80_000);
    let cut = github::summary(&text);
    assert!(cut.len() < 1024 * 1024 && cut.ends_with("Cut here: the rest is in audit/report.md.\n"));
    assert!(cut.split("\n\nCut").next().unwrap().ends_with("report"));
    assert_eq!(github::summary("short\n"), "short\n");
}

#[test]
fn the_stage_of_a_run_that_preflight_rejected() {
    let mut s = Script::started();
    s.push(Event::PreflightRejected {
        problems: vec!["graph.md:3: cycle A → B → A\n  | ```".to_owned()]
    });
    s.finished(Termination::VerificationFailed, 3, "preflight rejected the bundle");
    let state = replay(&s.records);
    let files = stage(&state, None, &BTreeSet::from(["runs/events.jsonl".to_owned()]));
    insta::assert_snapshot!("rejected_report_md", file(&files, "report.md"));
}

#[test]
fn status_names_the_root_cause_last_and_the_way_on() {
    insta::assert_snapshot!("status_halted", status_text(&status(&halted())));
    insta::assert_snapshot!("status_proven", status_text(&status(&proven().0)));
    let status = status(&halted());
    assert_eq!(status.iteration.termination_reason, Some(Termination::SelfCritiqueExhausted));
    assert_eq!(
        status.next.as_deref(),
        Some("auditrun resume --bundle-from REV (after the split is in the bundle)")
    );
}

#[test]
fn sums_are_null_where_nobody_said_and_count_who_did_not() {
    let mut s = Script::started();
    s.ready(&[("A", 0)]).dispatch("A", 1, 1);
    s.push(Event::AgentStarted {
        role: crate::config::Role::Resolver,
        subject: Some(id("Q-1")),
        attempt: 0,
        agent: "reader".to_owned(),
    });
    let metrics = metrics(&replay(&s.records));
    let all = &metrics.totals.overall;
    assert_eq!((all.invocations, all.cost_usd, all.output_tokens), (2, Some(0.25), None));
    assert_eq!((all.unknown["cost_usd"], all.unknown["output_tokens"]), (1, 2));
    assert_eq!(all.estimated.get("duration_ms"), Some(&1));
    assert_eq!(metrics.totals.by_agent["reader"].cost_usd, None);
    assert_eq!(metrics.totals.by_attempt.keys().collect::<Vec<_>>(), ["A/1"]);
    let text = serde_json::to_value(&metrics.invocations[1]).unwrap();
    assert_eq!(
        (&text["cost_usd"], &text["finished_at"]),
        (&serde_json::Value::Null, &serde_json::Value::Null)
    );
}

const HOSTILE: &str =
    "\x1b[2J<script>alert(1)</script> | ```\n</details> ![x](http://e.vil) @all \u{202e}\u{0}&";

/// A run in which everything that an agent can word is hostile.
pub(super) fn hostile() -> RunState {
    let mut s = Script::started();
    s.ready(&[("A", 0)]).dispatch("A", 1, 1);
    let mut bad = check(HOSTILE, 1);
    bad.stdout_tail = HOSTILE.to_owned();
    bad.stderr_tail = HOSTILE.to_owned();
    s.push(Event::Check { node: id("A"), attempt: 1, phase: CheckPhase::Verify, record: bad });
    let mut record = agent("A");
    record.fault = Some(HOSTILE.to_owned());
    record.metrics.model = Some(HOSTILE.to_owned());
    record.metrics.session_id = Some(HOSTILE.to_owned());
    s.push(Event::AgentFinished { subject: Some(id("A")), attempt: 1, record });
    s.captured("A", 1, 5, &[HOSTILE]);
    s.gate("A", 1, GateName::Touches, Some(HOSTILE));
    s.push(Event::Notice { node: None, level: NoticeLevel::Warning, message: HOSTILE.to_owned() });
    s.judged("A", 1, NodeStatus::Failed, HOSTILE).finished(Termination::VerificationFailed, 1, HOSTILE);
    replay(&s.records)
}

/// As after a rebase, where the diff is measured again.
#[test]
fn a_gate_that_was_measured_twice_is_one_case_of_junit() {
    let mut s = Script::started();
    s.ready(&[("A", 0)]);
    s.dispatch("A", 1, 1).captured("A", 1, 5, &["a.rs"]);
    s.gate("A", 1, GateName::Touches, None).gate("A", 1, GateName::Loc, None);
    s.gate("A", 1, GateName::Loc, Some("31 lines changed, the cap is 30"));
    s.judged("A", 1, NodeStatus::Oversized, "31 lines changed, the cap is 30");
    let text = file(&stage(&replay(&s.records), None, &BTreeSet::new()), "junit.xml");
    let loc: Vec<&str> = text.lines().filter(|line| line.contains("name=\"loc\"")).collect();
    assert_eq!(loc.len(), 1, "{text}");
    assert!(text.contains("31 lines changed"), "{text}");
}

#[test]
fn hostile_text_is_harmless_in_every_report() {
    let state = hostile();
    let files = stage(&state, None, &BTreeSet::new());
    let markdown = audit_markdown(&audit_report(&state, None));
    for text in
        [&markdown, &file(&files, "report.md"), &file(&files, "report.html"), &status_text(&status(&state))]
    {
        let controls = text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert!(!controls, "control characters are shown, not sent");
    }
    assert!(!file(&files, "report.html").contains("<script>alert"));
    let outside_code = without_code(&markdown);
    for bad in ["<script", "</details", "@all", "](http://"] {
        assert!(!outside_code.contains(bad), "{bad} in {outside_code}");
    }
    assert!(!without_code(&file(&files, "report.md")).contains("<script"));
    well_formed(&file(&files, "junit.xml"));
}

/// Markdown without what stands in code spans and fences.
fn without_code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let escaped = rest[..at].ends_with('\\');
        out.push_str(&rest[..at]);
        let ticks = rest[at..].chars().take_while(|c| *c == '`').count();
        let body = &rest[at + ticks..];
        let fence = "`".repeat(ticks);
        rest = match body.find(&fence) {
            Some(end) if !escaped => &body[end + ticks..],
            _ => body,
        };
    }
    out + rest
}

/// Tags are balanced, entities are known, every character is legal.
fn well_formed(xml: &str) {
    let legal =
        |c: char| matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(legal));
    let mut open = Vec::new();
    let body = xml.split_once("?>").unwrap().1;
    for part in body.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag that ends");
        assert!(!text.contains('>'));
        for entity in part.split('&').skip(1) {
            let known = ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|e| entity.starts_with(e));
            assert!(known, "&{entity}");
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

proptest! {
    #[test]
    fn any_journal_can_be_reported(all in crate::journal::tests::records()) {
        let state = replay(&all);
        let files = stage(&state, None, &BTreeSet::new());
        well_formed(&file(&files, "junit.xml"));
        let text = status_text(&status(&state));
        prop_assert!(text.starts_with("run "));
        let report = audit_report(&state, None);
        let back: AuditReport = serde_json::from_slice(&json_artifact(&report).unwrap()).unwrap();
        prop_assert_eq!(back, report);
    }
}

/// Validates what a run wrote against the artifact's schema; panics with every disagreement.
fn holds_to_schema(path: &str, bytes: &[u8]) {
    let name = schema::schema_of(path).unwrap_or_else(|| panic!("{path} has no schema"));
    let (_, value) = schema::all().into_iter().find(|(n, _)| *n == name).unwrap();
    let validator = jsonschema::validator_for(&value).unwrap();
    let text = std::str::from_utf8(bytes).unwrap();
    let values: Vec<&str> = if path.ends_with('l') { text.lines().collect() } else { vec![text] };
    assert!(!values.is_empty(), "{path} is empty");
    for text in values {
        let value = serde_json::from_str(text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}\n{text}");
    }
}

#[test]
fn what_a_run_writes_holds_to_its_schemas() {
    let mut world = World::proven();
    let (state, proof, present) = proven();
    for (name, bytes) in proof_files(&state, &proof).unwrap() {
        world.put(name, bytes);
    }
    for (name, bytes) in stage_files(&collected(&state, Some(&proof), &present)).unwrap() {
        world.put(name, bytes);
    }
    let checked: Vec<&String> = world.files.0.keys().filter(|p| schema::schema_of(p).is_some()).collect();
    assert_eq!(checked.len(), 9, "{checked:?}");
    for path in checked.into_iter().filter(|p| !p.starts_with("preflight/")) {
        holds_to_schema(path, &world.files.0[path]);
    }
}

#[test]
fn a_value_that_breaks_its_schema_is_refused() {
    let (_, schema) = schema::all().into_iter().find(|(n, _)| *n == "iteration-state.schema.json").unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut good = serde_json::to_value(crate::journal::iteration_state(&halted())).unwrap();
    assert!(validator.is_valid(&good));
    good["last_outcome"] = "splendid".into();
    assert!(!validator.is_valid(&good));
}

#[test]
fn github_gets_one_line_for_each_cause_and_none_can_be_forged() {
    insta::assert_snapshot!("github_halted", github::annotations(&halted()));
    let hostile = github::annotations(&hostile());
    assert_eq!(hostile.lines().count(), 1, "{hostile}");
    let (state, proof, _) = proven();
    insta::assert_snapshot!("github_outputs", github::step_outputs(&state, Some(&proof)));

    let mut s = Script::started();
    s.push(Event::PreflightRejected {
        problems: (0..12).map(|n| format!("100% wrong: {n}\nreally")).collect(),
    });
    let text = github::annotations(&replay(&s.records));
    assert_eq!(text.lines().count(), 10);
    assert!(text.starts_with("::error title=preflight::100%25 wrong: 0%0Areally\n"), "{text}");
    assert!(text.ends_with("::error::3 more in the report\n"), "{text}");
}
