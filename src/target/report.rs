//! What is told while targets run, as data; the console makes lines of it.

use std::time::Duration;

use crate::diag::Diags;

/// How a target ended.
#[derive(Debug, Clone)]
pub enum Ended {
    /// Its steps succeeded.
    Ran,
    /// Nothing changed since its last success.
    UpToDate,
    /// It does not apply: why.
    Excused(String),
    /// Its steps failed: a line for people and the diagnostics that point at the place.
    Failed(String, Diags),
    /// Not run: a target that it needs failed.
    Skipped(String),
    /// Not run, or ended on the way: another target failed.
    Cancelled(String),
    /// Not run, or ended on the way: the operator asked for it.
    Interrupted,
}

impl Ended {
    /// A stable word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Ended::Ran => "ran",
            Ended::UpToDate => "up-to-date",
            Ended::Excused(_) => "not-applicable",
            Ended::Failed(..) => "failed",
            Ended::Skipped(_) => "skipped",
            Ended::Cancelled(_) => "cancelled",
            Ended::Interrupted => "interrupted",
        }
    }

    /// The reason, where there is one.
    pub fn reason(&self) -> Option<String> {
        match self {
            Ended::Excused(why) | Ended::Failed(why, _) => Some(why.clone()),
            Ended::Skipped(cause) => Some(format!("it needs '{cause}', which failed")),
            Ended::Cancelled(cause) => Some(format!("because of '{cause}'")),
            Ended::Ran | Ended::UpToDate | Ended::Interrupted => None,
        }
    }
}

/// Something happened. `target` is a target's name.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Told<'a> {
    /// Its steps begin: why.
    Started { target: &'a str, why: &'a str },
    /// A piece of its output, standard output and error in one order; secrets are masked.
    Output { target: &'a str, bytes: &'a [u8] },
    /// A statement of it ended: its expanded words, secrets masked.
    Statement { target: &'a str, words: &'a [String], exit_code: i32, duration: Duration },
    /// It has ended.
    Ended { target: &'a str, ended: &'a Ended, took: Duration },
    /// It runs on and has been silent for a while.
    Still { target: &'a str, running: Duration },
    /// Something that does not fail it.
    Warning { target: &'a str, text: &'a str },
}

/// Takes what happened, from several threads at once.
pub trait Reporter: Sync {
    /// In the order in which it happened to each target.
    fn tell(&self, told: &Told);
    /// Output has to come in whole lines.
    fn by_line(&self) -> bool;
}
