//! The command line: what was typed, what it means here, a file for each command, exit codes.

pub mod aftermath;
pub mod archived;
pub mod args;
pub mod commands;
pub mod control;
pub mod evidence;
pub mod exit;
pub mod failure;
pub mod finish;
pub mod gate_report;
pub mod lock;
pub mod output;
pub mod past;
pub mod project;
pub mod reenter;
pub mod session;
pub mod stage;
pub mod telemetry;
pub mod typed;
pub mod yard;

use std::ffi::OsString;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::base::trace_context::ENDPOINTS;
use crate::otlp;
use args::{Cli, Command, Format, Place};
use exit::Exit;
use failure::Failure;
use output::Screen;
use typed::Typed;

/// Runs the program as typed and says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let mut typed = match typed::read(args) {
        Ok(typed) => typed,
        Err(e) => {
            // Help into a closed pipe is no error.
            let _ = e.print();
            return if e.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let common = typed.common_mut();
    common.place = Place::of_the_process();
    let screen = Screen::new(common);
    log(common.verbose, screen.color());
    perform(&typed, &screen)
}

/// Carries out what was typed; what went wrong is said.
fn perform(typed: &Typed, screen: &Screen) -> Exit {
    let done = form_is_known(typed, screen.format()).and_then(|()| match typed {
        Typed::Command(cli) => dispatch(cli, screen),
        Typed::Targets(targets) => commands::targets::run(targets, screen),
    });
    done.unwrap_or_else(|failure| {
        screen.failure(&failure);
        failure.exit()
    })
}

/// A form that belongs to one command is a mistake with any other, and not passed over.
fn form_is_known(typed: &Typed, form: Format) -> Result<(), Failure> {
    let command = match typed {
        Typed::Command(cli) => Some(&cli.command),
        Typed::Targets(_) => None,
    };
    let (known, owner) = match form {
        Format::Text | Format::Json | Format::Github => return Ok(()),
        Format::Junit | Format::Sarif => (matches!(command, Some(Command::Gate(_))), "gate"),
        Format::Dot | Format::Mermaid | Format::Svg => (matches!(command, Some(Command::Graph)), "graph"),
    };
    if known { Ok(()) } else { Err(Failure::foreign_form(form, owner)) }
}

fn dispatch(cli: &Cli, screen: &Screen) -> Result<Exit, Failure> {
    let common = &cli.common;
    match &cli.command {
        Command::Run => commands::run::run(common, screen),
        Command::List => commands::list::run(common, screen),
        Command::Resume(args) => commands::resume::run(common, args, screen),
        Command::Preflight => commands::preflight::run(common, screen),
        Command::Status => commands::status::run(common, screen),
        Command::Dashboard(args) => commands::dashboard::run(common, args, screen),
        Command::Gate(args) => commands::gate::run(common, args, screen),
        Command::Verify { fingerprint } => commands::verify::run(common, fingerprint.as_deref(), screen),
        Command::Report(args) => commands::report::run(common, args, screen),
        Command::Graph => commands::graph::run(common, screen),
        Command::Explain { node } => commands::explain::run(common, node, screen),
        Command::Config(args) => commands::config::run(common, args, screen),
        Command::Check => commands::check::run(common, screen),
        Command::Fmt(args) => commands::fmt::run(common, args, screen),
        Command::Init(args) => commands::init::run(common, args, screen),
        Command::Learn => commands::learn::run(common, screen),
        Command::Clean { force } => commands::clean::run(common, *force, screen),
        Command::Shell { node } => commands::shell::run(common, node, screen),
        Command::Demo { dir } => commands::demo::run(common, dir.as_deref(), screen),
        Command::Qa(args) => commands::qa::run(common, args, screen),
        Command::Db { command } => commands::db::run(common, command, screen),
        Command::Completions { shell } => Ok(commands::man::completions(*shell, screen)),
        Command::Man => commands::man::man(screen),
    }
}

/// Tracing goes to standard error: RUST_LOG decides, else `-v`.
fn log(verbose: u8, color: bool) {
    let level = match verbose {
        0 => "off",
        1 => "auditrun=info",
        2 => "auditrun=debug",
        _ => "auditrun=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(color)
        .with_filter(filter);
    // Git's calls become spans, if somebody wants spans.
    let wanted = ENDPOINTS.iter().any(|name| std::env::var_os(name).is_some());
    let subscriber = tracing_subscriber::registry().with(shown).with(wanted.then(otlp::git_layer));
    // A second call in one process (tests) keeps the first.
    let _ = subscriber.try_init();
}
