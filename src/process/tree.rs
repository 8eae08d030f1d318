//! The tree of a supervised program as its supervisor sees it: signal all of it, say who is
//! left, reap the dead.

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, wait};

use super::job::Exit;

/// What reaping found.
#[derive(Debug, Default)]
pub struct Reaped {
    /// Children that ended, with how.
    pub ended: Vec<(Pid, Exit)>,
    /// No child is left, dead or alive.
    pub none_left: bool,
}

/// Reaps every child that has ended, without waiting.
pub fn reap() -> Reaped {
    let mut reaped = Reaped::default();
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => reaped.ended.extend(exit(status).map(|exit| (pid, exit))),
            Ok(None) => return reaped,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => {
                reaped.none_left = true;
                return reaped;
            }
        }
    }
}

fn exit(status: WaitStatus) -> Option<Exit> {
    status.exit_status().map(Exit::Code).or_else(|| status.terminating_signal().map(Exit::Signal))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;

    use rustix::process::kill_process_group;

    use super::{Pid, Signal};
    use crate::process::table::{self, Process};

    /// Every living descendant of this process, without the branches that begin in `skip`.
    fn living(skip: &[i32]) -> Vec<Process> {
        let me = rustix::process::getpid().as_raw_pid();
        let mut found = table::descendants(&table::all(), me, skip);
        found.retain(|process| !process.zombie);
        found
    }

    /// Signals every descendant that can be seen now. One that is born meanwhile is missed:
    /// whoever wants all of them dead calls again until nobody is left to reap. Returns how
    /// many there are.
    pub fn signal(_leader: Pid, signal: Signal, skip: &[i32]) -> usize {
        let living = living(skip);
        if signal == Signal::KILL {
            kill_groups(&living);
        }
        for process in &living {
            table::signal(process, signal);
        }
        living.len()
    }

    /// The kernel ends a whole group in one step, in which none of it can fork: one that
    /// spawns faster than it can be listed ends here. Never this process's own group, in
    /// which a program stands for a moment after its fork.
    fn kill_groups(living: &[Process]) {
        let own = rustix::process::getpgrp().as_raw_pid();
        let mut groups = BTreeMap::new();
        for member in living.iter().filter(|member| member.group != own) {
            groups.entry(member.group).or_insert(member);
        }
        for (group, member) in groups {
            // While a member is there, the number can't have passed to another group.
            if table::read(member.pid).is_some_and(|now| now.start == member.start && now.group == group) {
                // It may have ended just now, which is all that is wanted.
                let _ = Pid::from_raw(group).map(|group| kill_process_group(group, Signal::KILL));
            }
        }
    }

    /// Command lines of every living descendant.
    pub fn command_lines() -> Vec<String> {
        living(&[]).iter().map(|process| table::command_line(process.pid)).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Pid, Signal};

    /// Signals the leader's process group: all that can be known of the tree here. Returns
    /// 1 if there is one.
    pub fn signal(leader: Pid, signal: Signal, _skip: &[i32]) -> usize {
        usize::from(rustix::process::kill_process_group(leader, signal).is_ok())
    }

    /// There is no portable way to list them.
    pub fn command_lines() -> Vec<String> {
        Vec::new()
    }
}

#[cfg(target_os = "linux")]
pub use linux::{command_lines, signal};
#[cfg(not(target_os = "linux"))]
pub use other::{command_lines, signal};
