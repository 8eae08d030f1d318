//! Asks an agent for one JSON object; an answer that can't be read is sent back once.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Answer, Caller, Place, Request, call};
use crate::base::Id;
use crate::config::{Agent, Role};
use crate::event::AgentRecord;
use crate::process::{Cancel, EndCause};
use crate::run::bounds::Spent;
use crate::run::context::Fault;

/// What is asked.
pub struct Question<'a> {
    /// What for.
    pub role: Role,
    /// What about.
    pub subject: Option<&'a Id>,
    /// Everything that the agent is told.
    pub prompt: String,
    /// The transcript relative to the caller's out, without `.log`.
    pub log: String,
    /// First of ten ports that are its own.
    pub port_base: u16,
    /// Wall time of one call; the agent's own `timeout` where nobody says otherwise.
    pub timeout: Option<Duration>,
    /// When both calls have to be over.
    pub until: Option<Instant>,
    /// Further tries on passing trouble; the agent's own `retries` where nobody says otherwise.
    pub retries: Option<u32>,
    /// Ends it.
    pub cancel: &'a Cancel,
}

/// How it ended.
pub enum Outcome<T> {
    /// A usable answer.
    Answer(T),
    /// None, and trying once more did not help or is no use; why.
    Malformed(String),
    /// The agent can't be had: a limit outlasted the retries, or its credentials are bad.
    Unavailable(String),
    /// It was cancelled.
    Cancelled,
}

/// What came of it, and what it took.
pub struct Consultation<T> {
    /// How it ended.
    pub outcome: Outcome<T>,
    /// Every call that was made, in order: one or two, none if it was cancelled before.
    pub records: Vec<AgentRecord>,
    /// What they used, with all their tries.
    pub spent: Spent,
}

/// Asks the agent that is bound to the question's role. `read` takes the answer's JSON object
/// for what it should be, or says what is wrong with it: that is what goes back to the agent.
///
/// # Errors
/// The harness failed; no answer is an [`Outcome`].
pub fn consult<T>(
    caller: &Caller<'_>,
    question: &Question<'_>,
    place: &mut Place<'_>,
    read: impl Fn(Value) -> Result<T, String>,
) -> Result<Consultation<T>, Fault> {
    let name = &caller.config.agent_for(question.role).value;
    let Some(agent) = caller.config.agents.get(name) else {
        return Err(Fault::Other(format!("no agent '{name}'")));
    };
    let mut consultation =
        Consultation { outcome: Outcome::Cancelled, records: Vec::new(), spent: Spent::default() };
    let mut prompt = question.prompt.clone();
    for again in [false, true] {
        if question.cancel.requested() {
            consultation.outcome = Outcome::Cancelled;
            break;
        }
        let answer = call(caller, &request(question, agent, &prompt, again), place)?;
        consultation.records.push(answer.record.clone());
        consultation.spent.add(&answer.record.metrics);
        let (outcome, last) = weigh(answer, name, &read);
        if let Outcome::Malformed(why) = &outcome {
            prompt.push_str(&format!("\nYour last answer could not be read: {why}. Answer again.\n"));
        }
        let settled = last || !matches!(outcome, Outcome::Malformed(_));
        consultation.outcome = outcome;
        if settled || question.until.is_some_and(|until| until <= Instant::now()) {
            break;
        }
    }
    Ok(consultation)
}

fn request<'a>(question: &Question<'a>, agent: &'a Agent, prompt: &str, again: bool) -> Request<'a> {
    let timeout = question.timeout.unwrap_or(agent.timeout.value);
    let left = question.until.map(|until| until.saturating_duration_since(Instant::now()));
    Request {
        role: question.role,
        subject: question.subject,
        attempt: if again { 2 } else { 1 },
        agent,
        prompt: prompt.as_bytes().to_vec(),
        env: None,
        timeout: left.map_or(timeout, |left| left.min(timeout)),
        retries: question.retries.unwrap_or(agent.retries.value),
        log: format!("{}{}.log", question.log, if again { "-2" } else { "" }),
        port_base: question.port_base,
        cancel: question.cancel,
    }
}

/// What an answer is worth, and whether asking again is no use: an agent that used up its time
/// would do so again, and a program that is not there stays away.
fn weigh<T>(answer: Answer, name: &str, read: impl Fn(Value) -> Result<T, String>) -> (Outcome<T>, bool) {
    if let Some(why) = answer.unavailable {
        return (Outcome::Unavailable(format!("agent '{name}' is unavailable: {why}")), true);
    }
    let in_vain = match answer.cause {
        EndCause::Cancelled => return (Outcome::Cancelled, true),
        EndCause::Deadline(_) => true,
        EndCause::Own | EndCause::Quota(_) => answer.no_start,
    };
    let fault = answer.record.fault;
    let missing = || fault.unwrap_or_else(|| "no JSON object in the answer".to_owned());
    match answer.report.answer.ok_or_else(missing).and_then(read) {
        Ok(answer) => (Outcome::Answer(answer), true),
        Err(why) => (Outcome::Malformed(why), in_vain),
    }
}
