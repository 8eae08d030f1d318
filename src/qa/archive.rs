//! What an accepted audit leaves behind, as data, and where it goes: a control-plane database,
//! or files of the repository.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::digest::sha256_hex;
use crate::qa::corpus::{AuditCorpus, Mode, registry};
use crate::qa::effectiveness::{Effectiveness, scores};
use crate::qa::forge::Log;
use crate::qa::lesson::{Lesson, LessonStatus};
use crate::qa::reading::{self, Counts, ReadFinding};
use crate::qa::records::Records;

/// Hex digits of a lesson's id.
const DIGITS: usize = 12;

/// An accepted audit.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// A UUID.
    pub audit_run_id: String,
    /// `LOOP`, `REPO`, `PIPELINE`, `EFFECTIVENESS` or `STANDALONE`.
    pub scope_type: String,
    /// The loop, repository, ref or plan.
    pub scope_ref: String,
    /// RFC 3339.
    pub created_at: String,
    /// For `detail_json`.
    pub detail: Detail,
    /// The report's findings.
    pub findings: Vec<KeptFinding>,
    /// By lesson id.
    pub effectiveness: Vec<(String, Effectiveness)>,
    /// Candidates that the audit found; in standalone mode only.
    pub lessons: Vec<Lesson>,
}

/// `detail_json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Detail {
    pub finding_counts: Counts,
    /// How many lessons there are of each label.
    pub effectiveness_summary: BTreeMap<String, u32>,
    pub recursion_depth: u32,
    pub scores: Scores,
    pub meta_slice_count: u32,
    pub regression_trend: String,
    pub problem_keys: Vec<String>,
}

/// Scores of the loop in per cent; null where it did not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs)]
pub struct Scores {
    pub baseline: Option<u32>,
    #[serde(rename = "final")]
    pub last: Option<u32>,
    pub experiments: u32,
}

/// A finding as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct KeptFinding {
    pub finding_id: String,
    pub severity: &'static str,
    pub description: String,
    pub evidence: String,
    pub slice_id: Option<String>,
}

/// Keeps accepted audits.
pub trait Archive {
    /// Keeps one.
    ///
    /// # Errors
    /// It could not be kept; the sentence says why, and what to do.
    fn keep(&self, record: &AuditRecord) -> Result<(), String>;
}

/// The record of an audit.
pub(super) fn record(corpus: &AuditCorpus, log: &Log, trend: &str, created_at: &str) -> AuditRecord {
    let found = reading::findings(log.report());
    let scored = scores(corpus);
    let mut summary: BTreeMap<String, u32> = BTreeMap::new();
    scored.iter().for_each(|s| *summary.entry(s.label().name().to_owned()).or_default() += 1);
    let mut keys: Vec<String> = corpus.slices.iter().flat_map(|s| s.problem_keys.iter().cloned()).collect();
    keys.sort();
    keys.dedup();
    let standalone = corpus.scope.mode == Mode::Standalone;
    AuditRecord {
        audit_run_id: log.audit_run_id().to_owned(),
        scope_type: super::baseline::scope_name(corpus.scope.scope_type).to_owned(),
        scope_ref: corpus.scope.scope_ref.clone(),
        created_at: created_at.to_owned(),
        detail: Detail {
            finding_counts: reading::counts(&found),
            effectiveness_summary: summary,
            recursion_depth: corpus.scope.recursion_depth,
            scores: loop_scores(log),
            meta_slice_count: u32::try_from(log.meta().len()).unwrap_or(u32::MAX),
            regression_trend: trend.to_owned(),
            problem_keys: keys,
        },
        findings: found.iter().map(|f| kept(corpus, f)).collect(),
        effectiveness: scored.iter().map(|s| (s.lesson.lesson_id.clone(), s.effectiveness)).collect(),
        lessons: if standalone { candidates(corpus, created_at) } else { Vec::new() },
    }
}

/// First and last score of the loop, and how many experiments lie between them.
pub(super) fn loop_scores(log: &Log) -> Scores {
    use crate::qa::forge::Status;
    let baseline = log.experiments().iter().find(|e| e.status == Status::Baseline);
    Scores {
        baseline: baseline.map(|e| e.card.percent()),
        last: log.standing().map(crate::qa::evaluate::Scorecard::percent),
        experiments: u32::try_from(log.experiments().len().saturating_sub(1)).unwrap_or(u32::MAX),
    }
}

fn kept(corpus: &AuditCorpus, finding: &ReadFinding) -> KeptFinding {
    let evidence: Vec<&str> =
        finding.text.lines().filter_map(|l| l.trim().strip_prefix("- Evidence:")).map(str::trim).collect();
    let slice = corpus.slices.iter().find(|s| Records::mentioned(&finding.text, &s.slice_id));
    KeptFinding {
        finding_id: format!("F-{}", finding.number),
        severity: finding.severity.name(),
        description: finding.title.clone(),
        evidence: if evidence.is_empty() { finding.text.clone() } else { evidence.join("\n") },
        slice_id: slice.map(|s| s.slice_id.clone()),
    }
}

