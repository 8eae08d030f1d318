//! `notify { on … { run … } }`: scripts that are run when something has happened. What goes
//! wrong in them is reported and changes nothing else.

use std::sync::{Arc, Mutex};

use super::sink::Sink;
use super::work::{Reenter, Work};
use super::{Variables, Yard};
use crate::config::NOTIFY_VARIABLES;
use crate::process::{Cancel, Custody, Input};
use crate::step;

/// The longest that a notification may take.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// What has happened.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    /// Every name that stands for it: `done`, or `halted` and the reason.
    pub events: Vec<String>,
    /// Values of [`NOTIFY_VARIABLES`]; those that are left out are empty.
    pub variables: Vec<(&'static str, String)>,
}

/// Runs every script that is bound to one of the events, in the order written. `say` takes
/// their output, and a line for each that failed.
pub fn notify(
    yard: &Yard,
    notice: &Notice,
    custody: &Custody,
    cancel: &Cancel,
    reenter: &dyn Reenter,
    say: &mut dyn FnMut(&str),
) {
    let bound = |on: &&crate::config::Notify| {
        on.events.iter().any(|e| notice.events.iter().any(|n| *n == e.value.replace('_', "-")))
    };
    for on in yard.config.notify.iter().filter(bound) {
        let mut variables = match Variables::common(yard) {
            Ok(variables) => variables,
            Err(diags) => {
                diags.iter().for_each(|d| say(&format!("the notification can't run: {}", d.message)));
                return;
            }
        };
        for name in NOTIFY_VARIABLES {
            let value = notice.variables.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
            variables.set(name, value.unwrap_or_default());
        }
        let (tell, told) = std::sync::mpsc::channel();
        let sink = Arc::new(Mutex::new(Sink::new(variables.masker(), true, tell)));
        let work = Work {
            script: &on.run,
            variables: &variables,
            cwd: yard.folder.clone(),
            extra: Vec::new(),
            input: Input::Null,
            sink: Some(sink.clone()),
            timeout: Some(LIMIT),
            grace: yard.config.grace.value.min(std::time::Duration::from_secs(2)),
            cancel: cancel.clone(),
            custody,
            reenter,
            event: &|_| {},
        };
        let outcome = work.carry_out();
        sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner).finish();
        told.iter().for_each(|bytes| say(String::from_utf8_lossy(&bytes).trim_end()));
        if !outcome.success() {
            let why: Vec<&str> = outcome.diags.iter().map(|d| d.message.as_str()).collect();
            let script = step::expanded(&on.run.ast, &variables.env(&yard.folder)).join("; ");
            say(&format!("the notification failed: {}: {script}", why.join("; ")));
        }
    }
}
