//! Names of a run's artifacts, relative to out.

use crate::base::Id;

/// The report for people.
pub const REPORT_MD: &str = "audit-report.md";
/// The report for programs.
pub const REPORT_JSON: &str = "audit-report.json";
/// The in-toto statement.
pub const STATEMENT: &str = "audit-report.intoto.json";
/// The coverage table.
pub const COVERAGE: &str = "audit-report.coverage.csv";
/// The fingerprint.
pub const FINGERPRINT: &str = "audit-report.fingerprint";
/// The journal.
pub const JOURNAL: &str = "runs/events.jsonl";
/// The loop guard's sidecar.
pub const ITERATION: &str = "runs/.iteration-state.json";
/// What verified nodes leave for calibration.
pub const PATTERNS: &str = "runs/.dag-patterns.jsonl";
/// What dispatch consumes.
pub const DISPATCH_PLAN: &str = "preflight/dispatch_plan.json";
/// The prediction.
pub const PREDICTED: &str = "runs/.next-predicted.json";
/// What failed on its own account.
pub const FAILURES: &str = "audit/failures.json";
/// Why the run failed.
pub const DIAGNOSIS: &str = "audit/diagnosis.json";
/// What became of the failure issue.
pub const ISSUE: &str = "audit/issue.json";
/// What the n-th corrected bundle changed on the audit branch, from 1.
pub fn rebundle(nth: usize) -> String {
    format!("resolutions/rebundle-{nth}.patch")
}
/// A node's verdict.
pub fn verification(node: &Id) -> String {
    format!("runs/{node}/verification.json")
}
/// A node's diff.
pub fn patch(node: &Id) -> String {
    format!("runs/{node}/diff.patch")
}
