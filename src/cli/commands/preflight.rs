//! `auditrun preflight`, `auditrun check` and `run --dry-run`: phase 0 without a branch.

use crate::base::{Clock, RunId, SystemClock};
use crate::cli::args::Common;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::diag::Diags;
use crate::files;
use crate::plan;
use crate::run::preflight::{self, Examined, Surroundings};

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
        // Not synced: the next call makes the same from the bundle, faster than a disk writes it.
        files::replace(&path, &bytes, files::Sync::Nothing)
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
    // Git looks at the checkout while the bundle is read: neither waits for the other's answer.
    let (around, examined) = std::thread::scope(|scope| {
        let around = scope.spawn(|| look_around(project));
        let files = project.files_on_disk();
        let examined = files.map(|files| preflight::examine(&project.input(&files)));
        (around.join(), examined)
    });
    let around = around.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let ((mut problems, around), examined) = (around?, examined?);
    problems.extend(around.problems(examined.as_ref().ok().map(|e| &e.plan)));
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

/// What is not committed, and what stands in the way of a run.
fn look_around(project: &Project) -> Result<(Diags, Surroundings), Failure> {
    let unsettled = project.unsettled()?;
    let head = project.repo.head()?.commit;
    Ok((unsettled, Surroundings::look(&project.repo, &project.layout, head.as_ref())?))
}
