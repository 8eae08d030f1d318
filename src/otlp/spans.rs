//! From the journal's records to spans: the run, its nodes, their attempts, and in them agents,
//! statements, checks and invariants. Pure. What has no end in the journal ends with it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::git_calls::GitCall;
use crate::base::trace_context::call_path;
use crate::base::{Id, SpanId, TraceContext};
use crate::event::{AgentRecord, CheckRecord, Event, NodeStatus, Record};

/// A span.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Its id.
    pub id: SpanId,
    /// What it is part of; `None` for a run that nobody's trace is around.
    pub parent: Option<SpanId>,
    /// For people.
    pub name: String,
    /// Nanoseconds since 1970.
    pub begin: u64,
    /// See `begin`.
    pub end: u64,
    /// Facts by their names.
    pub attributes: Vec<(&'static str, Value)>,
    /// Why it failed; `None` if it did not.
    pub error: Option<String>,
}

impl Span {
    /// Gives an attribute its newest value.
    fn set(&mut self, name: &'static str, value: Value) {
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, value));
    }
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Text(String),
    Number(i64),
    Fraction(f64),
    Truth(bool),
}

/// The spans of what the journal tells, the run's first. What a process before a resume has sent
/// already is left out, but for the run itself, which goes on.
pub fn spans(context: &TraceContext, records: &[Record], git: &[GitCall]) -> Vec<Span> {
    let mut maker = Maker::new(context);
    records.iter().for_each(|record| maker.take(record));
    let sent = maker.sent;
    let mut spans = maker.finish();
    spans.retain(|span| span.end > sent || span.id == context.span(RUN));
    spans.extend(git.iter().enumerate().map(|(nth, call)| git_span(context, nth, call)));
    spans
}

/// The path of the run's own span.
const RUN: &str = "run";

struct Maker<'a> {
    context: &'a TraceContext,
    now: u64,
    /// Until when the processes before this one have sent spans.
    sent: u64,
    /// When the run last ended.
    ended: u64,
    run: Option<Span>,
    nodes: BTreeMap<Id, Span>,
    /// By node: attempts that have not ended.
    attempts: BTreeMap<Id, Span>,
    /// By path: agents that have not ended.
    agents: BTreeMap<String, Span>,
    /// How often a path was used: an attempt that was cut off is made again under its number.
    used: BTreeMap<String, usize>,
    done: Vec<Span>,
}

