//! Accepted audits in the control-plane database.

use crate::control::{Address, AuditRow, EffectivenessRow, FindingRow, Opening, Store};
use crate::qa::archive::{Archive, AuditRecord};

/// Keeps audits where runs are kept.
pub struct DatabaseArchive {
    /// The database.
    pub address: Address,
}

impl Archive for DatabaseArchive {
    fn keep(&self, record: &AuditRecord) -> Result<(), String> {
        let detail = serde_json::to_value(&record.detail).map_err(|e| e.to_string())?;
        let audit = AuditRow {
            audit_run_id: record.audit_run_id.clone(),
            scope_type: record.scope_type.clone(),
            scope_ref: record.scope_ref.clone(),
            created_at: record.created_at.clone(),
            detail,
        };
        let findings: Vec<FindingRow> = record.findings.iter().map(finding).collect();
        let scores: Vec<EffectivenessRow> = record.effectiveness.iter().map(score).collect();
        let kept = Store::open(&self.address, Opening::Create)
            .and_then(|mut store| store.keep_audit(&audit, &findings, &scores));
        kept.map_err(|e| format!("the audit can't be kept: {e}; {}", e.fault.remedy()))
    }
}

fn finding(kept: &crate::qa::archive::KeptFinding) -> FindingRow {
    FindingRow {
        finding_id: kept.finding_id.clone(),
        severity: kept.severity.to_owned(),
        description: kept.description.clone(),
        evidence: kept.evidence.clone(),
        slice_id: kept.slice_id.clone(),
    }
}

fn score((lesson_id, e): &(String, crate::qa::effectiveness::Effectiveness)) -> EffectivenessRow {
    EffectivenessRow {
        lesson_id: lesson_id.clone(),
        effectiveness_score: e.score,
        base_score: e.base,
        time_decay: e.time_decay,
        opportunity_factor: e.opportunity,
        confidence_weight: e.confidence,
    }
}
