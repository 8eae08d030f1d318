//! audit-report.md.

use super::escape::{code, markdown};
use super::model::*;
use super::table::{NODE_COLUMNS, bullets, duration, number, section, table, usd};
use super::timeline::Moment;
use crate::base::text::count;
use crate::proof::{HeadState, InvariantState, Proof};

/// Rows of the timeline that Markdown shows; the journal has the rest.
const MOMENTS: usize = 400;

/// The report for people, the verdict first.
pub fn audit_markdown(report: &AuditReport) -> String {
    let mut out = format!(
        "# Audit report {}\n\n**{}**\n",
        code(&report.run.run_id),
        markdown(&report.verdict.sentence)
    );
    out.push('\n');
    out.push_str(&facts(&report.run, report.proof.as_ref()));
    if let Some(proof) = report.proof.as_ref().filter(|p| !p.gaps.is_empty()) {
        out.push_str(&section("Gaps", &bullets(proof.gaps.iter().map(|g| g.message.as_str()))));
    }
    out.push_str(&section("Nodes", &nodes(&report.nodes)));
    out.push_str(&lessons(&report.nodes));
    if let Some(proof) = &report.proof {
        out.push_str(&section("Coverage", &coverage(proof)));
        out.push_str(&section("Invariants", &invariants(proof)));
        out.push_str(&section("Checks at the head", &head_checks(proof)));
        out.push_str(&section("Files", &manifest(proof)));
        out.push_str(&section("Commits", &commits(proof)));
    }
    out.push_str(&section("Gates", &gates(&report.gates)));
    out.push_str(&section("Remediation", &remediation(&report.remediation)));
    if !report.questions.is_empty() {
        out.push_str(&section("Questions", &questions(&report.questions)));
    }
    out.push_str(&section("Notices", &notices(&report.notices)));
    out.push_str(&section("Cost", &cost(report)));
    out.push_str(&section("Timeline", &timeline(&report.timeline)));
    out.push_str(&section("How to reproduce", &reproduce(report)));
    out
}

fn facts(run: &RunFacts, proof: Option<&Proof>) -> String {
    let mut rows = vec![
        vec!["branch".to_owned(), run.branch.as_deref().map_or_else(|| "none".to_owned(), code)],
        vec!["base".to_owned(), run.base.as_ref().map_or_else(String::new, |b| code(b.as_str()))],
        vec!["head".to_owned(), run.head.as_ref().map_or_else(String::new, |h| code(h.as_str()))],
        vec!["trigger".to_owned(), code(&run.trigger)],
        vec!["started".to_owned(), run.started_at.clone()],
        vec!["active time".to_owned(), duration(Some(run.active_ms))],
        vec!["iterations".to_owned(), format!("{} of {}", run.iteration, run.max_iterations)],
        vec!["auditrun".to_owned(), markdown(&run.auditrun_version)],
    ];
    if let Some(proof) = proof {
        rows.insert(3, vec!["fingerprint".to_owned(), code(&proof.fingerprint)]);
    }
    table(&["fact", "value"], rows)
}

pub(super) fn nodes(nodes: &[NodeReport]) -> String {
    let row = |n: &NodeReport| {
        vec![
            code(n.id.as_str()),
            n.status.clone(),
            markdown(&n.deliverable),
            n.tier.to_string(),
            n.attempts.to_string(),
            number(n.loc),
            number(n.cap),
            duration((n.attempts > 0).then_some(n.duration_ms)),
            usd(n.cost_usd),
            n.commit.as_ref().map_or_else(String::new, |c| code(c.short())),
            markdown(&n.reason),
        ]
    };
    table(&NODE_COLUMNS, nodes.iter().map(row))
}

fn coverage(proof: &Proof) -> String {
    let row = |r: &crate::proof::CoverageRow| {
        vec![
            code(r.delta_id.as_str()),
            r.prompt_id.as_ref().map_or_else(|| "**gap**".to_owned(), |id| code(id.as_str())),
            markdown(&r.status),
            r.verification.as_deref().map_or_else(String::new, code),
        ]
    };
    table(&["item", "closed by", "status", "evidence"], proof.coverage.iter().map(row))
}

fn invariants(proof: &Proof) -> String {
    let row = |i: &crate::proof::InvariantProof| {
        let state = match i.state {
            InvariantState::Confirmed => "confirmed",
            InvariantState::Failed => "**failed**",
            InvariantState::Unconfirmed => "unconfirmed (advisory)",
        };
        let checks: Vec<String> = i.checks.iter().map(|c| code(&c.command)).collect();
        vec![code(i.id.as_str()), state.to_owned(), markdown(&i.text), checks.join(", ")]
    };
    table(&["invariant", "at the head", "text", "checks"], proof.invariants.iter().map(row))
}

fn head_checks(proof: &Proof) -> String {
    let passed = proof.checks.iter().filter(|c| c.state == HeadState::Passed).count();
    let mut out = format!("{passed} of {} hold.\n", count(proof.checks.len(), "done_when check"));
    let rest: Vec<_> = proof.checks.iter().filter(|c| c.state != HeadState::Passed).collect();
    if !rest.is_empty() {
        let row = |c: &&crate::proof::HeadCheck| {
            let by: Vec<String> = c.superseded_by.iter().map(|id| code(id.as_str())).collect();
            let state = match c.state {
                HeadState::Superseded => format!("superseded by {}", by.join(", ")),
                _ => "**failed**".to_owned(),
            };
            vec![code(c.node.as_str()), code(&c.command), state]
        };
        out.push('\n');
        out.push_str(&table(&["node", "check", "at the head"], rest.iter().map(row)));
    }
    out
}