impl<'a> Maker<'a> {
    fn new(context: &'a TraceContext) -> Maker<'a> {
        let (nodes, attempts, agents) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (used, done) = (BTreeMap::new(), Vec::new());
        Maker { context, now: 0, sent: 0, ended: 0, run: None, nodes, attempts, agents, used, done }
    }

    fn take(&mut self, record: &Record) {
        self.now = nanos(&record.at).unwrap_or(self.now);
        match &record.event {
            Event::RunStarted { run_id, version, trigger, .. } => {
                let mut run = self.span(RUN, self.context.parent, format!("auditrun {trigger}"), 0);
                run.attributes.push(("auditrun.run.id", text(run_id)));
                run.attributes.push(("auditrun.version", text(version)));
                self.run = Some(run);
            }
            Event::Dispatched { node, attempt, tier, iteration } => {
                self.dispatched(node, *attempt, *tier, *iteration);
            }
            Event::AgentStarted { role, subject, attempt, agent } => {
                let path = call_path(role.name(), subject.as_ref().map(Id::as_str), *attempt);
                let parent = self.inside(subject.as_ref());
                let span = self.span(&path, parent, format!("agent {agent}"), 0);
                self.agents.insert(path, span);
            }
            Event::AgentFinished { subject, attempt, record } => {
                self.agent_finished(subject.as_ref(), *attempt, record);
            }
            Event::Step { node, attempt, text: statement, exit_code, duration_ms, .. } => {
                let path = format!("step/{node}/{attempt}");
                let parent = self.inside(Some(node));
                let mut span = self.span(&path, parent, statement.clone(), *duration_ms);
                span.attributes.push(("process.exit.code", number(*exit_code)));
                span.error = (*exit_code != 0).then(|| format!("exit code {exit_code}"));
                self.done.push(span);
            }
            Event::Check { node, record, .. } => self.check("check", Some(node), record),
            Event::Invariant { node, record, .. } => self.check("invariant", node.as_ref(), &record.check),
            Event::Baseline { record } => self.check("invariant", None, &record.check),
            Event::NodeFinished { node, status, reason, .. } => self.node_finished(node, *status, reason),
            Event::RunResumed { .. } => self.sent = self.ended,
            Event::RunFinished { reason, exit_code, message, .. } => {
                self.ended = self.now;
                if let Some(run) = &mut self.run {
                    run.set("auditrun.termination_reason", text(reason.name()));
                    run.set("process.exit.code", number(*exit_code));
                    run.error = (*exit_code != 0).then(|| message.clone());
                }
            }
            _ => {}
        }
    }

    /// A span that ends now and began `took` milliseconds ago.
    fn span(&mut self, path: &str, parent: Option<SpanId>, name: String, took: u64) -> Span {
        let nth = self.used.entry(path.to_owned()).or_default();
        *nth += 1;
        let id =
            if *nth == 1 { self.context.span(path) } else { self.context.span(&format!("{path}#{nth}")) };
        let begin = self.now.saturating_sub(took.saturating_mul(1_000_000));
        Span { id, parent, name, begin, end: self.now, attributes: Vec::new(), error: None }
    }

    fn run_id(&self) -> Option<SpanId> {
        self.run.as_ref().map(|r| r.id)
    }

    /// What something about a node is part of: its attempt, else itself, else the run.
    fn inside(&self, node: Option<&Id>) -> Option<SpanId> {
        let of = |spans: &BTreeMap<Id, Span>| node.and_then(|n| spans.get(n)).map(|s| s.id);
        of(&self.attempts).or_else(|| of(&self.nodes)).or_else(|| self.run_id())
    }

    fn dispatched(&mut self, node: &Id, attempt: u32, tier: usize, iteration: u64) {
        if !self.nodes.contains_key(node) {
            let mut span = self.span(&format!("node/{node}"), self.run_id(), format!("node {node}"), 0);
            span.attributes.push(("auditrun.node.id", text(node.as_str())));
            span.attributes.push(("auditrun.node.tier", number(i64::try_from(tier).unwrap_or(i64::MAX))));
            self.nodes.insert(node.clone(), span);
        }
        // A harness that was killed left it without an end.
        self.end_attempt(node);
        let parent = self.nodes.get(node).map(|n| n.id);
        let path = format!("attempt/{node}/{attempt}");
        let mut span = self.span(&path, parent, format!("{node} attempt {attempt}"), 0);
        span.attributes.push(("auditrun.attempt", number(attempt)));
        span.attributes.push(("auditrun.iteration", number(i64::try_from(iteration).unwrap_or(i64::MAX))));
        self.attempts.insert(node.clone(), span);
    }

    fn end_attempt(&mut self, node: &Id) {
        if let Some(mut attempt) = self.attempts.remove(node) {
            attempt.end = self.now;
            self.done.push(attempt);
        }
    }

    fn agent_finished(&mut self, subject: Option<&Id>, attempt: u32, record: &AgentRecord) {
        let path = call_path(record.role.name(), subject.map(Id::as_str), attempt);
        let Some(mut span) = self.agents.remove(&path) else { return };
        span.end = self.now;
        span.attributes = agent_attributes(record);
        span.error.clone_from(&record.fault);
        self.done.push(span);
    }

    fn check(&mut self, kind: &str, node: Option<&Id>, record: &CheckRecord) {
        let subject = node.map(Id::as_str).unwrap_or_default();
        let parent = self.inside(node);
        let name = record.name.as_deref().unwrap_or(&record.command);
        let name = format!("{kind} {name}");
        let mut span = self.span(&format!("{kind}/{subject}"), parent, name, record.duration_ms);
        span.attributes.push(("auditrun.check.command", text(&record.normalized)));
        span.attributes.push(("auditrun.check.passed", Value::Truth(record.passed)));
        if let Some(code) = record.exit_code {
            span.attributes.push(("process.exit.code", number(code)));
        }
        span.error = (!record.passed).then(|| "the check did not pass".to_owned());
        self.done.push(span);
    }

    fn node_finished(&mut self, node: &Id, status: NodeStatus, reason: &str) {
        let now = self.now;
        let open = [self.attempts.get_mut(node), self.nodes.get_mut(node)];
        for span in open.into_iter().flatten() {
            span.end = now;
            span.set("auditrun.status", text(status.name()));
            span.error = (status != NodeStatus::Verified).then(|| reason.to_owned());
        }
        self.end_attempt(node);
    }

    fn finish(mut self) -> Vec<Span> {
        let open: Vec<Id> = self.attempts.keys().cloned().collect();
        open.iter().for_each(|node| self.end_attempt(node));
        let mut all: Vec<Span> = Vec::new();
        if let Some(mut run) = self.run.take() {
            run.end = self.now;
            all.push(run);
        }
        all.extend(self.nodes.into_values());
        all.extend(self.agents.into_values().map(|span| Span { end: self.now, ..span }));
        all.extend(self.done);
        all
    }
}

fn agent_attributes(record: &AgentRecord) -> Vec<(&'static str, Value)> {
    let metrics = &record.metrics;
    let mut all = vec![
        ("auditrun.agent.name", text(&record.name)),
        ("auditrun.agent.adapter", text(&record.adapter)),
        ("auditrun.agent.role", text(record.role.name())),
        ("auditrun.agent.retries", number(record.retries)),
    ];
    all.extend(record.exit_code.map(|code| ("process.exit.code", number(code))));
    all.extend(metrics.model.as_deref().map(|model| ("gen_ai.request.model", text(model))));
    all.extend(metrics.session_id.as_deref().map(|id| ("gen_ai.conversation.id", text(id))));
    all.extend(metrics.cost_usd.map(|cost| ("auditrun.cost_usd", Value::Fraction(cost))));
    let figures = [
        ("auditrun.turns", metrics.turns),
        ("gen_ai.usage.input_tokens", metrics.input_tokens),
        ("gen_ai.usage.output_tokens", metrics.output_tokens),
        ("auditrun.usage.cache_read_tokens", metrics.cache_read_tokens),
        ("auditrun.usage.cache_write_tokens", metrics.cache_write_tokens),
    ];
    // What an agent did not say is left out: 0 would be a claim.
    let known = figures.into_iter().filter_map(|(name, figure)| Some((name, figure?)));
    all.extend(known.map(|(name, figure)| (name, number(i64::try_from(figure).unwrap_or(i64::MAX)))));
    all
}

fn git_span(context: &TraceContext, nth: usize, call: &GitCall) -> Span {
    let end = u64::try_from(call.end.as_nanosecond()).unwrap_or(0);
    let took = u64::try_from(call.took.as_nanos()).unwrap_or(0);
    // Which process of a resumed run it was is part of the path: counting begins anew in each.
    let id = context.span(&format!("git/{end}/{nth}"));
    let mut attributes = Vec::new();
    attributes.extend(call.code.map(|code| ("process.exit.code", Value::Number(code))));
    // 1 is how git says no to a question.
    let error = (!matches!(call.code, Some(0 | 1))).then(|| "git failed".to_owned());
    let parent = Some(context.span(RUN));
    Span { id, parent, name: call.title.clone(), begin: end.saturating_sub(took), end, attributes, error }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn number(value: impl Into<i64>) -> Value {
    Value::Number(value.into())
}

fn nanos(at: &str) -> Option<u64> {
    let at: Timestamp = at.parse().ok()?;
    u64::try_from(at.as_nanosecond()).ok()
}
