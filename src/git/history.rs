//! Finished work as git's log has it.

use jiff::Timestamp;

use super::objects::parse_commit;
use super::{Commit, GitError, Repo};
use crate::base::Oid;

/// Which commits are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History<'a> {
    /// The newest.
    Newest(usize),
    /// Those from a time on.
    Since(Timestamp),
    /// Those whose message holds a text, however it goes on.
    Saying(&'a str),
}

/// A commit with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// When it was committed.
    pub at: Timestamp,
    /// The commit.
    pub commit: Commit,
}

impl Repo {
    /// Commits that are reachable from `head`, oldest first.
    ///
    /// # Errors
    /// git failed.
    pub fn history(&self, head: &Oid, wanted: &History<'_>) -> Result<Vec<Dated>, GitError> {
        let mut args: Vec<String> = ["log", "-z", "--date-order", "--no-show-signature", "--encoding=UTF-8"]
            .map(str::to_owned)
            .into();
        args.push("--format=%ct%x00%H%x00%T%x00%P%x00%B%x00%x01".to_owned());
        match wanted {
            History::Newest(n) => args.push(format!("--max-count={n}")),
            // git counts a commit of that very second as older.
            History::Since(at) => args.push(format!("--since=@{}", at.as_second().saturating_sub(1))),
            History::Saying(text) => args.extend(["--fixed-strings".to_owned(), format!("--grep={text}")]),
        }
        args.extend([head.to_string(), "--".to_owned()]);
        let out = self.git().run(&args)?;
        let text = String::from_utf8_lossy(&out);
        let mut found: Vec<Dated> = text.split("\0\u{1}").filter_map(dated).collect();
        if let History::Since(at) = wanted {
            found.retain(|d| d.at >= *at);
        }
        found.reverse();
        Ok(found)
    }
}

fn dated(record: &str) -> Option<Dated> {
    let (seconds, rest) = record.trim_start_matches('\0').split_once('\0')?;
    let at = Timestamp::from_second(seconds.trim().parse().ok()?).ok()?;
    Some(Dated { at, commit: parse_commit(rest)? })
}
