//! The roles of an audit: separate invocations that share no context. What a role may see is
//! what its view holds; a prompt can be made of a view and of nothing else.

mod agents;
mod answer;
mod ask;
mod prompt;
mod texts;

pub use agents::{Agents, Surroundings};
pub use answer::{
    Critique, Finding as CriticFinding, Improvement, Improvements, Proposal, Proposals, Rewrite, SelfAudit,
};
pub use ask::{Ask, Consulted, HostError, RoleHost, Used, total};
pub use prompt::{
    BrainstormerView, CriticView, EvaluatorView, ImproverView, MutatorView, Prompt, SelfAuditorView,
};

pub(crate) use answer::{critique, improvements, proposals, rewrite, scorecard, self_audit};

#[cfg(test)]
mod tests;
