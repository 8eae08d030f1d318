//! Faults on demand, so that tests can see what a crash or a full disk leaves behind at each
//! step. `AUDITRUN_FAULT` is read in debug builds only; in a release build nothing here runs.
//!
//! Its form is `STEP:N`, `STEP=WHAT:N` or one of them with `:HOW` behind it. STEP is `journal` (a line is about to be written),
//! `file` (an artifact is about to be renamed into place) or `git` (an object, ref or
//! worktree is about to be written); N counts those steps from 1, with WHAT only those that are
//! about that: an event's type, a file's name, the change of git's in words. HOW is `kill` (the default:
//! the process ends as by SIGKILL, before the step), `torn` (`journal` only: half of the line
//! is written first), `full` (this step and all later ones of its kind fail as on a full disk)
//! `once` (this step alone fails so), `int`, `term`, `hup` (the process gets that signal, and the step is made)
//! or `twice` (it gets two interrupts, one after the other). With `AUDITRUN_FAULT_LOG` every step that is passed
//! becomes a line of that file: its kind and what it is about.

use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::Signal;

/// The variable that asks for a fault.
pub const VARIABLE: &str = "AUDITRUN_FAULT";
/// The variable that names a file for the steps that were passed.
pub const LOG: &str = "AUDITRUN_FAULT_LOG";

/// A kind of step at which a fault can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A line of the journal is about to be written.
    Journal,
    /// A file is about to be renamed into place.
    File,
    /// Git is about to be changed.
    Git,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Kill,
    Torn,
    Full,
    Once,
    /// So many of that signal.
    Signal(Signal, u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    step: Step,
    what: Option<String>,
    nth: u64,
    how: How,
}

/// Passes a step, or meets the fault that was asked for. `what` says what the step is about.
/// `true`: half of the line is to be written, then [`end`] called.
///
/// # Errors
/// The disk is said to be full.
pub fn pass(step: Step, what: impl FnOnce() -> String) -> io::Result<bool> {
    if !cfg!(debug_assertions) {
        return Ok(false);
    }
    static WANTED: OnceLock<Option<Wanted>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let wanted = WANTED.get_or_init(|| parse(&std::env::var(VARIABLE).ok()?));
    let log = std::env::var_os(LOG);
    if wanted.is_none() && log.is_none() {
        return Ok(false);
    }
    let what = what();
    if let Some(log) = log {
        note(Path::new(&log), step, &what)?;
    }
    let meets = |w: &&Wanted| w.step == step && w.what.as_ref().is_none_or(|wanted| *wanted == what);
    let Some(wanted) = wanted.as_ref().filter(meets) else { return Ok(false) };
    let count = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    match wanted.how {
        How::Full if count >= wanted.nth => Err(io::ErrorKind::StorageFull.into()),
        How::Once if count == wanted.nth => Err(io::ErrorKind::StorageFull.into()),
        How::Torn if count == wanted.nth => Ok(true),
        How::Kill if count == wanted.nth => end(),
        How::Signal(signal, times) if count == wanted.nth => {
            (0..times).for_each(|_| send(signal));
            Ok(false)
        }
        _ => Ok(false),
    }
}

/// [`pass`] for a file that is about to be renamed into place, or moved away.
///
/// # Errors
/// As [`pass`].
pub fn pass_file(path: &Path) -> io::Result<()> {
    let name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    pass(Step::File, name).map(drop)
}

fn note(log: &Path, step: Step, what: &str) -> io::Result<()> {
    let kind = match step {
        Step::Journal => "journal",
        Step::File => "file",
        Step::Git => "git",
    };
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    file.write_all(format!("{kind} {what}\n").as_bytes())
}

/// Ends the process as by SIGKILL: nothing is flushed, nobody is told.
pub fn end() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
    std::process::abort()
}

/// As from the terminal or a service manager, and the time to hear it.
fn send(signal: Signal) {
    let _ = rustix::process::kill_process(rustix::process::getpid(), signal);
    std::thread::sleep(std::time::Duration::from_millis(150));
}

fn parse(text: &str) -> Option<Wanted> {
    let mut parts = text.split(':');
    let step = parts.next()?;
    let (step, what) =
        step.split_once('=').map_or((step, None), |(step, what)| (step, Some(what.to_owned())));
    let step = match step {
        "journal" => Step::Journal,
        "file" => Step::File,
        "git" => Step::Git,
        _ => return None,
    };
    let nth = parts.next()?.parse().ok()?;
    let how = match parts.next() {
        None | Some("kill") => How::Kill,
        Some("torn") if step == Step::Journal => How::Torn,
        Some("full") => How::Full,
        Some("once") => How::Once,
        Some("int") => How::Signal(Signal::INT, 1),
        Some("term") => How::Signal(Signal::TERM, 1),
        Some("hup") => How::Signal(Signal::HUP, 1),
        Some("twice") => How::Signal(Signal::INT, 2),
        Some(_) => return None,
    };
    Some(Wanted { step, what, nth, how })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_step_number_and_manner() {
        let wanted = |step, nth, how| Some(Wanted { step, what: None, nth, how });
        assert_eq!(parse("journal:3"), wanted(Step::Journal, 3, How::Kill));
        assert_eq!(parse("journal:3:torn"), wanted(Step::Journal, 3, How::Torn));
        assert_eq!(parse("file:1:full"), wanted(Step::File, 1, How::Full));
        assert_eq!(parse("git:2:once"), wanted(Step::Git, 2, How::Once));
        assert_eq!(parse("git:12:kill"), wanted(Step::Git, 12, How::Kill));
        assert_eq!(parse("journal:1:hup"), wanted(Step::Journal, 1, How::Signal(Signal::HUP, 1)));
        let named =
            Some(Wanted { what: Some("a ref".to_owned()), ..wanted(Step::Git, 2, How::Kill).unwrap() });
        assert_eq!(parse("git=a ref:2"), named);
        for bad in ["", "git", "git:x", "git:1:torn", "disk:1", "git:1:later"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_being_asked_every_step_passes() {
        assert!(!pass(Step::Git, String::new).unwrap());
    }
}
