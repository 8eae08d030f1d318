//! What the transcripts of all adapters share: lines are cut, gathered into one picture
//! of what was seen, and judged together with how the program ended.

use std::collections::VecDeque;

use serde_json::Value;

use super::json::last_json_object;
use super::lines::{LINE_LIMIT, Line, Lines};
use super::metrics::{Cached, Figures, words};
use super::model::{Report, Signal, Transcript};
use super::trouble::{Sign, Trouble};
use crate::base::text;
use crate::config::{Agent, Price};
use crate::process::{Deadline, EndCause, Exit, Stream};

/// Bytes of one fault's text that are kept.
const FAULT_LIMIT: usize = 2_000;
/// Bytes of a message that is shown while it runs.
const SHOWN_LIMIT: usize = 200;
/// Bytes of a message that comes in pieces; what comes after is dropped.
pub(super) const MESSAGE_LIMIT: usize = 4 << 20;
/// Faults that are kept: the first ones tell the story.
const FAULTS: usize = 10;
/// Lines of standard error that are kept to explain an end.
const COMPLAINTS: usize = 5;

/// What one adapter makes of its own output.
pub(super) trait Reading: Send {
    /// A line of standard output.
    fn stdout(&mut self, line: &str, seen: &mut Seen);

    /// A line of standard error.
    fn stderr(&mut self, line: &str, seen: &mut Seen) {
        seen.complaint(line);
        seen.hint(line);
    }

    /// The stream has ended. `whole`: the program was not ended by the harness, so that a
    /// missing terminal event is its own fault.
    fn close(&mut self, seen: &mut Seen, whole: bool);

    /// What the program's own exit says.
    fn judge(&mut self, exit: Exit, seen: &mut Seen) {
        judge_exit(exit, seen);
    }
}

/// Every end but exit code 0 is a fault.
fn judge_exit(exit: Exit, seen: &mut Seen) {
    match exit {
        Exit::Code(0) => {}
        Exit::Code(code) => seen.ended_badly(&format!("it exited with code {code}")),
        Exit::Signal(signal) => seen.ended_badly(&format!("it was ended by signal {signal}")),
    }
}

/// What was seen so far.
pub(super) struct Seen {
    /// Figures.
    pub(super) figures: Figures,
    /// The last message, until `close` the final one.
    pub(super) message: Option<String>,
    /// An answer that was given apart from the message.
    pub(super) answer: Option<Value>,
    /// What it was about, once a fault says so.
    pub(super) sign: Option<Sign>,
    faults: Vec<String>,
    hint: Option<Sign>,
    /// The newest reset time that was told, with whatever sign.
    reset: Option<jiff::Timestamp>,
    complaints: VecDeque<String>,
    unknown: u64,
    signals: Vec<Signal>,
    model: Option<String>,
    price: Option<Price>,
    cached: Cached,
}

impl Seen {
    fn new(agent: &Agent, cached: Cached) -> Seen {
        Seen {
            figures: Figures::default(),
            message: None,
            answer: None,
            sign: None,
            faults: Vec::new(),
            hint: None,
            reset: None,
            complaints: VecDeque::new(),
            unknown: 0,
            signals: Vec::new(),
            model: agent.model.as_ref().map(|model| model.value.clone()),
            price: agent.price,
            cached,
        }
    }

    /// The agent said this; whatever trouble there was before it, it got over.
    pub(super) fn say(&mut self, message: &str) {
        if !message.trim_start().is_empty() {
            self.show(message);
            self.message = Some(message.to_owned());
            self.hint = None;
        }
    }

    /// The agent went on with its message: a piece to be put after the last one.
    pub(super) fn say_more(&mut self, piece: &str) {
        let mut message = self.message.take().unwrap_or_default();
        if message.len() + piece.len() <= MESSAGE_LIMIT {
            message.push_str(piece);
        }
        self.show(text::tail(&message, SHOWN_LIMIT));
        self.message = Some(message);
        self.hint = None;
    }

