//! What is drawn and said, over made-up records and a clock that stands still.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::plain::Plain;
use super::rows::{Area, rows};
use super::tick::{Ticking, ticking};
use crate::base::clock::iso;
use crate::base::{Clock, FixedClock, Id};
use crate::config::Role;
use crate::event::*;
use crate::progress::Board;

/// A run at second 1,000 of which everything else is told in seconds since then.
struct Film {
    records: Vec<Record>,
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn at(second: i64) -> i64 {
    (1_000 + second) * 1000
}

impl Film {
    fn new(names: &[&str]) -> Film {
        let node = |name: &&str| PlannedSummary {
            id: id(name),
            deliverable: "add".into(),
            tier: 0,
            waits_for: Vec::new(),
            agent: "claude".into(),
            est_loc: 1,
            digest: String::new(),
        };
        let mut film = Film { records: Vec::new() };
        let process = ProcessStamp { pid: 1, start_ticks: 1, boot_id: String::new() };
        film.tell(0, Event::RunResumed { command: Vec::new(), max_iterations: 9, timeout_ms: 9, process });
        film.tell(0, Event::Planned { nodes: names.iter().map(node).collect(), warnings: Vec::new() });
        film
    }

    fn tell(&mut self, second: i64, event: Event) -> &mut Film {
        let at = iso(jiff::Timestamp::from_second(1_000 + second).unwrap());
        self.records.push(Record { v: JOURNAL_VERSION, seq: 0, at, event });
        self
    }

    fn agent(&mut self, second: i64, node: &str, attempt: u32) -> &mut Film {
        self.tell(second, Event::Dispatched { node: id(node), attempt, tier: 0, iteration: 1 });
        let subject = Some(id(node));
        self.tell(second, Event::AgentStarted { role: Role::Node, subject, attempt, agent: "claude".into() })
    }

    fn ends(&mut self, second: i64, node: &str, status: NodeStatus) -> &mut Film {
        self.tell(
            second,
            Event::NodeFinished {
                node: id(node),
                attempt: 1,
                status,
                outcome: Outcome::of(status, true),
                reason: "as it is".into(),
                duration_ms: 100_000,
            },
        )
    }

