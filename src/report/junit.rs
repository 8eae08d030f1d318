//! audit/junit.xml: a test case for each check, invariant and gate, in the form that CI
//! systems read.

use super::escape::xml;
use super::jobs::counts_at_head;
use crate::event::{CheckPhase, CheckRecord, NodeStatus};
use crate::journal::{Attempt, NodeState, Progress, RunState};

struct Case {
    name: String,
    class: String,
    ms: u64,
    end: End,
    out: String,
    err: String,
}

enum End {
    Passed,
    Failed(String),
    Skipped(String),
}

/// The whole file. Nodes show their newest attempt; what was remediated is no failure.
pub(super) fn junit(state: &RunState) -> String {
    let mut suites = vec![("preflight".to_owned(), baseline(state))];
    for node in &state.nodes {
        suites.push((format!("node {}", node.id), node_cases(node)));
    }
    suites.push(("proof".to_owned(), proof(state)));
    suites.retain(|(_, cases)| !cases.is_empty());
    let body: String = suites.iter().map(|(name, cases)| suite(name, cases)).collect();
    let all = || suites.iter().flat_map(|(_, cases)| cases);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {}>\n{body}</testsuites>\n",
        xml(&format!("auditrun {}", state.run_id())),
        counts(&all().collect::<Vec<_>>())
    )
}

fn counts(cases: &[&Case]) -> String {
    let failed = cases.iter().filter(|c| matches!(c.end, End::Failed(_))).count();
    let skipped = cases.iter().filter(|c| matches!(c.end, End::Skipped(_))).count();
    let ms = cases.iter().fold(0_u64, |sum, c| sum.saturating_add(c.ms));
    format!(
        "tests=\"{}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{}\"",
        cases.len(),
        seconds(ms)
    )
}

fn suite(name: &str, cases: &[Case]) -> String {
    let body: String = cases.iter().map(case).collect();
    let counts = counts(&cases.iter().collect::<Vec<_>>());
    format!("  <testsuite name=\"{}\" {counts}>\n{body}  </testsuite>\n", xml(name))
}

fn case(case: &Case) -> String {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
        xml(&case.class),
        xml(&case.name),
        seconds(case.ms)
    );
    let mut body = match &case.end {
        End::Passed => String::new(),
        End::Failed(why) => format!("      <failure message=\"{}\"/>\n", xml(why)),
        End::Skipped(why) => format!("      <skipped message=\"{}\"/>\n", xml(why)),
    };
    for (tag, text) in [("system-out", &case.out), ("system-err", &case.err)] {
        if !text.is_empty() {
            body.push_str(&format!("      <{tag}>{}</{tag}>\n", xml(text)));
        }
    }
    if body.is_empty() { format!("{head}/>\n") } else { format!("{head}>\n{body}    </testcase>\n") }
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn checked(class: String, name: String, check: &CheckRecord, tolerated: bool) -> Case {
    let end = if check.passed {
        End::Passed
    } else if tolerated {
        End::Skipped("it failed at the baseline already".to_owned())
    } else {
        End::Failed(why(check))
    };
    Case {
        name,
        class,
        ms: check.duration_ms,
        end,
        out: check.stdout_tail.clone(),
        err: check.stderr_tail.clone(),
    }
}

pub(super) fn why(check: &CheckRecord) -> String {
    match (check.timed_out, check.signal, check.exit_code) {
        (true, ..) => "it was ended by its time limit".to_owned(),
        (_, Some(signal), _) => format!("it was ended by signal {signal}"),
        (_, _, Some(0)) if !check.changed_tracked.is_empty() => {
            format!("it changed tracked files: {}", check.changed_tracked.join(", "))
        }
        (_, _, Some(code)) => format!("exit code {code}"),
        _ => "it did not run to its end".to_owned(),
    }
}

fn label(check: &CheckRecord) -> String {
    check.name.clone().unwrap_or_else(|| check.command.clone())
}

fn baseline(state: &RunState) -> Vec<Case> {
    let case = |r: &crate::event::InvariantRecord| {
        checked(format!("baseline.{}", r.id), label(&r.check), &r.check, true)
    };
    state.baseline.iter().map(case).collect()
}

fn node_cases(node: &NodeState) -> Vec<Case> {
    let mut cases = node.last_attempt().map(|a| attempt_cases(node, a)).unwrap_or_default();
    let failing = cases.iter().any(|c| matches!(c.end, End::Failed(_)));
    // A verdict that no check explains (an agent's deadline, a conflict) must show as well.
    let verdict = match node.progress {
        Progress::Judged(NodeStatus::Failed | NodeStatus::Oversized) if !failing => {
            Some(End::Failed(node.reason.clone()))
        }
        Progress::Judged(NodeStatus::Blocked | NodeStatus::Cancelled) => {
            Some(End::Skipped(node.reason.clone()))
        }
        Progress::Pending => Some(End::Skipped("not dispatched".to_owned())),
        Progress::Running => Some(End::Failed("its end was never recorded".to_owned())),
        Progress::Judged(_) => None,
    };
    cases.extend(verdict.map(|end| plain(node.id.to_string(), "verdict", end)));
    cases
}

fn plain(class: String, name: &str, end: End) -> Case {
    Case { name: name.to_owned(), class, ms: 0, end, out: String::new(), err: String::new() }
}

fn attempt_cases(node: &NodeState, attempt: &Attempt) -> Vec<Case> {
    let class = |what: &str, phase: CheckPhase| match phase {
        CheckPhase::Retest => format!("{}.{what}.retest", node.id),
        _ => format!("{}.{what}", node.id),
    };
    // A gate that is measured again at the landing is one case: CI systems mix up two of a name.
    let again = |at: usize, gate| attempt.gates.iter().skip(at + 1).any(|later| later.gate == gate);
    let gates = attempt.gates.iter().enumerate().filter(|(at, g)| !again(*at, g.gate)).map(|(_, g)| {
        let end = if g.passed { End::Passed } else { End::Failed(g.reason.clone()) };
        plain(format!("{}.gate", node.id), g.gate.name(), end)
    });
    let checks = attempt.checks.iter().map(|(p, c)| checked(class("done_when", *p), label(c), c, false));
    let invariants = attempt.invariants.iter().map(|(p, i)| {
        let name = format!("{}: {}", i.id, label(&i.check));
        checked(class("invariant", *p), name, &i.check, !i.regression)
    });
    gates.chain(checks).chain(invariants).collect()
}

fn proof(state: &RunState) -> Vec<Case> {
    let gaps = state.proof.as_ref().map(|p| p.gaps.as_slice()).unwrap_or_default();
    let mut cases = Vec::new();
    for (id, check) in &state.head_checks {
        let mut case = checked(format!("proof.{id}"), label(check), check, false);
        if !check.passed && !counts_at_head(state, id, check) {
            case.end = End::Skipped("superseded by a later node".to_owned());
        }
        cases.push(case);
    }
    for record in &state.head_invariants {
        let class = format!("proof.invariant.{}", record.id);
        let mut case = checked(class, label(&record.check), &record.check, false);
        if !record.check.passed && !counts_at_head(state, &record.id, &record.check) {
            case.end = End::Skipped("advisory".to_owned());
        }
        cases.push(case);
    }
    for gap in gaps {
        cases.push(plain("proof.gap".to_owned(), gap, End::Failed(gap.clone())));
    }
    cases
}
