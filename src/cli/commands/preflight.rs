//! `auditrun preflight`, `auditrun check` and `run --dry-run`: phase 0 without a branch.

use crate::base::{Clock, RunId, SystemClock};
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::diag::Diags;
use crate::plan;
use crate::run::preflight::{self, Examined};

/// Examines everything and writes the reports.
///
/// # Errors
/// Every problem of audit.kdl, the bundle and their surroundings.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let project = Project::open(common)?;
    screen.mask(project.masker());
    screen.warnings(&project.warnings);
    if common.dry_run {
        return show(&project, screen);
    }
    let _lock = crate::cli::lock::acquire(&project.repo, "preflight")?;
    let examined = examine(&project)?;
    screen.warnings(&examined.warnings);
    let run_id = RunId::at(SystemClock.now(), 1);
    project.repo.keep_excluded(&project.layout)?;
    let out = project.repo.root().join(project.layout.out());
    for (path, bytes) in preflight::reports(&examined.plan, &run_id) {
        let path = out.join(path);
        crate::files::atomic_write(&path, &bytes)
            .map_err(|e| Failure::Internal(format!("can't write {}: {e}", path.display())))?;
    }
    let plan = &examined.plan;
    let nodes = crate::base::text::count(plan.nodes.len(), "node");
    let tiers = crate::base::text::count(plan.tiers.len(), "tier");
    screen.print(&format!(
        "{nodes} in {tiers}; the plan is {}",
        project.layout.in_out("preflight/dispatch_plan.md")
    ));
    Ok(Exit::Ok)
}

/// The plan on standard output; nothing is written.
///
/// # Errors
/// As [`run`].
pub fn show(project: &Project, screen: &Screen) -> Result<Exit, Failure> {
    let examined = examine(project)?;
    screen.warnings(&examined.warnings);
    let run_id = RunId::at(SystemClock.now(), 1);
    screen.print(&match screen.format() {
        crate::cli::args::Format::Json => plan::render::dispatch_json(&examined.plan, run_id.as_str()),
        _ => plan::render::dispatch_plan(&examined.plan, run_id.as_str()),
    });
    Ok(Exit::Ok)
}

fn examine(project: &Project) -> Result<Examined, Failure> {
    let mut problems = project.unsettled()?;
    let head = project.repo.head()?.commit;
    let files = project.files_on_disk()?;
    let examined = preflight::examine(&project.input(&files));
    let plan = examined.as_ref().ok().map(|e| &e.plan);
    problems.extend(preflight::surroundings(&project.repo, &project.layout, plan, head.as_ref())?);
    problems.extend(project.sandbox());
    match examined {
        Ok(mut examined) if !problems.has_errors() => {
            examined.warnings.extend(problems);
            Ok(examined)
        }
        Ok(_) => Err(Failure::Preflight(problems)),
        Err(diags) => {
            let mut all = Diags::new();
            all.extend(diags);
            all.extend(problems);
            Err(Failure::Preflight(all))
        }
    }
}