    /// Something for who watches; no message of the agent's.
    pub(super) fn show(&mut self, what: &str) {
        let start = text::head(what.trim_start(), 4 * SHOWN_LIMIT);
        let line = start.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() {
            return;
        }
        if matches!(self.signals.last(), Some(Signal::Message(_))) {
            self.signals.pop(); // Nobody can read more than one a piece of output.
        }
        self.signals.push(Signal::Message(text::neutral(text::head(&line, SHOWN_LIMIT))));
    }

    /// The figures have changed.
    pub(super) fn usage(&mut self) {
        let mut figures = self.figures.clone();
        figures.complete(self.model.as_deref(), self.price, self.cached);
        self.signals.push(Signal::Usage(figures.into_metrics()));
    }

    /// A line that no rule knows.
    pub(super) fn unknown(&mut self) {
        self.unknown += 1;
    }

    /// Something is wrong with the invocation.
    pub(super) fn fault(&mut self, what: &str) {
        if self.faults.len() < FAULTS {
            self.faults.push(text::head(what.trim(), FAULT_LIMIT).to_owned());
        }
    }

    /// The end of a stream whose last word is a result event: a whole one without it is a fault.
    pub(super) fn close_with_result(&mut self, whole: bool, result: bool) {
        if whole && !result {
            self.fault("it ended without a result event");
        }
    }

    /// A fault that a text or a status code explains.
    pub(super) fn fault_of(&mut self, what: &str, status: Option<u64>, explained_by: &str) {
        self.fault(what);
        if let Some(sign) = Sign::with_status(status, explained_by) {
            self.sign = Some(sign);
        }
    }

    /// An error text on the way: it counts only if the invocation comes to nothing.
    pub(super) fn hint(&mut self, error: &str) {
        if let Some(sign) = Sign::in_text(error) {
            self.hint_sign(sign);
        }
    }

    /// The same with the sign already read; the fleet hears of it at once.
    pub(super) fn hint_sign(&mut self, sign: Sign) {
        self.reset = sign.transient.reset_at.or(self.reset);
        if sign.trouble.passes() {
            self.signals.push(Signal::RateLimit(sign.transient.clone()));
        }
        self.hint = Some(sign);
    }

    /// Trouble that was got over.
    pub(super) fn progress(&mut self) {
        self.hint = None;
    }

    /// Keeps a line of standard error to explain a bad end with.
    pub(super) fn complaint(&mut self, line: &str) {
        if !line.trim().is_empty() {
            if self.complaints.len() == COMPLAINTS {
                self.complaints.pop_front();
            }
            self.complaints.push_back(text::head(line.trim(), 400).to_owned());
        }
    }

    /// The last line of standard error.
    pub(super) fn last_complaint(&self) -> Option<&str> {
        self.complaints.back().map(String::as_str)
    }

    /// A fault that the end of the program is; standard error explains it.
    pub(super) fn ended_badly(&mut self, how: &str) {
        let said = self.complaints.iter().map(String::as_str).collect::<Vec<_>>().join("\n");
        let fault = if said.is_empty() { how.to_owned() } else { format!("{how}: {said}") };
        self.fault(&fault);
    }

    fn take_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.signals)
    }

    fn into_report(mut self, own: bool) -> Report {
        self.figures.complete(self.model.as_deref(), self.price, self.cached);
        let fault = (!self.faults.is_empty()).then(|| self.faults.join("; "));
        // An invocation that the harness ended has its reason already.
        let mut sign = fault.as_ref().filter(|_| own).and(self.sign.or(self.hint));
        if let Some(Sign { trouble: Trouble::RateLimit, transient }) = &mut sign
            && transient.retry_after.is_none()
        {
            transient.reset_at = transient.reset_at.or(self.reset);
        }
        let trouble = sign.as_ref().map(|sign| sign.trouble);
        Report {
            metrics: self.figures.into_metrics(),
            answer: self.answer.or_else(|| last_json_object(self.message.as_deref()?)),
            final_message: self.message.map(|message| message.trim().to_owned()),
            fault,
            transient: sign.filter(|sign| sign.trouble.passes()).map(|sign| sign.transient),
            auth: trouble == Some(Trouble::Auth),
            trouble,
            unknown_lines: self.unknown,
        }
    }
}

