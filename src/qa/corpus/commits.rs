//! Commits as slices, with what the journals of runs and the results of tests say of them.

use std::collections::BTreeMap;

use crate::base::clock::iso;
use crate::base::text::{head, neutral};
use crate::control::{LoopRow, problem_key};
use crate::git::Dated;
use crate::qa::corpus::model::{Failure, Slice};
use crate::qa::corpus::plans::slice_tags;
use crate::qa::corpus::results::Results;

/// Longest subject that is carried on, in bytes: reports go into prompts.
const SUBJECT: usize = 300;

/// A commit as a slice. `of` is its node's loop, if a run made it and its journal is here.
pub fn slice(dated: &Dated, of: Option<&LoopRow>) -> Slice {
    let commit = &dated.commit;
    let subject = commit.subject();
    let trailer = |key: &str| commit.trailer(key).first().map(|v| neutral(v));
    Slice {
        slice_id: commit.id.to_string(),
        run_id: trailer("Audit-Run"),
        node_id: trailer("Audit-Node"),
        commit: Some(commit.id.to_string()),
        title: neutral(head(subject, SUBJECT)),
        plan_slice: slice_tags(subject).next().filter(|id| !id.is_empty()).map(neutral),
        at: iso(dated.at),
        status: "landed".to_owned(),
        verifier_status: of.map_or("unknown", |row| row.verifier_status.as_str()).to_owned(),
        verifier_type: of.and_then(|row| row.verifier_type.clone()),
        cleanup_status: of.map_or("unknown", |row| row.cleanup_status.as_str()).to_owned(),
        problem_keys: of.map(|row| row.problem_keys.clone()).unwrap_or_default(),
        failure: None,
        excerpts: of.map(|row| row.excerpts.clone()).unwrap_or_default(),
    }
}

/// The commit that a message says it takes back.
fn takes_back(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("This reverts commit ")?;
    let id = rest.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    (id.len() >= 7).then_some(id)
}

/// Marks what a later commit took back: it landed and did not stay.
pub fn mark_reverts(slices: &mut [Slice], commits: &[Dated]) {
    for by in commits {
        let Some(id) = takes_back(&by.commit.message) else { continue };
        let Some(slice) = slices.iter_mut().find(|s| s.slice_id.starts_with(id)) else { continue };
        let key = problem_key("revert", &slice.title);
        if !slice.problem_keys.contains(&key) {
            slice.problem_keys.push(key);
        }
        slice.status = "reverted".to_owned();
        slice.failure = Some(Failure {
            blocker_reason: format!("reverted by {}", by.commit.id),
            error_summary: neutral(head(by.commit.subject(), SUBJECT)),
            classification: "revert".to_owned(),
            repair_outcome: "none".to_owned(),
        });
    }
}

/// Gives each result to the slice that it tells of: the commit that it names, else the newest
/// one at its time, else the newest of all. Slices are in order of time, and so are results.
/// What fits nowhere, or had to be guessed, is returned: (source, what was assumed).
pub fn apply_results(slices: &mut [Slice], results: &[Results]) -> Vec<(String, String)> {
    let mut guesses = Vec::new();
    // The newest failure of each test: cured once a later report passes.
    let mut open: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for result in results {
        let Some(at) = place(slices, result, &mut guesses) else { continue };
        let Some(slice) = slices.get_mut(at) else { continue };
        take(slice, result);
        if result.passed() {
            for failed in open.remove(result.kind).unwrap_or_default().into_iter().filter(|f| *f != at) {
                let failure = slices.get_mut(failed).and_then(|s| s.failure.as_mut());
                if let Some(failure) = failure.filter(|f| f.classification == "test") {
                    failure.repair_outcome = "repaired".to_owned();
                }
            }
        } else {
            open.entry(result.kind).or_default().push(at);
        }
    }
    guesses
}

fn place(slices: &[Slice], result: &Results, guesses: &mut Vec<(String, String)>) -> Option<usize> {
    if let Some(commit) = result.commit.as_deref().filter(|c| c.len() >= 7) {
        let named = slices.iter().position(|s| s.slice_id.starts_with(commit));
        if named.is_none() {
            guesses
                .push((result.source.clone(), format!("it tells of commit {commit}, which is not in scope")));
        }
        return named;
    }
    let newest = slices.len().checked_sub(1)?;
    match &result.at {
        Some(at) => {
            let found = slices.iter().rposition(|s| s.at <= *at);
            if found.is_none() {
                let why = "it is older than every slice in scope, and tells of none of them";
                guesses.push((result.source.clone(), why.to_owned()));
            }
            found
        }
        None => {
            let why = "it has no time: it is taken to tell of the newest slice";
            guesses.push((result.source.clone(), why.to_owned()));
            Some(newest)
        }
    }
}

