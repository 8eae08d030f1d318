//! Tests of the page: well-formed, nothing from elsewhere, nothing that leads nowhere, bounded
//! for a run of any size.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::tests::{collected, hostile, proven};
use super::super::{Collected, stage_files};
use super::grid::INLINE;
use super::*;
use crate::base::names;
use crate::event::*;
use crate::journal::replay;
use crate::journal::sample::*;

/// A made-up run of `n` nodes in layers: most verify, each hundredth fails for good, each
/// seventh needs a second attempt, what waits for a failed one is blocked.
pub(crate) fn synthetic(n: usize) -> Collected {
    let wide = if n < 10 { 2 } else { (n as f64).sqrt() as usize * 2 };
    let mut s = Script::started();
    let name = |i: usize| format!("N-{i:05}");
    let plan = |i: usize| {
        let mut node = planned(&name(i), i / wide);
        let before = (i / wide).checked_sub(1).map(|t| t * wide);
        let first = before.map(|b| b + (i * 7) % wide);
        let second = before.map(|b| b + (i * 3 + 1) % wide).filter(|p| Some(*p) != first);
        node.waits_for = first.into_iter().chain(second).map(|p| id(&name(p))).collect();
        node.deliverable = format!("add part {i} of the catalogue & its tests");
        node.est_loc = 20 + (i as u64 * 13) % 80;
        node
    };
    let nodes: Vec<PlannedSummary> = (0..n).map(plan).collect();
    s.push(Event::Planned { nodes: nodes.clone(), warnings: vec!["N-00001 touches all of src".to_owned()] });
    s.push(Event::BranchCreated { branch: "audit/run-20260102T030405Z".to_owned(), base: oid(1) });
    s.push(Event::Baseline { record: invariant("INV-1", 0) });
    s.push(Event::PreflightPassed);
    let mut bad: BTreeSet<String> = BTreeSet::new();
    for group in (0..n).collect::<Vec<_>>().chunks(wide.min(8)) {
        let mut going = Vec::new();
        for i in group {
            let node = &nodes[*i];
            match node.waits_for.iter().find(|w| bad.contains(w.as_str())) {
                Some(cause) => {
                    bad.insert(name(*i));
                    s.judged(&name(*i), 0, NodeStatus::Blocked, &format!("{cause} did not verify"));
                }
                None => going.push(*i),
            }
        }
        side_by_side(&mut s, &going, &name);
        bad.extend(going.into_iter().filter(|i| fails(*i)).map(name));
    }
    if bad.is_empty() {
        s.finished(Termination::AllDone, 0, "done");
    } else {
        let failed = format!("{} nodes did not verify", bad.len());
        s.push(Event::Halting { reason: Termination::VerificationFailed, message: failed.clone() });
        s.finished(Termination::VerificationFailed, 1, &failed);
    }
    let state = replay(&s.records);
    let worked = state.nodes.iter().filter(|n| n.dispatched().count() > 0);
    let files = |n: &crate::journal::NodeState| {
        let mut files =
            vec![format!("runs/{}/agent.log", n.id), names::verification(&n.id), names::patch(&n.id)];
        files.extend(n.remediation.iter().map(|(_, path)| path.clone()));
        files
    };
    let present = worked.flat_map(files).collect();
    collected(&state, None, &present)
}

fn fails(i: usize) -> bool {
    i % 97 == 1
}

/// Attempts of nodes that run at the same time, until each of them is judged for good.
fn side_by_side(s: &mut Script, going: &[usize], name: &impl Fn(usize) -> String) {
    let most = |i: &usize| if fails(*i) { 3 } else { 1 + u32::from(i % 7 == 3) };
    for attempt in 1..=3 {
        let now: Vec<usize> = going.iter().copied().filter(|i| most(i) >= attempt).collect();
        for i in &now {
            let next = NextPredicted { node_id: id(&name(*i)), tier: 0, rationale: "lowest tier".to_owned() };
            s.push(Event::Predicted { next });
            let node = id(&name(*i));
            s.push(Event::Dispatched { node: node.clone(), attempt, tier: 0, iteration: *i as u64 + 1 });
            let (role, agent) = (crate::config::Role::Node, "worker".to_owned());
            s.push(Event::AgentStarted { role, subject: Some(node), attempt, agent });
        }
        for i in now {
            worked(s, &name(i), attempt, i, !fails(i) && attempt == most(&i));
        }
    }
}

