//! The journals of a repository's runs, replayed: what an audit reads where there is no database.

use std::collections::BTreeMap;
use std::path::Path;

use crate::control::{self, LoopRow, RepairRow, loop_id, repairs, thread_event};
use crate::journal;
use crate::qa::corpus::model::{Missing, Moment};

/// What the journals say.
#[derive(Debug, Default)]
pub struct Journals {
    /// Every loop, pending ones too.
    pub loops: Vec<LoopRow>,
    /// The repairs of each loop.
    pub repairs: BTreeMap<String, Vec<RepairRow>>,
    /// What happened, with the run.
    pub events: Vec<(String, Moment)>,
    /// Journals that can't be read.
    pub missing: Vec<Missing>,
}

impl Journals {
    /// Reads the journal of the last run below `out` and those of the archive.
    pub fn read(out: &Path, repo_id: &str) -> Journals {
        let mut found = Journals::default();
        for file in control::journals(out) {
            match journal::read(&file.path) {
                Ok(read) => found.take(repo_id, &read.records),
                Err(e) => found
                    .missing
                    .push(Missing { source: file.shown, assumption: format!("{e}: its run is left out") }),
            }
        }
        found
    }

    fn take(&mut self, repo_id: &str, records: &[crate::event::Record]) {
        let state = journal::replay(records);
        let run = state.run_id().to_owned();
        for record in records {
            if let Some((_, node, what)) = thread_event(record) {
                let slice_id = node.map(|node| loop_id(&run, node.as_str()));
                self.events.push((run.clone(), Moment { at: record.at.clone(), slice_id, what }));
            }
        }
        for node in &state.nodes {
            let rows = repairs(node);
            if !rows.is_empty() {
                self.repairs.insert(loop_id(&run, node.id.as_str()), rows);
            }
        }
        self.loops.extend(control::loops(repo_id, &state));
    }

    /// The loop of a run's node.
    pub fn of(&self, run_id: &str, node_id: &str) -> Option<&LoopRow> {
        self.loops.iter().find(|row| row.run_id == run_id && row.node_id == node_id)
    }
}
