//! `auditrun list`: the targets, what they take, and where they are declared.

use crate::cli::args::{Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;
use crate::cli::yard::Opened;
use crate::target;

/// Prints the list; targets whose name begins with `_` are left out.
///
/// # Errors
/// Problems of audit.kdl.
pub fn run(common: &Common, screen: &Screen) -> Result<Exit, Failure> {
    let opened = Opened::find(common)?;
    screen.warnings(&opened.warnings);
    show(&opened, screen);
    Ok(Exit::Ok)
}

/// The list on standard output.
pub fn show(opened: &Opened, screen: &Screen) {
    match screen.format() {
        Format::Json => screen.print(&format!("{:#}", target::listing_json(&opened.config))),
        _ if opened.config.targets.is_empty() => screen.say(match &opened.config.source {
            Some(_) => "audit.kdl declares no targets",
            None => "there is no audit.kdl here, so there are no targets",
        }),
        _ => screen.print(&target::listing(&opened.config)),
    }
}
