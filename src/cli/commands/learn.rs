//! `auditrun learn`: what the runs of out and its history teach about the settings.

use std::path::{Path, PathBuf};

use crate::base::names;
use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::event::{DagPattern, GateName};
use crate::journal::{self, NodeState, RunState};
use crate::learn::{self, PastEdge, PastNode, PastRun};
use crate::plan::DispatchPlan;

/// Prints it. Reads only; a run that goes on meanwhile counts with what it has so far.
///
/// # Errors
/// No run has worked on a node, or a file can't be read.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    let out = project.repo.root().join(project.layout.out());
    let mut runs = Vec::new();
    for dir in dirs(&out)? {
        runs.extend(past(&dir, screen)?);
    }
    if runs.is_empty() {
        let shown = project.layout.in_out("runs");
        return Err(Failure::usage(
            format!("nothing to learn from: no node was worked on in {shown} or .history"),
            "finish a run first: auditrun run",
        ));
    }
    runs.sort_by(|a, b| a.run_id.cmp(&b.run_id));
    let learned = learn::learn(&runs, &project.config);
    match screen.format() {
        Format::Text => screen.print(&learn::text(&learned)),
        Format::Json => screen.print(&serde_json::to_string_pretty(&learned).unwrap_or_default()),
        other => return Err(Failure::no_form("learn", other, "text or json")),
    }
    Ok(Exit::Ok)
}

/// Directories that may hold a run's artifacts: out, and each of its history.
fn dirs(out: &Path) -> Result<Vec<PathBuf>, Failure> {
    let history = out.join(".history");
    let mut dirs = vec![out.to_owned()];
    match std::fs::read_dir(&history) {
        Ok(entries) => dirs.extend(entries.flatten().map(|e| e.path()).filter(|p| p.is_dir())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) => return Err(Failure::Internal(format!("can't read {}: {e}", history.display()))),
    }
    Ok(dirs)
}

/// The run in a directory; nothing if no node of it was ever worked on.
fn past(dir: &Path, screen: &Screen) -> Result<Option<PastRun>, Failure> {
    let path = dir.join(names::PATTERNS);
    let bytes = match std::fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(|e| Failure::Internal(format!("can't read {}: {e}", path.display())))?,
    };
    let mut patterns: Vec<DagPattern> = Vec::new();
    for (i, line) in bytes.split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(pattern) => patterns.push(pattern),
            // The last line of a run that was killed; statistics can do without it.
            Err(e) => screen.trouble(&format!("{}:{}: left out, no pattern: {e}", path.display(), i + 1)),
        }
    }
    let state = journal::read(&dir.join(names::JOURNAL)).map(|read| journal::replay(&read.records)).ok();
    let run_id = state.as_ref().map(|s| s.run_id().to_owned()).unwrap_or_default();
    let nodes = state.as_ref().map(nodes).unwrap_or_default();
    let empty = patterns.is_empty() && nodes.is_empty();
    Ok((!empty).then(|| PastRun { run_id, patterns, edges: edges(dir), nodes }))
}

/// The plan's edges; a plan that can't be read teaches nothing.
fn edges(dir: &Path) -> Vec<PastEdge> {
    let bytes = std::fs::read(dir.join(names::DISPATCH_PLAN)).unwrap_or_default();
    let Ok(plan) = serde_json::from_slice::<DispatchPlan>(&bytes) else { return Vec::new() };
    plan.edges.into_iter().map(|e| PastEdge { from: e.from, to: e.to, hotspot: e.hotspot }).collect()
}

fn nodes(state: &RunState) -> std::collections::BTreeMap<crate::base::Id, PastNode> {
    state.nodes.iter().filter(|n| n.dispatched().count() > 0).map(|n| (n.id.clone(), node(n))).collect()
}

fn node(node: &NodeState) -> PastNode {
    let too_large =
        node.dispatched().filter(|a| a.gates.iter().any(|g| g.gate == GateName::Loc && !g.passed));
    let sizes = too_large.filter_map(|a| a.captured.as_ref()).map(|c| &c.diff).filter(|d| d.est_loc > 0);
    #[allow(clippy::cast_precision_loss)] // A ratio for statistics.
    let oversized = sizes.map(|d| (d.confidence, d.loc as f64 / d.est_loc as f64)).collect();
    PastNode {
        duration_ms: node.dispatched().filter_map(|a| a.duration_ms).fold(0, u64::saturating_add),
        attempts: node.dispatched().filter(|a| a.status.is_some()).count(),
        verified: node.status() == Some(crate::event::NodeStatus::Verified),
        oversized,
    }
}
