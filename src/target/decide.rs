//! Whether a target has to run, and why.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::facts::Facts;
use super::files::{self, Disk};
use super::record::{Records, Success};
use super::{Ready, Yard};

/// The place of records and files on disk, and whether they count.
pub(super) struct Judge<'a> {
    yard: &'a Yard<'a>,
    pub disk: Disk,
    pub records: Records,
    force: bool,
}

/// What was found out about a target.
pub(super) struct Judged {
    /// What it depends on now.
    pub success: Success,
    /// Their digest, for those that need it.
    pub fingerprint: String,
    /// Why it runs; `None` if it is up to date.
    pub why: Option<String>,
    /// It is up to date, and the record is worth writing again with newer stats.
    pub refresh: bool,
}

impl<'a> Judge<'a> {
    pub fn new(yard: &'a Yard<'a>, force: bool) -> Judge<'a> {
        Judge { yard, disk: Disk::new(&yard.folder), records: Records::open(Path::new(&yard.folder)), force }
    }

    /// `needs` are names and fingerprints of what it needs.
    ///
    /// # Errors
    /// An input can't be read.
    pub fn judge(&self, ready: &Ready, needs: &[(&str, String)]) -> io::Result<Judged> {
        let target = ready.chosen.target;
        let at_ns = now_ns();
        let before = self.records.get(&target.name.value);
        let (known, recorded) = before.as_ref().map_or((&[][..], 0), |b| (&b.facts.inputs[..], b.at_ns));
        let patterns = target.inputs.iter().map(|p| p.value.clone());
        let outputs: Vec<&str> = target.outputs.iter().map(|o| o.value.as_str()).collect();
        let inputs = self.disk.inputs(patterns, &outputs, known, recorded)?;
        let Ready { chosen, variables, .. } = ready;
        let facts = Facts::of(self.yard.config, target, &chosen.params, variables, needs, inputs);
        let fingerprint = facts.fingerprint();
        let why = self.why(ready, &facts, before.as_deref());
        let refresh = why.is_none()
            && (!files::settled(known, recorded) || facts.inputs != known)
            && files::settled(&facts.inputs, at_ns);
        Ok(Judged { success: Success { at_ns, facts }, fingerprint, why, refresh })
    }

    fn why(&self, ready: &Ready, facts: &Facts, before: Option<&Success>) -> Option<String> {
        let target = ready.chosen.target;
        if target.inputs.is_empty() {
            return Some("it has no inputs".to_owned());
        }
        if self.force {
            return Some("forced".to_owned());
        }
        if facts.inputs.is_empty() {
            return Some("its inputs match no file".to_owned());
        }
        let Some(before) = before else { return Some("there is no earlier success".to_owned()) };
        if !before.facts.same(facts) {
            return Some(facts.differences(&before.facts).join("; "));
        }
        let missing = target.outputs.iter().find(|o| !self.disk.exists(&o.value));
        missing.map(|output| format!("output {} is missing", output.value))
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
