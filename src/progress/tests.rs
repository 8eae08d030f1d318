//! Boards over made-up records, with made-up times.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::base::clock::iso;
use crate::base::{Id, Oid};
use crate::config::Role;
use crate::event::*;

struct Film {
    board: Board,
    seconds: i64,
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

impl Film {
    fn new(tiers: &[&[&str]]) -> Film {
        let mut film = Film { board: Board::default(), seconds: 1_000 };
        let node = |tier: usize, name: &str| PlannedSummary {
            id: id(name),
            deliverable: "add".into(),
            tier,
            waits_for: Vec::new(),
            agent: "x".into(),
            est_loc: 1,
            digest: name.into(),
        };
        let nodes =
            tiers.iter().enumerate().flat_map(|(t, ids)| ids.iter().map(move |n| node(t, n))).collect();
        film.tell(Event::Planned { nodes, warnings: Vec::new() });
        film
    }

    fn now(&self) -> i64 {
        self.seconds * 1000
    }

    fn wait(&mut self, seconds: i64) -> &mut Film {
        self.seconds += seconds;
        self
    }

    fn tell(&mut self, event: Event) -> &mut Film {
        let at = iso(jiff::Timestamp::from_second(self.seconds).unwrap());
        self.board.follow(&Record { v: JOURNAL_VERSION, seq: 0, at, event });
        self
    }

    fn dispatch(&mut self, node: &str) -> &mut Film {
        self.tell(Event::Dispatched { node: id(node), attempt: 1, tier: 0, iteration: 1 })
    }

    fn agent(&mut self, node: &str) -> &mut Film {
        let subject = Some(id(node));
        self.tell(Event::AgentStarted { role: Role::Node, subject, attempt: 1, agent: "claude".into() })
    }

    fn agent_ends(&mut self, node: &str, cost_usd: Option<f64>) -> &mut Film {
        let record = AgentRecord {
            name: "claude".into(),
            adapter: "claude".into(),
            role: Role::Node,
            exit_code: Some(0),
            signal: None,
            deadline: None,
            fault: None,
            leaked: Vec::new(),
            retries: 0,
            metrics: Metrics { cost_usd, ..Metrics::default() },
            log: None,
        };
        self.tell(Event::AgentFinished { subject: Some(id(node)), attempt: 1, record })
    }

    fn ends(&mut self, node: &str, status: NodeStatus, seconds: u64) -> &mut Film {
        self.tell(Event::NodeFinished {
            node: id(node),
            attempt: 1,
            status,
            outcome: Outcome::of(status, true),
            reason: String::new(),
            duration_ms: seconds * 1000,
        })
    }

    fn task(&self, node: &str) -> &Task {
        self.board.tasks().find(|(i, _)| i.as_str() == node).unwrap().1
    }
}

#[test]
fn a_node_goes_through_its_phases() {
    let mut film = Film::new(&[&["A"]]);
    film.dispatch("A");
    assert_eq!(film.task("A").phase, "worktree");
    film.wait(2).agent("A");
    film.board.said(&id("A"), "reading");
    film.board.spending(&id("A"), &Metrics { cost_usd: Some(0.5), ..Metrics::default() });
    let task = film.task("A");
    assert_eq!(
        (task.phase.as_str(), task.message.as_str(), task.cost_usd()),
        ("claude", "reading", Some(0.5))
    );
    assert_eq!(film.board.total_usd(), Some(0.5));
    film.wait(5).agent_ends("A", Some(0.75));
    let task = film.task("A");
    assert_eq!((task.phase.as_str(), task.message.as_str(), task.cost_usd()), ("capture", "", Some(0.75)));
    let oid = Oid::parse(&"a".repeat(40)).unwrap();
    film.tell(Event::Landing { node: id("A"), attempt: 1, old: oid.clone(), new: oid });
    assert_eq!(film.task("A").phase, "land");
    assert_eq!(film.board.count(Standing::Running), 1);
    film.ends("A", NodeStatus::Verified, 9);
    assert_eq!(film.board.tasks().count(), 0);
    assert_eq!((film.board.len(), film.board.total_usd()), (1, Some(0.75)));
    assert_eq!(film.board.count(Standing::Judged(NodeStatus::Verified)), 1);
}

#[test]
fn slow_is_twice_the_usual_and_at_least_a_minute() {
    let mut film = Film::new(&[&["A", "B", "C", "D"]]);
    film.dispatch("D").agent("D").wait(599);
    assert_eq!(film.board.slow_ms(film.task("D"), film.now()), None);
    film.wait(2);
    assert_eq!(film.board.slow_ms(film.task("D"), film.now()), Some(1_000));
    for (node, seconds) in [("A", 10), ("B", 50), ("C", 90)] {
        film.dispatch(node).agent(node).wait(seconds).agent_ends(node, None).ends(
            node,
            NodeStatus::Verified,
            1,
        );
    }
    film.dispatch("A").agent("A").wait(99);
    assert_eq!(film.board.usual_ms(film.task("A")), Some(50_000));
    assert_eq!(film.board.slow_ms(film.task("A"), film.now()), None);
    film.wait(2);
    assert_eq!(film.board.slow_ms(film.task("A"), film.now()), Some(1_000));
    film.tell(Event::RateLimited { agent: "claude".into(), pause_ms: 5_000, reason: "429".into() });
    assert_eq!(film.board.slow_ms(film.task("A"), film.now()), None, "everybody waits");
}

#[test]
fn the_rest_is_told_by_tiers() {
    let mut film = Film::new(&[&["A", "B"], &["C", "D", "E"]]);
    film.dispatch("A").dispatch("B").wait(100);
    assert_eq!(film.board.left_ms(film.now()), None, "nothing is verified yet");
    film.ends("A", NodeStatus::Verified, 100);
    // B is late by a quarter; then three nodes of 100 s on two lanes.
    assert_eq!(film.board.left_ms(film.now()), Some(25_000 + 150_000));
    film.ends("B", NodeStatus::Failed, 100);
    assert_eq!(film.board.left_ms(film.now()), Some(300_000), "failed attempts cost time as well");
    film.tell(Event::Halting { reason: Termination::MaxIterations, message: String::new() });
    assert_eq!(film.board.left_ms(film.now()), None);
}

#[test]
fn times_read_like_a_clock() {
    assert_eq!([7_999, 754_000, 3_723_000].map(clock), ["0:07", "12:34", "1:02:03"]);
}
