//! What the operator sees: results on standard output, progress and diagnostics on standard
//! error, in the form and the colours that were asked for.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::base::remedy::remedy;
use crate::base::{Masker, SystemClock};
use crate::cli::args::{ColorChoice, Common, Format};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::control::Live;
use crate::diag::{self, Diags, Severity};
use crate::event::{NodeStatus, Sink};
use crate::journal::RunState;
use crate::ui;

/// The terminal (or file, or pipe) and how to write to it.
pub struct Screen {
    format: Format,
    color: bool,
    quiet: bool,
    verbose: bool,
    progress: bool,
    width: usize,
    out: ui::Shared,
    err: ui::Shared,
    /// What is never shown.
    masker: RwLock<Masker>,
}

impl Screen {
    /// Looks at the flags, the environment and the streams.
    pub fn new(common: &Common) -> Screen {
        let terminal = std::io::stderr().is_terminal();
        let given = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let forced = given("CLICOLOR_FORCE") && std::env::var_os("CLICOLOR_FORCE").is_none_or(|v| v != "0");
        let color = match common.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if given("NO_COLOR") => false,
            ColorChoice::Auto => terminal || forced,
        };
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Screen {
            format: common.format.unwrap_or(Format::Text),
            color,
            quiet: common.quiet,
            verbose: common.verbose > 0,
            // Log lines and moving ones would tear each other apart.
            progress: terminal && !dumb && !common.no_progress && common.verbose == 0 && !given("RUST_LOG"),
            width: ui::width(),
            out: Arc::new(Mutex::new(std::io::stdout())),
            err: Arc::new(Mutex::new(std::io::stderr())),
            masker: RwLock::default(),
        }
    }

    /// The same for a command that runs inside of a step: everything goes to these writers.
    pub fn within(common: &Common, color: bool, out: ui::Shared, err: ui::Shared) -> Screen {
        Screen { color, progress: false, out, err, ..Screen::new(common) }
    }

    /// Where results go.
    pub fn out(&self) -> ui::Shared {
        Arc::clone(&self.out)
    }

    /// Where everything else goes.
    pub fn err(&self) -> ui::Shared {
        Arc::clone(&self.err)
    }

    fn lock(to: &ui::Shared) -> MutexGuard<'_, dyn Write + Send + 'static> {
        to.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps these secrets out of results and diagnostics from here on: an excerpt of audit.kdl
    /// may hold one.
    pub fn mask(&self, masker: Masker) {
        *self.masker.write().unwrap_or_else(PoisonError::into_inner) = masker;
    }

    fn masked(&self, text: &str) -> String {
        self.masker.read().unwrap_or_else(PoisonError::into_inner).text(text).into_owned()
    }

    /// A sentence that may quote what an agent said: no secret and no control character.
    fn plain(&self, text: &str) -> String {
        crate::base::text::neutral(&self.masked(text))
    }

    /// The form that was asked for.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Colours are wanted.
    pub fn color(&self) -> bool {
        self.color
    }

    /// A result. A reader that went away is no error.
    pub fn print(&self, text: &str) {
        let mut out = Screen::lock(&self.out);
        let text = &self.masked(text);
        let _ = out.write_all(text.as_bytes());
        if !text.is_empty() && !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// A line for people, beside the result.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(Screen::lock(&self.err), "{}", self.plain(text));
        }
    }

    /// Text beside the result, as it is; quiet does not concern it.
    pub fn aside(&self, text: &str) {
        let _ = Screen::lock(&self.err).write_all(self.masked(text).as_bytes());
    }

    /// Something went wrong beside the main thing.
    pub fn trouble(&self, text: &str) {
        let _ = writeln!(Screen::lock(&self.err), "auditrun: {}", self.plain(text));
    }

    /// Warnings, unless the operator wants quiet.
    pub fn warnings(&self, diags: &Diags) {
        if !self.quiet && !diags.is_empty() {
            self.problems(diags);
        }
    }

    /// Diagnostics on standard error, in the chosen form.
    pub fn problems(&self, diags: &Diags) {
        let _ = Screen::lock(&self.err).write_all(self.rendered(diags, self.format).as_bytes());
    }

    /// Diagnostics as a result on standard output.
    pub fn print_problems(&self, diags: &Diags) {
        self.print(&self.rendered(diags, self.format));
    }

    fn rendered(&self, diags: &Diags, format: Format) -> String {
        let form = match format {
            Format::Json => diag::Format::Json,
            Format::Github => diag::Format::Github,
            _ => diag::Format::Text { color: self.color, width: self.width },
        };
        self.masked(&diag::render(diags, form))
    }

    /// Where a run's events go besides the journal.
    fn sinks(&self) -> Vec<Arc<dyn Sink>> {
        match self.format {
            Format::Json => vec![Arc::new(ui::Json::new(self.out()))],
            _ if self.quiet => Vec::new(),
            _ if self.progress => vec![ui::Fancy::start(self.color, Arc::new(SystemClock))],
            _ => vec![ui::Plain::start(self.color, self.verbose, self.err(), Arc::new(SystemClock))],
        }
    }

    /// The same with one that shows nothing: the control plane's.
    pub fn sinks_and(&self, live: &Arc<Live>) -> Vec<Arc<dyn Sink>> {
        let mut sinks = self.sinks();
        sinks.push(Arc::clone(live) as Arc<dyn Sink>);
        sinks
    }

    /// How a command failed, with what to do next.
    pub fn failure(&self, failure: &Failure) {
        let mut err = Screen::lock(&self.err);
        let _ = match failure {
            Failure::Config(diags) | Failure::Preflight(diags) => {
                let errors = diags.iter().filter(|d| d.severity == Severity::Error).count();
                let text = self.rendered(diags, self.format);
                write!(err, "{text}").and_then(|()| match self.format {
                    Format::Text => {
                        writeln!(err, "auditrun: {}", crate::base::text::count(errors, "problem"))
                    }
                    _ => Ok(()),
                })
            }
            Failure::Usage(what, remedy) => {
                let help = remedy.as_ref().map(|r| format!("\n  help: {r}")).unwrap_or_default();
                writeln!(err, "auditrun: {}", self.plain(&format!("{what}{help}")))
            }
            Failure::Internal(what) => {
                let help = remedy(what).map(|r| format!("\n  help: {r}")).unwrap_or_default();
                writeln!(err, "auditrun: {}{help}", self.plain(what))
            }
            Failure::Ended(_, what) => writeln!(err, "auditrun: {}", self.plain(what)),
            Failure::Failed => Ok(()),
        };
    }

    /// The last words of a run: consequences first, the root cause last.
    pub fn summary(&self, state: &RunState, out: &str, exit: Exit) {
        if self.format == Format::Json {
            return;
        }
        let mut err = Screen::lock(&self.err);
        let done = state.nodes.iter().filter(|n| n.status() == Some(NodeStatus::Verified)).count();
        if !self.quiet {
            let branch = state.branch.as_deref().unwrap_or("no branch");
            let _ = writeln!(
                err,
                "\n{done} of {} verified on {branch}",
                crate::base::text::count(state.nodes.len(), "node")
            );
        }
        if !self.quiet {
            let _ = writeln!(err, "report: {out}/audit/report.md");
        }
        if let Some(finished) = &state.finished {
            let word = if exit == Exit::Ok { "done" } else { finished.reason.name() };
            let _ = writeln!(err, "{word}: {}", self.plain(&finished.message));
            let mended = remedy(&finished.message).filter(|_| exit == Exit::Internal);
            if let Some(remedy) = mended {
                let _ = writeln!(err, "  help: {remedy}; then `auditrun resume` goes on");
            }
        }
        if exit != Exit::Ok {
            let _ = err.write_all(ui::failures(state, out, self.color).as_bytes());
        }
    }
}
