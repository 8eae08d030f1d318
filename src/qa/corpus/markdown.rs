//! The corpus for people: one Markdown document that says what its JSON twin says.

use crate::qa::corpus::model::*;
use crate::qa::corpus::plane::word;
use crate::report::escape::{code, fenced, markdown};
use crate::report::table::{section, table};

/// The whole document.
pub fn document(corpus: &AuditCorpus) -> String {
    let mut out = format!("# Audit corpus of {}\n", code(&corpus.scope.scope_ref));
    out.push_str(&section("Scope", &scope(corpus)));
    out.push_str(&section("Slices", &slices(corpus)));
    out.push_str(&section("Failure analysis", &failures(corpus)));
    out.push_str(&section("Lessons", &lessons(corpus)));
    out.push_str(&section("Recurrence", &recurrence(corpus)));
    out.push_str(&section("Repairs", &repairs(corpus)));
    out.push_str(&section("Timeline", &timeline(corpus)));
    out.push_str(&section("Earlier audits", &earlier(corpus)));
    out.push_str(&section("Missing data", &missing(corpus)));
    out
}

fn or_dash(text: Option<&str>, show: impl Fn(&str) -> String) -> String {
    text.filter(|t| !t.is_empty()).map_or_else(|| "–".to_owned(), show)
}

fn scope(corpus: &AuditCorpus) -> String {
    let scope = &corpus.scope;
    let mode = match scope.mode {
        Mode::Db => "database",
        Mode::Standalone => "standalone",
    };
    let range = match (&scope.earliest, &scope.latest) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        _ => "–".to_owned(),
    };
    let rows = [
        ("type", word(scope.scope_type).to_owned()),
        ("ref", code(&scope.scope_ref)),
        ("mode", mode.to_owned()),
        ("repository", code(&scope.repo_id)),
        ("recursion depth", scope.recursion_depth.to_string()),
        ("time range", range),
        ("queried at", scope.queried_at.clone()),
    ];
    table(&["fact", "value"], rows.map(|(name, value)| vec![name.to_owned(), value]))
}

fn slices(corpus: &AuditCorpus) -> String {
    let head =
        ["loop_id", "status", "verifier_status", "cleanup_status", "plan slice", "title", "commit", "at"];
    let row = |s: &Slice| {
        vec![
            code(&s.slice_id),
            markdown(&s.status),
            markdown(&s.verifier_status),
            markdown(&s.cleanup_status),
            or_dash(s.plan_slice.as_deref(), code),
            markdown(&s.title),
            or_dash(s.commit.as_deref(), code),
            s.at.clone(),
        ]
    };
    table(&head, corpus.slices.iter().map(row))
}

fn failures(corpus: &AuditCorpus) -> String {
    let mut out = String::new();
    for slice in &corpus.slices {
        let Some(failure) = &slice.failure else { continue };
        out.push_str(&format!("### {}: {}\n\n", code(&slice.slice_id), markdown(&slice.title)));
        let keys: Vec<String> = slice.problem_keys.iter().map(|k| code(k)).collect();
        let keys = if keys.is_empty() { "–".to_owned() } else { keys.join(", ") };
        let rows = [
            ("blocker_reason", markdown(&failure.blocker_reason)),
            ("classification", markdown(&failure.classification)),
            ("repair outcome", markdown(&failure.repair_outcome)),
            ("problem_key", keys),
        ];
        out.push_str(&table(&["fact", "value"], rows.map(|(name, value)| vec![name.to_owned(), value])));
        out.push_str(&format!("\nerror_summary:\n\n{}\n", fenced(&failure.error_summary)));
    }
    if out.is_empty() { "No slice in scope failed.\n".to_owned() } else { out }
}

fn lessons(corpus: &AuditCorpus) -> String {
    let head = ["lesson_id", "problem_key", "type", "confidence", "status", "promoted at", "text"];
    let row = |l: &crate::qa::lesson::Lesson| {
        vec![
            code(&l.lesson_id),
            code(&l.problem_key),
            markdown(&l.lesson_type),
            l.confidence.to_string(),
            l.status.name().to_owned(),
            or_dash(l.promoted_at.as_deref(), str::to_owned),
            markdown(&l.text),
        ]
    };
    table(&head, corpus.lessons.iter().map(row))
}

fn recurrence(corpus: &AuditCorpus) -> String {
    let ids = |ids: &[String]| ids.iter().map(|id| code(id)).collect::<Vec<_>>().join(", ");
    let row = |r: &Recurrence| {
        vec![
            code(&r.lesson_id),
            r.recurred_in.len().to_string(),
            r.opportunities.len().to_string(),
            or_dash(Some(&ids(&r.recurred_in)), str::to_owned),
        ]
    };
    table(
        &["lesson_id", "recurred after promotion", "opportunities", "recurred in"],
        corpus.recurrences.iter().map(row),
    )
}

fn repairs(corpus: &AuditCorpus) -> String {
    let row = |r: &Repair| {
        vec![
            code(&r.slice_id),
            r.cycle.to_string(),
            code(&r.problem_key),
            markdown(&r.outcome),
            markdown(&r.reason),
            r.at.clone(),
        ]
    };
    table(&["loop_id", "cycle", "problem_key", "outcome", "reason", "at"], corpus.repairs.iter().map(row))
}

fn timeline(corpus: &AuditCorpus) -> String {
    let row = |m: &Moment| vec![m.at.clone(), or_dash(m.slice_id.as_deref(), code), markdown(&m.what)];
    table(&["at", "loop_id", "what"], corpus.timeline.iter().map(row))
}

fn earlier(corpus: &AuditCorpus) -> String {
    let row = |a: &EarlierAudit| {
        vec![
            code(&a.audit_run_id),
            a.at.clone(),
            a.critical.to_string(),
            a.warning.to_string(),
            a.info.to_string(),
            a.effectiveness.len().to_string(),
        ]
    };
    table(&["audit", "at", "critical", "warning", "info", "lessons scored"], corpus.earlier.iter().map(row))
}

fn missing(corpus: &AuditCorpus) -> String {
    let line = |m: &Missing| format!("- {}: {}\n", markdown(&m.source), markdown(&m.assumption));
    let lines: String = corpus.missing.iter().map(line).collect();
    if lines.is_empty() { "None.\n".to_owned() } else { lines }
}

/// What the operator is asked to confirm.
pub fn summary(corpus: &AuditCorpus) -> String {
    let scope = &corpus.scope;
    let range = match (&scope.earliest, &scope.latest) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        _ => "none".to_owned(),
    };
    let failed = corpus.slices.iter().filter(|s| s.failed()).count();
    let promoted =
        corpus.lessons.iter().filter(|l| l.status == crate::qa::lesson::LessonStatus::Promoted).count();
    let missing: Vec<&str> = corpus.missing.iter().map(|m| m.source.as_str()).collect();
    let missing = if missing.is_empty() { "none".to_owned() } else { missing.join(", ") };
    let text = format!(
        "Audit corpus built for {}: {}. Time range: {range}. {} slices ({failed} failed, {} succeeded). {} lessons \
         ({promoted} promoted). {} repair attempts. Missing data: {missing}. Should I proceed?",
        word(scope.scope_type),
        scope.scope_ref,
        corpus.slices.len(),
        corpus.slices.len() - failed,
        corpus.lessons.len(),
        corpus.repairs.len(),
    );
    crate::base::text::neutral(&text)
}
