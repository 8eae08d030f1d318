//! What the audit stage does between its first report and its last: failures, diagnosis, issue.
//! What an earlier stage of the same run has found out or sent is not done again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::diagnose::diagnose;
use super::issue::{Occasion, Sent, issues};
use super::{Scene, ended_at, failures};
use crate::base::names::{DIAGNOSIS, FAILURES, ISSUE};
use crate::base::text::neutral;
use crate::event::{Diagnosis, Failure, Failures, IssueAction, IssueReport, json_artifact};
use crate::journal::RunState;
use crate::report::{any_failed, diagnosis_markdown};

const DIAGNOSIS_MD: &str = "audit/diagnosis.md";
/// Archived runs that are looked at for trouble that passes.
const EARLIER: usize = 50;

/// What was made.
#[derive(Default)]
pub struct Aftermath {
    /// Files by their paths relative to out.
    pub files: Vec<(String, Vec<u8>)>,
    /// What went wrong.
    pub problems: Vec<String>,
}

impl Aftermath {
    fn json<T: Serialize>(&mut self, path: &str, value: &T) {
        match json_artifact(value) {
            Ok(bytes) => self.files.push((path.to_owned(), bytes)),
            Err(error) => self.problems.push(format!("{path}: {error}")),
        }
    }
}

/// Deals with a run that has ended. `report` makes audit/report.md as it is by then, `bundle` is
/// the folder of the run's bundle.
pub fn aftermath(
    scene: &Scene<'_>,
    state: &RunState,
    report: &dyn Fn() -> String,
    bundle: &str,
) -> Aftermath {
    let out = scene.recorder.out();
    let mut made = Aftermath::default();
    let failed = if any_failed(state) { failures(state) } else { Vec::new() };
    let mut diagnosis = None;
    let mut keep = BTreeSet::new();
    if any_failed(state) {
        let run_id = state.run_id().to_owned();
        made.json(
            FAILURES,
            &Failures { schema: "auditrun.failures/1".to_owned(), run_id, failures: failed.clone() },
        );
        keep.extend(["audit/diagnostic.log".to_owned(), "audit/diagnostic-2.log".to_owned()]);
        let found = known_diagnosis(out, state).unwrap_or_else(|| {
            remove(out, &keep);
            let found = diagnose(scene, state, &failed);
            if let (Some(agent), Some(why)) = (&found.agent, &found.stand_in) {
                made.problems.push(format!("no diagnosis by agent '{agent}': {why}"));
            }
            found
        });
        made.json(DIAGNOSIS, &found);
        made.files.push((DIAGNOSIS_MD.to_owned(), diagnosis_markdown(&found).into_bytes()));
        diagnosis = Some(found);
    }
    let told = match known_issues(out, state) {
        Some(known) => Sent { report: Some(known), ..Sent::default() },
        None => {
            let earlier = earlier(out);
            let diagnosis = diagnosis.as_ref();
            let report = if failed.is_empty() { String::new() } else { report() };
            let report = report.as_str();
            issues(
                scene,
                &Occasion { state, failures: &failed, diagnosis, report, bundle, earlier: &earlier },
            )
        }
    };
    made.files.extend(told.files);
    made.problems.extend(told.problems);
    if let Some(report) = &told.report {
        made.json(ISSUE, report);
    }
    // They go to the terminal, and may quote what an agent or a service said.
    made.problems = made.problems.iter().map(|problem| neutral(problem).replace('\n', " ")).collect();
    keep.extend(made.files.iter().map(|(path, _)| path.clone()));
    let stale: BTreeSet<String> = own_files(out).into_iter().filter(|path| !keep.contains(path)).collect();
    remove(out, &stale);
    made
}

/// The files of this part of the stage that are there.
fn own_files(out: &Path) -> Vec<String> {
    let entries = fs::read_dir(out.join("audit")).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let ours = |name: &String| {
        ["failures.json", "diagnosis.json", "diagnosis.md", "issue.json"].contains(&name.as_str())
            || (name.starts_with("issue") && name.ends_with(".md"))
            || (name.starts_with("diagnostic") && name.ends_with(".log"))
    };
    names.filter(ours).map(|name| format!("audit/{name}")).collect()
}

/// One that can't be removed is overwritten or stays: the journal does not vouch for it.
fn remove(out: &Path, paths: &BTreeSet<String>) {
    paths.iter().for_each(|path| drop(fs::remove_file(out.join(path))));
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// The diagnosis of an agent that was asked about just this end.
fn known_diagnosis(out: &Path, state: &RunState) -> Option<Diagnosis> {
    let known: Diagnosis = read(&out.join(DIAGNOSIS))?;
    let same = known.run_id == state.run_id() && known.ended_at == ended_at(state);
    (same && known.agent.is_some()).then_some(known)
}

/// What became of the issues about just this end, if nothing is left to be sent.
fn known_issues(out: &Path, state: &RunState) -> Option<IssueReport> {
    let known: IssueReport = read(&out.join(ISSUE))?;
    let same = known.run_id == state.run_id() && known.ended_at == ended_at(state);
    let settled = known.issues.iter().all(|issue| issue.action != IssueAction::Unsent);
    (same && settled && !known.issues.is_empty()).then_some(known)
}

/// The fingerprints of the archived runs, newest first.
fn earlier(out: &Path) -> Vec<BTreeSet<String>> {
    let history = out.join(".history");
    let entries = fs::read_dir(&history).into_iter().flatten().flatten();
    let mut runs: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    runs.sort();
    let files = runs.iter().rev().take(EARLIER).map(|run| history.join(run).join(FAILURES));
    let of = |known: Failures| known.failures.into_iter().map(|f: Failure| f.fingerprint).collect();
    files.filter_map(|file| read::<Failures>(&file)).map(of).collect()
}
