//! Which node an event is about.

use super::Event;
use crate::base::Id;

impl Event {
    /// The node whose state the event changes; the subject of an agent's call may be a question.
    pub fn subject(&self) -> Option<&Id> {
        match self {
            Event::AgentStarted { subject, .. } | Event::AgentFinished { subject, .. } => subject.as_ref(),
            Event::Invariant { node, .. } | Event::Notice { node, .. } => node.as_ref(),
            Event::NodeReset { node, .. }
            | Event::Dispatched { node, .. }
            | Event::WorktreeReady { node, .. }
            | Event::Step { node, .. }
            | Event::LessonsOffered { node, .. }
            | Event::Captured { node, .. }
            | Event::Gate { node, .. }
            | Event::Check { node, .. }
            | Event::Landing { node, .. }
            | Event::Landed { node, .. }
            | Event::NodeFinished { node, .. }
            | Event::Remediation { node, .. }
            | Event::SplitProposed { node, .. } => Some(node),
            Event::RunStarted { .. }
            | Event::RunResumed { .. }
            | Event::Planned { .. }
            | Event::PreflightRejected { .. }
            | Event::BranchCreated { .. }
            | Event::Baseline { .. }
            | Event::PreflightPassed
            | Event::QuestionResolved { .. }
            | Event::QuestionEscalated { .. }
            | Event::Rebundled { .. }
            | Event::Predicted { .. }
            | Event::RateLimited { .. }
            | Event::Halting { .. }
            | Event::Proof { .. }
            | Event::RunFinished { .. }
            | Event::StageFinished { .. } => None,
        }
    }
}
