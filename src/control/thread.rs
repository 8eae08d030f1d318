//! The event thread: what of a journal is kept in `thread_events`, in one sentence each. Pure.

use crate::base::Id;
use crate::base::text::neutral;
use crate::event::{Event, Record};
use crate::gate::checks;

/// (kind, node, sentence) of a record; `None` for one that only a journal needs.
pub fn thread_event(record: &Record) -> Option<(&'static str, Option<&Id>, String)> {
    let (kind, node, what) = of_run(&record.event).or_else(|| of_node(&record.event))?;
    Some((kind, node, neutral(&what).replace('\n', " ")))
}

type Found<'r> = (&'static str, Option<&'r Id>, String);

fn of_run(event: &Event) -> Option<Found<'_>> {
    let (kind, what) = match event {
        Event::RunStarted { run_id, .. } => ("run_started", format!("run {run_id} started")),
        Event::RunResumed { .. } => ("run_resumed", "the run was resumed".to_owned()),
        Event::PreflightRejected { problems } => {
            ("preflight_rejected", format!("rejected by preflight: {}", problems.join("; ")))
        }
        Event::BranchCreated { branch, base } => {
            ("branch_created", format!("branch {branch} made at {}", base.short()))
        }
        Event::QuestionResolved { question, confidence, .. } => {
            ("question_resolved", format!("{question} resolved (confidence {confidence})"))
        }
        Event::QuestionEscalated { question, reason } => {
            ("question_escalated", format!("{question} goes to a person: {reason}"))
        }
        Event::Rebundled { rev, .. } => ("rebundled", format!("a corrected bundle was taken in: {rev}")),
        Event::RateLimited { agent, pause_ms, .. } => {
            ("rate_limited", format!("{agent} is limited: all wait for {} s", pause_ms / 1000))
        }
        Event::Halting { reason, message } => ("halting", format!("halting, {}: {message}", reason.name())),
        Event::Proof { complete, gaps, .. } => {
            let word = if *complete { "the proof is complete".to_owned() } else { gaps.join("; ") };
            ("proof", word)
        }
        Event::RunFinished { reason, message, .. } => {
            ("run_finished", format!("the run ended, {}: {message}", reason.name()))
        }
        _ => return None,
    };
    Some((kind, None, what))
}

fn of_node(event: &Event) -> Option<Found<'_>> {
    let (kind, node, what) = match event {
        Event::NodeReset { node, reason } => ("node_reset", node, format!("pending again: {reason}")),
        Event::Dispatched { node, attempt, tier, .. } => {
            ("dispatched", node, format!("attempt {attempt} dispatched in tier {tier}"))
        }
        Event::Captured { node, diff, .. } => {
            ("captured", node, format!("{} lines in {} files captured", diff.loc, diff.files.len()))
        }
        Event::Gate { node, passed: false, reason, .. } => ("gate", node, format!("a gate failed: {reason}")),
        Event::Check { node, record, .. } if !record.passed => {
            ("check", node, format!("`{}` failed: {}", record.command, checks::failure(record)))
        }
        Event::Invariant { node: Some(node), record, .. } if record.regression => {
            ("invariant", node, format!("{} regressed", record.id))
        }
        Event::Landed { node, landing, .. } => ("landed", node, format!("landed as {}", landing.new)),
        Event::NodeFinished { node, status, reason, .. } => {
            ("node_finished", node, format!("{}: {reason}", status.name()))
        }
        Event::LessonsOffered { node, lessons, .. } => {
            ("lessons_offered", node, format!("lessons in the prompt: {}", lessons.join(", ")))
        }
        Event::Remediation { node, cycle, .. } => {
            ("remediation", node, format!("remediation cycle {cycle} was written"))
        }
        Event::SplitProposed { node, parts, .. } => {
            let parts: Vec<&str> = parts.iter().map(Id::as_str).collect();
            ("split_proposed", node, format!("a split is proposed: {}", parts.join(", ")))
        }
        Event::Notice { node, message, .. } => return Some(("notice", node.as_ref(), message.clone())),
        _ => return None,
    };
    Some((kind, Some(node), what))
}
