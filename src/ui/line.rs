//! One line of plain words for an event, or none where it would be noise.

use crate::base::text::neutral;
use crate::config::Role;
use crate::event::{Event, NodeStatus, NoticeLevel};

/// The kinds of line, for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Tone {
    Plain,
    Good,
    Bad,
    Warn,
}

/// What an event says to a person.
pub fn describe(event: &Event) -> Option<(Tone, String)> {
    let (tone, text) = match event {
        Event::RunStarted { run_id, .. } => (Tone::Plain, format!("run {run_id}")),
        Event::RunResumed { .. } => (Tone::Plain, "resumed".to_owned()),
        Event::BranchCreated { branch, .. } => (Tone::Plain, format!("branch {branch}")),
        Event::QuestionResolved { question, confidence, .. } => {
            (Tone::Good, format!("{question} resolved (confidence {confidence})"))
        }
        Event::QuestionEscalated { question, reason } => {
            (Tone::Bad, format!("{question} goes to a person: {reason}"))
        }
        Event::Dispatched { node, attempt, tier, .. } if *attempt > 1 => {
            (Tone::Plain, format!("{node} dispatched again (tier {tier}, attempt {attempt})"))
        }
        Event::Dispatched { node, tier, .. } => (Tone::Plain, format!("{node} dispatched (tier {tier})")),
        Event::RateLimited { agent, pause_ms, reason } => {
            (Tone::Warn, format!("{agent} is limited, all wait for {} s: {reason}", pause_ms / 1000))
        }
        Event::Landed { node, landing, .. } => {
            let how = if landing.rebased { " (rebased and tested again)" } else { "" };
            (Tone::Plain, format!("{node} landed as {}{how}", landing.new.short()))
        }
        Event::NodeFinished { node, status, reason, duration_ms, .. } => {
            let tone = if *status == NodeStatus::Verified { Tone::Good } else { Tone::Bad };
            let tone = if *status == NodeStatus::Blocked { Tone::Warn } else { tone };
            (tone, format!("{node} {} in {}: {reason}", status.name(), seconds(*duration_ms)))
        }
        Event::SplitProposed { node, path, .. } => {
            (Tone::Warn, format!("{node}: a split is proposed in {path}"))
        }
        Event::Notice { level, message, .. } => match level {
            NoticeLevel::Warning => (Tone::Warn, format!("warning: {message}")),
            NoticeLevel::Notice => (Tone::Plain, format!("notice: {message}")),
        },
        Event::AgentStarted { role: Role::Diagnostic, agent, attempt, .. } => {
            let again = if *attempt > 1 { " again" } else { "" };
            (Tone::Plain, format!("asking agent '{agent}'{again} why it failed"))
        }
        Event::Halting { reason, message } => (Tone::Bad, format!("halting ({}): {message}", reason.name())),
        _ => return None,
    };
    Some((tone, neutral(&text).replace('\n', " ")))
}

/// What an event says to a person who wants to see each step of a node.
pub fn detail(event: &Event) -> Option<(Tone, String)> {
    let verdict = |passed: bool| if passed { (Tone::Plain, "passed") } else { (Tone::Bad, "failed") };
    let (tone, text) = match event {
        Event::WorktreeReady { node, path, .. } => (Tone::Plain, format!("{node}: worktree {path}")),
        Event::AgentStarted { role, subject, agent, .. } => {
            let whom = subject.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
            (Tone::Plain, format!("{whom}{} {agent} started", role.name()))
        }
        Event::AgentFinished { subject, record, .. } => {
            let whom = subject.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
            let cost = record.metrics.cost_usd.map(|usd| format!(", ${usd:.2}")).unwrap_or_default();
            let taken = record.metrics.duration_ms.map(|ms| format!(" after {}", seconds(ms)));
            let fault = record.fault.as_ref().map(|f| format!(": {f}")).unwrap_or_default();
            let tone = if fault.is_empty() { Tone::Plain } else { Tone::Warn };
            (tone, format!("{whom}{} ended{}{cost}{fault}", record.name, taken.unwrap_or_default()))
        }
        Event::Captured { node, diff, .. } => {
            let files = crate::base::text::count(diff.files.len(), "file");
            let lines = crate::base::text::count(usize::try_from(diff.loc).unwrap_or(usize::MAX), "line");
            (Tone::Plain, format!("{node}: {lines} in {files}"))
        }
        Event::Gate { node, gate, passed, reason, .. } => {
            let (tone, word) = verdict(*passed);
            (tone, format!("{node}: gate {} {word}: {reason}", gate.name()))
        }
        Event::Check { node, record, .. } => {
            let (tone, word) = verdict(record.passed);
            (tone, format!("{node}: check {word} in {}: {}", seconds(record.duration_ms), record.command))
        }
        Event::Invariant { node: Some(node), record, .. } => {
            let (tone, word) = verdict(record.check.passed);
            (tone, format!("{node}: invariant {} {word}: {}", record.id, record.check.command))
        }
        _ => return None,
    };
    Some((tone, neutral(&text).replace('\n', " ")))
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// `text` in the colour of its tone.
pub fn paint(tone: Tone, text: &str, color: bool) -> String {
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Warn => "33",
        Tone::Plain => return text.to_owned(),
    };
    if color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
