//! Accepted audits: `audit_runs`, `audit_findings` and `lesson_effectiveness`.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::AnyConnection;

use crate::control::query::{get, optional};
use crate::control::store::Store;
use crate::control::trouble::DbError;

/// A row of `audit_runs`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct AuditRow {
    pub audit_run_id: String,
    /// LOOP, REPO, PIPELINE, EFFECTIVENESS or STANDALONE.
    pub scope_type: String,
    pub scope_ref: String,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// An object with `finding_counts`, `effectiveness_summary`, `recursion_depth`, `scores`,
    /// `meta_slice_count`, `regression_trend` and `problem_keys`.
    pub detail: Value,
}

/// A row of `audit_findings`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct FindingRow {
    pub finding_id: String,
    /// critical, warning or info.
    pub severity: String,
    pub description: String,
    pub evidence: String,
    pub slice_id: Option<String>,
}

/// A row of `lesson_effectiveness`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct EffectivenessRow {
    pub lesson_id: String,
    pub effectiveness_score: f64,
    pub base_score: f64,
    pub time_decay: f64,
    pub opportunity_factor: f64,
    pub confidence_weight: f64,
}

impl Store {
    /// Keeps an accepted audit, all of it or nothing. One that is there already is replaced.
    ///
    /// # Errors
    /// The database failed.
    pub fn keep_audit(
        &mut self,
        audit: &AuditRow,
        findings: &[FindingRow],
        scores: &[EffectivenessRow],
    ) -> Result<(), DbError> {
        self.write(async |conn: &mut AnyConnection| {
            for table in [
                "DELETE FROM audit_findings WHERE audit_run_id = $1",
                "DELETE FROM lesson_effectiveness WHERE audit_run_id = $1",
                "DELETE FROM audit_runs WHERE audit_run_id = $1",
            ] {
                sqlx::query(table).bind(&audit.audit_run_id).execute(&mut *conn).await?;
            }
            insert_audit(&mut *conn, audit).await?;
            for finding in findings {
                insert_finding(&mut *conn, &audit.audit_run_id, finding).await?;
            }
            for score in scores {
                insert_score(&mut *conn, &audit.audit_run_id, score).await?;
            }
            Ok(())
        })
    }

    /// Accepted audits of the same scope with the scores of their lessons, newest first.
    ///
    /// # Errors
    /// The database failed.
    #[allow(clippy::type_complexity)] // Each audit with its scores: a type of its own says no more.
    pub fn audits(
        &mut self,
        scope_type: &str,
        scope_ref: &str,
        most: u32,
    ) -> Result<Vec<(AuditRow, BTreeMap<String, f64>)>, DbError> {
        self.read(async |conn: &mut AnyConnection| {
            let rows = sqlx::query(
                "SELECT * FROM audit_runs WHERE scope_type = $1 AND scope_ref = $2
                 ORDER BY created_at DESC, audit_run_id LIMIT $3",
            )
            .bind(scope_type)
            .bind(scope_ref)
            .bind(i64::from(most))
            .fetch_all(&mut *conn)
            .await?;
            let mut found = Vec::new();
            for row in &rows {
                let detail: String = get(row, "detail_json")?;
                let audit = AuditRow {
                    audit_run_id: get(row, "audit_run_id")?,
                    scope_type: get(row, "scope_type")?,
                    scope_ref: get(row, "scope_ref")?,
                    created_at: get(row, "created_at")?,
                    detail: serde_json::from_str(&detail).map_err(|e| sqlx::Error::Decode(Box::new(e)))?,
                };
                let query = "SELECT * FROM lesson_effectiveness WHERE audit_run_id = $1";
                let mut scores = BTreeMap::new();
                for row in sqlx::query(query).bind(&audit.audit_run_id).fetch_all(&mut *conn).await? {
                    scores.insert(get(&row, "lesson_id")?, get(&row, "effectiveness_score")?);
                }
                found.push((audit, scores));
            }
            Ok(found)
        })
    }

    /// The findings of an audit, by id.
    ///
    /// # Errors
    /// The database failed.
    pub fn findings(&mut self, audit_run_id: &str) -> Result<Vec<FindingRow>, DbError> {
        self.read(async |conn: &mut AnyConnection| {
            let query = "SELECT * FROM audit_findings WHERE audit_run_id = $1 ORDER BY finding_id";
            let rows = sqlx::query(query).bind(audit_run_id).fetch_all(conn).await?;
            let finding = |row: &sqlx::any::AnyRow| {
                Ok(FindingRow {
                    finding_id: get(row, "finding_id")?,
                    severity: get(row, "severity")?,
                    description: get(row, "description")?,
                    evidence: get(row, "evidence")?,
                    slice_id: optional(row, "slice_id")?,
                })
            };
            rows.iter().map(finding).collect()
        })
    }
}

async fn insert_audit(conn: &mut AnyConnection, audit: &AuditRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit_runs (audit_run_id, scope_type, scope_ref, created_at, detail_json)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&audit.audit_run_id)
    .bind(&audit.scope_type)
    .bind(&audit.scope_ref)
    .bind(&audit.created_at)
    .bind(audit.detail.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_finding(conn: &mut AnyConnection, audit: &str, finding: &FindingRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO audit_findings (finding_id, audit_run_id, severity, description, evidence, slice_id)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&finding.finding_id)
    .bind(audit)
    .bind(&finding.severity)
    .bind(&finding.description)
    .bind(&finding.evidence)
    .bind(&finding.slice_id)
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert_score(conn: &mut AnyConnection, audit: &str, score: &EffectivenessRow) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO lesson_effectiveness (lesson_id, audit_run_id, effectiveness_score, base_score, time_decay,
            opportunity_factor, confidence_weight)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&score.lesson_id)
    .bind(audit)
    .bind(score.effectiveness_score)
    .bind(score.base_score)
    .bind(score.time_decay)
    .bind(score.opportunity_factor)
    .bind(score.confidence_weight)
    .execute(conn)
    .await?;
    Ok(())
}
