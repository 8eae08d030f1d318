//! One at a time: run, resume, clean and report hold the repository's lock.

use std::path::Path;

use crate::base::{Clock, SystemClock, clock::iso};
use crate::cli::failure::Failure;
use crate::files::{Lock, LockError, LockInfo};
use crate::git::Repo;
use crate::process;

/// The lock's file in the common git directory.
pub const NAME: &str = "auditrun.lock";

/// Takes the lock for `command`.
///
/// # Errors
/// Somebody holds it: a usage error that says who.
pub fn acquire(repo: &Repo, command: &str) -> Result<Lock, Failure> {
    hold(&repo.common_dir().join(NAME), command, "this repository")
}

/// Takes a lock of its own for `command`, which works in `place`.
///
/// # Errors
/// As [`acquire`].
pub fn hold(path: &Path, command: &str, place: &str) -> Result<Lock, Failure> {
    let stamp = process::stamp();
    let info = LockInfo {
        pid: stamp.pid,
        start_ticks: stamp.start_ticks,
        boot_id: stamp.boot_id,
        started_at: iso(SystemClock.now()),
        command: vec!["auditrun".to_owned(), command.to_owned()],
    };
    Lock::acquire(path, &info).map_err(|e| match e {
        LockError::HeldBy(holder) => {
            let who = holder.map_or_else(
                || "another auditrun".to_owned(),
                |h| format!("`{}` (process {}, since {})", h.command.join(" "), h.pid, h.started_at),
            );
            Failure::usage(
                format!("{who} is working in {place}"),
                "wait for its end, or end it; `auditrun status` shows what it does",
            )
        }
        e @ LockError::Io { .. } => Failure::Internal(e.to_string()),
    })
}