/// A candidate for each problem that no lesson is about yet. One slice makes for a confidence of
/// a half; each further one halves the doubt.
fn candidates(corpus: &AuditCorpus, created_at: &str) -> Vec<Lesson> {
    let mut by_key: BTreeMap<&str, Vec<&crate::qa::corpus::Slice>> = BTreeMap::new();
    for slice in &corpus.slices {
        slice.problem_keys.iter().for_each(|key| by_key.entry(key).or_default().push(slice));
    }
    by_key.retain(|key, _| !corpus.lessons.iter().any(|l| l.problem_key == *key));
    let lesson = |(key, slices): (&str, Vec<&crate::qa::corpus::Slice>)| {
        let mut id = sha256_hex(format!("{}\nfailure\n{key}", corpus.scope.repo_id).as_bytes());
        id.truncate(DIGITS);
        let first = slices.first()?;
        let names: Vec<&str> = slices.iter().take(8).map(|s| s.slice_id.as_str()).collect();
        let error = first.failure.as_ref().map_or("", |f| f.error_summary.as_str());
        Some(Lesson {
            lesson_id: format!("L-{id}"),
            problem_key: key.to_owned(),
            lesson_type: "failure".to_owned(),
            confidence: 1.0 - 0.5_f64.powi(i32::try_from(slices.len()).unwrap_or(i32::MAX)),
            status: LessonStatus::Candidate,
            created_at: created_at.to_owned(),
            promoted_at: None,
            repo_id: corpus.scope.repo_id.clone(),
            verifier_type: first.verifier_type.clone(),
            text: format!("{key} stood in {}. {}", names.join(", "), crate::base::text::head(error, 300))
                .trim()
                .to_owned(),
        })
    };
    by_key.into_iter().filter_map(lesson).collect()
}

/// Keeps lessons in `.auditor/lessons.json` below a repository's root. The report is the record
/// of the rest.
#[derive(Debug, Clone)]
pub struct FileArchive {
    /// The repository's root.
    pub root: PathBuf,
}

impl Archive for FileArchive {
    fn keep(&self, record: &AuditRecord) -> Result<(), String> {
        let found = registry::read(&self.root).map_err(|why| format!("{why}; mend it, then accept again"))?;
        let mut lessons = found.map_or_else(Vec::new, |registry| registry.lessons);
        for lesson in &record.lessons {
            if !lessons.iter().any(|l| l.lesson_id == lesson.lesson_id) {
                lessons.push(lesson.clone());
            }
        }
        registry::write(&self.root, lessons)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qa::testing;

    fn accepted(root: &std::path::Path) -> AuditRecord {
        let mut corpus = testing::corpus();
        corpus.scope.mode = Mode::Standalone;
        let report = crate::qa::baseline::report(&corpus);
        let log = Log::begin(root, "audit-1", "x", 10, &report).unwrap();
        record(&corpus, &log, "Stable", "2026-01-20T09:00:00.000Z")
    }

    #[test]
    fn the_record_is_made_from_report_and_corpus() {
        let dir = tempfile::tempdir().unwrap();
        let record = accepted(dir.path());
        assert_eq!(record.detail.finding_counts, Counts { critical: 2, warning: 0, info: 2 });
        assert_eq!(record.detail.problem_keys, ["check:cargo test", "check:clippy"]);
        assert_eq!(record.detail.effectiveness_summary.get("highly effective"), Some(&1));
        let first = &record.findings[0];
        assert_eq!((first.finding_id.as_str(), first.severity), ("F-1", "critical"));
        assert_eq!(first.slice_id.as_deref(), Some("aaaa1111bbbb"));
        assert!(first.evidence.starts_with("lesson `L-1` (promoted 2026-01-01)"), "{}", first.evidence);
        // The problem that has a lesson already makes no candidate.
        let keys: Vec<_> = record.lessons.iter().map(|l| (l.problem_key.as_str(), l.confidence)).collect();
        assert_eq!(keys, [("check:clippy", 0.5)]);
    }

    #[test]
    fn lessons_are_appended_once_and_a_damaged_file_stays() {
        let dir = tempfile::tempdir().unwrap();
        let record = accepted(dir.path());
        let archive = FileArchive { root: dir.path().to_owned() };
        let path = dir.path().join(".auditor/lessons.json");
        archive.keep(&record).unwrap();
        archive.keep(&record).unwrap();
        let file: registry::Registry = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((file.schema_version, file.lessons.len()), (1, 1));
        std::fs::write(&path, "{").unwrap();
        assert!(archive.keep(&record).unwrap_err().contains("mend it"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{");
    }
}
