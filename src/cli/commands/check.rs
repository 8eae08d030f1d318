//! `auditrun check`: every mistake of audit.kdl and the bundle in one go.

use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, concerns_config};
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::diag::{Diags, Severity};
use crate::run::preflight;

/// Looks for mistakes; changes nothing. The diagnostics are the result, so they go to
/// standard output where a form for programs was asked for.
///
/// # Errors
/// Not in a repository, or the files can't be read.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let project = match Project::open(common) {
        Ok(project) => project,
        Err(Failure::Config(diags)) => {
            // Problems of audit.kdl decide the exit code; those of the bundle are shown all the same.
            let mut all = diags;
            all.extend(bundle_alone(common));
            return Ok(told(&all, screen, Exit::Usage));
        }
        Err(other) => return Err(other),
    };
    screen.mask(project.masker());
    let mut diags = project.warnings.clone();
    let files = project.files_on_disk()?;
    let no_bundle = files.state.is_none() && files.graph.is_none() && files.prompts.is_empty();
    if no_bundle && common.bundle.is_none() && project.config.bundle.is_none() {
        screen.print_problems(&diags);
        screen.say("no bundle here; audit.kdl is all right");
        return Ok(Exit::Ok);
    }
    diags.extend(project.links());
    match preflight::examine(&project.input(&files)) {
        Ok(examined) => {
            diags.extend(examined.warnings);
            if diags.has_errors() {
                return Ok(told(&diags, screen, Exit::Preflight));
            }
            let nodes = crate::base::text::count(examined.plan.nodes.len(), "node");
            let exit = told(&diags, screen, Exit::Preflight);
            screen.say(&format!("{nodes}, no errors"));
            Ok(exit)
        }
        Err(problems) => {
            let exit = if concerns_config(&problems) { Exit::Usage } else { Exit::Preflight };
            diags.extend(problems);
            Ok(told(&diags, screen, exit))
        }
    }
}

/// The bundle's problems when audit.kdl can't be read: with the defaults in its place.
fn bundle_alone(common: &Common) -> Diags {
    let Ok(project) = Project::open_with_defaults(common) else { return Diags::new() };
    let Ok(files) = project.files_on_disk() else { return Diags::new() };
    if files.state.is_none() && files.graph.is_none() {
        return Diags::new();
    }
    crate::bundle::parse(&files, &project.layout).err().unwrap_or_default()
}

fn told(diags: &Diags, screen: &Screen, if_errors: Exit) -> Exit {
    match screen.format() {
        Format::Json | Format::Github => screen.print_problems(diags),
        _ => screen.problems(diags),
    }
    let errors = diags.iter().filter(|d| d.severity == Severity::Error).count();
    if errors == 0 {
        return Exit::Ok;
    }
    screen.say(&crate::base::text::count(errors, "problem"));
    if_errors
}
