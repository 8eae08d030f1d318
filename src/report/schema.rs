//! JSON Schemas of every JSON artifact, generated from the types that write them.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::made::Made;
use super::metrics::MetricsReport;
use super::model::AuditReport;
use super::status::Status;
use crate::base::names;
use crate::event::{
    ArbiterAnswer, DagPattern, Diagnosis, DiagnosisAnswer, Failures, IssueReport, IterationState,
    NextPredicted, Record, ResolverAnswer, Verification,
};
use crate::plan::DispatchPlan;
use crate::proof::Statement;

/// Every schema by its file name below schema/.
pub fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("arbiter-answer.schema.json", of::<ArbiterAnswer>()),
        ("audit-report.schema.json", of::<AuditReport>()),
        ("dag-pattern.schema.json", of::<DagPattern>()),
        ("diagnosis-answer.schema.json", of::<DiagnosisAnswer>()),
        ("diagnosis.schema.json", of::<Diagnosis>()),
        ("dispatch-plan.schema.json", of::<DispatchPlan>()),
        ("event.schema.json", of::<Record>()),
        ("failures.schema.json", of::<Failures>()),
        ("intoto-statement.schema.json", of::<Statement>()),
        ("issue.schema.json", of::<IssueReport>()),
        ("iteration-state.schema.json", of::<IterationState>()),
        ("metrics.schema.json", of::<MetricsReport>()),
        ("next-predicted.schema.json", of::<NextPredicted>()),
        ("report.schema.json", of::<Made>()),
        ("resolver-answer.schema.json", of::<ResolverAnswer>()),
        ("status.schema.json", of::<Status>()),
        ("verification.schema.json", of::<Verification>()),
    ]
}

/// The schema's file name for an artifact, by its path relative to out; `None` for what is no
/// JSON of ours. Files that end in `l` hold one value a line.
pub fn schema_of(path: &str) -> Option<&'static str> {
    Some(match path {
        "audit-report.json" => "audit-report.schema.json",
        "audit-report.intoto.json" => "intoto-statement.schema.json",
        "audit/diagnosis.json" => "diagnosis.schema.json",
        "audit/failures.json" => "failures.schema.json",
        "audit/issue.json" => "issue.schema.json",
        "audit/metrics.json" => "metrics.schema.json",
        names::DISPATCH_PLAN => "dispatch-plan.schema.json",
        names::PATTERNS => "dag-pattern.schema.json",
        "runs/.iteration-state.json" => "iteration-state.schema.json",
        "runs/.next-predicted.json" => "next-predicted.schema.json",
        "runs/events.jsonl" => "event.schema.json",
        _ if path.starts_with("runs/") && path.ends_with("/verification.json") => "verification.schema.json",
        _ => return None,
    })
}

fn of<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