    fn board(&self) -> Board {
        let mut board = Board::default();
        self.records.iter().for_each(|r| board.follow(r));
        board
    }
}

fn busy() -> Board {
    let mut film = Film::new(&["api", "cli", "docs", "a-rather-long-name-of-a-node", "late"]);
    film.agent(0, "api", 1).ends(100, "api", NodeStatus::Verified);
    film.agent(0, "cli", 1).ends(100, "cli", NodeStatus::Failed);
    film.agent(100, "cli", 2).agent(100, "a-rather-long-name-of-a-node", 1);
    let mut board = film.board();
    board.said(&id("cli"), "I am reading the parser, and then\n\x1b[31mI shall change it");
    board.spending(&id("cli"), &Metrics { cost_usd: Some(0.123), ..Metrics::default() });
    board
}

fn drawn(board: &Board, second: i64, width: usize, height: usize) -> String {
    rows(board, at(second), Area { width, height, color: false }).join("\n")
}

#[test]
fn a_wide_screen_has_columns_and_a_narrow_one_what_matters() {
    let board = busy();
    insta::assert_snapshot!("wide", drawn(&board, 750, 120, 24));
    insta::assert_snapshot!("usual", drawn(&board, 160, 80, 24));
    insta::assert_snapshot!("narrow", drawn(&board, 750, 40, 24));
    for width in [20, 27, 40, 71, 72, 80, 200] {
        for line in drawn(&board, 750, width, 24).lines() {
            assert!(line.chars().count() < width, "{width}: {line:?}");
            assert!(!line.contains('\x1b'), "{line:?}");
        }
    }
}

#[test]
fn colours_mark_what_is_slow_and_what_failed_and_add_nothing_to_the_width() {
    let board = busy();
    let area = Area { width: 60, height: 24, color: true };
    let text = rows(&board, at(750), area).join("\n");
    assert!(text.contains("\x1b[33mSLOW \x1b[0m") && text.contains("1/5 verified"), "{text:?}");
    let plain = rows(&board, at(750), Area { color: false, ..area }).join("\n");
    let bare = text.replace("\x1b[33m", "").replace("\x1b[31m", "").replace("\x1b[0m", "");
    assert_eq!(bare, plain);
}

#[test]
fn a_low_screen_shows_those_that_have_been_at_it_longest() {
    let names: Vec<String> = (0..50).map(|n| format!("n{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut film = Film::new(&names);
    for (second, name) in names.iter().rev().enumerate() {
        film.agent(i64::try_from(second).unwrap(), name, 1);
    }
    let text = drawn(&film.board(), 100, 80, 10);
    assert_eq!(text.lines().count(), 9, "{text}");
    assert!(text.contains("  n49 ") && text.contains("  and 43 more") && !text.contains("n00"), "{text}");
    film.tell(
        200,
        Event::RunFinished {
            reason: Termination::AllDone,
            exit_code: 0,
            message: String::new(),
            active_ms: 1,
        },
    );
    assert_eq!(drawn(&film.board(), 201, 80, 10), "");
}

/// What plain lines say of a film when time goes on to some moments.
fn said(film: &Film, verbose: bool, ticks: &[i64]) -> String {
    let buffer: Arc<Mutex<Vec<u8>>> = Arc::default();
    let clock = Arc::new(FixedClock::at(jiff::Timestamp::from_second(1_000).unwrap()));
    let plain = Plain::new(false, verbose, buffer.clone(), clock.clone());
    film.records.iter().for_each(|record| plain.record(record));
    for second in ticks {
        plain.tick(at(*second));
    }
    let bytes = buffer.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn lines_say_when_it_still_goes_on_and_when_something_is_slow() {
    let mut film = Film::new(&["A", "B"]);
    film.agent(0, "A", 1);
    let ticks: Vec<i64> = (1..=1300).collect();
    let text = said(&film, false, &ticks);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["resumed", "A dispatched (tier 0)"]);
    assert_eq!(lines[2], "still running: 1 task, the longest A (claude) for 1:00; 0 of 2 nodes verified");
    let slow: Vec<&&str> = lines.iter().filter(|l| l.starts_with("SLOW")).collect();
    assert_eq!(slow, [&"SLOW A: claude for 10:00", &"SLOW A: claude for 20:00"]);
    // One line a minute, whatever kind.
    assert_eq!(lines.len() - 2, 21, "{text}");
    film.ends(5, "A", NodeStatus::Verified);
    assert!(!said(&film, false, &ticks).contains("still"), "nothing runs");
}

#[test]
fn verbose_has_a_line_for_each_step() {
    let mut film = Film::new(&["A"]);
    film.agent(0, "A", 1);
    let gate = Event::Gate {
        node: id("A"),
        attempt: 1,
        gate: GateName::Loc,
        passed: false,
        reason: "9 lines, the cap is 3".into(),
    };
    film.tell(1, gate);
    let quiet = said(&film, false, &[]);
    let loud = said(&film, true, &[]);
    assert!(!quiet.contains("gate"), "{quiet}");
    assert!(loud.contains("A: node claude started\nA: gate loc failed: 9 lines, the cap is 3\n"), "{loud}");
}

struct Count(Mutex<Vec<i64>>);

impl Ticking for Count {
    fn tick(&self, now: i64) {
        self.0.lock().unwrap().push(now);
    }
}

#[test]
fn ticks_bring_the_clocks_time_and_end_with_their_sink() {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::at(jiff::Timestamp::from_second(7).unwrap()));
    let count = Arc::new(Count(Mutex::default()));
    ticking(&count, clock, Duration::from_millis(1));
    while count.0.lock().unwrap().len() < 3 {
        std::thread::yield_now();
    }
    assert!(count.0.lock().unwrap().iter().all(|now| *now == 7_000));
    // The thread holds it only while it tells it.
    while Arc::strong_count(&count) > 1 {
        std::thread::yield_now();
    }
    assert!(Arc::into_inner(count).is_some());
}
