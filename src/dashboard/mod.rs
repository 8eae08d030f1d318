//! The live page of a run: made from the journal and the logs on disk, which another process
//! may be writing, and from nothing else. It shows a run while it goes on and after it.

mod details;
mod log;
mod said;
mod updates;
mod view;
mod watch;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::text::neutral;
use crate::base::{Id, Masker, names};
use crate::config::Agent;
use crate::serve::{Answer, Ask, Kind, Policy, Site, Tail};

use watch::Watch;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// The page's parts; one file for the browser.
const SCRIPT: &[&str] = &[
    include_str!("page/start.js"),
    include_str!("page/graph.js"),
    include_str!("page/timeline.js"),
    include_str!("page/node.js"),
    include_str!("page/state.js"),
];
/// Files of a node that can be looked at.
const FILES: [&str; 4] = ["verification.json", "diff.patch", "files_touched.txt", "agent.log"];
/// The end of such a file that is shown.
const SHOWN: u64 = 1024 * 1024;

/// What the page is about.
pub struct About {
    /// The artifacts' directory.
    pub out: PathBuf,
    /// One certain run, wherever its artifacts move; `None`: the newest, whichever that is.
    pub run: Option<String>,
    /// The agents whose transcripts can be read, by name.
    pub agents: BTreeMap<String, Agent>,
    /// What is never shown.
    pub masker: Masker,
}

impl About {
    /// Where the run's artifacts are now.
    fn root(&self) -> PathBuf {
        let archived = self.run.as_ref().map(|run| self.out.join(".history").join(run));
        archived.filter(|dir| dir.join(names::JOURNAL).exists()).unwrap_or_else(|| self.out.clone())
    }

    /// Text of others as it may be shown.
    fn shown(&self, text: &str) -> String {
        neutral(&self.masker.text(text))
    }
}

/// The site.
pub struct Dashboard {
    watch: Arc<Watch>,
}

impl Dashboard {
    /// For a run that may not have begun yet.
    pub fn new(about: About) -> Dashboard {
        Dashboard { watch: Arc::new(Watch::new(about)) }
    }

    fn node(&self, name: &str, show: impl FnOnce(&Id) -> Answer) -> Answer {
        match Id::parse(name) {
            Ok(id) if self.watch.knows(&id) => show(&id),
            _ => Answer::Nothing("The run has no such node.".to_owned()),
        }
    }

    fn log(&self, id: &Id, ask: &Ask) -> Answer {
        let attempt = match ask.value("attempt").map(str::parse) {
            None => None,
            Some(Ok(attempt)) => Some(attempt),
            Some(Err(_)) => return Answer::Nothing("An attempt is a number.".to_owned()),
        };
        let raw = ask.value("view") == Some("raw");
        Answer::Stream(Box::new(log::Log::new(Arc::clone(&self.watch), id.clone(), attempt, raw)))
    }

    fn file(&self, id: &Id, name: &str) -> Answer {
        if !FILES.contains(&name) {
            return Answer::Nothing("There is no such file.".to_owned());
        }
        let about = self.watch.about();
        match end_of(about.root().join("runs").join(id.as_str()).join(name), SHOWN) {
            Ok((bytes, skipped)) => {
                let text = about.shown(&String::from_utf8_lossy(&bytes));
                let note =
                    if skipped > 0 { format!("[{skipped} bytes before this]\n") } else { String::new() };
                Answer::page(Kind::Text, format!("{note}{text}").into_bytes())
            }
            Err(e) => missing(name, &e),
        }
    }

    /// The audit stage's own page, once it is written.
    fn report(&self) -> Answer {
        match end_of(self.watch.about().root().join("audit/report.html"), u64::MAX) {
            Ok((bytes, _)) => Answer::Page { kind: Kind::Html, bytes: bytes.into(), policy: Policy::OneFile },
            Err(e) => missing("audit/report.html", &e),
        }
    }
}

/// The last bytes of a file, at most `limit`, and how many stand before them.
fn end_of(path: PathBuf, limit: u64) -> io::Result<(Vec<u8>, u64)> {
    let mut tail = Tail::new(&path, limit);
    let mut piece = tail.look()?;
    if !piece.anew {
        return Err(ErrorKind::NotFound.into());
    }
    let (mut bytes, skipped) = (std::mem::take(&mut piece.bytes), piece.skipped);
    loop {
        let more = tail.look()?;
        if more.bytes.is_empty() || more.anew {
            return Ok((bytes, skipped));
        }
        bytes.extend(more.bytes);
    }
}

fn missing(name: &str, e: &io::Error) -> Answer {
    match e.kind() {
        ErrorKind::NotFound => Answer::Nothing(format!("{name} is not written yet.")),
        _ => Answer::Trouble(format!("{name} can't be read: {e}")),
    }
}

impl Site for Dashboard {
    fn answer(&self, ask: &Ask) -> Answer {
        match ask.parts()[..] {
            [] => Answer::page(Kind::Html, PAGE.as_bytes()),
            ["page.css"] => Answer::page(Kind::Css, STYLE.as_bytes()),
            ["page.js"] => Answer::page(Kind::Script, SCRIPT.concat().into_bytes()),
            ["events"] => {
                let last = ask.last_event_id.as_deref();
                Answer::Stream(Box::new(updates::Updates::new(Arc::clone(&self.watch), last)))
            }
            ["node", id] => self.node(id, |id| self.watch.details(id)),
            ["log", id] => self.node(id, |id| self.log(id, ask)),
            ["file", id, name] => self.node(id, |id| self.file(id, name)),
            ["report.html"] => self.report(),
            _ => Answer::Nothing("There is no such page.".to_owned()),
        }
    }
}
