//! Tests of the journal: writing, torn tails, refusals, replay.

use std::io::Write;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::sample::*;
use super::*;
use crate::base::{FixedClock, Id};
use crate::event::*;

fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::at("2026-01-02T03:04:05.250Z".parse().unwrap()))
}

fn notice(text: &str) -> Event {
    Event::Notice { node: None, level: NoticeLevel::Notice, message: text.to_owned() }
}

#[derive(Default)]
struct Heard(Mutex<Vec<u64>>);

impl Sink for Heard {
    fn record(&self, record: &Record) {
        self.0.lock().unwrap().push(record.seq);
    }
}

#[test]
fn what_is_written_reads_back_and_every_sink_hears_it_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("runs/events.jsonl");
    let heard = Arc::new(Heard::default());
    let writer = JournalWriter::create(&path, clock()).unwrap().with_sinks([heard.clone() as Arc<dyn Sink>]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    writer.announce(notice("hello")).unwrap();
                }
            });
        }
    });
    let read = read(&path).unwrap();
    assert_eq!(read.records.len(), 100);
    assert_eq!((read.torn_tail, read.problems), (None, vec![]));
    assert_eq!(read.records[7].at, "2026-01-02T03:04:05.250Z");
    assert_eq!(*heard.0.lock().unwrap(), (0..100).collect::<Vec<_>>());
    assert!(JournalWriter::create(&path, clock()).is_err(), "an existing journal is never begun again");
}

#[test]
fn a_torn_tail_is_cut_and_the_chain_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let writer = JournalWriter::create(&path, clock()).unwrap();
    writer.record(notice("one")).unwrap();
    writer.record(notice("two")).unwrap();
    drop(writer);
    let whole = std::fs::metadata(&path).unwrap().len() as usize;
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"v\":1,\"seq\":2,\"at\":\"20").unwrap();

    let torn = read(&path).unwrap();
    assert_eq!(torn.records.len(), 2);
    assert_eq!(torn.torn_tail, Some(TornTail { offset: whole, length: 23 }));

    let (writer, found) = JournalWriter::open_append(&path, clock()).unwrap();
    assert_eq!(found.records.len(), 2);
    assert_eq!(writer.record(notice("three")).unwrap().seq, 2);
    let again = read(&path).unwrap();
    assert_eq!((again.records.len(), again.torn_tail, again.problems), (3, None, vec![]));
}

#[test]
fn every_cut_of_a_journal_reads_as_a_prefix() {
    let mut script = Script::started();
    script.ready(&[("A", 0)]).dispatch("A", 1, 1);
    let whole = bytes(&script.records);
    for cut in 0..whole.len() {
        let read = parse(&whole[..cut]).unwrap();
        let n = read.records.len();
        assert_eq!(read.records, script.records[..n], "cut at {cut}");
        assert_eq!(read.torn_tail.is_some(), whole[..cut].last().is_some_and(|b| *b != b'\n'));
    }
}

#[test]
fn every_flipped_byte_shows() {
    let mut script = Script::started();
    script.ready(&[("A", 0)]).dispatch("A", 1, 1);
    let whole = bytes(&script.records);
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 1;
        let shows = match parse(&bad) {
            Err(_) => true,
            Ok(read) => read.torn_tail.is_some() || !read.problems.is_empty(),
        };
        assert!(shows, "byte {at} of {:?}", String::from_utf8_lossy(&bad[at.saturating_sub(30)..=at]));
    }
}

fn refusal(edit: impl Fn(&mut Vec<String>)) -> String {
    let mut script = Script::started();
    script.ready(&[("A", 0)]);
    let mut lines: Vec<String> =
        String::from_utf8(bytes(&script.records)).unwrap().lines().map(str::to_owned).collect();
    edit(&mut lines);
    let error = parse((lines.join("\n") + "\n").as_bytes()).unwrap_err();
    let diag = error.diag();
    format!("{}: {} | {}", diag.code, diag.message, diag.help.unwrap())
}

