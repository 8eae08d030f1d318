//! What the harness itself did to the repository during a run, so that a change which
//! somebody else made can be told apart.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::base::Oid;
use crate::git::{Guard, GuardClass};

/// Every value that a ref of ours was given in this run, newest last.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<BTreeMap<String, Vec<Oid>>>);

/// A change that was not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// What changed: `ref refs/…`, `config`, `hook …`.
    pub name: String,
    /// Whose business it is.
    pub class: GuardClass,
}

impl Ledger {
    /// Notes that a ref is about to be given a value. Called before the write, so that a
    /// comparison never sees a change that is not in the ledger yet.
    pub fn expect(&self, reference: &str, value: &Oid) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.entry(reference.to_owned()).or_default().push(value.clone());
    }

    /// The changes between two snapshots that the harness did not make.
    pub fn foreign(&self, before: &Guard, after: &Guard) -> Vec<Foreign> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = |name: &str| {
            let Some(values) = name.strip_prefix("ref ").and_then(|r| held.get(r)) else { return false };
            after.entries.get(name).is_some_and(|now| values.iter().any(|v| v.as_str() == now.digest))
        };
        let changes = before.changes(after).into_iter().filter(|(name, _)| !ours(name));
        changes.map(|(name, class)| Foreign { name: name.to_owned(), class }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::GuardEntry;

    fn guard(entries: &[(&str, &str)]) -> Guard {
        let entry = |digest: &str| GuardEntry { class: GuardClass::Harness, digest: digest.to_owned() };
        Guard { entries: entries.iter().map(|(n, d)| ((*n).to_owned(), entry(d))).collect() }
    }

    #[test]
    fn our_own_landings_are_not_foreign() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let ledger = Ledger::default();
        ledger.expect("refs/heads/audit/run-x", &Oid::parse(&b).unwrap());
        let before = guard(&[("ref refs/heads/audit/run-x", &a), ("config", "1")]);
        assert_eq!(
            ledger.foreign(&before, &guard(&[("ref refs/heads/audit/run-x", &b), ("config", "1")])),
            []
        );
        let after = guard(&[("ref refs/heads/audit/run-x", &"c".repeat(40)), ("config", "2")]);
        let names: Vec<String> = ledger.foreign(&before, &after).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["config", "ref refs/heads/audit/run-x"]);
    }
}
