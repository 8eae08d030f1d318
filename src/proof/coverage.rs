//! Which verified node closes which delta_to_done item, as rows and as CSV.

use std::collections::BTreeMap;

use super::bundle::ProofBundle;
use super::model::{CoverageRow, Gap, GapKind};
use super::names;
use crate::base::Id;
use crate::event::NodeStatus;
use crate::journal::RunState;

/// The first line of audit-report.coverage.csv.
pub const COVERAGE_HEADER: [&str; 4] = ["delta_id", "prompt_id", "status", "verification"];

/// A row for each pair of an item and a verified node that closes it. An item without one has
/// a single row without a node, and that is a gap.
pub(super) fn rows(bundle: &ProofBundle, state: &RunState) -> (Vec<CoverageRow>, Vec<Gap>) {
    let mut closers: BTreeMap<&Id, Vec<&Id>> = BTreeMap::new();
    for node in &bundle.nodes {
        if state.node(&node.id).is_some_and(|n| n.status() == Some(NodeStatus::Verified)) {
            for delta in &node.closes {
                closers.entry(delta).or_default().push(&node.id);
            }
        }
    }
    let mut rows = Vec::new();
    let mut gaps = Vec::new();
    for delta in &bundle.deltas {
        let before = rows.len();
        for node in closers.get(delta).into_iter().flatten() {
            rows.push(CoverageRow {
                delta_id: delta.clone(),
                prompt_id: Some((*node).clone()),
                status: NodeStatus::Verified.name().to_owned(),
                verification: Some(names::verification(node)),
            });
        }
        if rows.len() == before {
            rows.push(CoverageRow {
                delta_id: delta.clone(),
                prompt_id: None,
                status: "gap".to_owned(),
                verification: None,
            });
            gaps.push(Gap {
                kind: GapKind::Coverage,
                subject: delta.to_string(),
                message: format!("no verified node closes {delta}"),
            });
        }
    }
    (rows, gaps)
}

/// audit-report.coverage.csv: comma-separated, quoted where needed, lines end in LF.
///
/// # Errors
/// None in practice: the writer only touches memory.
pub fn coverage_csv(rows: &[CoverageRow]) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(COVERAGE_HEADER)?;
    for row in rows {
        writer.write_record([
            row.delta_id.as_str(),
            row.prompt_id.as_ref().map_or("", |id| id.as_str()),
            &row.status,
            row.verification.as_deref().unwrap_or(""),
        ])?;
    }
    writer.into_inner().map_err(|e| std::io::Error::other(e.to_string()))
}
