//! `auditrun graph`: the plan with tiers, real and synthetic edges, and after a run, statuses.

use std::collections::BTreeMap;

use crate::base::{Id, names};
use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::event::NodeStatus;
use crate::journal;
use crate::plan::render::{self, GraphFormat};
use crate::run::preflight;

/// Prints it.
///
/// # Errors
/// Problems of audit.kdl or the bundle.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let files = project.files_on_disk()?;
    let examined = preflight::read(&project.input(&files)).map_err(Failure::Preflight)?;
    let statuses = statuses(&project);
    let form = match screen.format() {
        Format::Text => GraphFormat::Text,
        Format::Dot => GraphFormat::Dot,
        Format::Mermaid => GraphFormat::Mermaid,
        Format::Svg => GraphFormat::Svg,
        Format::Json => GraphFormat::Json,
        other => return Err(Failure::no_form("graph", other, "text, dot, mermaid, svg or json")),
    };
    screen.print(&render::graph(&examined.plan, form, &statuses));
    Ok(Exit::Ok)
}

/// What the last run's journal says; nothing if there is none.
fn statuses(project: &Project) -> BTreeMap<Id, NodeStatus> {
    let path = project.repo.root().join(project.layout.in_out(names::JOURNAL));
    let Ok(read) = journal::read(&path) else { return BTreeMap::new() };
    let state = journal::replay(&read.records);
    state.nodes.iter().filter_map(|n| Some((n.id.clone(), n.status()?))).collect()
}
