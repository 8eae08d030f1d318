//! Which failures a run had on their own account: what only followed from another one is not
//! among them. Pure.

use super::fingerprint::{fingerprint, first_error_line, normalized};
use crate::agent::{Trouble, classify};
use crate::base::text::tail;
use crate::event::{CheckRecord, Failure, FailureClass, NodeStatus, Termination};
use crate::journal::{Attempt, NodeState, Preflight, QuestionEnd, RunState};

/// Bytes of output that a record keeps.
const TAIL: usize = 8192;
/// Bytes of output that are shown.
const SHOWN: usize = 2048;

/// What is known of a failure before it has a fingerprint.
struct Found {
    what: String,
    line: String,
    output: String,
    class: FailureClass,
}

impl Found {
    fn lasting(what: impl Into<String>, line: impl Into<String>) -> Found {
        Found { what: what.into(), line: line.into(), output: String::new(), class: FailureClass::Lasting }
    }
}

/// Every failure of the run that is no consequence of another one, in the order in which they
/// came: preflight, questions, nodes, the proof; the run's own end where nothing else failed.
pub fn failures(state: &RunState) -> Vec<Failure> {
    let mut all = Vec::new();
    if let Preflight::Rejected(problems) = &state.preflight {
        let mut found = Found::lasting("preflight", problems.first().cloned().unwrap_or_default());
        found.output = problems.join("\n");
        all.push(built(state, "preflight", None, found));
    }
    for question in &state.questions {
        if let QuestionEnd::Escalated { reason } = &question.end {
            let found = Found::lasting("question", reason.clone());
            all.push(built(state, &format!("question {}", question.id), None, found));
        }
    }
    all.extend(state.nodes.iter().filter_map(|node| of_node(state, node)));
    if let Some(proof) = state.proof.as_ref().filter(|proof| !proof.complete) {
        let mut found = Found::lasting("proof", proof.gaps.first().cloned().unwrap_or_default());
        found.output = proof.gaps.join("\n");
        all.push(built(state, "proof", None, found));
    }
    if all.is_empty() || ended_by_service(state) {
        all.extend(of_end(state));
    }
    all
}

fn ended_by_service(state: &RunState) -> bool {
    state.finished.as_ref().is_some_and(|end| end.reason == Termination::AgentUnavailable)
}

/// The run's own end: a bound, an agent that could not be had, the harness. An operator's
/// interrupt is no failure.
fn of_end(state: &RunState) -> Option<Failure> {
    let end = state.finished.as_ref()?;
    let found = match end.reason {
        Termination::AllDone | Termination::Interrupted => return None,
        Termination::AgentUnavailable => {
            let class = classify(&end.message).map_or(FailureClass::Overload, class_of);
            // Which words the service had for it is no part of what it is.
            Found { class, ..Found::lasting("agent", end.message.clone()) }
        }
        Termination::MaxIterations | Termination::Timeout | Termination::BudgetExceeded => {
            Found::lasting(format!("bound {}", end.reason.name()), end.message.clone())
        }
        _ => Found::lasting(end.reason.name(), end.message.clone()),
    };
    Some(built(state, "run", None, found))
}

fn of_node(state: &RunState, node: &NodeState) -> Option<Failure> {
    let failed = matches!(node.status()?, NodeStatus::Failed | NodeStatus::Oversized);
    let attempt = node.last_used().or_else(|| node.last_attempt()).filter(|_| failed)?;
    let found = of_attempt(attempt, &node.reason);
    Some(built(state, &format!("node {}", node.id), Some((node, attempt)), found))
}

/// The first thing that went wrong in an attempt, in the order of the recipe.
fn of_attempt(attempt: &Attempt, reason: &str) -> Found {
    if let Some(found) = of_agent(attempt) {
        return found;
    }
    if let Some(gate) = attempt.gates.iter().find(|gate| !gate.passed) {
        return Found::lasting(format!("gate {}", gate.gate.name()), gate.reason.clone());
    }
    if let Some((_, check)) = attempt.checks.iter().find(|(_, check)| !check.passed) {
        return of_check(format!("check {}", check.command), check);
    }
    if let Some((_, record)) = attempt.invariants.iter().find(|(_, record)| record.regression) {
        return of_check(format!("invariant {}", record.id), &record.check);
    }
    Found::lasting("recipe", reason)
}

