//! `auditrun man` and `auditrun completions`: made from the command line's own definition.

use clap::CommandFactory;

use crate::cli::args::Cli;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Screen;

/// The manual page, with a section for each subcommand.
///
/// # Errors
/// None in practice: only memory is written.
pub fn man(screen: &Screen) -> Result<Exit, Failure> {
    let command = Cli::command();
    let mut page = Vec::new();
    let made = clap_mangen::Man::new(command.clone()).render(&mut page);
    made.map_err(|e| Failure::Internal(format!("can't make the page: {e}")))?;
    for sub in command.get_subcommands().filter(|s| !s.is_hide_set()) {
        let name = sub.get_name();
        page.extend_from_slice(format!(".SH \"AUDITRUN {}\"\n", name.to_uppercase()).as_bytes());
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        page.extend_from_slice(format!("{}\n", about.replace('\\', "\\\\")).as_bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_options_section(&mut page)
            .map_err(|e| Failure::Internal(format!("can't make the page: {e}")))?;
    }
    screen.print(&String::from_utf8_lossy(&page));
    Ok(Exit::Ok)
}

/// A completion script.
pub fn completions(shell: clap_complete::Shell, screen: &Screen) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "auditrun", &mut script);
    screen.print(&String::from_utf8_lossy(&script));
    Exit::Ok
}
