//! Takes an agent's output as it comes.

use std::io;
use std::sync::Arc;

use super::Request;
use super::caller::Caller;
use crate::agent::{self, Report, Signal, Transcript};
use crate::base::MaskStream;
use crate::event::FigureSource;
use crate::files::BoundedLog;
use crate::process::{Ended, OutputSink, Stream};

/// Takes the output as it comes: into the log, through the parser, to whoever watches.
pub(super) struct Reader<'a> {
    caller: &'a Caller<'a>,
    request: &'a Request<'a>,
    log: BoundedLog,
    /// Of standard output and error.
    masks: [MaskStream; 2],
    transcript: Box<dyn Transcript>,
}

impl OutputSink for Reader<'_> {
    fn chunk(&mut self, stream: Stream, bytes: &[u8]) {
        let [out, err] = &mut self.masks;
        let mask = if stream == Stream::Stdout { out } else { err };
        let shown = mask.feed(bytes).into_owned();
        self.take(stream, &shown);
    }
}

impl<'a> Reader<'a> {
    /// Of one try, into `log`.
    pub(super) fn new(caller: &'a Caller<'a>, request: &'a Request<'a>, log: BoundedLog) -> Reader<'a> {
        let masks = [(); 2].map(|()| MaskStream::new(Arc::clone(caller.containment.masker())));
        Reader { caller, request, log, masks, transcript: agent::transcript(request.agent) }
    }

    /// What the transcript said, once the program has ended.
    ///
    /// # Errors
    /// The log could not be written.
    pub(super) fn finish(mut self, ended: &Ended) -> io::Result<Report> {
        self.flush();
        self.log.finish()?;
        let mut report = self.transcript.finish(ended.exit, ended.cause);
        if report.metrics.duration_ms.is_none() {
            report.metrics.duration_ms = u64::try_from(ended.duration.as_millis()).ok();
            report.metrics.sources.insert("duration_ms".to_owned(), FigureSource::Estimated);
        }
        Ok(report)
    }

    /// What a secret could still have come of.
    fn flush(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let [out, err] = &mut self.masks;
            let left = if stream == Stream::Stdout { out.finish() } else { err.finish() };
            if !left.is_empty() {
                self.take(stream, &left);
            }
        }
    }

    /// Nobody gets to see a secret, the reader of the transcript included: what it reads
    /// there goes into prompts, reports and commits.
    fn take(&mut self, stream: Stream, bytes: &[u8]) {
        self.log.write(bytes);
        for signal in self.transcript.feed(stream, bytes) {
            match signal {
                Signal::Message(text) => self.caller.overseer.said(self.request, &text),
                Signal::RateLimit(trouble) => {
                    self.caller.fleet.limited(&trouble, false);
                }
                Signal::Usage(figures) => self.caller.overseer.spending(self.request, &figures),
            }
        }
    }
}