/// An agent that could not work: for a service's sake, or without a trace of work.
fn of_agent(attempt: &Attempt) -> Option<Found> {
    let record = attempt.agents.last()?;
    let fault = record.fault.as_ref()?;
    let trouble = if record.deadline.is_none() { classify(fault) } else { None };
    let idle = attempt.captured.as_ref().is_none_or(|captured| !captured.diff.nonempty);
    let class = trouble.map_or(FailureClass::Lasting, class_of);
    (trouble.is_some() || idle).then(|| Found { class, ..Found::lasting("agent", fault.clone()) })
}

fn of_check(what: String, check: &CheckRecord) -> Found {
    let ended = match (check.timed_out, check.exit_code, check.signal) {
        (true, ..) => "timed out".to_owned(),
        (_, Some(code), _) => format!("exit code {code}"),
        (_, _, Some(signal)) => format!("ended by signal {signal}"),
        _ => "failed".to_owned(),
    };
    let texts = [check.stderr_tail.as_str(), check.stdout_tail.as_str()];
    let line = first_error_line(&texts, TAIL).unwrap_or(ended);
    let output = texts.iter().rev().filter(|t| !t.is_empty()).copied().collect::<Vec<_>>().join("\n");
    Found { output: tail(&output, SHOWN).to_owned(), ..Found::lasting(what, line) }
}

fn class_of(trouble: Trouble) -> FailureClass {
    match trouble {
        Trouble::Auth => FailureClass::Auth,
        Trouble::RateLimit => FailureClass::RateLimit,
        Trouble::Overload => FailureClass::Overload,
        Trouble::Network => FailureClass::Network,
    }
}

fn built(state: &RunState, subject: &str, of: Option<(&NodeState, &Attempt)>, found: Found) -> Failure {
    let error = first_error_line(&[found.line.as_str()], usize::MAX).unwrap_or_default();
    let lasting = found.class == FailureClass::Lasting;
    // A service's trouble is the same trouble whichever node met it and whatever it was told.
    let normalized = if lasting { normalized(&error) } else { found.class.name().to_owned() };
    let subject_counted = if lasting { subject } else { "run" };
    let default = state.start.as_ref().map_or_else(String::new, |start| start.default_agent.clone());
    let agent = of.and_then(|(node, attempt)| {
        let called = attempt.agents.last().map(|record| record.name.clone());
        called.or_else(|| node.planned.as_ref().map(|planned| planned.agent.clone()))
    });
    Failure {
        fingerprint: fingerprint(subject_counted, &found.what, &normalized),
        subject: subject.to_owned(),
        node: of.map(|(node, _)| node.id.clone()),
        what: found.what,
        error,
        normalized,
        class: found.class,
        agent: agent.unwrap_or(default),
        output: found.output,
        changed: of.and_then(|(_, a)| a.captured.as_ref()).map(|c| c.diff.files.clone()).unwrap_or_default(),
        evidence: evidence(state, subject, of),
    }
}

