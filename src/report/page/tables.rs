//! The page's tables, from the report's data.

use super::charts::thousands;
use super::grid::{Cell, Grid, Kind};
use crate::base::percent;
use crate::event::{CheckPhase, CheckRecord, FigureSource};
use crate::journal::{Attempt, NodeState};
use crate::report::jobs::{counts_at_head, jobs};
use crate::report::metrics::Invocation;
use crate::report::model::NodeReport;
use crate::report::outputs::outputs;
use crate::report::stage::Staged;
use crate::report::table::{duration, usd};

/// Files of the run as the page, which lies in audit/, sees them; `None` where there is none.
pub(super) fn link(stage: &Staged<'_>, path: &str) -> Option<String> {
    stage.from.present.contains(path).then(|| format!("../{}", percent::path(path.as_bytes())))
}

fn number(n: Option<u64>) -> Cell {
    Cell::figure(n.map_or_else(|| "–".to_owned(), |n| n.to_string()), n.map(|n| n as f64))
}

fn time(ms: Option<u64>) -> Cell {
    Cell::figure(duration(ms), ms.map(|n| n as f64))
}

pub(super) fn nodes(stage: &Staged<'_>) -> Grid {
    use Kind::{Code, Number, Status, Text};
    let columns = [
        ("node", Code),
        ("status", Status),
        ("deliverable", Text),
        ("tier", Number),
        ("attempts", Number),
        ("lines", Number),
        ("estimate", Number),
        ("cap", Number),
        ("time", Number),
        ("cost", Number),
        ("commit", Code),
        ("log", Text),
        ("reason", Text),
    ];
    let row = |n: &NodeReport| {
        let log = link(stage, &format!("runs/{}/agent.log", n.id));
        vec![
            Cell::text(n.id.as_str()),
            Cell::text(&n.status),
            Cell::text(&n.deliverable),
            number(Some(n.tier as u64)),
            number(Some(n.attempts as u64)),
            number(n.loc),
            number(n.est_loc),
            number(n.cap),
            time((n.attempts > 0).then_some(n.duration_ms)),
            Cell::figure(usd(n.cost_usd), n.cost_usd),
            Cell::text(n.commit.as_ref().map(|c| c.short()).unwrap_or_default()),
            Cell::link(if log.is_some() { "log" } else { "" }, log),
            Cell::text(&n.reason),
        ]
    };
    let mut nodes: Vec<&NodeReport> = stage.report.nodes.iter().collect();
    // What a long table may leave out is what went well.
    if nodes.len() > super::grid::INLINE {
        nodes.sort_by_key(|n| rank(&n.status));
    }
    Grid::new("nodes-table", "Every node: status, size, time and cost", &columns)
        .anchored("node")
        .rows(nodes.into_iter().map(row))
}

fn rank(status: &str) -> usize {
    const ORDER: [&str; 7] =
        ["failed", "oversized", "running", "cancelled", "blocked", "pending", "verified"];
    ORDER.iter().position(|s| *s == status).unwrap_or(ORDER.len())
}

