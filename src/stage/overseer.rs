//! Who is told of the diagnostic agent, and what it must leave as it is: the repository, the
//! files that it was given, and, where no sandbox keeps it away from them, the operator's
//! checkout and the artifacts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::event::{AgentRecord, Metrics};
use crate::git::{GuardClass, Repo};
use crate::run::context::Fault;
use crate::run::invoke::{Changed, Journalled, Overseer, Request};
use crate::run::ledger::{Foreign, Ledger};
use crate::run::recorder::Recorder;
use crate::run::watch::Watch;

/// See the module.
pub struct Onlooker<'a> {
    /// The run's journal.
    pub recorder: &'a Recorder,
    /// The operator's repository.
    pub repo: &'a Repo,
    /// The sandbox keeps the agent away from repository and artifacts.
    pub shielded: bool,
}

impl Onlooker<'_> {
    fn places(&self, dir: &Path) -> Vec<(&'static str, PathBuf)> {
        let mut places = vec![("read-only directory", dir.to_owned())];
        if !self.shielded {
            let below = |name: &str| children(&self.recorder.out().join(name));
            // The journal and the agent's own transcript are written meanwhile, and are no directories
            // of a node.
            let nodes = below("runs").into_iter().filter(|path| path.is_dir());
            let rest = ["preflight", "resolutions", "remediation"].iter().flat_map(|name| below(name));
            places.extend(nodes.chain(rest).map(|path| ("artifact", path)));
        }
        places
    }
}

impl Overseer for Onlooker<'_> {
    fn started(&self, request: &Request<'_>) -> Result<(), Fault> {
        Journalled(self.recorder).started(request)
    }

    fn said(&self, request: &Request<'_>, text: &str) {
        Journalled(self.recorder).said(request, text);
    }

    fn paused(&self, request: &Request<'_>, pause: Duration, reason: &str) -> Result<(), Fault> {
        Journalled(self.recorder).paused(request, pause, reason)
    }

    /// The run is over: its budget is no longer watched, and the record has the figures.
    fn spent(&self, _metrics: &Metrics) {}

    fn finished(&self, request: &Request<'_>, record: &AgentRecord) -> Result<(), Fault> {
        Journalled(self.recorder).finished(request, record)
    }

    fn watch<'w>(&'w self, dir: &Path) -> Result<Changed<'w>, Fault> {
        let watch = Watch::over(self.repo, self.places(dir))?;
        Ok(Box::new(move || {
            // Without a sandbox nobody can tell the operator's own doing from the agent's.
            let counts = |f: &Foreign| f.class == GuardClass::Harness || !self.shielded;
            let foreign = watch.changed(self.repo, &Ledger::default())?.into_iter();
            Ok(foreign.filter(counts).map(|f| f.name).collect())
        }))
    }
}

fn children(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
