//! The deterministic diagnosis: which gate, which check, the last output, what changed. It says
//! nothing that is not in the records. Pure.

use crate::base::text::{count, head, neutral, tail};
use crate::event::{DiagnosisAnswer, Failure, FailureClass, Termination};
use crate::journal::RunState;

/// Failures that are told one by one.
const TOLD: usize = 5;
/// Bytes of output that are quoted.
const QUOTED: usize = 400;
/// Changed files that are named.
const FILES: usize = 8;

/// What the records say about these failures.
pub fn explain(failures: &[Failure]) -> DiagnosisAnswer {
    let told = || failures.iter().take(TOLD);
    let more = failures.len().saturating_sub(TOLD);
    let mut causes: Vec<String> = told().map(cause).collect();
    if more > 0 {
        causes.push(format!("{more} more in failures.json"));
    }
    DiagnosisAnswer {
        error_summary: summary(failures),
        root_cause: causes.join("; "),
        evidence: told().flat_map(evidence).collect(),
        remediation_steps: unique(told().map(remedy)),
        prevention: unique(told().map(|f| prevention(f).to_owned())),
    }
}

/// What the records say about a run in which nothing failed on its own account: it was ended.
pub fn explain_end(state: &RunState) -> DiagnosisAnswer {
    let (summary, cause) = match &state.finished {
        Some(end) if end.reason == Termination::Interrupted => {
            (format!("the run was interrupted: {}", end.message), "the operator asked for the end")
        }
        Some(end) => {
            (format!("the run ended as {}: {}", end.reason.name(), end.message), "nothing else is recorded")
        }
        None => (
            "the run's end was never recorded".to_owned(),
            "its process was killed, or the machine went down",
        ),
    };
    DiagnosisAnswer {
        error_summary: summary,
        root_cause: cause.to_owned(),
        evidence: vec![crate::base::names::JOURNAL.to_owned()],
        remediation_steps: vec!["go on where it stopped: auditrun resume".to_owned()],
        prevention: Vec::new(),
    }
}

fn summary(failures: &[Failure]) -> String {
    let Some(first) = failures.first() else { return "nothing failed".to_owned() };
    let rest = failures.len() - 1;
    let others = if rest == 0 { String::new() } else { format!(", and {}", count(rest, "other failure")) };
    format!("{}: {}{others}", place(first, ": "), head(&first.error, QUOTED))
}

/// Subject and check in one; "preflight" and "proof" are both, and are named once.
fn place(failure: &Failure, between: &str) -> String {
    let Failure { subject, what, .. } = failure;
    if subject == what { subject.clone() } else { format!("{subject}{between}{what}") }
}

/// What decided against it.
fn cause(failure: &Failure) -> String {
    let subject = &failure.subject;
    match failure.class {
        FailureClass::Lasting => {
            format!("{}: {}", place(failure, " failed at "), head(&failure.error, QUOTED))
        }
        class => {
            format!("{subject}: trouble with a service ({}): {}", class.name(), head(&failure.error, QUOTED))
        }
    }
}

fn evidence(failure: &Failure) -> Vec<String> {
    let mut all = Vec::new();
    if !failure.output.is_empty() {
        let last = neutral(tail(failure.output.trim_end(), QUOTED));
        let lines: Vec<&str> = last.lines().filter(|line| !line.trim().is_empty()).collect();
        all.push(format!("{}: last output: {}", failure.subject, lines.join(" / ")));
    }
    if !failure.changed.is_empty() {
        let named: Vec<&str> = failure.changed.iter().take(FILES).map(String::as_str).collect();
        let more = failure.changed.len() - named.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        all.push(format!("{}: changed {}{more}", failure.subject, named.join(", ")));
    }
    all.push(format!("{}: see {}", failure.subject, failure.evidence.join(", ")));
    all
}

fn remedy(failure: &Failure) -> String {
    let node = failure.node.as_ref().map_or("", |id| id.as_str());
    match (failure.what.as_str(), failure.class) {
        (_, FailureClass::Auth) => {
            format!("renew the credentials of agent '{}', then: auditrun resume", failure.agent)
        }
        (_, FailureClass::RateLimit | FailureClass::Overload | FailureClass::Network) => {
            "wait until the service is there again, then: auditrun resume".to_owned()
        }
        ("gate touches", _) => format!(
            "read runs/{node}/diff.patch; if the files belong to the work, add them to the node's touches, commit, then: auditrun resume --bundle-from HEAD"
        ),
        ("gate loc", _) => format!(
            "split the node (a proposal may be in remediation/{node}/split.md) or correct its estimate, commit, then: auditrun resume --bundle-from HEAD"
        ),
        ("gate signal", _) => format!(
            "see in runs/{node}/agent.log why nothing was changed; if nothing is to change, say expected_signal: allow_empty"
        ),
        ("preflight", _) => "mend what preflight names, commit, then: auditrun run".to_owned(),
        ("question", _) => "answer the question in state.md, commit, then: auditrun run".to_owned(),
        ("agent", _) => format!("read the agent's transcript (runs/{node}/agent.log), then: auditrun resume"),
        (what, _) if what.starts_with("bound ") => {
            "raise the bound in audit.kdl or on the command line, then: auditrun resume".to_owned()
        }
        (what, _) if what.starts_with("check ") || what.starts_with("invariant ") => {
            format!("run it yourself where it failed: auditrun shell {node}; then: auditrun resume")
        }
        ("internal_error", _) => {
            "mend what the message names (disk, permissions, git), then: auditrun resume".to_owned()
        }
        _ => "read the journal's last lines, then: auditrun resume".to_owned(),
    }
}

fn prevention(failure: &Failure) -> &'static str {
    match (failure.what.as_str(), failure.class) {
        (_, FailureClass::Auth) => "let credentials that expire be renewed before a run begins",
        (_, FailureClass::RateLimit | FailureClass::Overload) => {
            "lower concurrency, or bind another agent to some roles"
        }
        (_, FailureClass::Network) => "let the run begin only where the service can be reached",
        ("gate touches", _) => "name in touches every file that the deliverable needs, generated ones too",
        ("gate loc", _) => "plan nodes small enough for their estimate",
        ("preflight", _) => "let auditrun preflight run before the bundle is merged",
        ("question", _) => "settle open questions while the bundle is written",
        (what, _) if what.starts_with("bound ") => "set bounds by what runs of this size have taken",
        (what, _) if what.starts_with("check ") => "state in the prompt what the check expects",
        (what, _) if what.starts_with("invariant ") => {
            "cite the invariant in the prompt of each node that may touch it"
        }
        _ => "none that the records tell of",
    }
}

fn unique(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for item in items {
        if !all.contains(&item) {
            all.push(item);
        }
    }
    all
}