/// What follows a dispatch, up to the verdict.
fn worked(s: &mut Script, node: &str, attempt: u32, i: usize, green: bool) {
    let ms = (i as u64 * 31 % 90) * 1000 + 3000;
    s.wait(i as i64 * 31 % 90 / 4 + 3);
    let step = |s: &mut Script, text: &str, ms: u64| {
        let words = text.split(' ').map(str::to_owned).collect();
        let (node, text) = (id(node), text.to_owned());
        s.push(Event::Step { node, attempt, text, words, exit_code: 0, duration_ms: ms });
    };
    step(s, "agent run", ms);
    let mut record = agent(node);
    record.metrics.output_tokens = (!i.is_multiple_of(3)).then_some(i as u64 * 37 % 4_000);
    record.metrics.cost_usd = (!i.is_multiple_of(5)).then_some(0.01 * (i % 40) as f64);
    s.push(Event::AgentFinished { subject: Some(id(node)), attempt, record });
    let mut files = vec![format!("src/part_{i}.rs"), format!("tests/part_{i}.rs")];
    files.truncate(1 + i % 2);
    let mut evidence = diff(&files.iter().map(String::as_str).collect::<Vec<_>>());
    (evidence.est_loc, evidence.loc) = (20 + (i as u64 * 13) % 80, 5 + (i as u64 * 29) % 110);
    evidence.cap = Some(evidence.est_loc + evidence.est_loc.max(40) / 2);
    s.captured(node, attempt, i as u32, &[]);
    let Event::Captured { diff, .. } = &mut s.records.last_mut().unwrap().event else { unreachable!() };
    *diff = evidence;
    for gate in [GateName::Touches, GateName::Loc, GateName::Signal] {
        s.gate(node, attempt, gate, None);
    }
    s.check(node, attempt, CheckPhase::Verify, 0).wait(3);
    let mut test = check("cargo test -q", if green { 0 } else { 101 });
    if !green {
        test.stdout_tail =
            "running 12 tests\n........F...\n\nassertion `left == right` failed\n  left: 3\n right: 4\n"
                .to_owned();
    }
    s.push(Event::Check { node: id(node), attempt, phase: CheckPhase::Verify, record: test });
    step(s, "check done_when", 3_000);
    if green {
        s.wait(1);
        step(s, "land", 900);
        s.landed(node, attempt, landing(i as u32, i as u32 + 1, i as u32, i.is_multiple_of(5)));
        s.judged(node, attempt, NodeStatus::Verified, "all 2 checks passed and every gate held");
        return;
    }
    s.judged(node, attempt, NodeStatus::Failed, "1 of 2 checks failed: `cargo test -q`: exit code 101");
    if attempt < 3 {
        let prompt = format!("remediation/{node}/cycle-{attempt}.md");
        s.push(Event::Remediation { node: id(node), cycle: attempt, prompt });
    }
}

fn html_of(from: &Collected) -> String {
    page(&Staged::new(from))
}

/// Elements that have no end.
const VOID: [&str; 2] = ["meta", "input"];

/// A page as a list of its tags; panics where they do not nest.
fn tags(page: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut open: Vec<String> = Vec::new();
    let mut tags = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag ends");
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "nesting");
            continue;
        }
        let name = tag.split([' ', '\n']).next().unwrap().to_owned();
        tags.push((name.clone(), attributes(&tag[name.len()..])));
        if name == "script" || name == "style" {
            let close = format!("</{name}>");
            rest = rest.split_once(&close).expect("it is closed").1;
        } else if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<String>::new());
    tags
}

fn attributes(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or((rest, "\""));
        let (value, after) = after.split_once('"').expect("a quoted value");
        assert!(found.insert(name.trim().to_owned(), value.to_owned()).is_none(), "{name} twice");
        rest = after.trim();
    }
    found
}

