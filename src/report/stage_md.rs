//! audit/report.md: agent and trigger, preflight, metrics, outputs, validation, jobs, and
//! what is missing.

use super::diagnosis_md;
use super::escape::{code, fenced, markdown};
use super::jobs::{Job, JobResult, counts_at_head, jobs};
use super::markdown::{lessons, nodes, notices};
use super::metrics::Invocation;
use super::model::NodeReport;
use super::outputs::{missing, outputs};
use super::stage::Staged;
use super::table::{bullets, duration, number, section, table, usd};
use crate::base::text::{count, tail};
use crate::event::{CheckPhase, CheckRecord, FigureSource, NodeStatus};
use crate::journal::{NodeState, Preflight, RunState};

/// Output of a failed check that a report shows, in bytes.
const SHOWN: usize = 2048;
/// Rows of a list that Markdown shows; the JSON files have the rest.
const ROWS: usize = 1000;
/// Failed checks with their output.
const CHECKS: usize = 50;

pub(super) fn report(stage: &Staged<'_>) -> String {
    let state = &stage.from.state;
    let run = &stage.report.run;
    let mut out =
        format!("# Audit of run {}\n\n**{}**\n", code(&run.run_id), markdown(&stage.report.verdict.sentence));
    out.push_str(&section("Agent and trigger", &trigger(stage)));
    out.push_str(&section("Pre-flight results", &preflight(state)));
    out.push_str(&section("Execution metrics", &metrics(stage)));
    out.push_str(&section("Outputs", &output_table(state)));
    out.push_str(&section("Validation results", &validation(stage)));
    out.push_str(&section("Job results", &job_table(state)));
    if let Some(diagnosis) = &stage.from.diagnosis {
        out.push_str(&section("Diagnosis", &diagnosis_md::body(diagnosis)));
    }
    if let Some(issue) = &stage.from.issue {
        out.push_str(&section("Failure issue", &diagnosis_md::issues(issue)));
    }
    out.push_str(&lessons(&stage.report.nodes));
    out.push_str(&noted(stage));
    out.push_str(&section("Missing", &missing_list(stage)));
    out
}

fn trigger(stage: &Staged<'_>) -> String {
    let run = &stage.report.run;
    let agents: Vec<String> = stage.metrics.totals.by_agent.keys().map(|a| code(a)).collect();
    let mut rows = vec![
        vec!["default agent".to_owned(), code(&run.default_agent)],
        vec![
            "agents called".to_owned(),
            if agents.is_empty() { "none".to_owned() } else { agents.join(", ") },
        ],
        vec!["trigger".to_owned(), code(&run.trigger)],
        vec!["command".to_owned(), code(&run.command.join(" "))],
        vec!["started".to_owned(), run.started_at.clone()],
        vec!["active time".to_owned(), duration(Some(run.active_ms))],
    ];
    if let Some(event) = &run.github_event {
        rows.insert(3, vec!["GitHub event".to_owned(), code(event)]);
    }
    if let (Some(reason), Some(exit)) = (run.termination_reason, run.exit_code) {
        rows.push(vec!["ended".to_owned(), format!("{} (exit {exit})", reason.name())]);
    }
    table(&["fact", "value"], rows)
}

fn preflight(state: &RunState) -> String {
    let mut out = match &state.preflight {
        Preflight::Passed => "Passed.\n".to_owned(),
        Preflight::Pending => "It did not come to its end.\n".to_owned(),
        Preflight::Rejected(problems) => {
            let blocks: String = problems.iter().map(|p| format!("\n{}", fenced(p))).collect();
            format!("Rejected: {}.\n{blocks}", count(problems.len(), "problem"))
        }
    };
    if !state.warnings.is_empty() {
        out.push_str("\nWarnings:\n\n");
        out.push_str(&bullets(state.warnings.iter().map(String::as_str)));
    }
    if !state.baseline.is_empty() {
        let row = |r: &crate::event::InvariantRecord| {
            vec![code(r.id.as_str()), code(&r.check.command), verdict(&r.check)]
        };
        out.push('\n');
        out.push_str(&table(&["invariant", "check", "baseline"], state.baseline.iter().map(row)));
    }
    out
}

