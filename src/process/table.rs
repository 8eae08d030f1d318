//! The system's process table, as far as telling and signalling processes needs it.
//!
//! Read from /proc on Linux; empty elsewhere. A process is named by its id and its start
//! time, so that a signal can never reach a later process with the same id.

/// A process at the moment of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Clock ticks between boot and its start.
    pub start: u64,
    /// Dead and not yet reaped.
    pub zombie: bool,
}

/// The longest command line that is reported, in bytes.
#[cfg(target_os = "linux")]
const COMMAND_LINE_LIMIT: usize = 300;

/// Those of `all` that descend from `root`, without the branches that begin in `skip`;
/// parents before children.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub fn descendants(all: &[Process], root: i32, skip: &[i32]) -> Vec<Process> {
    let mut children: std::collections::HashMap<i32, Vec<Process>> = std::collections::HashMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(*process);
    }
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for child in children.remove(&parent).unwrap_or_default() {
            if child.pid != root && !skip.contains(&child.pid) {
                found.push(child);
                parents.push(child.pid);
            }
        }
    }
    found
}

/// Parses a line of /proc/<pid>/stat. The command name in it may hold spaces and brackets.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
fn parse_stat(text: &str) -> Option<Process> {
    let pid = text.split(' ').next()?.parse().ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let start = fields.nth(16)?.parse().ok()?;
    Some(Process { pid, parent, group, start, zombie: matches!(state, "Z" | "X") })
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{COMMAND_LINE_LIMIT, Process, parse_stat};
    use crate::base::text;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    /// One process, if there is one with this id.
    pub fn read(pid: i32) -> Option<Process> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        parse_stat(&String::from_utf8_lossy(&stat))
    }

    /// Every process that can be seen.
    pub fn all() -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        entries.filter_map(|entry| read(entry.ok()?.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// How many processes descend from `root`, dead ones that nobody reaped included, read from
    /// the kernel's lists of children: the cost is that of the tree and not of the machine.
    /// A quick look that may miss some of a tree in motion; `None` without such lists.
    pub fn count_below(root: i32) -> Option<u64> {
        let (mut count, mut left) = (0_u64, vec![root]);
        while let Some(parent) = left.pop() {
            count += 1;
            let Ok(tasks) = std::fs::read_dir(format!("/proc/{parent}/task")) else { continue };
            for task in tasks.flatten() {
                match std::fs::read_to_string(task.path().join("children")) {
                    Ok(list) => {
                        left.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()))
                    }
                    // A kernel without the lists has none for the root either, which is there.
                    Err(_) if parent == root => return None,
                    Err(_) => {}
                }
            }
        }
        // The root itself is not its own descendant.
        Some(count.saturating_sub(1))
    }

    /// Signals exactly this process: the handle is taken first and then compared with what
    /// was read, so an id that was given to another process meanwhile is left alone.
    /// False if it is gone or not ours to signal.
    pub fn signal(process: &Process, signal: Signal) -> bool {
        let Some(pid) = Pid::from_raw(process.pid) else { return false };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return false };
        let same = read(process.pid).is_some_and(|now| now.start == process.start && !now.zombie);
        same && pidfd_send_signal(handle, signal).is_ok()
    }

    /// What a process was called with, on one line and cut to a few hundred bytes.
    pub fn command_line(pid: i32) -> String {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&words).trim_end_matches('\0').replace(['\0', '\n'], " ");
        let line = if line.is_empty() { name(pid) } else { line };
        text::neutral(text::head(&line, COMMAND_LINE_LIMIT))
    }

    /// A program that blanked its command line still has a name.
    fn name(pid: i32) -> String {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        format!("[{}]", name.trim_end())
    }
}

#[cfg(target_os = "linux")]
pub use linux::{all, command_line, count_below, read, signal};

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32) -> Process {
        Process { pid, parent, group: pid, start: 0, zombie: false }
    }

    #[test]
    fn a_stat_line_is_read_past_a_hostile_name() {
        let line = "42 (a) R 1) (b) S 7 41 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 31415 1 2 3";
        assert_eq!(
            parse_stat(line),
            Some(Process { pid: 42, parent: 7, group: 41, start: 31415, zombie: false })
        );
        assert_eq!(parse_stat("42 (a"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn descendants_leave_out_strangers_and_skipped_branches() {
        let all = [process(2, 1), process(3, 2), process(4, 2), process(5, 4), process(6, 3), process(9, 8)];
        let pids = |skip: &[i32]| {
            let mut pids: Vec<_> = descendants(&all, 2, skip).iter().map(|p| p.pid).collect();
            pids.sort_unstable();
            pids
        };
        assert_eq!(pids(&[]), [3, 4, 5, 6]);
        assert_eq!(pids(&[4]), [3, 6]);
    }

    #[test]
    fn a_loop_in_a_torn_reading_ends_and_never_names_the_root() {
        let all = [process(2, 3), process(3, 2)];
        assert_eq!(descendants(&all, 2, &[]), [process(3, 2)]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_tree_is_counted_by_its_lists_of_children() {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "sleep 30 & (sleep 30; :) & echo up; wait"]).stdout(std::process::Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let pid = i32::try_from(shell.id()).unwrap();
        // The shell, two children of it, and one that one of these has.
        let mut counts = std::iter::repeat_with(|| count_below(pid)).take(1_000_000);
        let reached = counts.find(|count| matches!(count, None | Some(3)));
        for process in descendants(&all(), pid, &[]) {
            signal(&process, rustix::process::Signal::KILL);
        }
        shell.kill().unwrap();
        shell.wait().unwrap();
        assert!(reached.is_some());
        assert_eq!(count_below(i32::MAX).unwrap_or(0), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_with_another_start_time_is_not_signalled() {
        let mut me = read(i32::try_from(std::process::id()).unwrap()).unwrap();
        me.start += 1;
        assert!(!signal(&me, rustix::process::Signal::TERM));
    }
}
