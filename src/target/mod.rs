//! Targets, the Makefile side of audit.kdl: which ones a command line asks for, in which
//! order, whether they are up to date, and their steps carried out beside each other. Knows
//! nothing of bundles and runs, and of the terminal only the [`Reporter`] that it tells.

pub mod console;
mod decide;
mod engine;
mod environment;
mod facts;
mod files;
mod listing;
mod notice;
mod preview;
mod record;
mod report;
mod schedule;
mod select;
mod silence;
mod sink;
mod when;
mod work;

pub use engine::{Job, Summary, run};
pub use environment::Variables;
pub use listing::{listing, listing_json};
pub use notice::{Notice, notify};
pub use preview::preview;
pub use report::{Ended, Reporter, Told};
pub use select::{Chosen, Request, select};
pub use work::Reenter;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::Config;
use crate::diag::Diags;

/// What targets run with.
pub struct Yard<'a> {
    /// The configuration; its targets have been checked.
    pub config: &'a Config,
    /// audit.kdl's folder, absolute: targets run there.
    pub folder: PathBuf,
    /// The operator's environment.
    pub operator: BTreeMap<String, String>,
}

/// A target as it is about to run: its variables are known and it was decided whether it
/// applies.
pub struct Ready<'a> {
    /// What was asked for.
    pub chosen: Chosen<'a>,
    /// Everything that its steps can read.
    pub variables: Variables,
    /// Why it does not apply.
    pub excused: Option<String>,
}

/// Makes the chosen targets ready: reads their environment, decides about `when`, and looks
/// for variables that their steps would miss.
///
/// # Errors
/// Every problem of every target that applies.
pub fn prepare<'a>(yard: &Yard<'a>, chosen: Vec<Chosen<'a>>) -> Result<Vec<Ready<'a>>, Diags> {
    let mut diags = Diags::new();
    let mut ready = Vec::new();
    let common = environment::Common::read(yard, &mut diags);
    let mut changes = when::Changes::new(yard);
    for chosen in chosen {
        let mut problems = Diags::new();
        let variables = common.of(yard, &chosen, &mut problems);
        let excused = match when::excuse(yard, chosen.target, &variables, &mut changes) {
            Ok(excused) => excused,
            Err(diag) => {
                problems.push(*diag);
                None
            }
        };
        if excused.is_none() {
            problems.extend(variables.missing(chosen.target));
            diags.extend(problems);
        }
        ready.push(Ready { chosen, variables, excused });
    }
    if diags.has_errors() { Err(diags.sorted()) } else { Ok(when::without_orphans(ready)) }
}