pub(super) fn agents(stage: &Staged<'_>) -> Grid {
    use Kind::{Code, Number, Text};
    let columns = [
        ("for", Code),
        ("role", Text),
        ("attempt", Number),
        ("agent", Code),
        ("model", Code),
        ("cost", Number),
        ("turns", Number),
        ("time", Number),
        ("input", Number),
        ("output", Number),
        ("cache reads", Number),
        ("cache writes", Number),
        ("session", Code),
        ("log", Text),
        ("fault", Text),
    ];
    let row = |c: &Invocation| {
        let m = &c.metrics;
        let mark = |name: &str| match m.sources.get(name) {
            Some(FigureSource::Estimated) => " (est.)",
            _ => "",
        };
        let tokens = |n: Option<u64>, name: &str| {
            let shown = n.map_or_else(|| "–".to_owned(), |n| format!("{}{}", thousands(n), mark(name)));
            Cell::figure(shown, n.map(|n| n as f64))
        };
        let log = c.log.as_ref().and_then(|path| link(stage, path));
        let took = format!("{}{}", duration(m.duration_ms), mark("duration_ms"));
        vec![
            Cell::text(c.subject.as_ref().map_or("–", |s| s.as_str())),
            Cell::text(c.role.name()),
            number((c.attempt > 0).then_some(u64::from(c.attempt))),
            Cell::text(&c.agent),
            Cell::text(m.model.clone().unwrap_or_default()),
            Cell::figure(format!("{}{}", usd(m.cost_usd), mark("cost_usd")), m.cost_usd),
            number(m.turns),
            Cell::figure(took, m.duration_ms.map(|n| n as f64)),
            tokens(m.input_tokens, "input_tokens"),
            tokens(m.output_tokens, "output_tokens"),
            tokens(m.cache_read_tokens, "cache_read_tokens"),
            tokens(m.cache_write_tokens, "cache_write_tokens"),
            Cell::text(m.session_id.clone().unwrap_or_default()),
            Cell::link(if log.is_some() { "log" } else { "" }, log),
            Cell::text(fault(c)),
        ]
    };
    Grid::new("agents-table", "Agent invocations", &columns).rows(stage.metrics.invocations.iter().map(row))
}

fn fault(call: &Invocation) -> String {
    match (&call.deadline, &call.fault, &call.finished_at) {
        (Some(deadline), ..) => format!("deadline: {deadline}"),
        (_, Some(fault), _) => fault.clone(),
        (_, _, None) => "its end was never recorded".to_owned(),
        _ => String::new(),
    }
}

const VALIDATION: [(&str, Kind); 6] = [
    ("subject", Kind::Code),
    ("kind", Kind::Text),
    ("what", Kind::Code),
    ("result", Kind::Status),
    ("time", Kind::Number),
    ("detail", Kind::Text),
];

/// Gates, checks and invariants of each node's newest attempt, and those at the head; what
/// failed comes first.
pub(super) fn validation(stage: &Staged<'_>) -> Grid {
    let state = &stage.from.state;
    let mut rows: Vec<(bool, Vec<Cell>)> = Vec::new();
    for node in &state.nodes {
        if let Some(attempt) = node.dispatched().last() {
            of_attempt(node, attempt, &mut rows);
        }
    }
    let mut at_head = |subject: &crate::base::Id, kind: &str, check: &CheckRecord, spared: &str| {
        let counts = counts_at_head(state, subject, check);
        let result = if check.passed {
            "passed"
        } else if counts {
            "failed"
        } else {
            spared
        };
        rows.push((counts, one(subject.as_str(), kind, check, result)));
    };
    for (id, check) in &state.head_checks {
        at_head(id, "check at the head", check, "superseded");
    }
    for record in &state.head_invariants {
        at_head(&record.id, "invariant at the head", &record.check, "advisory");
    }
    rows.sort_by_key(|(failed, _)| !failed);
    Grid::new("validation-table", "Gates, checks and invariants", &VALIDATION)
        .rows(rows.into_iter().map(|(_, row)| row))
}

fn of_attempt(node: &NodeState, attempt: &Attempt, rows: &mut Vec<(bool, Vec<Cell>)>) {
    for gate in &attempt.gates {
        let row = vec![
            Cell::text(node.id.as_str()),
            Cell::text("gate"),
            Cell::text(gate.gate.name()),
            Cell::text(if gate.passed { "passed" } else { "failed" }),
            time(None),
            Cell::text(&gate.reason),
        ];
        rows.push((!gate.passed, row));
    }
    let again = |phase: &CheckPhase| if *phase == CheckPhase::Retest { ", after the rebase" } else { "" };
    for (phase, check) in &attempt.checks {
        let result = if check.passed { "passed" } else { "failed" };
        let row = one(node.id.as_str(), &format!("check{}", again(phase)), check, result);
        rows.push((!check.passed, row));
    }
    for (phase, record) in &attempt.invariants {
        let result = match (record.regression, record.check.passed) {
            (true, _) => "failed",
            (false, true) => "passed",
            (false, false) => "failed before",
        };
        let kind = format!("invariant {}{}", record.id, again(phase));
        rows.push((record.regression, one(node.id.as_str(), &kind, &record.check, result)));
    }
}