fn take(slice: &mut Slice, result: &Results) {
    slice.excerpts.push(result.excerpt());
    slice.verifier_type.get_or_insert_with(|| result.kind.to_owned());
    if result.passed() {
        if slice.verifier_status == "unknown" {
            slice.verifier_status = "passed".to_owned();
        }
        return;
    }
    slice.verifier_status = "failed".to_owned();
    for failed in &result.failed {
        let key = problem_key("test", &format!("{}: {}", failed.name, failed.message));
        if !slice.problem_keys.contains(&key) {
            slice.problem_keys.push(key);
        }
    }
    let first = result.failed.first();
    slice.failure.get_or_insert_with(|| Failure {
        blocker_reason: result.excerpt(),
        error_summary: first.map(|f| format!("{}: {}", f.name, f.message)).unwrap_or_default(),
        classification: "test".to_owned(),
        repair_outcome: "none".to_owned(),
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Oid;
    use crate::git::Commit;
    use crate::qa::corpus::results::junit;

    fn dated(n: u8, message: &str) -> Dated {
        let id = format!("{n:02x}").repeat(20);
        Dated {
            at: jiff::Timestamp::from_second(1_767_225_600 + i64::from(n) * 3600).unwrap(),
            commit: Commit {
                id: Oid::parse(&id).unwrap(),
                tree: Oid::parse(&id).unwrap(),
                parents: Vec::new(),
                message: message.to_owned(),
            },
        }
    }

    #[test]
    fn a_subject_links_to_a_plan_and_trailers_to_a_run() {
        let found = slice(
            &dated(1, "[slice:S1] node(A): x\n\nbody\n\nAudit-Run: 20260101T000000Z\nAudit-Node: A\n"),
            None,
        );
        assert_eq!(found.plan_slice.as_deref(), Some("S1"));
        assert_eq!(
            (found.run_id.as_deref(), found.node_id.as_deref()),
            (Some("20260101T000000Z"), Some("A"))
        );
        assert_eq!(found.at, "2026-01-01T01:00:00.000Z");
        assert_eq!(slice(&dated(1, &"é".repeat(9000)), None).title.len(), SUBJECT);
        assert_eq!(slice(&dated(1, "plain\n\n[slice:S2] in the body"), None).plan_slice, None);
    }

    #[test]
    fn what_was_taken_back_did_not_stay() {
        let commits = [
            dated(1, "Add a cache"),
            dated(2, &format!("Revert \"Add a cache\"\n\nThis reverts commit {}.\n", "01".repeat(20))),
        ];
        let mut slices: Vec<Slice> = commits.iter().map(|c| slice(c, None)).collect();
        mark_reverts(&mut slices, &commits);
        assert_eq!(slices[0].status, "reverted");
        assert_eq!(slices[0].problem_keys, ["revert: add a cache"]);
        assert!(slices[1].failure.is_none());
    }

    #[test]
    fn results_find_their_commit() {
        let commits = [dated(1, "one"), dated(2, "two"), dated(3, "three")];
        let mut slices: Vec<Slice> = commits.iter().map(|c| slice(c, None)).collect();
        let xml = |at: &str, body: &str| {
            junit(at, format!("<testsuite timestamp='{at}'>{body}</testsuite>").as_bytes()).unwrap()
        };
        let bad = "<testcase name='t'><failure message='3 != 4'/></testcase>";
        let guesses = apply_results(
            &mut slices,
            &[
                xml("2025-01-01T00:00:00", bad),
                xml("2026-01-01T01:30:00", bad),
                xml("2026-01-01T03:30:00", "<testcase name='t'/>"),
            ],
        );
        let statuses: Vec<&str> = slices.iter().map(|s| s.verifier_status.as_str()).collect();
        assert_eq!(statuses, ["failed", "unknown", "passed"]);
        assert_eq!(slices[0].problem_keys, ["test: t: # != #"]);
        assert_eq!(slices[0].failure.as_ref().unwrap().repair_outcome, "repaired");
        assert_eq!(guesses.len(), 1, "{guesses:?}");
    }
}
