//! audit/report.html: one file that needs no network. A content security policy keeps it so,
//! and the graph's picture is embedded as an image, where nothing in it can run.

use super::escape::html;
use super::gantt;
use super::jobs::jobs;
use super::metrics::Invocation;
use super::model::{NodeReport, VerdictKind};
use super::outputs::{missing, outputs};
use super::stage::Staged;
use super::table::{NODE_COLUMNS, duration, number, usd};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub(super) fn page(stage: &Staged<'_>) -> String {
    let verdict = &stage.report.verdict;
    let class = match verdict.kind {
        VerdictKind::Proven => "good",
        VerdictKind::Running => "open",
        VerdictKind::Incomplete | VerdictKind::Rejected | VerdictKind::Halted => "bad",
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head>\n\
         <body><h1>{title}</h1><p class=\"verdict {class}\">{sentence}</p>\n{body}<script>{SCRIPT}</script></body></html>\n",
        title = html(&format!("Audit of run {}", stage.report.run.run_id)),
        sentence = html(&verdict.sentence),
        body = sections(stage).concat(),
    )
}

fn sections(stage: &Staged<'_>) -> Vec<String> {
    let state = &stage.from.state;
    let mut all = vec![section("Run", &facts(stage))];
    all.push(section("Nodes", &nodes(&stage.report.nodes)));
    all.push(section("Timeline", &gantt::timeline(state)));
    all.push(section("Cost and tokens", &gantt::charts(stage.metrics.totals.by_node.iter())));
    all.push(section("Agents", &agents(&stage.metrics.invocations)));
    let rows = outputs(state).into_iter().map(|o| vec![o.path, o.node.to_string(), o.status, o.at]);
    all.push(section("Outputs", &table(&["file", "node", "status", "where"], rows)));
    if let Some(proof) = &state.proof {
        let gaps = proof.gaps.iter().map(|g| vec![g.clone()]);
        all.push(section("Gaps of the proof", &table(&["gap"], gaps)));
    }
    let rows = jobs(state).into_iter().map(|j| vec![j.name, j.result.name().to_owned(), j.detail]);
    all.push(section("Jobs", &table(&["job", "result", "detail"], rows)));
    let rows = missing(state, &stage.from.present).into_iter().map(|m| vec![m]);
    all.push(section("Missing", &table(&["artifact"], rows)));
    all
}

fn section(title: &str, body: &str) -> String {
    format!("<section><h2>{}</h2>{body}</section>\n", html(title))
}

/// A table whose head sorts it. Cells are plain text.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let rows: String = rows.into_iter().map(|row| tr(&row)).collect();
    if rows.is_empty() {
        return "<p>None.</p>".to_owned();
    }
    let head: String = head.iter().map(|h| format!("<th>{}</th>", html(h))).collect();
    format!("<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")
}

fn tr(cells: &[String]) -> String {
    let cells: String = cells.iter().map(|c| format!("<td>{}</td>", html(c))).collect();
    format!("<tr>{cells}</tr>\n")
}

fn facts(stage: &Staged<'_>) -> String {
    let run = &stage.report.run;
    let text = |value: &Option<crate::base::Oid>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut rows = vec![
        ("trigger", run.trigger.clone()),
        ("command", run.command.join(" ")),
        ("default agent", run.default_agent.clone()),
        ("branch", run.branch.clone().unwrap_or_default()),
        ("base", text(&run.base)),
        ("head", text(&run.head)),
        ("started", run.started_at.clone()),
        ("active time", duration(Some(run.active_ms))),
        ("iterations", format!("{} of {}", run.iteration, run.max_iterations)),
        ("cost", usd(stage.report.cost.cost_usd)),
    ];
    if let Some(proof) = &stage.from.proof {
        rows.push(("fingerprint", proof.fingerprint.clone()));
    }
    if let (Some(reason), Some(exit)) = (run.termination_reason, run.exit_code) {
        rows.push(("ended", format!("{} (exit {exit})", reason.name())));
    }
    table(&["fact", "value"], rows.into_iter().map(|(k, v)| vec![k.to_owned(), v]))
}

fn nodes(nodes: &[NodeReport]) -> String {
    let row = |n: &NodeReport| {
        vec![
            n.id.to_string(),
            n.status.clone(),
            n.deliverable.clone(),
            n.tier.to_string(),
            n.attempts.to_string(),
            number(n.loc),
            number(n.cap),
            duration((n.attempts > 0).then_some(n.duration_ms)),
            usd(n.cost_usd),
            n.commit.as_ref().map(|c| c.short().to_owned()).unwrap_or_default(),
            n.reason.clone(),
        ]
    };
    table(&NODE_COLUMNS, nodes.iter().map(row))
}

fn agents(calls: &[Invocation]) -> String {
    let head = [
        "role",
        "for",
        "attempt",
        "agent",
        "model",
        "session",
        "cost",
        "turns",
        "time",
        "input tokens",
        "output tokens",
        "fault",
    ];
    let row = |c: &Invocation| {
        let m = &c.metrics;
        vec![
            c.role.name().to_owned(),
            c.subject.as_ref().map(ToString::to_string).unwrap_or_default(),
            c.attempt.to_string(),
            c.agent.clone(),
            m.model.clone().unwrap_or_default(),
            m.session_id.clone().unwrap_or_default(),
            usd(m.cost_usd),
            number(m.turns),
            duration(m.duration_ms),
            number(m.input_tokens),
            number(m.output_tokens),
            c.deadline.clone().or_else(|| c.fault.clone()).unwrap_or_default(),
        ]
    };
    table(&head, calls.iter().map(row))
}