fn verdict(check: &CheckRecord) -> String {
    match (check.passed, check.timed_out, check.exit_code, check.signal) {
        (true, ..) => "passed".to_owned(),
        (_, true, ..) => "**timed out**".to_owned(),
        (_, _, _, Some(signal)) => format!("**ended by signal {signal}**"),
        (_, _, Some(code), _) => format!("**failed** (exit {code})"),
        _ => "**failed**".to_owned(),
    }
}

fn metrics(stage: &Staged<'_>) -> String {
    let calls = &stage.metrics.invocations;
    let mut out = table(&INVOCATION_HEAD, calls.iter().take(ROWS).map(invocation));
    if calls.len() > ROWS {
        out.push_str(&format!("\n{} more in metrics.json.\n", calls.len() - ROWS));
    }
    if calls.is_empty() {
        return out;
    }
    let total = &stage.metrics.totals.overall;
    let unknown: Vec<String> = total.unknown.iter().map(|(k, n)| format!("{} ({n})", code(k))).collect();
    out.push_str(&format!(
        "\nIn total: {}, {} turns, {}, {} input tokens, {} output tokens.\n",
        usd(total.cost_usd),
        number(total.turns),
        duration(total.duration_ms),
        number(total.input_tokens),
        number(total.output_tokens)
    ));
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        out.push_str(&format!("\nSums cover what is known; invocations that did not say: {list}.\n"));
    }
    out
}

const INVOCATION_HEAD: [&str; 10] =
    ["role", "for", "agent", "model", "session", "cost", "turns", "time", "tokens in/out", "fault"];

fn invocation(call: &Invocation) -> Vec<String> {
    let m = &call.metrics;
    let subject = match (&call.subject, call.attempt) {
        (Some(id), 0) => code(id.as_str()),
        (Some(id), n) => format!("{} ({n})", code(id.as_str())),
        (None, _) => String::new(),
    };
    let mark = |name: &str| match m.sources.get(name) {
        Some(FigureSource::Estimated) => " (estimated)",
        _ => "",
    };
    let fault = match (&call.deadline, &call.fault, &call.finished_at) {
        (Some(deadline), ..) => format!("deadline: {}", markdown(deadline)),
        (_, Some(fault), _) => markdown(fault),
        (_, _, None) => "its end was never recorded".to_owned(),
        _ => String::new(),
    };
    vec![
        call.role.name().to_owned(),
        subject,
        code(&call.agent),
        m.model.as_deref().map_or_else(String::new, code),
        m.session_id.as_deref().map_or_else(String::new, code),
        format!("{}{}", usd(m.cost_usd), mark("cost_usd")),
        number(m.turns),
        format!("{}{}", duration(m.duration_ms), mark("duration_ms")),
        format!("{} / {}", number(m.input_tokens), number(m.output_tokens)),
        fault,
    ]
}

fn output_table(state: &RunState) -> String {
    let all = outputs(state);
    let row = |o: &super::outputs::Output| {
        vec![code(&o.path), code(o.node.as_str()), o.status.clone(), code(&o.at)]
    };
    let mut out = table(&["file", "node", "status", "where"], all.iter().take(ROWS).map(row));
    if all.len() > ROWS {
        out.push_str(&format!("\n{} more in the nodes' files_touched.txt.\n", all.len() - ROWS));
    }
    out
}

fn validation(stage: &Staged<'_>) -> String {
    let state = &stage.from.state;
    let mut out = nodes(&shown(&stage.report.nodes));
    let hidden = stage.report.nodes.len().saturating_sub(ROWS);
    if hidden > 0 {
        out.push_str(&format!("\n{hidden} more: `auditrun status --format json`.\n"));
    }
    out.push_str("\nThe newest attempt of each node:\n\n");
    out.push_str(&table(
        &["node", "gates", "checks", "invariants", "landing"],
        state.nodes.iter().filter_map(tally).take(ROWS),
    ));
    let failed = failed_checks(state);
    let more = failed.len().saturating_sub(CHECKS);
    for (what, check) in failed.into_iter().take(CHECKS) {
        out.push_str(&format!("\n### {what}: {}\n\n{}\n", code(&check.command), verdict(check)));
        for (name, text) in [("standard output", &check.stdout_tail), ("standard error", &check.stderr_tail)]
        {
            if !text.is_empty() {
                out.push_str(&format!("\n{name}:\n\n{}", fenced(tail(text, SHOWN))));
            }
        }
    }
    if more > 0 {
        out.push_str(&format!("\n{more} more failed checks are in junit.xml.\n"));
    }
    if let Some(proof) = &state.proof {
        let word = if proof.complete { "complete" } else { "incomplete" };
        out.push_str(&format!("\nThe proof is {word}.\n"));
        if !proof.gaps.is_empty() {
            out.push('\n');
            out.push_str(&bullets(proof.gaps.iter().map(String::as_str)));
        }
    }
    out
}

