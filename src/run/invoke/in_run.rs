//! A call as part of a run: journalled, counted against the budget, and watched.

use std::path::Path;
use std::time::Duration;

use super::Request;
use super::caller::{Caller, Changed, Overseer};
use crate::event::{AgentRecord, Event, Metrics};
use crate::git::GuardClass;
use crate::run::context::{Context, Fault};
use crate::run::recorder::Recorder;
use crate::run::watch::Watch;

/// Calls as lines of a run's journal.
pub struct Journalled<'a>(pub &'a Recorder);

#[allow(clippy::missing_errors_doc)] // Each says that the journal could not be written.
impl Journalled<'_> {
    /// A call begins.
    pub fn started(&self, request: &Request<'_>) -> Result<(), Fault> {
        self.0.announce(Event::AgentStarted {
            role: request.role,
            subject: request.subject.cloned(),
            attempt: request.attempt,
            agent: request.agent.name.clone(),
        })
    }

    /// Shown, not journalled.
    pub fn said(&self, request: &Request<'_>, text: &str) {
        self.0.live(request.subject, text);
    }

    /// Shown, not journalled.
    pub fn spending(&self, request: &Request<'_>, figures: &Metrics) {
        self.0.spending(request.subject, figures);
    }

    /// A limit was met.
    pub fn paused(&self, request: &Request<'_>, pause: Duration, reason: &str) -> Result<(), Fault> {
        self.0.tell(Event::RateLimited {
            agent: request.agent.name.clone(),
            pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            reason: reason.to_owned(),
        })
    }

    /// A call ended.
    pub fn finished(&self, request: &Request<'_>, record: &AgentRecord) -> Result<(), Fault> {
        self.0.tell(Event::AgentFinished {
            subject: request.subject.cloned(),
            attempt: request.attempt,
            record: record.clone(),
        })
    }
}

impl Context {
    /// Calls of this run.
    pub fn caller(&self) -> Caller<'_> {
        Caller {
            operator: &self.operator,
            config: &self.config,
            root: self.repo.root(),
            bundle: Some(self.repo.root().join(self.layout.bundle())),
            run_id: self.run_id.as_str(),
            containment: &self.containment,
            scratch: &self.scratch,
            out: self.recorder.out(),
            programs: &*self.lane,
            fleet: &self.fleet,
            overseer: self,
        }
    }
}

impl Overseer for Context {
    fn started(&self, request: &Request<'_>) -> Result<(), Fault> {
        Journalled(&self.recorder).started(request)
    }

    fn said(&self, request: &Request<'_>, text: &str) {
        Journalled(&self.recorder).said(request, text);
    }

    fn spending(&self, request: &Request<'_>, figures: &Metrics) {
        Journalled(&self.recorder).spending(request, figures);
    }

    fn paused(&self, request: &Request<'_>, pause: Duration, reason: &str) -> Result<(), Fault> {
        Journalled(&self.recorder).paused(request, pause, reason)
    }

    fn spent(&self, metrics: &Metrics) {
        self.spend(metrics);
    }

    fn finished(&self, request: &Request<'_>, record: &AgentRecord) -> Result<(), Fault> {
        Journalled(&self.recorder).finished(request, record)
    }

    fn watch<'w>(&'w self, dir: &Path) -> Result<Changed<'w>, Fault> {
        let watch = Watch::begin(self, Some(dir))?;
        Ok(Box::new(move || {
            let foreign = watch.foreign(self)?.into_iter();
            Ok(foreign.filter(|f| f.class == GuardClass::Harness).map(|f| f.name).collect())
        }))
    }
}