fn one(subject: &str, kind: &str, check: &CheckRecord, result: &str) -> Vec<Cell> {
    vec![
        Cell::text(subject),
        Cell::text(kind),
        Cell::text(&check.command),
        Cell::text(result),
        time(Some(check.duration_ms)),
        Cell::text(if check.passed { String::new() } else { crate::report::junit::why(check) }),
    ]
}

pub(super) fn files(stage: &Staged<'_>) -> Grid {
    let columns =
        [("file", Kind::Code), ("node", Kind::Code), ("status", Kind::Status), ("where", Kind::Code)];
    let rows = outputs(&stage.from.state).into_iter().map(|o| {
        vec![Cell::text(o.path), Cell::text(o.node.to_string()), Cell::text(o.status), Cell::text(o.at)]
    });
    Grid::new("outputs-table", "Files that were created or changed", &columns).rows(rows)
}

/// Every job but the nodes', which have a table of their own.
pub(super) fn other_jobs(stage: &Staged<'_>) -> Grid {
    let columns = [("job", Kind::Text), ("result", Kind::Status), ("detail", Kind::Text)];
    let rows = jobs(&stage.from.state)
        .into_iter()
        .filter(|j| !j.name.starts_with("node "))
        .map(|j| vec![Cell::text(j.name), Cell::text(j.result.name()), Cell::text(j.detail)]);
    Grid::new("jobs-table", "Jobs besides the nodes", &columns).rows(rows)
}

pub(super) fn baseline(stage: &Staged<'_>) -> Grid {
    let columns = [
        ("invariant", Kind::Code),
        ("check", Kind::Code),
        ("baseline", Kind::Status),
        ("time", Kind::Number),
    ];
    let rows = stage.from.state.baseline.iter().map(|r| {
        let result = if r.check.passed { "passed" } else { "failed" };
        let ms = Some(r.check.duration_ms);
        vec![Cell::text(r.id.as_str()), Cell::text(&r.check.command), Cell::text(result), time(ms)]
    });
    Grid::new("baseline-table", "Invariants before the first node", &columns).rows(rows)
}

pub(super) fn questions(stage: &Staged<'_>) -> Grid {
    let columns = [
        ("question", Kind::Code),
        ("end", Kind::Status),
        ("confidence", Kind::Number),
        ("detail", Kind::Text),
    ];
    let rows = stage.report.questions.iter().map(|q| {
        let (end, detail) = match (&q.commit, &q.escalated) {
            (Some(commit), _) => ("resolved", format!("in {}", commit.short())),
            (None, why) => ("escalated", why.clone().unwrap_or_default()),
        };
        let confidence = Cell::figure(q.confidence.map(|c| c.to_string()).unwrap_or_default(), q.confidence);
        vec![Cell::text(q.id.as_str()), Cell::text(end), confidence, Cell::text(detail)]
    });
    Grid::new("questions-table", "Open questions", &columns).rows(rows)
}

pub(super) fn notices(stage: &Staged<'_>) -> Grid {
    let columns = [("level", Kind::Status), ("node", Kind::Code), ("message", Kind::Text)];
    let rows = stage.report.notices.iter().map(|n| {
        let level = match n.level {
            crate::event::NoticeLevel::Notice => "notice",
            crate::event::NoticeLevel::Warning => "warning",
        };
        let node = n.node.as_ref().map(|id| id.as_str()).unwrap_or_default();
        vec![Cell::text(level), Cell::text(node), Cell::text(&n.message)]
    });
    Grid::new("notices-table", "Warnings and notices", &columns).rows(rows)
}