#[test]
fn gaps_versions_and_rubbish_are_refused_with_the_line() {
    let refusals = [
        refusal(|l| drop(l.remove(2))),
        refusal(|l| l.swap(1, 2)),
        refusal(|l| l[1] = l[1].replace("\"v\":1", "\"v\":2")),
        refusal(|l| l[1] = "rubbish".to_owned()),
        refusal(|l| l[1] = "{\"seq\":1}".to_owned()),
    ];
    insta::assert_snapshot!(refusals.join("\n"));
    let unknown = refusal(|l| l[1] = l[1].replace("\"planned\"", "\"dreamt\""));
    assert!(unknown.contains("line 2 of the journal is not a record: unknown variant `dreamt`"), "{unknown}");
}

#[test]
fn a_missing_journal_is_an_error_that_names_it() {
    let error = read(std::path::Path::new("/nowhere/events.jsonl")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/events.jsonl"));
    assert_eq!(error.diag().code, "journal::io");
}

/// A verified, then B failed twice and is out of cycles.
fn two_nodes() -> Script {
    let mut s = Script::started();
    s.ready(&[("A", 0), ("B", 1)]);
    s.dispatch("A", 1, 1).captured("A", 1, 50, &["A.txt"]).check("A", 1, CheckPhase::Verify, 0);
    s.landed("A", 1, landing(1, 2, 50, false)).judged("A", 1, NodeStatus::Verified, "all green");
    s.dispatch("B", 1, 2).judged("B", 1, NodeStatus::Failed, "a check failed");
    s.push(Event::Remediation { node: id("B"), cycle: 1, prompt: "remediation/B/cycle-1.md".to_owned() });
    s.dispatch("B", 2, 3);
    s
}

#[test]
fn replay_tells_nodes_attempts_landings_and_the_loop_guard() {
    let s = two_nodes();
    let state = replay(&s.records);
    assert_eq!(state.run_id(), "20260102T030405Z");
    assert_eq!(state.nodes.iter().map(|n| n.progress.name()).collect::<Vec<_>>(), ["verified", "running"]);
    let b = state.node(&id("B")).unwrap();
    assert_eq!(b.attempts.iter().map(|a| (a.number, a.iteration)).collect::<Vec<_>>(), [(1, 2), (2, 3)]);
    assert_eq!(b.remediation, [(1, "remediation/B/cycle-1.md".to_owned())]);
    assert_eq!(b.attempts[1].agents[0].metrics.session_id.as_deref(), Some("s-B"));
    assert_eq!(state.landings.len(), 1);
    assert_eq!(state.head(), Some(&oid(2)));
    assert_eq!(state.predicted.as_ref().unwrap().node_id, id("B"));
    let iteration = iteration_state(&state);
    assert_eq!(iteration.iteration, 3);
    assert_eq!(iteration.last_outcome, Some(Outcome::Fail));
    assert_eq!((iteration.status, iteration.termination_reason), (RunStatus::Running, None));
    assert_eq!(iteration.timeout_minutes, 480);
}

#[test]
fn what_was_never_dispatched_moves_the_outcome_only_while_nothing_else_did() {
    let mut s = Script::started();
    s.ready(&[("A", 0), ("B", 1)]).judged("B", 0, NodeStatus::Blocked, "A failed");
    assert_eq!(iteration_state(&replay(&s.records)).last_outcome, Some(Outcome::Skip));
    s.dispatch("A", 1, 1).judged("A", 1, NodeStatus::Failed, "no");
    s.judged("B", 0, NodeStatus::Blocked, "A failed");
    assert_eq!(iteration_state(&replay(&s.records)).last_outcome, Some(Outcome::Fail));
}

#[test]
fn active_time_is_the_sum_of_lifetimes_without_pauses_and_without_the_stage() {
    let mut s = two_nodes();
    let first = (s.records.len() - 1) as u64 * 1000;
    s.wait(3600).resumed();
    s.judged("B", 2, NodeStatus::Failed, "no").finished(Termination::Interrupted, 130, "interrupted");
    s.wait(600).push(Event::StageFinished { files: Default::default(), problems: vec![] });
    assert_eq!(replay(&s.records).active_ms(), first + 2000);
}

#[test]
fn a_resume_takes_up_what_was_running_or_skipped_and_keeps_what_was_judged() {
    let mut s = two_nodes();
    s.push(Event::Halting { reason: Termination::Interrupted, message: "Ctrl-C".to_owned() });
    s.finished(Termination::Interrupted, 130, "Ctrl-C");
    let halted = replay(&s.records);
    assert_eq!(iteration_state(&halted).status, RunStatus::Halted);
    s.resumed();
    let state = replay(&s.records);
    assert_eq!((state.halting.clone(), state.finished.clone()), (None, None));
    assert_eq!(state.nodes.iter().map(|n| n.progress.name()).collect::<Vec<_>>(), ["verified", "pending"]);
    assert_eq!(state.lifetimes.len(), 2);
    assert_eq!(state.iteration, 3);
}

#[test]
fn a_new_plan_resets_only_nodes_whose_definition_changed() {
    let mut s = two_nodes();
    s.push(Event::Rebundled { rev: "main".to_owned(), commit: oid(9), inputs: Default::default() });
    let mut changed = planned("B", 1);
    changed.digest = "another".to_owned();
    s.push(Event::Planned { nodes: vec![changed, planned("A", 0), planned("C", 2)], warnings: vec![] });
    let state = replay(&s.records);
    let seen: Vec<_> = state.nodes.iter().map(|n| format!("{} {}", n.id, n.progress.name())).collect();
    assert_eq!(seen, ["B pending", "A verified", "C pending"]);
    assert_eq!(state.node(&id("B")).unwrap().attempts.len(), 2, "history stays");
    assert_eq!(state.head(), Some(&oid(9)));
}

#[test]
fn a_landing_that_was_announced_only_stays_open() {
    let mut s = two_nodes();
    s.push(Event::Landing { node: id("B"), attempt: 2, old: oid(2), new: oid(3) });
    let open = replay(&s.records).pending_landing.unwrap();
    assert_eq!((open.node, open.new), (id("B"), oid(3)));
    s.push(Event::Landed { node: id("B"), attempt: 2, landing: landing(2, 3, 51, true) });
    assert_eq!(replay(&s.records).pending_landing, None);
    s.push(Event::NodeReset { node: id("B"), reason: "its check fails on its commit".to_owned() });
    let b = replay(&s.records).node(&id("B")).unwrap().clone();
    assert_eq!((b.progress, b.landing), (Progress::Pending, None));
}

#[test]
fn the_newest_landed_run_of_an_invariant_is_the_next_reference() {
    let mut s = Script::started();
    s.ready(&[("A", 0)]).dispatch("A", 1, 1);
    let failing = Event::Invariant {
        node: Some(id("A")),
        attempt: 1,
        phase: CheckPhase::Verify,
        record: invariant("INV-1", 7),
    };
    s.push(failing);
    let key = (id("INV-1"), "make lint".to_owned());
    assert_eq!(replay(&s.records).reference_exits[&key], Some(0), "not before it lands");
    s.landed("A", 1, landing(1, 2, 50, false));
    assert_eq!(replay(&s.records).reference_exits[&key], Some(7));
}

#[test]
fn the_proof_vouches_for_what_stands_before_it() {
    let mut s = two_nodes();
    let before = bytes(&s.records);
    assert_eq!(proof_prefix(&before), (before.len(), s.records.len()));
    s.push(Event::Proof { complete: true, gaps: vec![], fingerprint: None, head: oid(2) });
    s.push(notice("\"type\":\"proof\" in a message is no proof"));
    assert_eq!(proof_prefix(&bytes(&s.records)), (before.len(), s.records.len() - 2));
}

fn name() -> impl Strategy<Value = Id> {
    prop::sample::select(vec!["A", "B", "C"]).prop_map(id)
}

fn status() -> impl Strategy<Value = NodeStatus> {
    prop::sample::select(vec![
        NodeStatus::Verified,
        NodeStatus::Failed,
        NodeStatus::Oversized,
        NodeStatus::Blocked,
        NodeStatus::Cancelled,
    ])
}

/// Any event in any order, as a damaged or forged journal could hold them.
fn event() -> impl Strategy<Value = Event> {
    let n = 0_u32..4;
    prop_oneof![
        Just(Script::started().records.remove(0).event),
        Just(Script::started().resumed().records.remove(1).event),
        prop::collection::vec(name(), 0..4).prop_map(|ids| Event::Planned {
            nodes: ids.iter().map(|i| planned(i.as_str(), 0)).collect(),
            warnings: vec![],
        }),
        Just(Event::PreflightPassed),
        Just(Event::Baseline { record: invariant("INV-1", 0) }),
        (name(), n.clone(), any::<u64>()).prop_map(|(node, attempt, iteration)| Event::Dispatched {
            node,
            attempt,
            tier: 0,
            iteration
        }),
        (name(), n.clone()).prop_map(|(node, attempt)| Event::AgentStarted {
            role: crate::config::Role::Node,
            subject: Some(node),
            attempt,
            agent: "worker".to_owned(),
        }),
        (name(), n.clone()).prop_map(|(node, attempt)| Event::AgentFinished {
            record: agent(node.as_str()),
            subject: Some(node),
            attempt,
        }),
        (name(), n.clone()).prop_map(|(node, attempt)| Event::Captured {
            node,
            attempt,
            tree: oid(5),
            commit: oid(6),
            reference: "r".to_owned(),
            diff: diff(&["x"]),
        }),
        (name(), n.clone(), 0..2_i32).prop_map(|(node, attempt, exit)| Event::Check {
            node,
            attempt,
            phase: CheckPhase::Proof,
            record: check("c", exit),
        }),
        (name(), n.clone()).prop_map(|(node, attempt)| Event::Landed {
            node,
            attempt,
            landing: landing(1, 2, 3, false),
        }),
        (name(), n, status(), any::<u64>()).prop_map(|(node, attempt, status, duration_ms)| {
            Event::NodeFinished {
                node,
                attempt,
                status,
                outcome: Outcome::of(status, true),
                reason: "r".to_owned(),
                duration_ms,
            }
        }),
        name().prop_map(|node| Event::NodeReset { node, reason: "r".to_owned() }),
        Just(Event::Proof { complete: false, gaps: vec!["g".to_owned()], fingerprint: None, head: oid(1) }),
        Just(Event::Halting { reason: Termination::Timeout, message: "m".to_owned() }),
        any::<u64>().prop_map(|active_ms| Event::RunFinished {
            reason: Termination::AllDone,
            exit_code: 0,
            message: "m".to_owned(),
            active_ms,
        }),
    ]
}

pub(crate) fn records() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((event(), "[0-9]{0,3}|2026-01-02T03:04:0[0-9]Z"), 0..40).prop_map(|events| {
        let number = |(seq, (event, at)): (usize, (Event, String))| Record {
            v: JOURNAL_VERSION,
            seq: seq as u64,
            at,
            event,
        };
        events.into_iter().enumerate().map(number).collect()
    })
}

proptest! {
    #[test]
    fn any_journal_replays_without_panic_and_in_pieces(all in records(), cut in 0..40_usize) {
        let cut = cut.min(all.len());
        let mut pieces = replay(&all[..cut]);
        for record in &all[cut..] {
            pieces.apply(record);
        }
        prop_assert_eq!(&pieces, &replay(&all));
        iteration_state(&pieces);
    }

    #[test]
    fn any_journal_survives_its_own_bytes(all in records()) {
        let read = parse(&bytes(&all)).unwrap();
        prop_assert_eq!(read.problems, Vec::<String>::new());
        prop_assert_eq!(read.records, all);
    }

    #[test]
    fn any_bytes_parse_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = parse(&bytes) {
            prop_assert!(read.records.len() <= bytes.len());
        }
    }
}