/// The nodes worth a row where there are too many: what did not verify before what did.
fn shown(all: &[NodeReport]) -> Vec<NodeReport> {
    let mut nodes = all.to_vec();
    if nodes.len() > ROWS {
        nodes.sort_by_key(|n| n.status == NodeStatus::Verified.name());
        nodes.truncate(ROWS);
    }
    nodes
}

/// How many of a node's gates, checks and invariants hold, and how it landed.
fn tally(node: &NodeState) -> Option<Vec<String>> {
    let attempt = node.dispatched().last()?;
    let of = |good: usize, all: usize| format!("{good} of {all}");
    let landing = match &node.landing {
        Some(l) if l.retested => format!("{} (rebased, tested again)", code(l.new.short())),
        Some(l) => code(l.new.short()),
        None => "none".to_owned(),
    };
    Some(vec![
        code(node.id.as_str()),
        of(attempt.gates.iter().filter(|g| g.passed).count(), attempt.gates.len()),
        of(attempt.checks.iter().filter(|(_, c)| c.passed).count(), attempt.checks.len()),
        of(attempt.invariants.iter().filter(|(_, i)| !i.regression).count(), attempt.invariants.len()),
        landing,
    ])
}

/// Failed checks and invariants of each node's newest attempt, and those of the proof.
pub(super) fn failed_checks(state: &RunState) -> Vec<(String, &CheckRecord)> {
    let mut failed = Vec::new();
    for node in &state.nodes {
        let Some(attempt) = node.last_attempt() else { continue };
        let name = |phase: &CheckPhase| match phase {
            CheckPhase::Retest => format!("{} (after the rebase)", code(node.id.as_str())),
            _ => code(node.id.as_str()),
        };
        failed.extend(attempt.checks.iter().filter(|(_, c)| !c.passed).map(|(p, c)| (name(p), c)));
        let bad = attempt.invariants.iter().filter(|(_, i)| i.regression);
        failed
            .extend(bad.map(|(p, i)| (format!("{}, invariant {}", name(p), code(i.id.as_str())), &i.check)));
    }
    let at_head = state.head_checks.iter().filter(|(id, c)| counts_at_head(state, id, c));
    failed.extend(at_head.map(|(id, c)| (format!("{} at the head", code(id.as_str())), c)));
    let at_head = state.head_invariants.iter().filter(|i| counts_at_head(state, &i.id, &i.check));
    failed.extend(at_head.map(|i| (format!("invariant {} at the head", code(i.id.as_str())), &i.check)));
    failed
}

/// What was noted and what went wrong beside the work itself; nothing where nothing was.
fn noted(stage: &Staged<'_>) -> String {
    let list = &stage.report.notices;
    if list.is_empty() { String::new() } else { section("Warnings and notices", &notices(list)) }
}

fn job_table(state: &RunState) -> String {
    let row = |j: Job| vec![markdown(&j.name), j.result.name().to_owned(), markdown(&j.detail)];
    let all = jobs(state);
    let more = all.len().saturating_sub(ROWS);
    let mut out = table(&["job", "result", "detail"], worth(all).into_iter().map(row));
    if more > 0 {
        out.push_str(&format!("\n{more} more jobs: `auditrun status --format json`.\n"));
    }
    out
}

/// The jobs worth a row where there are too many: first what failed, then what is no node.
fn worth(mut all: Vec<Job>) -> Vec<Job> {
    if all.len() > ROWS {
        all.sort_by_key(|j| (j.result != JobResult::Failure, j.name.starts_with("node ")));
        all.truncate(ROWS);
    }
    all
}

fn missing_list(stage: &Staged<'_>) -> String {
    let missing = missing(&stage.from.state, &stage.from.present);
    if missing.is_empty() {
        return "Nothing.\n".to_owned();
    }
    let mut out: String = missing.iter().take(ROWS).map(|path| format!("- {}\n", code(path))).collect();
    if missing.len() > ROWS {
        out.push_str(&format!("- and {} more\n", missing.len() - ROWS));
    }
    out
}