/// Artifacts that tell more, relative to out.
fn evidence(state: &RunState, subject: &str, of: Option<(&NodeState, &Attempt)>) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some((node, attempt)) = of {
        paths.push(crate::base::names::verification(&node.id));
        if attempt.captured.is_some() {
            paths.push(crate::base::names::patch(&node.id));
        }
        paths.extend(attempt.agents.last().and_then(|record| record.log.clone()));
        paths.extend(node.remediation.last().map(|(_, prompt)| prompt.clone()));
        paths.extend(node.split.as_ref().map(|(path, _)| path.clone()));
    } else if let Some(question) = subject.strip_prefix("question ") {
        paths.push(format!("resolutions/{question}.md"));
    } else if subject == "proof" && state.proof.is_some() {
        paths.push(crate::base::names::REPORT_MD.to_owned());
    }
    paths.push(crate::base::names::JOURNAL.to_owned());
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CheckPhase, Event, GateName};
    use crate::journal::replay;
    use crate::journal::sample::*;

    fn found(script: &Script) -> Vec<(String, String, String, FailureClass)> {
        let all = failures(&replay(&script.records));
        all.into_iter().map(|f| (f.subject, f.what, f.error, f.class)).collect()
    }

    fn lasting(subject: &str, what: &str, error: &str) -> (String, String, String, FailureClass) {
        (subject.to_owned(), what.to_owned(), error.to_owned(), FailureClass::Lasting)
    }

    fn agent_said(script: &mut Script, fault: &str) {
        let mut record = agent("A");
        record.fault = Some(fault.to_owned());
        script.push(Event::AgentFinished { subject: Some(id("A")), attempt: 1, record });
    }

    #[test]
    fn what_only_followed_is_no_failure() {
        let mut s = Script::started();
        s.ready(&[("A", 0), ("B", 1)]).dispatch("A", 1, 1).captured("A", 1, 5, &["A.txt"]);
        s.gate("A", 1, GateName::Touches, None).check("A", 1, CheckPhase::Verify, 1);
        s.judged("A", 1, NodeStatus::Failed, "a check failed").judged("B", 0, NodeStatus::Blocked, "A");
        s.finished(Termination::VerificationFailed, 1, "the end");
        assert_eq!(found(&s).len(), 1);
        let (subject, what, _, class) = found(&s).remove(0);
        assert_eq!((subject.as_str(), what.as_str()), ("node A", "check test -f A.txt"));
        assert_eq!(class, FailureClass::Lasting);
    }

    #[test]
    fn a_gate_comes_before_the_checks() {
        let mut s = Script::started();
        s.ready(&[("A", 0)]).dispatch("A", 1, 1).captured("A", 1, 5, &["b.txt"]);
        s.gate("A", 1, GateName::Touches, Some("b.txt is outside")).judged("A", 1, NodeStatus::Failed, "r");
        assert_eq!(found(&s), [lasting("node A", "gate touches", "b.txt is outside")]);
    }

    #[test]
    fn a_service_s_trouble_is_the_same_whichever_node_met_it() {
        let mut s = Script::started();
        s.ready(&[("A", 0)]).dispatch("A", 1, 1);
        agent_said(&mut s, "connection refused while calling the service");
        s.captured("A", 1, 5, &[]).gate("A", 1, GateName::Signal, Some("nothing changed"));
        s.judged("A", 1, NodeStatus::Failed, "nothing changed");
        let node = failures(&replay(&s.records)).remove(0);
        assert_eq!((node.what.as_str(), node.class), ("agent", FailureClass::Network));

        let mut run = Script::started();
        run.ready(&[("A", 0)]);
        run.finished(Termination::AgentUnavailable, 5, "agent 'worker' is unavailable: connection refused");
        let run = failures(&replay(&run.records)).remove(0);
        assert_eq!((run.subject.as_str(), run.class), ("run", FailureClass::Network));
        assert_eq!(run.fingerprint, node.fingerprint);
    }

    #[test]
    fn an_agent_that_left_nothing_failed_itself() {
        let mut s = Script::started();
        s.ready(&[("A", 0)]).dispatch("A", 1, 1);
        agent_said(&mut s, "exit code 3");
        s.judged("A", 1, NodeStatus::Failed, "nothing changed");
        assert_eq!(found(&s), [lasting("node A", "agent", "exit code 3")]);
    }

    #[test]
    fn the_run_s_own_end_counts_unless_the_operator_asked_for_it() {
        let ended = |reason, message: &str| {
            let mut s = Script::started();
            s.ready(&[("A", 0)]).finished(reason, 5, message);
            found(&s)
        };
        assert_eq!(ended(Termination::Interrupted, "x"), []);
        assert_eq!(ended(Termination::AllDone, "x"), []);
        assert_eq!(
            ended(Termination::Timeout, "time is up"),
            [lasting("run", "bound timeout", "time is up")]
        );
        assert_eq!(
            ended(Termination::InternalError, "disk full"),
            [lasting("run", "internal_error", "disk full")]
        );
    }

    #[test]
    fn a_rejection_is_told_by_its_first_problem() {
        let mut s = Script::started();
        s.push(Event::PreflightRejected { problems: vec!["one".to_owned(), "two".to_owned()] });
        s.finished(Termination::VerificationFailed, 3, "rejected");
        let all = failures(&replay(&s.records));
        assert_eq!((all.len(), all[0].output.as_str(), all[0].agent.as_str()), (1, "one\ntwo", "worker"));
    }
}