fn manifest(proof: &Proof) -> String {
    let row = |f: &crate::proof::ManifestFile| {
        let commits: Vec<String> = f.commits.iter().map(|c| code(c.short())).collect();
        let allowed = if f.allowed { "yes" } else { "**no**" };
        vec![code(&f.path), allowed.to_owned(), commits.join(", ")]
    };
    table(&["file", "within touches", "commits"], proof.manifest.iter().map(row))
}

fn commits(proof: &Proof) -> String {
    let row = |c: &crate::proof::CommitProof| {
        let wrong = if c.problems.is_empty() { "holds".to_owned() } else { markdown(&c.problems.join("; ")) };
        vec![code(c.commit.short()), markdown(&c.subject), wrong]
    };
    table(&["commit", "subject", "verdict"], proof.commits.iter().map(row))
}

fn gates(gates: &[GateReport]) -> String {
    let passed = gates.iter().filter(|g| g.passed).count();
    let mut out = format!("{passed} of {} passed.\n", count(gates.len(), "gate run"));
    let failed: Vec<&GateReport> = gates.iter().filter(|g| !g.passed).collect();
    if !failed.is_empty() {
        let row = |g: &&GateReport| {
            vec![code(g.node.as_str()), g.attempt.to_string(), g.gate.name().to_owned(), markdown(&g.reason)]
        };
        out.push('\n');
        out.push_str(&table(&["node", "attempt", "gate", "why it failed"], failed.iter().map(row)));
    }
    out
}

fn remediation(list: &[RemediationReport]) -> String {
    let row = |r: &RemediationReport| {
        let cycles: Vec<String> = r.cycles.iter().map(|c| code(c)).collect();
        vec![code(r.node.as_str()), cycles.join(", "), r.split.as_deref().map_or_else(String::new, code)]
    };
    table(&["node", "cycles", "split proposal"], list.iter().map(row))
}

fn questions(list: &[QuestionReport]) -> String {
    let row = |q: &QuestionReport| {
        let confidence = q.confidence.map_or_else(String::new, |c| format!("{c}"));
        let end = match (&q.commit, &q.escalated) {
            (Some(commit), _) => format!("resolved in {}", code(commit.short())),
            (None, why) => format!("escalated: {}", markdown(why.as_deref().unwrap_or(""))),
        };
        vec![code(q.id.as_str()), end, confidence]
    };
    table(&["question", "end", "confidence"], list.iter().map(row))
}

/// Which lessons stood in which prompts; nothing where none did.
pub(super) fn lessons(nodes: &[NodeReport]) -> String {
    let given = nodes.iter().filter(|n| !n.lessons.is_empty());
    let row = |n: &NodeReport| {
        let ids: Vec<String> = n.lessons.iter().map(|id| code(id)).collect();
        vec![code(n.id.as_str()), ids.join(", ")]
    };
    let rows: Vec<Vec<String>> = given.map(row).collect();
    if rows.is_empty() { String::new() } else { section("Lessons given", &table(&["node", "lessons"], rows)) }
}

pub(super) fn notices(list: &[NoticeReport]) -> String {
    let row = |n: &NoticeReport| {
        let level = match n.level {
            crate::event::NoticeLevel::Notice => "notice",
            crate::event::NoticeLevel::Warning => "warning",
        };
        let node = n.node.as_ref().map_or_else(String::new, |id| code(id.as_str()));
        vec![level.to_owned(), node, markdown(&n.message)]
    };
    table(&["level", "node", "message"], list.iter().map(row))
}

fn cost(report: &AuditReport) -> String {
    let t = &report.cost;
    let row = |name: &str, value: String, key: &str| {
        let unknown = t.unknown.get(key).copied().unwrap_or(0);
        let estimated = t.estimated.get(key).copied().unwrap_or(0);
        vec![name.to_owned(), value, unknown.to_string(), estimated.to_string()]
    };
    let rows = [
        row("cost", usd(t.cost_usd), "cost_usd"),
        row("turns", number(t.turns), "turns"),
        row("agent time", duration(t.duration_ms), "duration_ms"),
        row("input tokens", number(t.input_tokens), "input_tokens"),
        row("output tokens", number(t.output_tokens), "output_tokens"),
        row("cache reads", number(t.cache_read_tokens), "cache_read_tokens"),
        row("cache writes", number(t.cache_write_tokens), "cache_write_tokens"),
    ];
    let table = table(&["figure", "sum of the known", "invocations that did not say", "estimated"], rows);
    format!("{}.\n\n{table}", count(usize::try_from(t.invocations).unwrap_or(usize::MAX), "agent invocation"))
}

fn timeline(moments: &[Moment]) -> String {
    let row = |m: &Moment| {
        let node = m.node.as_ref().map_or_else(String::new, |id| code(id.as_str()));
        vec![m.at.clone(), node, markdown(&m.what)]
    };
    let mut out = table(&["time (UTC)", "node", "what"], moments.iter().take(MOMENTS).map(row));
    if moments.len() > MOMENTS {
        let more = moments.len() - MOMENTS;
        out.push_str(&format!("\n{more} more in {}.\n", code(crate::proof::names::REPORT_JSON)));
    }
    out
}

fn reproduce(report: &AuditReport) -> String {
    if report.reproduce.is_empty() {
        return "Nothing was committed, so there is nothing to reproduce.\n".to_owned();
    }
    let mut out = String::from("```sh\n");
    for line in &report.reproduce {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str("```\n");
    out
}
