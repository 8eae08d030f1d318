//! Finds programs of a harness that died without being able to end them.

use crate::event::ProcessStamp;

/// The variable by which a git that the harness called can be told from all others. It is no
/// program of a job: it is short, changes the repository, and is waited for, not ended.
const GIT: &str = "AUDITRUN_GIT";

/// What every git that this process calls carries.
pub fn git_mark() -> (&'static str, &'static str) {
    static TOKEN: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    (GIT, TOKEN.get_or_init(|| super::stamp::token(&super::stamp())))
}

/// A program that was found and ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its process id.
    pub pid: u32,
    /// What it was called with.
    pub command_line: String,
    /// It was gone when the sweep returned.
    pub ended: bool,
}

/// Ends what is left of a run's programs after its harness died: processes of this user
/// whose environment names exactly that harness (and, where they name a run at all, that
/// run). Never this process or its ancestors, and nothing while that harness is alive or
/// if it lived before the last boot. Takes up to a few seconds if something won't end.
///
/// A program that replaced its environment is not found; the supervisors are the first line.
pub fn sweep(harness: &ProcessStamp, run_id: &str) -> Vec<Found> {
    if outlived(harness) { imp::sweep(&super::stamp::token(harness), run_id) } else { Vec::new() }
}

/// Waits for what a dead harness's calls of git still change; one that does not come to its
/// end in a few seconds is ended and told.
pub fn await_git(harness: &ProcessStamp) -> Vec<Found> {
    if outlived(harness) { imp::await_git(&super::stamp::token(harness)) } else { Vec::new() }
}

/// Something of that harness may be left: it died since the last boot.
fn outlived(harness: &ProcessStamp) -> bool {
    harness.boot_id == super::stamp::boot_id() && !super::is_alive(harness)
}

/// True if an environment (`NAME=value`, each ended by a NUL) is that of such a program.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn belongs(environment: &[u8], token: &str, run_id: &str) -> bool {
    value(environment, super::stamp::TOKEN) == Some(token.as_bytes())
        && value(environment, "AUDITRUN_RUN_ID").is_none_or(|id| id == run_id.as_bytes())
}

/// A variable of an environment as /proc shows it.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn value<'e>(environment: &'e [u8], name: &str) -> Option<&'e [u8]> {
    let mut entries = environment.split(|b| *b == 0);
    entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(target_os = "linux")]
mod imp {
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, Instant};

    use rustix::process::Signal;

    use super::{Found, GIT, belongs, value};
    use crate::process::table::{self, Process};

    /// How long one who does not end is waited for.
    const PATIENCE: Duration = Duration::from_secs(3);
    /// How long a git may take to its own end.
    const GIT_PATIENCE: Duration = Duration::from_secs(10);

    pub fn sweep(token: &str, run_id: &str) -> Vec<Found> {
        end(|env| belongs(env, token, run_id))
    }

    pub fn await_git(token: &str) -> Vec<Found> {
        let called = |env: &[u8]| value(env, GIT) == Some(token.as_bytes());
        let until = Instant::now() + GIT_PATIENCE;
        while Instant::now() < until && !matching(called).is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        end(called)
    }

    fn end(ours: impl Fn(&[u8]) -> bool + Copy) -> Vec<Found> {
        let until = Instant::now() + PATIENCE;
        let mut found: Vec<(Process, Found)> = Vec::new();
        loop {
            let left = matching(ours);
            for process in &left {
                if !found.iter().any(|(known, _)| known == process) {
                    found.push((*process, describe(process)));
                }
                table::signal(process, Signal::KILL);
            }
            if left.is_empty() || Instant::now() > until {
                let ended = |process: &Process| !left.contains(process);
                return found.into_iter().map(|(p, f)| Found { ended: ended(&p), ..f }).collect();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn describe(process: &Process) -> Found {
        let pid = u32::try_from(process.pid).unwrap_or_default();
        Found { pid, command_line: table::command_line(process.pid), ended: false }
    }

    fn matching(chosen: impl Fn(&[u8]) -> bool) -> Vec<Process> {
        let all = table::all();
        let spared = ancestors(&all);
        let user = rustix::process::geteuid().as_raw();
        let ours = |process: &Process| {
            let dir = format!("/proc/{}", process.pid);
            std::fs::metadata(&dir).is_ok_and(|meta| meta.uid() == user)
                && std::fs::read(format!("{dir}/environ")).is_ok_and(|env| chosen(&env))
        };
        all.into_iter().filter(|p| !p.zombie && !spared.contains(&p.pid) && ours(p)).collect()
    }

    /// This process and those above it.
    fn ancestors(all: &[Process]) -> Vec<i32> {
        let mut line = Vec::new();
        let mut next = i32::try_from(std::process::id()).ok();
        while let Some(pid) = next.filter(|pid| !line.contains(pid)) {
            line.push(pid);
            next = all.iter().find(|process| process.pid == pid).map(|process| process.parent);
        }
        line
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    /// Other processes' environments can't be read portably.
    pub fn sweep(_token: &str, _run_id: &str) -> Vec<super::Found> {
        Vec::new()
    }

    /// As [`sweep`].
    pub fn await_git(_token: &str) -> Vec<super::Found> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exact_match_belongs() {
        let env = |text: &str| text.replace(' ', "\0").into_bytes();
        let mine = "PATH=/bin AUDITRUN_SUPERVISED=b.1.2 AUDITRUN_RUN_ID=R ";
        assert!(belongs(&env(mine), "b.1.2", "R"));
        assert!(belongs(&env("AUDITRUN_SUPERVISED=b.1.2 "), "b.1.2", "R"));
        assert!(!belongs(&env(mine), "b.1.2", "R-2"));
        assert!(!belongs(&env(mine), "b.1.20", "R"));
        assert!(!belongs(&env("AUDITRUN_SUPERVISED=b.1.20 "), "b.1.2", "R"));
        assert!(!belongs(&env("XAUDITRUN_SUPERVISED=b.1.2 "), "b.1.2", "R"));
        assert!(!belongs(&env("AUDITRUN_RUN_ID=R "), "b.1.2", "R"));
        assert!(!belongs(b"", "b.1.2", "R"));
    }

    #[test]
    fn a_living_harness_and_one_of_another_boot_are_left_alone() {
        assert_eq!(sweep(&super::super::stamp(), "R"), []);
        let old = ProcessStamp { boot_id: "another".into(), ..super::super::stamp() };
        assert_eq!(sweep(&old, "R"), []);
    }
}
