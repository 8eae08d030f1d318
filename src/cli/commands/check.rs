//! `auditrun check`: every mistake of audit.kdl and the bundle in one go.

use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, concerns_config};
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::diag::{Diags, Severity};
use crate::run::{preflight, variables};

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
    let input = project.input(&files);
    match preflight::read(&input) {
        Ok(examined) => {
            diags.extend(examined.warnings);
            diags.extend(elsewhere(preflight::unmet(&examined.plan, &input)));
            if diags.has_errors() {
                let exit = if concerns_config(&diags) { Exit::Usage } else { Exit::Preflight };
                return Ok(told(&diags.sorted(), screen, exit));
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

/// A file is not wrong because the shell in which it is looked at lacks a key of the one in
/// which it will be run: that is worth a warning.
fn elsewhere(problems: Diags) -> Diags {
    let mut seen = Diags::new();
    for mut diag in problems {
        if diag.code == variables::ENV_UNSET {
            diag.severity = Severity::Warning;
        }
        seen.push(diag);
    }
    seen
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
