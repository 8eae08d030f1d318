//! What came of a call, for the journal and for whoever asked.

use super::Request;
use crate::agent::Report;
use crate::event::{AgentRecord, Metrics};
use crate::process::{Deadline, EndCause, Ended, Exit};

/// What came of it.
pub struct Answer {
    /// For the journal and verification.json.
    pub record: AgentRecord,
    /// What the transcript said.
    pub report: Report,
    /// Who ended the last try.
    pub cause: EndCause,
    /// Passing trouble outlasted the retries, or the credentials are bad: trying other
    /// nodes with this agent is pointless.
    pub unavailable: Option<String>,
    /// The program could not be started at all: trying again is no use.
    pub no_start: bool,
}

impl Answer {
    fn new(record: AgentRecord, report: Report, cause: EndCause) -> Answer {
        Answer { record, report, cause, unavailable: None, no_start: false }
    }

    /// Cancelled before any try.
    pub(super) fn not_started(request: &Request<'_>) -> Answer {
        let mut record = blank(request);
        record.fault = Some("ended before it was started".to_owned());
        Answer::new(record, Report::default(), EndCause::Cancelled)
    }

    /// The program could not be started.
    pub(super) fn of_no_start(request: &Request<'_>, why: String) -> Answer {
        let mut record = blank(request);
        record.fault = Some(why.clone());
        record.exit_code = Some(127);
        let report = Report { fault: Some(why), ..Report::default() };
        Answer { no_start: true, ..Answer::new(record, report, EndCause::Own) }
    }

    /// The program ended, having said this.
    pub(super) fn of_end(request: &Request<'_>, report: Report, ended: &Ended) -> Answer {
        let mut record = blank(request);
        (record.exit_code, record.signal) = match ended.exit {
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(signal) => (None, Some(signal)),
        };
        record.deadline = match ended.cause {
            EndCause::Deadline(deadline) => Some(deadline.name().to_owned()),
            _ => None,
        };
        record.fault = report.fault.clone().or_else(|| unclean(ended));
        record.leaked.clone_from(&ended.leaked);
        record.metrics = report.metrics.clone();
        Answer::new(record, report, ended.cause)
    }

    /// The answer of a role that only reads is void if it wrote.
    pub(super) fn refuse_writer(&mut self, changed: &[String]) {
        if changed.is_empty() {
            return;
        }
        let names = changed.get(..5).unwrap_or(changed).join(", ");
        let why = format!("it may only read, and changed {names}");
        self.record.fault = Some(why.clone());
        self.report.fault = Some(why);
        self.report.answer = None;
    }
}

fn blank(request: &Request<'_>) -> AgentRecord {
    AgentRecord {
        name: request.agent.name.clone(),
        adapter: request.agent.adapter.name().to_owned(),
        role: request.role,
        exit_code: None,
        signal: None,
        deadline: None,
        fault: None,
        leaked: Vec::new(),
        retries: 0,
        metrics: Metrics::default(),
        log: Some(request.log.clone()),
    }
}

/// What the end itself says against an invocation that names no fault of its own.
fn unclean(ended: &Ended) -> Option<String> {
    match (ended.cause, ended.exit) {
        (EndCause::Deadline(Deadline::Wall), _) => Some("ended at its timeout".to_owned()),
        (EndCause::Deadline(Deadline::FirstOutput), _) => {
            Some("printed nothing before the first-output deadline".to_owned())
        }
        (EndCause::Deadline(Deadline::Stall), _) => Some("fell silent past the stall deadline".to_owned()),
        (EndCause::Quota(excess), _) => Some(excess.to_string()),
        (EndCause::Cancelled, _) => Some("ended by the harness".to_owned()),
        (EndCause::Own, Exit::Code(0)) => None,
        (EndCause::Own, Exit::Code(code)) => Some(format!("exit code {code}")),
        (EndCause::Own, Exit::Signal(signal)) => Some(format!("ended by signal {signal}")),
    }
}