/// A transcript made of a [`Reading`].
pub(super) struct Reader<R> {
    stdout: Lines,
    stderr: Lines,
    reading: R,
    seen: Seen,
}

impl<R: Reading + 'static> Reader<R> {
    /// A reader for `agent`, whose cached tokens are counted as `cached` says.
    pub(super) fn boxed(agent: &Agent, cached: Cached, reading: R) -> Box<dyn Transcript> {
        Box::new(Reader {
            stdout: Lines::new(LINE_LIMIT),
            stderr: Lines::new(LINE_LIMIT),
            reading,
            seen: Seen::new(agent, cached),
        })
    }

    fn take(reading: &mut R, seen: &mut Seen, stream: Stream, line: &Line<'_>) {
        match (stream, line) {
            (Stream::Stdout, Line::Text(line)) => reading.stdout(line, seen),
            (Stream::Stderr, Line::Text(line)) => reading.stderr(line, seen),
            (_, Line::TooLong) => seen.unknown(),
        }
    }
}

impl<R: Reading + 'static> Transcript for Reader<R> {
    fn feed(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Signal> {
        let Reader { stdout, stderr, reading, seen } = self;
        let lines = if stream == Stream::Stdout { stdout } else { stderr };
        lines.feed(bytes, |line| Self::take(reading, seen, stream, &line));
        seen.take_signals()
    }

    fn finish(self: Box<Self>, exit: Exit, cause: EndCause) -> Report {
        let Reader { mut stdout, mut stderr, mut reading, mut seen } = *self;
        stderr.finish(|line| Self::take(&mut reading, &mut seen, Stream::Stderr, &line));
        stdout.finish(|line| Self::take(&mut reading, &mut seen, Stream::Stdout, &line));
        let own = cause == EndCause::Own;
        match cause {
            EndCause::Own => {}
            EndCause::Deadline(deadline) => seen.faults.insert(0, overrun(deadline)),
            EndCause::Quota(excess) => seen.faults.insert(0, format!("it was {excess}")),
            EndCause::Cancelled => seen.faults.insert(0, "it was ended on request".to_owned()),
        }
        reading.close(&mut seen, own);
        if own {
            reading.judge(exit, &mut seen);
        }
        seen.into_report(own)
    }
}

fn overrun(deadline: Deadline) -> String {
    format!("it was ended at its deadline '{}'", deadline.name())
}

/// What one adapter makes of its events.
pub(super) trait Events: Send {
    /// One event of the kind that its `type` says. False if that kind is not known.
    fn event(&mut self, kind: &str, event: &Value, seen: &mut Seen) -> bool;

    /// As [`Reading::close`].
    fn close(&mut self, seen: &mut Seen, whole: bool);

    /// The stream proves that the work was done, whatever exit code came after it.
    fn outweighs_exit_code(&self) -> bool {
        false
    }
}

/// A [`Reading`] of one JSON object a line, each with a `type`. Anything else on standard
/// output is counted, and listened to like standard error.
pub(super) struct Json<E>(pub(super) E);

impl<E: Events> Reading for Json<E> {
    fn stdout(&mut self, line: &str, seen: &mut Seen) {
        if line.trim().is_empty() {
            return;
        }
        let event = serde_json::from_str::<Value>(line).unwrap_or_default();
        let known = match words(event.get("type")) {
            Some(kind) => self.0.event(kind, &event, seen),
            None => {
                seen.complaint(line);
                seen.hint(line);
                false
            }
        };
        if !known {
            seen.unknown();
        }
    }

    fn close(&mut self, seen: &mut Seen, whole: bool) {
        self.0.close(seen, whole);
    }

    fn judge(&mut self, exit: Exit, seen: &mut Seen) {
        if !(self.0.outweighs_exit_code() && matches!(exit, Exit::Code(_))) {
            judge_exit(exit, seen);
        }
    }
}

/// The text of a message's content: a string, or a list of parts of which those of type
/// `text` count.
pub(super) fn content_text(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter(|part| words(part.get("type")) == Some("text"));
            texts.filter_map(|part| part.get("text")?.as_str()).collect()
        }
        _ => String::new(),
    }
}
