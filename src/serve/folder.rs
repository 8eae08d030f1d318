//! A folder's files as a site: those that were named when it was made and no other.

use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::open_plain;

use super::site::{Answer, Ask, Kind, Message, Policy, Site, Source};

/// The largest file that is shown.
const LIMIT: u64 = 64 * 1024 * 1024;
/// The stream's path.
const CHANGES: &str = "changes";

/// Some files of one folder, read at each request, and at `/changes` a stream that sends
/// `changed` whenever one of them did. `/` leads to the first page. A page may hold its own
/// scripts and styles ([`Policy::OneFile`]); to refresh itself it says
/// `new EventSource("/changes").addEventListener("changed", () => location.reload())`.
#[derive(Debug, Clone)]
pub struct Folder {
    dir: PathBuf,
    names: Vec<String>,
}

impl Folder {
    /// `first` and `others` are names of files directly in `dir`; they need not be there yet.
    pub fn new(dir: impl Into<PathBuf>, first: &str, others: &[&str]) -> Folder {
        let names = std::iter::once(&first).chain(others).map(|n| (*n).to_owned()).collect();
        Folder { dir: dir.into(), names }
    }

    fn file(&self, name: &str) -> Answer {
        match read(&self.dir.join(name)) {
            Ok(bytes) => Answer::Page { kind: Kind::of(name), bytes: bytes.into(), policy: Policy::OneFile },
            Err(e) if e.kind() == ErrorKind::NotFound => Answer::Nothing(format!("{name} is not there yet.")),
            Err(e) => Answer::Trouble(format!("{name} can't be read: {e}")),
        }
    }
}

impl Site for Folder {
    fn answer(&self, ask: &Ask) -> Answer {
        match ask.parts()[..] {
            [] => self.names.first().map_or_else(nothing, |name| Answer::Elsewhere(format!("/{name}"))),
            [CHANGES] => Answer::Stream(Box::new(Changes { folder: self.clone(), seen: None })),
            [name] if self.names.iter().any(|n| n == name) => self.file(name),
            _ => nothing(),
        }
    }
}

fn nothing() -> Answer {
    Answer::Nothing("There is no such page.".to_owned())
}

/// A regular file's bytes; no link is followed, and nothing that would block is opened.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_plain(path)?;
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tells of changes by the files' identities, lengths and times.
struct Changes {
    folder: Folder,
    seen: Option<Vec<Look>>,
}

type Look = Option<(u64, u64, i64, i64)>;

impl Source for Changes {
    fn news(&mut self) -> Vec<Message> {
        let look = |name: &String| {
            let meta = std::fs::symlink_metadata(self.folder.dir.join(name)).ok()?;
            Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
        };
        let now: Vec<Look> = self.folder.names.iter().map(look).collect();
        let before = self.seen.replace(now.clone());
        if before.is_none_or(|before| before == now) { Vec::new() } else { vec![Message::new("changed", "")] }
    }
}
