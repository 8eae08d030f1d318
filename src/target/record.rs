//! The last success of each incremental target, in `.auditrun/targets.jsonl` beside audit.kdl.
//!
//! A log that is only added to: one line for a success, one that takes it back before the
//! target runs again, so that neither a failure nor a crash leaves a success standing. The
//! last line of a target holds. What is torn or unknown is no record. Once most of it is
//! superseded it is written anew.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::facts::Facts;

/// Where records are kept, below audit.kdl's folder.
const DIR: &str = ".auditrun";
const FILE: &str = "targets.jsonl";
/// Superseded lines beyond which the log is written anew, if they are more than half.
const SLACK: usize = 100;

/// A success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    /// When the inputs were looked at, in ns since 1970.
    pub at_ns: u64,
    /// What it depended on.
    pub facts: Facts,
}

#[derive(Serialize, Deserialize)]
struct Line {
    target: String,
    /// `None` takes it back.
    success: Option<Arc<Success>>,
}

/// The records of one audit.kdl.
pub struct Records {
    folder: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    known: HashMap<String, Arc<Success>>,
    lines: usize,
    file: Option<File>,
}

impl Records {
    /// Reads what is there; nothing is written before the first change.
    pub fn open(folder: &Path) -> Records {
        // Unreadable is as good as absent: targets run, and the first write says why.
        let text = fs::read(folder.join(DIR).join(FILE)).unwrap_or_default();
        let mut known = HashMap::new();
        let mut lines = 0;
        for line in text.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            lines += 1;
            match serde_json::from_slice::<Line>(line) {
                Ok(Line { target, success: Some(success) }) => _ = known.insert(target, success),
                Ok(Line { target, success: None }) => _ = known.remove(&target),
                Err(_) => {}
            }
        }
        Records { folder: folder.to_owned(), inner: Mutex::new(Inner { known, lines, file: None }) }
    }

    /// The last success of a target.
    pub fn get(&self, target: &str) -> Option<Arc<Success>> {
        self.lock().known.get(target).cloned()
    }

    /// Takes the success back, if there is one.
    ///
    /// # Errors
    /// The disk's.
    pub fn forget(&self, target: &str) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.known.remove(target).is_none() {
            return Ok(());
        }
        self.append(&mut inner, &Line { target: target.to_owned(), success: None })
    }

    /// Keeps a success.
    ///
    /// # Errors
    /// The disk's.
    pub fn keep(&self, target: &str, success: Success) -> io::Result<()> {
        let mut inner = self.lock();
        let success = Arc::new(success);
        inner.known.insert(target.to_owned(), Arc::clone(&success));
        self.append(&mut inner, &Line { target: target.to_owned(), success: Some(success) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One write for each line, so that two processes can't mix theirs. A torn line of a
    /// crash ends at the newline that comes first.
    fn append(&self, inner: &mut Inner, line: &Line) -> io::Result<()> {
        let mut bytes = vec![b'\n'];
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
        if inner.file.is_none() {
            inner.file = Some(self.create()?);
        }
        inner.lines += 1;
        match &mut inner.file {
            Some(file) => file.write_all(&bytes),
            None => Ok(()),
        }
    }

    /// The folder ignores itself, so that nobody has to tell git about it.
    fn create(&self) -> io::Result<File> {
        let dir = self.folder.join(DIR);
        fs::create_dir_all(&dir)?;
        let ignore = dir.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n")?;
        }
        OpenOptions::new().append(true).create(true).open(dir.join(FILE))
    }

    /// Writes the log anew if most of it is superseded.
    ///
    /// # Errors
    /// The disk's; the old log stands then.
    pub fn tidy(&self) -> io::Result<()> {
        let mut inner = self.lock();
        let superseded = inner.lines.saturating_sub(inner.known.len());
        if inner.file.is_none() || superseded < SLACK || superseded * 2 < inner.lines {
            return Ok(());
        }
        let mut all: Vec<(&String, &Arc<Success>)> = inner.known.iter().collect();
        all.sort_by_key(|(target, _)| *target);
        let mut bytes = Vec::new();
        for (target, success) in all {
            serde_json::to_writer(
                &mut bytes,
                &Line { target: target.clone(), success: Some(Arc::clone(success)) },
            )?;
            bytes.push(b'\n');
        }
        inner.file = None;
        crate::files::atomic_write(&self.folder.join(DIR).join(FILE), &bytes)?;
        inner.lines = inner.known.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(at_ns: u64) -> Success {
        Success {
            at_ns,
            facts: Facts { values: [("steps".to_owned(), "x".to_owned())].into(), inputs: Vec::new() },
        }
    }

    #[test]
    fn the_last_line_of_a_target_holds() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path());
        records.keep("a", success(1)).unwrap();
        records.keep("b", success(2)).unwrap();
        records.keep("a", success(3)).unwrap();
        records.forget("b").unwrap();
        let again = Records::open(dir.path());
        assert_eq!((again.get("a"), again.get("b")), (Some(success(3).into()), None));
        assert_eq!(fs::read_to_string(dir.path().join(".auditrun/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn a_torn_line_spoils_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        Records::open(dir.path()).keep("a", success(1)).unwrap();
        let path = dir.path().join(".auditrun/targets.jsonl");
        let mut text = fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"target\":\"a\",\"succ");
        fs::write(&path, text).unwrap();
        let records = Records::open(dir.path());
        records.keep("b", success(2)).unwrap();
        let again = Records::open(dir.path());
        assert_eq!((again.get("a"), again.get("b")), (Some(success(1).into()), Some(success(2).into())));
    }

    #[test]
    fn a_log_of_mostly_superseded_lines_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let records = Records::open(dir.path());
        (0..300).for_each(|i| records.keep("a", success(i)).unwrap());
        records.tidy().unwrap();
        let text = fs::read_to_string(dir.path().join(".auditrun/targets.jsonl")).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(Records::open(dir.path()).get("a"), Some(success(299).into()));
        records.keep("c", success(1)).unwrap();
        assert!(Records::open(dir.path()).get("c").is_some());
    }
}
