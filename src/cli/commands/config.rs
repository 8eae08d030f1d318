//! `auditrun config`: the defaults as a file, or every effective value with its source.

use crate::cli::args::{Common, ConfigArgs, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::project::Project;
use crate::config;

/// Prints them.
///
/// # Errors
/// Problems of audit.kdl.
pub fn run(common: &Common, args: &ConfigArgs, screen: &Screen) -> Result<Exit, Failure> {
    if args.defaults {
        screen.print(config::DEFAULTS);
        return Ok(Exit::Ok);
    }
    let project = Project::open(common)?;
    screen.mask(project.masker());
    screen.warnings(&project.warnings);
    screen.print(&super::explain::table(&config::explain(&project.config), screen.format() == Format::Json));
    Ok(Exit::Ok)
}