fn holds(page: &str) {
    let tags = tags(page);
    let ids: Vec<&String> = tags.iter().filter_map(|(_, a)| a.get("id")).collect();
    let unique: BTreeSet<&String> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id is given twice");
    for (name, attributes) in &tags {
        for (key, value) in attributes {
            assert!(!key.starts_with("on") && key != "style", "{name} {key}: no handler, no style in a tag");
            if matches!(key.as_str(), "href" | "src" | "xlink:href") {
                let inside = value.strip_prefix('#').is_some_and(|id| unique.contains(&id.to_owned()));
                assert!(inside || value.starts_with("../"), "{name} {key}={value} leads nowhere");
            }
            if key == "aria-labelledby" || key == "for" {
                assert!(unique.contains(value), "{key}={value} names nothing");
            }
            if let Some(id) = value.strip_prefix("url(#") {
                assert!(unique.contains(&id.trim_end_matches(')').to_owned()), "{value}");
            }
        }
        assert!(
            !["img", "link", "iframe", "object", "embed", "base", "form"].contains(&name.as_str()),
            "{name}"
        );
        if name == "svg" {
            assert!(
                attributes.contains_key("aria-label") || attributes.get("aria-hidden").is_some(),
                "a picture without words"
            );
        }
    }
    let scripts =
        tags.iter().filter(|(n, a)| n == "script" && a.get("type").is_none_or(|t| t != "application/json"));
    assert_eq!(scripts.count(), 1);
    for forbidden in ["http://", "https://", "@import", "src="] {
        let page = page.replace(SCRIPT, "").replace(STYLE, "");
        assert!(!page.contains(forbidden) || forbidden.starts_with("http"), "{forbidden}");
    }
    assert!(!STYLE.contains("url(") && !SCRIPT.contains("http") && !SCRIPT.contains("innerHTML"));
}

#[test]
fn pages_of_every_kind_of_run_hold_together() {
    let (state, proof, present) = proven();
    let proven = collected(&state, Some(&proof), &present);
    let empty = Collected::default();
    for from in [&proven, &synthetic(3), &synthetic(60), &synthetic(300), &empty] {
        holds(&html_of(from));
    }
}

#[test]
fn nothing_that_an_agent_words_becomes_markup() {
    let page = html_of(&collected(&hostile(), None, &BTreeSet::new()));
    holds(&page);
    assert!(!page.contains("<script>alert") && !page.contains("</details>\n<"));
    let controls = page.replace([STYLE, SCRIPT].concat().as_str(), "");
    assert!(!controls.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'));
}

#[test]
fn a_page_of_any_run_is_bounded() {
    let from = synthetic(10_000);
    let page = html_of(&from);
    holds(&page);
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
    let rows = page.matches("<tr").count();
    assert!(rows < 10 * (INLINE + 2), "{rows} rows stand in the HTML");
    let svg: usize = page.split("<svg").skip(1).filter_map(|s| s.find("</svg>")).sum();
    assert!(svg < 1_000_000, "{svg} bytes of pictures");
}

#[test]
fn the_page_says_what_failed_first_and_shows_the_evidence() {
    let page = html_of(&synthetic(3));
    let failed = page.find("id=\"failed\"").unwrap();
    assert!(failed < page.find("id=\"graph\"").unwrap());
    for said in
        ["left == right", "exit code 101", "../runs/N-00001/agent.log", "href=\"#node-N-00001\"", "◆ "]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn the_data_of_a_live_run_reaches_until_now() {
    let mut s = Script::started();
    s.ready(&[("A", 0), ("B", 1)]).dispatch("A", 1, 1);
    let from = collected(&replay(&s.records), None, &BTreeSet::new());
    let now = "2026-01-02T03:14:05.000Z";
    let data = data(&from, Some(now));
    assert_eq!(data.gantt.axis.total_ms, Duration::from_secs(600).as_millis() as u64);
    assert_eq!((data.gantt.rows[0].status, data.gantt.rows[0].bars[0].to), ("running", 600_000));
    assert_eq!(data.dag.counts(), BTreeMap::from([("pending", 1), ("running", 1)]));
    assert!(serde_json::to_value(&data).unwrap()["gantt"]["rows"][0]["bars"][0]["phases"].is_array());
}

/// `AUDITRUN_PAGES=DIR cargo test --lib page::tests::pages_to_look_at -- --ignored`
#[test]
#[ignore = "writes pages for people to look at"]
fn pages_to_look_at() {
    let dir = std::path::PathBuf::from(std::env::var_os("AUDITRUN_PAGES").expect("AUDITRUN_PAGES=DIR"));
    for n in [3, 60, 1_000, 10_000] {
        for (path, bytes) in stage_files(&synthetic(n)).unwrap() {
            let path = dir.join(n.to_string()).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}
